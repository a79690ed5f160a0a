"""What is counted in processes that have no page of their own: workers, beat, the relay, commands.

Each keeps what it counted until it could add it to one hash in Redis, which every web process shows. So
nothing depends on who is asked, a killed process loses what it counted since its last flush, and no more,
and no counter goes backwards but when Redis loses its data, which a monitor takes for a restart.

`umoja:counted`  field `family|label|…` → the sum
`umoja:seen`     field `kind|host:pid`  → when that process last said that it is alive, Unix seconds
"""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from ussd_engine.redis_place import NAMELESS, Kind, place

COUNTED = "umoja:counted"
SEEN = "umoja:seen"
TIMEOUT_S = 1.0
AGAIN_S = 5.0  # between two signs of life, and after Redis failed
FORGET_S = 3600.0  # who was not heard of for so long is not shown any more
MOST_FIELDS = 2_000  # kept here while Redis is away
# Of the times of tasks, in seconds; Celery ends a task at 300.
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)

AWAY = (RedisError, OSError)


class Tally:
    """What this process counted and Redis does not have yet. Any thread may add."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, *labels: str, by: float = 1) -> None:
        """Count. labels: the family, and what tells its cells apart."""
        field = "|".join(labels)
        with self._lock:
            if field in self._sums or len(self._sums) < MOST_FIELDS:
                self._sums[field] = self._sums.get(field, 0) + by

    def __len__(self) -> int:
        return len(self._sums)

    def take(self) -> dict[str, float]:
        """All of it, to be brought away."""
        with self._lock:
            taken, self._sums = self._sums, {}
        return taken

    def begin(self) -> None:
        """Begin with nothing: what was counted before a fork is its parent's."""
        self._lock = threading.Lock()
        self._sums = {}

    def give_back(self, taken: Mapping[str, float]) -> None:
        """It was not brought away."""
        for field, by in taken.items():
            self.add(field, by=by)


TALLY = Tally()
os.register_at_fork(after_in_child=TALLY.begin)


class Link:
    """A process's way to Redis: blocking, quick to give up, and silent when Redis is away."""

    def __init__(self, url: str) -> None:
        self._client = _client(url)
        self._away_until = 0.0
        self._told = 0.0
        self.me = f"{socket.gethostname()}:{os.getpid()}"

    def flush(self, tally: Tally = TALLY) -> bool:
        """Add what was counted to what Redis has. False: it is kept for the next time.

        What Redis took and could not acknowledge counts twice: a count may be a little high after a
        failure, never low."""
        taken = tally.take()
        if not taken:
            return True
        if time.monotonic() < self._away_until:
            tally.give_back(taken)
            return False
        try:
            pipe = self._client.pipeline(transaction=False)
            for field, by in taken.items():
                pipe.hincrbyfloat(COUNTED, field, by)
            pipe.execute()
        except AWAY:
            self._away_until = time.monotonic() + AGAIN_S
            tally.give_back(taken)
            return False
        return True

    def alive(self, kind: str) -> None:
        """Say that this process lives, at most once in AGAIN_S."""
        now = time.monotonic()
        if now - self._told < AGAIN_S:
            return
        self._told = now
        try:
            self._client.hset(SEEN, f"{kind}|{self.me}", str(round(time.time(), 1)))
        except AWAY:
            return
        self.flush()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


@contextmanager
def brought(url: str) -> Iterator[None]:
    """What a command counts meanwhile is brought away when it ends: nobody does so afterwards."""
    try:
        yield
    finally:
        if len(TALLY):
            link = Link(url)
            link.flush()
            link.close()


async def bring(client: Any, tally: Tally = TALLY) -> None:
    """`Link.flush`, for an event loop. Raises RedisError, OSError; then it is kept for the next time."""
    taken = tally.take()
    if not taken:
        return
    try:
        pipe = client.pipeline(transaction=False)
        for field, by in taken.items():
            pipe.hincrbyfloat(COUNTED, field, by)
        await pipe.execute()
    except BaseException:
        tally.give_back(taken)
        raise


async def read(client: Any) -> tuple[dict[str, float], dict[str, float]]:
    """What all processes counted, and for each kind the seconds since one was heard of. Raises RedisError,
    OSError. client: redis-py's of asyncio."""
    counted = await client.hgetall(COUNTED)
    seen = await client.hgetall(SEEN)
    now = time.time()
    ages: dict[str, float] = {}
    gone = []
    for field, at in _text(seen).items():
        age = max(0.0, now - float(at))
        kind = field.partition("|")[0]
        ages[kind] = min(age, ages.get(kind, age))
        if age > FORGET_S:
            gone.append(field)
    if gone:
        await client.hdel(SEEN, *gone)
    return {field: float(value) for field, value in _text(counted).items()}, ages


def _text(held: Mapping[Any, Any]) -> dict[str, str]:
    return {_word(name): _word(value) for name, value in held.items()}


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _client(url: str) -> Any:
    """A blocking client for a REDIS_URL of any kind. It connects when it is used."""
    where = place(url)
    options = {
        **where.options, **NAMELESS, "socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S,
    }  # fmt: skip
    if where.kind is Kind.CLUSTER:
        return RedisCluster(startup_nodes=[ClusterNode(*host) for host in where.hosts], **options)  # type: ignore[no-untyped-call]
    options["retry"] = Retry(NoBackoff(), 0)
    if where.kind is Kind.SENTINEL:
        asked = {**where.sentinel_options, **NAMELESS, "socket_timeout": TIMEOUT_S}
        sentinels = Sentinel(where.hosts, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        return sentinels.master_for(where.master, **options)  # type: ignore[no-untyped-call]
    if where.path:
        return redis.Redis(unix_socket_path=where.path, **cast(Any, options))
    host, port = where.hosts[0]
    return redis.Redis(host=host, port=port, **cast(Any, options))
