"""Where the cache keeps its bytes: memcached, or this process.

A store may lose anything at any time. It must not bring back what was written over: so a key stays with
its node while that does not answer. (pymemcache's HashClient would give it to another node, and get the old
value from the first one once that is back. It is handed a placement here that does not move.)
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import structlog
from cachetools import LRUCache, TLRUCache
from pymemcache.client.hash import HashClient
from pymemcache.client.rendezvous import RendezvousHash

from ussd_engine.errors import SettingsError
from ussd_engine.settings import Settings

T = TypeVar("T")
Server = tuple[str, int]

TIMEOUT_S = 0.1
THREADS = 4
MOST_WAITING = 256  # asked of memcached at once; whoever comes beyond that goes without
AWAY_S = 1.0  # a node that failed is not asked for so long
LARGEST = 900_000  # bytes; memcached takes a million with its own
LOCAL_VALUES, LOCAL_WORDS = 2_000, 20_000

log = structlog.get_logger("umoja.api")


class Away(Exception):
    """The store does not answer: go without it."""


class Store(Protocol):
    """Bytes under keys of printable ASCII."""

    shared: bool  # with other processes

    @property
    def nodes(self) -> Sequence[str]:
        """The names of its servers."""

    def node_of(self, key: str) -> str:
        """Where a key is, for ever."""

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are there. Raises Away."""

    async def put(self, key: str, value: bytes, ttl_s: int) -> None:
        """Keep it, or not. Raises Away."""

    async def put_words(self, words: Mapping[str, bytes]) -> set[str]:
        """Keep these for as long as there is room; which of them certainly are."""

    async def add(self, key: str, value: bytes, ttl_s: int = 0) -> bool:
        """Keep it unless there is one; whether it was kept. ttl_s 0: while there is room. Raises Away."""

    async def delete(self, key: str) -> None:
        """Raises Away."""

    async def close(self) -> None:
        """Let go of the connections."""


def servers(settings: Settings) -> list[Server]:
    """The memcached servers of MEMCACHED_HOST: `host`, or `host:port`, separated by commas."""
    found: list[Server] = []
    for written in filter(None, (part.strip() for part in settings.memcached_host.split(","))):
        host, colon, port = written.rpartition(":")
        if not colon or written.endswith("]") or ("::" in written and not written.startswith("[")):
            host, port = written, str(settings.memcached_port)
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise SettingsError("MEMCACHED_HOST must be hosts such as cache1,cache2:11212.")
        found.append((host.strip("[]"), int(port)))
    return found


def open_store(settings: Settings) -> Store:
    """Memcached when MEMCACHED_HOST names one. Raises SettingsError."""
    named = servers(settings)
    return Memcached(named) if named else Local()


class Local:
    """This process's memory."""

    shared = False
    nodes = ("",)

    def __init__(self) -> None:
        self._values: TLRUCache[str, tuple[bytes, int]] = TLRUCache(LOCAL_VALUES, _ends_at)
        self._words: LRUCache[str, bytes] = LRUCache(LOCAL_WORDS)

    def node_of(self, _key: str) -> str:
        """There is one place."""
        return ""

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are there."""
        found: dict[str, bytes] = {}
        for key in keys:
            if (word := self._words.get(key)) is not None:
                found[key] = word
            elif (value := self._values.get(key)) is not None:
                found[key] = value[0]
        return found

    async def put(self, key: str, value: bytes, ttl_s: int) -> None:
        """Keep it so long."""
        self._values[key] = (value, ttl_s)

    async def put_words(self, words: Mapping[str, bytes]) -> set[str]:
        """Keep them."""
        self._words.update(words)
        return set(words)

    async def add(self, key: str, value: bytes, ttl_s: int = 0) -> bool:
        """Keep it unless there is one."""
        assert ttl_s == 0, "a process by itself needs no lease"
        return self._words.setdefault(key, value) is value

    async def delete(self, key: str) -> None:
        """Forget it."""
        self._values.pop(key, None)

    async def close(self) -> None:
        """Nothing to let go of."""


def _ends_at(_key: str, value: tuple[bytes, int], now: float) -> float:
    return now + value[1]


class _Steady(RendezvousHash):  # type: ignore[misc]
    """Keys stay where they are when their node is away: it comes back with what it had."""

    def __init__(self, nodes: list[str] | None = None) -> None:
        super().__init__(nodes, hash_function=_score)

    def remove_node(self, node: str) -> None:
        """It keeps its keys."""


def _score(words: str, _seed: int) -> int:
    """As good as pymemcache's own, and not in Python."""
    return int.from_bytes(blake2b(words.encode(), digest_size=4).digest(), "big")


class Memcached:
    """pymemcache in a few threads: it blocks, with short timeouts, and the event loop does not."""

    shared = True

    def __init__(self, named: Sequence[Server], timeout_s: float = TIMEOUT_S) -> None:
        self.nodes = tuple(f"{host}:{port}" for host, port in named)
        self._placed = _Steady(list(self.nodes))
        self._client = HashClient(
            named, hasher=_Steady, use_pooling=True, max_pool_size=THREADS, connect_timeout=timeout_s,
            timeout=timeout_s, no_delay=True, default_noreply=False, retry_attempts=0,
            dead_timeout=float("inf"),
        )  # fmt: skip
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memcached")
        self._waiting = 0
        self._away_until = dict.fromkeys(self.nodes, 0.0)

    def node_of(self, key: str) -> str:
        """By the same placement as the client's."""
        found: str = self._placed.get_node(key)
        return found

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are there, from all their nodes at once. Raises Away when one does not answer."""
        asked = [self._on(node, self._client.get_many, mine) for node, mine in self._by_node(keys).items()]
        found: dict[str, bytes] = {}
        for part in await _all(asked):
            found.update(part)
        return found

    async def put(self, key: str, value: bytes, ttl_s: int) -> None:
        """Keep it, if it is not too large."""
        if len(value) <= LARGEST:
            await self._on(self.node_of(key), self._client.set, key, value, ttl_s)

    async def put_words(self, words: Mapping[str, bytes]) -> set[str]:
        """Keep these; which of them their nodes say they have."""
        nodes = self._by_node(words)
        asked = [
            self._on(node, self._client.set_many, {key: words[key] for key in mine})
            for node, mine in nodes.items()
        ]
        kept: set[str] = set()
        for mine, answer in zip(nodes.values(), await _results(asked), strict=True):
            if not isinstance(answer, BaseException):
                kept |= set(mine) - set(answer)
        return kept

    async def add(self, key: str, value: bytes, ttl_s: int = 0) -> bool:
        """Keep it unless there is one."""
        return bool(await self._on(self.node_of(key), self._client.add, key, value, ttl_s))

    async def delete(self, key: str) -> None:
        """Forget it."""
        await self._on(self.node_of(key), self._client.delete, key)

    async def close(self) -> None:
        """Close the connections, after what is under way."""
        await asyncio.to_thread(self._threads.shutdown)
        self._client.close()

    def _by_node(self, keys: Iterable[str]) -> dict[str, list[str]]:
        nodes: dict[str, list[str]] = {}
        for key in keys:
            nodes.setdefault(self.node_of(key), []).append(key)
        return nodes

    async def _on(self, node: str, call: Callable[..., T], *arguments: Any) -> T:
        if time.monotonic() < self._away_until[node] or self._waiting >= MOST_WAITING:
            raise Away(node)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._blocking, node, call, *arguments
            )
        except Away:
            raise
        except Exception as error:  # pymemcache has no one kind of its own: when two threads fail at once,
            # its books may be the first to say so
            self._failed(node, error)
            raise Away(node) from error
        finally:
            self._waiting -= 1

    def _blocking(self, node: str, call: Callable[..., T], *arguments: Any) -> T:
        """In a thread. Those that waited behind one that failed need not find out by themselves."""
        if time.monotonic() < self._away_until[node]:
            raise Away(node)
        return call(*arguments)

    def _failed(self, node: str, error: Exception) -> None:
        if time.monotonic() >= self._away_until[node]:
            log.warning("memcached_away", node=node, error=type(error).__name__, again_s=AWAY_S)
        self._away_until[node] = time.monotonic() + AWAY_S
        self._client.clients[node].close()  # connections from before it went


async def _results(asked: Iterable[Any]) -> list[Any]:
    return await asyncio.gather(*asked, return_exceptions=True)


async def _all(asked: Iterable[Any]) -> list[Any]:
    """All answers, or the first failure once all have ended."""
    answers = await _results(asked)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
