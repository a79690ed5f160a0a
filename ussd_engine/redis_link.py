"""Many callers, one pipelined connection to Redis: the hot path's own client.

All commands of one tick of the event loop leave in one write; replies are matched to their callers in
order. redis-py serves everything off the hot path. What is promised:

- a call ends within `timeout_s`, with a reply or with a StoreError, whatever the network does;
- a lost connection is opened again with back-off; calls made meanwhile wait for it (within their time);
- a call whose command was sent before the connection was lost fails: it may or may not have happened,
  and only the caller knows whether doing it again is safe;
- never more than `max_in_flight` calls at once.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from ussd_engine.errors import StoreError

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0
_WATCH_S = 0.25
_DEMOTED = ("READONLY", "MASTERDOWN")


class ReplyError(StoreError):
    """Redis answered with an error, such as `NOSCRIPT …`."""


class RedisLink(asyncio.Protocol):
    """One connection. `call()` from any task of the loop it was opened on."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 2.0,
        max_in_flight: int = 20_000,
        on_reconnect: Callable[[], None] | None = None,
    ) -> None:
        """url: redis://, rediss:// or unix://, as redis-py reads them."""
        self._address = _Address(url)
        self._timeout_s = timeout_s
        self._max_in_flight = max_in_flight
        self._on_reconnect = on_reconnect
        self._pending: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._flush_scheduled = False
        self._paused = False
        self._closed = False
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(replyError=ReplyError)
        self._greeting: list[asyncio.Future[Any]] = []
        self._connecting: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop

    async def open(self) -> None:
        """Connect. Raises StoreError when Redis does not answer."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(self._address.connect(self._loop, self), self._timeout_s)
        except (OSError, TimeoutError) as error:
            raise StoreError(f"Redis does not answer at {self._address.shown}: {error}") from None
        self._watch = self._loop.call_later(_WATCH_S, self._check_time)
        try:
            await asyncio.gather(*self._greeting, self.call("PING"))
        except StoreError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close for good; calls still waiting fail."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._transport is not None:
            self._transport.close()
        self._fail_all("the connection to Redis was closed")

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        """Send one command of str, bytes and int. The future gives the reply (bytes, int, list or None),
        or a StoreError."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closed or len(self._pending) >= self._max_in_flight:
            reason = "is closed" if self._closed else f"has {self._max_in_flight} commands in flight"
            future.set_exception(StoreError(f"the connection to Redis {reason}"))
            return future
        self._unsent.append(hiredis.pack_command(command))
        self._pending.append((future, self._loop.time() + self._timeout_s))
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)
        return future

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are, then send what waits."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's for sockets are no subclass of it
        self._paused = False
        self._reader = hiredis.Reader(replyError=ReplyError)
        # Whoever waits behind the greeting has no longer to wait because of it.
        deadline = self._pending[0][1] if self._pending else self._loop.time() + self._timeout_s
        self._greeting = []
        for command in reversed(self._address.greeting()):
            future = self._loop.create_future()
            future.add_done_callback(self._greeted)
            self._greeting.append(future)
            self._pending.appendleft((future, deadline))
            self._unsent.insert(0, hiredis.pack_command(command))
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Match replies to callers, in order."""
        reader = self._reader
        pending = self._pending
        reader.feed(data)
        while (reply := reader.gets()) is not False:
            future, _ = pending.popleft()
            if future.done():
                continue
            if isinstance(reply, ReplyError):
                future.set_exception(reply)
                if str(reply).startswith(_DEMOTED) and self._transport is not None:
                    self._transport.abort()  # after a failover the address leads to another server
            else:
                future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was sent; open again unless closed."""
        self._transport = None
        self._fail_sent(f"the connection to Redis was lost: {exc or 'closed by Redis'}")
        if not self._closed and (self._connecting is None or self._connecting.done()):
            self._connecting = self._loop.create_task(self._reconnect())

    def pause_writing(self) -> None:
        """The socket is full: keep commands back."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket has room again."""
        self._paused = False
        self._flush()

    # -- inside --------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._unsent and not self._paused and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def _greeted(self, future: "asyncio.Future[Any]") -> None:
        """A refused AUTH or SELECT: nothing on this connection can be trusted."""
        if not future.cancelled() and isinstance(future.exception(), ReplyError) and self._transport:
            self._transport.abort()

    async def _reconnect(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._closed:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._address.connect(self._loop, self), self._timeout_s)
            # It may have been closed before this task could hear of it; then nobody else opens another.
            if self._transport is not None:
                if self._on_reconnect is not None:
                    self._on_reconnect()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _check_time(self) -> None:
        """Fail calls past their time. A reply that never came leaves the connection out of step: drop it."""
        now = self._loop.time()
        if self._pending and self._pending[0][1] < now:
            if self._transport is not None:
                self._transport.abort()
                self._transport = None
                self._fail_sent("Redis did not answer in time")
            kept_from = len(self._pending)
            for index, (_, deadline) in enumerate(self._pending):
                if deadline >= now:
                    kept_from = index
                    break
            for _ in range(kept_from):
                _fail(self._pending.popleft()[0], "Redis did not answer in time")
            del self._unsent[:kept_from]
        self._watch = self._loop.call_later(_WATCH_S, self._check_time)

    def _fail_sent(self, reason: str) -> None:
        for _ in range(len(self._pending) - len(self._unsent)):
            _fail(self._pending.popleft()[0], reason)

    def _fail_all(self, reason: str) -> None:
        self._unsent.clear()
        self._fail_sent(reason)


def _fail(future: "asyncio.Future[Any]", reason: str) -> None:
    if not future.done():
        future.set_exception(StoreError(reason))
        future.exception()  # whoever waits still gets it; nobody waiting is no fault of ours


class _Address:
    """Where a URL points, and how to say hello there."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._user = unquote(parts.username) if parts.username else ""
        self._password = unquote(parts.password) if parts.password else ""
        query = parse_qs(parts.query)
        self._path = unquote(parts.path)
        self._host = parts.hostname or "localhost"
        self._port = parts.port or 6379
        if parts.scheme == "unix":
            database = query.get("db", ["0"])[0]
            self.shown = self._path
        elif parts.scheme in ("redis", "rediss"):
            database = self._path.strip("/") or query.get("db", ["0"])[0]
            self.shown = f"{self._host}:{self._port}"
        else:
            raise StoreError(f"REDIS_URL begins with {parts.scheme!r}; use redis://, rediss:// or unix://")
        self._database = int(database)

    def greeting(self) -> list[tuple[Any, ...]]:
        """Commands that begin a connection."""
        commands: list[tuple[Any, ...]] = []
        if self._password:
            user = (self._user,) if self._user else ()
            commands.append(("AUTH", *user, self._password))
        if self._database:
            commands.append(("SELECT", self._database))
        return commands

    async def connect(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        """Open a connection for the protocol."""
        if self._scheme == "unix":
            await loop.create_unix_connection(lambda: protocol, self._path)
        else:
            tls = ssl.create_default_context() if self._scheme == "rediss" else None
            await loop.create_connection(lambda: protocol, self._host, self._port, ssl=tls)
