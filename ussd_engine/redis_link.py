"""Many callers, one pipelined connection to Redis: the hot path's own client.

Commands of one tick of the event loop leave together, at most sixty in a write; replies are matched to their
callers in order. redis-py serves everything off the hot path. What is promised:

- a call ends within `timeout_s` and twice `_WATCH_S`, with a reply or with a StoreError, whatever the
  network does;
- a lost connection is opened again with back-off; calls made meanwhile wait for it (within their time);
- a connection counts from when the greeting is answered: a server that still loads its data is knocked at
  again, and a server that is no longer the master is left, for the address may lead to another now;
- a call whose command was sent before the connection was lost fails: it may or may not have happened,
  and only the caller knows whether doing it again is safe;
- never more than `max_in_flight` calls at once.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

from core_ext.pipeline import Pipeline
from ussd_engine.errors import StoreError
from ussd_engine.redis_address import Address

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0
_WATCH_S = 0.1
_NOT_SERVING = ("READONLY", "MASTERDOWN", "LOADING")


class ReplyError(StoreError):
    """Redis answered with an error, such as `NOSCRIPT …`."""


class RedisLink(asyncio.Protocol):
    """One connection. `call()` from any task of the loop it was opened on."""

    def __init__(
        self,
        address: Address | str,
        *,
        timeout_s: float = 2.0,
        max_in_flight: int = 20_000,
        on_reconnect: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """address: where to, or a URL that says so. on_lost: called when the connection is lost, whoever
        closed it; on_reconnect: called when it is there again."""
        self._address = Address(address) if isinstance(address, str) else address
        self._timeout_s = timeout_s
        self._on_reconnect = on_reconnect
        self._on_lost = on_lost
        self.pipeline = Pipeline(max_in_flight, self._wake, self._flush, ReplyError, self._judge)
        self._marks: deque[tuple[float, int]] = deque()  # when, and how many had been submitted by then
        self._paused = False
        self._closed = False
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(replyError=ReplyError)
        self._greeted: asyncio.Future[None] | None = None
        self._replies: list[Any] = []
        self._expected = 0
        self._connecting: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop

    async def open(self) -> None:
        """Connect. Raises StoreError when Redis does not answer."""
        self._loop = asyncio.get_running_loop()
        self._watch = self._loop.call_later(_WATCH_S, self._check_time)
        try:
            await asyncio.wait_for(self._connect(), self._timeout_s)
        except (OSError, TimeoutError, StoreError) as error:
            await self.close()
            what = "refuses us" if isinstance(error, ReplyError) else "does not answer"
            why = str(error) or "it takes too long"
            raise StoreError(f"Redis {what} at {self._address.shown}: {why}") from None

    @property
    def connected(self) -> bool:
        """Whether the greeting was answered and the connection not lost since."""
        return self._transport is not None and self._greeted is None

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
        self.pipeline.most = 0  # nobody may get in line any more
        self.pipeline.unsent.clear()
        self._fail_sent("the connection to Redis was closed")

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        """Send one command of str, bytes and int. The future gives the reply (bytes, int, list or None),
        or a StoreError."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closed or not self.pipeline.submit(hiredis.pack_command(command), future):
            reason = "is closed" if self._closed else f"has {self.pipeline.most} commands in flight"
            future.set_exception(StoreError(f"the connection to Redis {reason}"))
        return future

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are. What waits is sent when that is answered."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's for sockets are no subclass of it
        self._paused = False
        self._reader = hiredis.Reader(replyError=ReplyError)
        greeting = self._address.greeting()
        self._replies = []
        self._expected = len(greeting)
        self._greeted = self._loop.create_future()
        self._transport.write(b"".join(map(hiredis.pack_command, greeting)))

    def data_received(self, data: bytes) -> None:
        """Match replies to callers, in order."""
        if self._greeted is None:
            self.pipeline.feed(self._reader, data)
        else:
            self._reader.feed(data)
            self._hear_greeting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was sent; open again unless closed."""
        self._transport = None
        why = f"the connection to Redis was lost: {exc or 'closed by Redis'}"
        if self._greeted is not None:  # whoever is connecting hears of it
            fail(self._greeted, why)
            return
        self._fail_sent(why)
        if not self._closed and (self._connecting is None or self._connecting.done()):
            self._connecting = self._loop.create_task(self._reconnect())
        if self._on_lost is not None and not self._closed:
            self._on_lost()

    def pause_writing(self) -> None:
        """The socket is full: keep commands back."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket has room again."""
        self._paused = False
        self._flush()

    # -- inside --------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._transport is not None and not self._paused and self.connected and self.pipeline.unsent:
            self._transport.write(self.pipeline.take())

    def _judge(self, reply: ReplyError) -> StoreError:
        """What a caller is told of a reply that is an error."""
        if not str(reply).startswith(_NOT_SERVING):
            return reply
        self._drop()  # no word about the command: the server is the wrong one, and did not carry it out
        return StoreError(str(reply))

    async def _connect(self) -> None:
        """Connect and be greeted, or raise OSError or StoreError with no connection left."""
        self._greeted = None
        try:
            await self._address.connect(self._loop, self)
            if self._greeted is not None:
                await self._greeted
                self._address.welcome(self._replies)
        except BaseException:
            self._drop()
            raise
        self._greeted = None
        if self._transport is None:
            raise StoreError("the connection was lost at once")
        self._flush()

    def _hear_greeting(self) -> None:
        greeted = self._greeted
        assert greeted is not None
        while (reply := self._reader.gets()) is not False:
            if greeted.done():
                continue
            if isinstance(reply, ReplyError):  # of a wrong password, say: nothing here can be trusted
                greeted.set_exception(reply)
                continue
            self._replies.append(reply)
            if len(self._replies) == self._expected:
                greeted.set_result(None)

    async def _reconnect(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._closed:
            with contextlib.suppress(OSError, TimeoutError, StoreError):
                await asyncio.wait_for(self._connect(), self._timeout_s)
                if self._transport is not None:  # it may be lost again before this task hears of it
                    break
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        if self._on_reconnect is not None and not self._closed:
            self._on_reconnect()

    def _drop(self) -> None:
        """Leave this server now; what is not sent yet waits for the next connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _check_time(self) -> None:
        """Fail calls past their time. A reply that never came leaves the connection out of step: drop it."""
        now = self._loop.time()
        line = self.pipeline
        overdue = line.answered
        self._marks.append((now, line.submitted))
        while self._marks[0][0] + self._timeout_s <= now:
            overdue = self._marks.popleft()[1]
        if overdue > line.answered:
            reason = "Redis did not answer in time"
            if self.connected and line.pending.size > len(line.unsent):
                self._drop()
                self._fail_sent(reason)
            line.fail_unsent(min(max(0, overdue - line.answered), len(line.unsent)), StoreError(reason))
        self._watch = self._loop.call_later(_WATCH_S, self._check_time)

    def _fail_sent(self, reason: str) -> None:
        self.pipeline.fail_sent(StoreError(reason))


def fail(future: "asyncio.Future[Any]", reason: str) -> None:
    """Whoever waits gets a StoreError; who has an answer keeps it."""
    if not future.done():
        future.set_exception(StoreError(reason))
        future.exception()  # whoever waits still gets it; nobody waiting is no fault of ours
