"""Many callers, one connection: commands wait for the next write, replies find their callers in order.

A pipeline is handed what it writes with and what reads replies; it opens nothing and keeps no time. A
caller is a `Waiter` of ours, or anything with a future's `done`, `set_result` and `set_exception`.

Rules

1. `pending` holds whoever waits, in the order of the commands; the last `len(unsent)` of them wait for
   commands that have not left. Both are changed together.
2. A reply goes to exactly one waiter, once.
"""

from collections.abc import Callable
from typing import Any

import cython

from .ring import Ring

_OK = cython.declare(bytes, b"+OK\r\n")
_MANY = cython.declare(cython.Py_ssize_t, 64)  # commands that are worth a write of their own
_LONGEST_LINE = cython.declare(cython.Py_ssize_t, 64 * 1024)  # of a status or an error


@cython.cclass
class Waiter:
    """Whoever waits for replies without being a future."""

    @cython.ccall
    def got(self, reply: object) -> object:  # noqa: ARG002
        """A reply has come. Who only wants a command sent leaves this as it is."""
        return None

    @cython.ccall
    def lost(self, error: object) -> object:  # noqa: ARG002
        """None will come: what was asked may or may not have happened. Or Redis answered with an error."""
        return None


@cython.cclass
class Replies:
    """Reads the replies of every turn off what came: OK, a whole number, an array of texts and nils. Before
    anything else, and before what is not all there, it stops; `end` says where that ends."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.place = 0
        self.reply: object = None

    @cython.ccall
    def next(self) -> cython.bint:
        """Whether there was one more; it is in `reply`, and `at` stands behind it."""
        kind: cython.int = self._kind()
        if kind == 58:  # :
            number: cython.longlong = self._number()
            if self.place < 0:
                return False
            self.reply = number
        elif kind == 42:  # *
            count: cython.longlong = self._number()
            items: list = []  # type: ignore[type-arg]
            while count > 0 and self.place >= 0:
                if not self._item(items):
                    return False
                count -= 1
            if self.place < 0 or count < 0:
                return False
            self.reply = items
        elif kind == 43 and self.data.startswith(_OK, self.at):  # +
            self.place = self.at + 5
            self.reply = b"OK"
        else:
            return False
        self.at = self.place
        return True

    @cython.ccall
    def end(self) -> cython.Py_ssize_t:
        """Where the reply at `at`, of any kind, ends; 0: it is not all here; -1: it is no reply."""
        data: bytes = self.data
        left: cython.longlong = 1
        number: cython.longlong
        kind: cython.int
        self.place = self.at
        while left > 0:
            if self.place >= len(data):
                return 0
            kind = data[self.place]
            line: cython.Py_ssize_t = data.find(b"\r\n", self.place)
            if kind not in (36, 42, 43, 45, 58):  # $ * + - :
                return -1
            if line < 0:
                return 0 if len(data) - self.place < _LONGEST_LINE else -1
            left -= 1
            if kind in (43, 45, 58):
                self.place = line + 2
                continue
            self.place += 1
            number = self._number()
            if self.place < 0:
                return -1
            if kind == 42 and number > 0:
                left += number
            elif kind == 36 and number >= 0:
                self.place += number + 2
        return self.place if self.place <= len(data) else 0

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _kind(self) -> cython.int:
        """The byte a reply begins with; 0: there is none."""
        self.place = self.at + 1
        return self.data[self.at] if self.at < len(self.data) else 0

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _item(self, items: list) -> cython.bint:  # type: ignore[type-arg]
        """One text or nil of an array."""
        data: bytes = self.data
        if self.place >= len(data) or data[self.place] != 36:  # $
            return False
        self.place += 1
        length: cython.longlong = self._number()
        if self.place < 0:
            return False
        if length < 0:
            items.append(None)
            return True
        start: cython.Py_ssize_t = self.place
        if start + length + 2 > len(data):
            return False
        chars: cython.p_char = data
        items.append(chars[start : start + length])
        self.place = start + length + 2
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _number(self) -> cython.longlong:
        """The number that ends this line; the place is behind it, or -1: the line is not all there."""
        data: bytes = self.data
        at: cython.Py_ssize_t = self.place
        last: cython.Py_ssize_t = min(cython.cast(cython.Py_ssize_t, len(data)), at + 18)
        number: cython.longlong = 0
        negative: cython.bint = False
        code: cython.int
        self.place = -1
        while at < last:
            code = data[at]
            at += 1
            if code == 13:
                if at < len(data):
                    self.place = at + 1
                break
            if code == 45 and not number:
                negative = True
            elif code < 48 or code > 57:
                break
            else:
                number = number * 10 + (code - 48)
        return -number if negative else number


@cython.cclass
class Pipeline:
    """The commands and replies of one connection. submitted and answered count its commands: the
    difference is how many wait."""

    def __init__(
        self,
        most: int,
        wake: Callable[[], object],
        flush: Callable[[], object],
        failure: type[Exception],
        judge: Callable[[Any], Exception],
    ) -> None:
        """most: how many may wait. wake() is called when there is something to write after there was
        nothing; flush() when so much waits that it had better be taken at once: Redis then works on it while
        the rest of a tick's requests are read. failure: the class of replies that are errors; judge(reply) is
        what the waiter gets."""
        self.most = most
        self.pending = Ring()
        self.unsent: list = []  # type: ignore[type-arg]
        self.submitted = 0
        self.answered = 0
        self._wake = wake
        self._flush = flush
        self._failure = failure
        self._judge = judge
        self._left = b""

    @cython.ccall
    @cython.exceptval(-1)
    def submit(self, packed: bytes, waiter: object) -> cython.bint:
        """Put a command in line; False when there is no room for it."""
        if self.pending.size >= self.most:
            return False
        self.pending.append(waiter)
        self.unsent.append(packed)
        self.submitted += 1
        if len(self.unsent) == 1:
            self._wake()
        elif len(self.unsent) == _MANY:
            self._flush()
        return True

    def take(self) -> bytes:
        """All that waits to be written; it counts as sent."""
        packed = b"".join(self.unsent)
        self.unsent.clear()
        return packed

    def feed(self, reader: Any, data: bytes) -> None:
        """Give the replies that came to those who wait for them; what is not yet a whole one is kept.
        reader: a hiredis.Reader, for the kinds of replies that turns have no use for. It is given whole
        replies only: one that it holds half of cannot be seen from here. Raises what it raises, or
        ValueError, for bytes that are no replies."""
        whole: bytes = self._left + data if self._left else data
        replies: Replies = Replies(whole)
        self._left = b""
        while True:
            while replies.next():
                self._give(replies.reply)
            if replies.at == len(whole):
                return
            end: cython.Py_ssize_t = replies.end()
            if end == 0:
                self._left = whole[replies.at :]
                return
            reader.feed(whole[replies.at : end] if end > 0 else whole[replies.at :])
            reply = reader.gets()
            if end < 0:
                raise ValueError("what Redis sent is no reply")
            self._give(reply)
            replies.at = end

    @cython.cfunc
    def _give(self, reply: object) -> object:
        waiter: Any = self.pending.popleft()
        self.answered += 1
        if type(reply) is not list and type(reply) is not int and isinstance(reply, self._failure):
            _fail(waiter, self._judge(reply))
        elif isinstance(waiter, Waiter):
            cython.cast(Waiter, waiter).got(reply)
        elif not waiter.done():
            waiter.set_result(reply)
        return None

    def fail_sent(self, error: Exception) -> None:
        """The connection was lost: nobody whose command has left will get a reply."""
        self._left = b""
        for _ in range(self.pending.size - len(self.unsent)):
            self.answered += 1
            _fail(self.pending.popleft(), error)

    def fail_unsent(self, count: int, error: Exception) -> None:
        """The first so many whose commands have not left have waited too long. Nobody waits for a command
        that was sent."""
        del self.unsent[:count]
        for _ in range(count):
            self.answered += 1
            _fail(self.pending.popleft(), error)


def _fail(waiter: Any, error: Any) -> None:
    if isinstance(waiter, Waiter):
        waiter.lost(error)
    elif not waiter.done():
        waiter.set_exception(error)
        waiter.exception()  # whoever waits still gets it; nobody waiting is no fault of ours
