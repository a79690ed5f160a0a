"""Many callers, one connection: commands wait for the next write, replies find their callers in order.

A pipeline is handed what it writes with and what reads replies; it opens nothing and keeps no time. A
caller is a `Waiter` of ours, or anything with a future's `done`, `set_result` and `set_exception`.

Rules

1. `pending` holds whoever waits, in the order of the commands; the last `len(unsent)` of them wait for
   commands that have not left. Both are changed together.
2. A reply goes to exactly one waiter, once.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import cython


@cython.cclass
class Waiter:
    """Whoever waits for replies without being a future."""

    @cython.ccall
    def got(self, reply: object) -> object:
        """A reply has come."""
        raise NotImplementedError

    @cython.ccall
    def lost(self, error: object) -> object:
        """None will come: what was asked may or may not have happened. Or Redis answered with an error."""
        raise NotImplementedError


@cython.cclass
class Pipeline:
    """The commands and replies of one connection. submitted and answered count its commands: the
    difference is how many wait."""

    def __init__(
        self,
        most: int,
        wake: Callable[[], object],
        failure: type[Exception],
        judge: Callable[[Any], Exception],
    ) -> None:
        """most: how many may wait. wake() is called when there is something to write after there was
        nothing. failure: the class of replies that are errors; judge(reply) is what the waiter gets."""
        self.most = most
        self.pending: Any = deque()
        self.unsent: list = []  # type: ignore[type-arg]
        self.submitted = 0
        self.answered = 0
        self._wake = wake
        self._failure = failure
        self._judge = judge

    @cython.ccall
    def submit(self, packed: bytes, waiter: object) -> cython.bint:
        """Put a command in line; False when there is no room for it."""
        if len(self.pending) >= self.most:
            return False
        self.pending.append(waiter)
        self.unsent.append(packed)
        self.submitted += 1
        if len(self.unsent) == 1:
            self._wake()
        return True

    def take(self) -> bytes:
        """All that waits to be written; it counts as sent."""
        packed = b"".join(self.unsent)
        self.unsent.clear()
        return packed

    def feed(self, gets: Any) -> None:
        """Give replies to those who wait for them. gets() is the next one, or False: a hiredis.Reader's.
        Raises what it raises for bytes that are no replies."""
        while True:
            reply: object = gets()
            if reply is False:
                return
            waiter: Any = self.pending.popleft()
            self.answered += 1
            if isinstance(reply, self._failure):
                _fail(waiter, self._judge(reply))
            elif isinstance(waiter, Waiter):
                cython.cast(Waiter, waiter).got(reply)
            elif not waiter.done():
                waiter.set_result(reply)

    def fail_sent(self, error: Exception) -> None:
        """The connection was lost: nobody whose command has left will get a reply."""
        for _ in range(len(self.pending) - len(self.unsent)):
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
