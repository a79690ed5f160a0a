"""A lane on a transport that writes down what is done to it: no socket, no clock."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from core_ext.lane import Lane, Route

PATH = "/ussd"
MAX_BODY = 64


@dataclass
class Wire:
    """What asyncio would be for the lane, and what the framework would be given."""

    sent: list[bytes] = field(default_factory=list)
    given: bytes = b""  # to the framework
    calls: list[str] = field(default_factory=list)
    reading: bool = True
    closed: bool = False
    protocol: Any = None

    @property
    def said(self) -> bytes:
        """All that was sent, in however many writes."""
        return b"".join(self.sent)

    # the transport's side

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def close(self) -> None:
        self.closed = True

    abort = close

    # the framework's side

    def connection_made(self, transport: object) -> None:
        assert transport is self
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        assert self.calls[:1] == ["made"]
        self.calls.append("data")
        self.given += data

    def pause_writing(self) -> None:
        self.calls.append("pause")


@dataclass
class Bench:
    """A lane under test. Turns answer at once, or when `finish` says so."""

    at_once: bool = True
    bodies: list[bytes] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        self.route = Route(PATH, MAX_BODY, self.respond, lambda: self.wire, caller="who")
        self.lane = Lane(self.route)
        self.wire.protocol = self.lane
        self.lane.connection_made(self.wire)

    def respond(self, body: bytes) -> Coroutine[Any, Any, bytes] | None:
        if body == b"none":
            return None
        self.bodies.append(body)
        return self._answer(body)

    async def _answer(self, body: bytes) -> bytes:
        if not self.at_once:
            future = asyncio.get_running_loop().create_future()
            self.waiting.append(future)
            await future
        return b"<" + body + b">"

    def feed(self, *pieces: bytes) -> None:
        """As the loop would: to whoever has the connection."""
        for piece in pieces:
            self.wire.protocol.data_received(piece)

    async def finish(self, which: Callable[[int], int] = lambda _: 0) -> None:
        """Let turns end, one by one, until none is left."""
        while self.waiting:
            index = which(len(self.waiting))
            self.waiting[index].set_result(None)
            del self.waiting[index]
            await asyncio.sleep(0)

    @property
    def handed_over(self) -> bool:
        return self.wire.protocol is self.wire


def plain(body: bytes, extra: bytes = b"") -> bytes:
    """A request the lane answers."""
    return (
        b"POST /ussd HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        + extra
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def slow() -> Bench:
    """Its turns end when the test says so."""
    return Bench(at_once=False)
