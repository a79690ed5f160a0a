"""The fast lane: the one hot route, answered in front of the framework.

A lane is an asyncio protocol. It reads requests of the plain form only: the one request line, a
urlencoded body with one Content-Length, no header that changes how a message is read. Each becomes a
coroutine of the caller's, driven here without a task; replies leave in the order of their requests, those
of one tick of the loop in one write (uvloop itself would send each at once).

Why a parser of its own: a gateway's heads differ in one number, so nearly all are known by comparing
bytes, no header being read. And rule 1 needs the byte at which a request began, which httptools does not
tell; from there on aiohttp's parser, llhttp like httptools, reads whatever is not plain.

Rules for whoever edits this file

1. When in doubt, hand over: anything not plain goes to the fallback protocol with every byte since its
   own first one, and the lane never sees that connection again. So no message is ever read in a way
   the framework would read otherwise.
2. A request is handed over only after the replies before it have left.
3. Everything has a bound: head, body, requests under way on a connection; past it reading pauses.
4. A turn that has begun is finished although its caller hung up: its answer is stored for the retry.
5. One caller's requests are taken one after the other; those of others do not wait for them.
6. A request that does not come whole within two ticks is the framework's: it has its own patience.

The coroutine may await futures of its loop and nothing else (a task is a future). It returns the bytes
of the whole HTTP answer and raises nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import cython

from .head import caller_of, content_length
from .pipeline import Waiter
from .ring import Ring

MAX_HEAD = 8 * 1024
MAX_UNDER_WAY = 32
_MOST_UNDER_WAY = cython.declare(cython.Py_ssize_t, MAX_UNDER_WAY)
MAX_HEADS = 1024
_MOST_DIGITS = cython.declare(cython.Py_ssize_t, 7)  # of a Content-Length

_HEAD_END = b"\r\n\r\n"


@cython.cclass
class Route:
    """What the lane serves, shared by all its connections.

    respond(body) gives the coroutine of one turn, or None when the framework had better answer this
    request; fallback() makes the framework's protocol for one connection. plain, when there is one, begins
    those that need no coroutine. caller: the form's field that says whose request it is.
    """

    def __init__(
        self,
        path: str,
        max_body: int,
        respond: Callable[[bytes], Coroutine[Any, Any, bytes] | None],
        fallback: Callable[[], Any],
        plain: Any = None,  # a Starter
        caller: str = "",
    ) -> None:
        self.request_line = f"POST {path} HTTP/1.1\r\n".encode()
        self.max_body = max_body
        self.respond = respond
        self.fallback = fallback
        self.plain = plain
        self.caller = f"{caller}=".encode()
        self.lanes: set = set()  # type: ignore[type-arg]
        self.lengths: dict = {}  # type: ignore[type-arg]  # heads read before, and their Content-Length

    @cython.ccall
    def body_length(self, head: bytes) -> cython.Py_ssize_t:
        """The Content-Length of a plain head (without its empty line), or -1: not plain."""
        known = self.lengths.get(head)
        if known is not None:
            return known
        length = content_length(head, self.request_line, self.max_body)
        if length >= 0:
            if len(self.lengths) >= MAX_HEADS:
                self.lengths.clear()
            self.lengths[head] = length
        return length


@cython.cclass
class Request(Waiter):
    """One request under way, and its answer once it has one."""

    def __init__(self, lane: "Lane", body: bytes) -> None:
        self.lane = lane
        self.answer: Any = None
        self.body = body

    @cython.ccall
    def drive(self, coroutine: object) -> object:
        """Have a coroutine make the answer."""
        self.coroutine: Any = coroutine
        return self.resume()

    @cython.ccall
    def resume(self, _done: object = None) -> object:
        """Drive the coroutine to its next future, or to its answer."""
        try:
            waited = self.coroutine.send(None)
        except StopIteration as finished:
            self.answer = finished.value
            self.lane.answered()
            return None
        except BaseException:  # a cancelled future: replies behind this one would wait for ever
            self.lane.abandon()
            raise
        waited._asyncio_future_blocking = False
        waited.add_done_callback(self.resume)
        return None


@cython.cclass
class Lane:
    """One connection of the lane."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.transport: Any = None
        self.quiet_ticks = 0
        self._rest = b""
        self._under_way = Ring()
        self._leaving = False
        self._reading = True
        self._blocked = False
        self._ended = False
        self._parsing = False
        self._queued = False
        self._partial_ticks = 0
        self._ready: list = []  # type: ignore[type-arg]
        self._due = False
        self._before = b""
        self._behind = b""

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """A phone gateway connected, or somebody else."""
        self.transport = transport
        self.route.lanes.add(self)

    def data_received(self, data: bytes) -> None:
        """Begin every whole plain request; keep the rest; hand over what is not plain."""
        self.quiet_ticks = 0
        self._rest = self._rest + data if self._rest else data
        if not self._leaving:
            self._read()

    def eof_received(self) -> bool:
        """The peer has sent all it will: answer what is under way, then close."""
        self._ended = True
        return self._under_way.size > 0

    def connection_lost(self, _error: object) -> None:
        """Turns under way are finished all the same."""
        self.route.lanes.discard(self)
        self.transport = None

    def pause_writing(self) -> None:
        """The peer does not read: neither do we."""
        self._blocked = True
        self._pace()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._blocked = False
        self._pace()

    # -- what the server calls -----------------------------------------------------------------

    def tick(self, most: int) -> None:
        """Called now and then: a connection that has been quiet, or deaf, for `most` calls is closed."""
        if self._under_way.size or self.transport is None:
            return
        if self._rest and not self._blocked:
            self._partial_ticks += 1
            if self._partial_ticks > 1:
                self._leaving = True
                self._hand_over()
                return
        self.quiet_ticks += 1
        if self.quiet_ticks > most:  # a close would wait until the peer has read its answers
            (self.transport.abort if self._blocked else self.transport.close)()

    def leave(self) -> None:
        """Stop serving: close now, or when the turns under way are answered."""
        self._ended = True
        self._pace()
        if not self._under_way.size and self.transport is not None:
            self.transport.close()

    def abandon(self) -> None:
        """A turn broke: what it would have said is unknown, so nothing more is said here."""
        self.flush()
        if self.transport is not None:
            self.transport.abort()

    @cython.ccall
    def answered(self) -> object:
        """Send the answers that are ready, in the order of their requests."""
        turn: Request
        while self._under_way.size:
            turn = self._under_way.first()
            if turn.answer is None:
                break
            self._under_way.popleft()
            if self._parsing or self._ready or self._under_way.size:
                self._ready.append(turn.answer)
            elif self.transport is not None:
                self.transport.write(turn.answer)
        if self._parsing:
            return None
        self._send()
        if self.transport is None:
            return None
        if self._leaving:
            if not self._under_way.size:
                self._hand_over()
        elif not self._reading and self._rest:
            self._read()
        else:
            self._pace()
        if self._ended and not self._under_way.size and self.transport is not None:
            self.transport.close()
        return None

    @cython.ccall
    def flush(self) -> object:
        """Write what is ready, all at once."""
        ready: bytes = b"".join(self._ready)
        self._ready.clear()
        self._due = False
        if ready and self.transport is not None:
            self.transport.write(ready)
        return None

    # -- inside --------------------------------------------------------------------------------

    @cython.cfunc
    def _read(self) -> None:
        data: bytes = self._rest
        route: Route = self.route
        chars: cython.p_char = data
        line: bytes = route.request_line
        position: cython.Py_ssize_t = 0
        end: cython.Py_ssize_t
        length: cython.Py_ssize_t
        self._parsing = True
        self._queued = False
        while position < len(data) and self._under_way.size < _MOST_UNDER_WAY:
            length = self._like_the_last(data, position)
            end = self._at
            if length < 0:
                end = data.find(_HEAD_END, position)
                if end - position > MAX_HEAD:
                    self._leaving = True
                    break
                if end < 0:
                    start = data[position : position + len(line)]
                    if len(data) - position > MAX_HEAD or not line.startswith(start):
                        self._leaving = True
                    break
                head = data[position:end]
                length = route.body_length(head)
                if length < 0:
                    self._leaving = True
                    break
                self._remember(head)
                end += 4
            if end + length > len(data):
                break
            if self._under_way.size and self._waits(chars[end : end + length]):
                self._queued = True
                break
            if not self._begin(chars[end : end + length]):
                self._leaving = True
                break
            position = end + length
        self._parsing = False
        self._rest = data[position:] if position < len(data) else b""
        self._send()
        if self._leaving and not self._under_way.size:
            self._hand_over()
        else:
            self._pace()

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _like_the_last(self, data: bytes, position: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The Content-Length of a head that differs from the last one in that only, as a gateway's do; the
        place behind it is reached then. -1: it differs, or is not all here."""
        before: bytes = self._before
        at: cython.Py_ssize_t = position + len(before)
        last: cython.Py_ssize_t = min(cython.cast(cython.Py_ssize_t, len(data)), at + _MOST_DIGITS)
        first: cython.Py_ssize_t = at
        length: cython.Py_ssize_t = 0
        code: cython.int
        self._at = 0
        if not before or not data.startswith(before, position):
            return -1
        while at < last:
            code = data[at]
            if code < 48 or code > 57:
                break
            length = length * 10 + (code - 48)
            at += 1
        if at == first or (data[first] == 48 and at > first + 1) or length > self.route.max_body:
            return -1
        if not data.startswith(self._behind, at):
            return -1
        self._at = at + len(self._behind)
        return length

    @cython.cfunc
    def _remember(self, head: bytes) -> None:
        """How a plain head reads before its Content-Length and behind it, to the end of its empty line."""
        before, named, rest = head.partition(b"\r\nContent-Length: ")
        digits = rest.partition(b"\r\n")[0]
        if digits.isdigit():
            self._before = before + named
            self._behind = rest[len(digits) :] + _HEAD_END

    @cython.cfunc
    def _begin(self, body: bytes) -> cython.bint:
        """Begin one request; False when it is the framework's."""
        request: Request | None = None
        if self.route.plain is not None:
            request = self.route.plain.begin(self, body)
        if request is not None:  # it cannot be answered yet
            self._under_way.append(request)
            self._partial_ticks = 0
            return True
        coroutine = self.route.respond(body)
        if coroutine is None:
            return False
        request = Request(self, body)
        self._under_way.append(request)
        self._partial_ticks = 0
        request.drive(coroutine)
        return True

    @cython.cfunc
    def _waits(self, body: bytes) -> cython.bint:
        """Whether a request of the same caller is under way. aiohttp takes all of a connection's in turn."""
        caller = caller_of(body, self.route.caller)
        if caller is None:
            return False
        requests = self._under_way.waiting()
        return caller in [caller_of(request.body, self.route.caller) for request in requests]

    @cython.cfunc
    def _send(self) -> None:
        """Send what is ready: now, or with what more is answered in this tick when requests are under way."""
        if not self._ready:
            return
        if not self._under_way.size:
            self.flush()
        elif not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self.flush)

    @cython.cfunc
    def _pace(self) -> None:
        """Read while there is room for more; else let the peer's data wait in the kernel."""
        room: cython.bint = (
            not (self._blocked or self._leaving or self._ended or self._queued)
            and self._under_way.size < _MOST_UNDER_WAY
        )
        if self.transport is None or room == self._reading:
            return
        self._reading = room
        if room:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    @cython.cfunc
    def _hand_over(self) -> None:
        """Give the connection to the framework, from the first byte of the request that is not plain."""
        transport = self.transport
        self.transport = None
        self.route.lanes.discard(self)
        protocol = self.route.fallback()
        transport.set_protocol(protocol)
        if not (self._reading or self._ended):
            transport.resume_reading()  # before the framework may want to pause it
        protocol.connection_made(transport)
        if self._blocked:
            protocol.pause_writing()
        rest = self._rest
        self._rest = b""
        if rest:
            protocol.data_received(rest)
        if self._ended:
            transport.close()


@cython.cclass
class Starter:
    """What begins turns that need no coroutine."""

    @cython.ccall
    def begin(self, lane: Lane, body: bytes) -> Request | None:  # noqa: ARG002
        """The request of such a turn; None: it needs one."""
        return None
