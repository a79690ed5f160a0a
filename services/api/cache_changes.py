"""Hears from PostgreSQL what changed, whoever changed it: on the channel `cache`, which the triggers of
migration 0012 tell. `loan loan:12 borrower:7` are tags of services/api/cache.py.

It has a connection of its own, with LISTEN. When that ends the cache believes nothing until there is another
one. An end that nobody tells us (a cable, a firewall) is noticed by a question each `HEARTBEAT_S`: so a
change may go unheard for at most HEARTBEAT_S + ANSWER_S, and for no longer than a value's life anyway.
LISTEN needs PostgreSQL itself: a PgBouncer in front of it that pools transactions lets nothing through.
"""

import asyncio
import contextlib
import secrets
from typing import Any

import asyncpg
import structlog

from services.api.cache import Cache
from services.api.cache_stores import Away, open_store
from ussd_engine.pool import FAILURES
from ussd_engine.settings import Settings

CHANNEL = "cache"
HEARTBEAT_S = 5.0
ANSWER_S = 2.0
RETRY_S = 1.0
CATCH_UP_S = 0.25  # the most that a change's answer waits for its own notices
MARK = "mark:"

log = structlog.get_logger("umoja.api")


class KeptCache:
    """A process's cache, told of changes from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when MEMCACHED_HOST is no list of hosts."""
        self._store = open_store(settings)
        self._url = settings.database_url
        self.cache = Cache(self._store, self._url)
        self._tasks: list[asyncio.Task[None]] = []
        self._marks: dict[str, asyncio.Event] = {}

    def start(self) -> None:
        """Begin; it does not wait for PostgreSQL."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self.cache.pay())]

    async def stop(self) -> None:
        """End, and let go of the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cache.hears_nothing()
        await self._store.close()

    async def state(self) -> str:
        """`ok`, or what is away: then answers are slower."""
        try:
            await self._store.get_many([f"state:{number}" for number in range(8)])
        except Away:
            return "it does not answer"
        return "ok"

    async def catch_up(self, connection: Any) -> None:
        """Wait until all is heard of that was committed before now: whoever made a change and looks at a
        list next finds it there, whatever it touched. Notices come in the order of their commits, so it is
        enough to send one more and to wait for that. It never fails: the change is done."""
        if not self.cache.listening:
            return
        mark = f"{MARK}{secrets.token_hex(8)}"
        came = self._marks[mark] = asyncio.Event()
        try:
            await connection.execute("select pg_notify($1, $2)", CHANNEL, mark)
            await asyncio.wait_for(came.wait(), CATCH_UP_S)
            await self.cache.forget()  # what was heard of is told to memcached too
        except FAILURES as error:
            log.warning("not_caught_up", error=type(error).__name__)
        finally:
            del self._marks[mark]

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except FAILURES as error:
                log.warning("cache_waits", error=type(error).__name__, again_s=RETRY_S)
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        """One connection's life."""
        connection = await asyncpg.connect(
            self._url,
            timeout=5,
            command_timeout=ANSWER_S,
            server_settings={"application_name": "umoja-cache"},
        )
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: self._over(ended))
            await connection.add_listener(CHANNEL, self._told)
            self.cache.hears()
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), HEARTBEAT_S)
                if not ended.is_set():
                    await connection.execute("select")
        finally:
            self.cache.hears_nothing()
            with contextlib.suppress(*FAILURES):
                await connection.close(timeout=1)

    def _over(self, ended: asyncio.Event) -> None:
        self.cache.hears_nothing()
        ended.set()

    def _told(self, _connection: Any, _process: int, _channel: str, payload: str) -> None:
        if not payload.startswith(MARK):
            self.cache.heard(payload.split())
        elif payload in self._marks:
            self._marks[payload].set()
