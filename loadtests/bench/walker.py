"""The load generator for traffic that fixed scripts cannot say: a borrower a dialog, a million phones that
wait, menus that change under way.

Each connection is one slot, and a slot walks one dialog at a time: a generator that yields requests and is
sent the answers, so each answer is checked against its own request. The client lives in a process of its
own and keeps its dialogs from walk to walk: what waits when one walk ends goes on with the next, so a short
walk begins and ends in the middle of things, as a long one would.
"""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import quote

import uvloop

from loadtests.bench.dialogs import PATH
from loadtests.bench.machine import Cores
from ussd_engine.errors import UssdError

LOST_S = 10.0
TICK_S = 0.0005
HOST = "127.0.0.1"

Talk = Generator[bytes, bytes, None]


class Wrong(Exception):
    """An answer that is not the one the request must get. Its text says which was wanted."""


class Traffic(Protocol):
    """What the phones do. It is made in the bench's process and lives in the client's."""

    counts: Counter[str]

    def dialog(self) -> Talk | None:
        """The next dialog: it yields a request, is sent the body of the answer, and raises Wrong. None when
        there are no more."""

    def told(self) -> Any:
        """What else it saw since it was last asked."""


@dataclass(slots=True, frozen=True)
class Walk:
    """How long, and how many requests a second; rate 0: each connection sends as soon as it is answered.

    bin_s: how long the parts are that are told of one by one; 0: none is.
    """

    seconds: float
    rate: float = 0.0
    bin_s: float = 0.0


class Bin(NamedTuple):
    """A part of a walk: when it began (time.monotonic), its answers, and their latencies."""

    at: float
    answers: int
    p99_ms: float
    most_ms: float


@dataclass(slots=True, frozen=True)
class Walked:
    """One walk. right, counts and latencies are of the time given; wrong and told of what came after, too.

    With a rate, a latency begins when its request was due, so a server that stands still shows. ended: no
    dialogs were left before the time was over.
    """

    right: int
    wrong: int
    seconds: float
    p50_ms: float
    p99_ms: float
    example: str
    counts: Counter[str]
    told: Any
    ended: bool = False
    bins: tuple[Bin, ...] = ()

    @property
    def per_s(self) -> float:
        """Right answers a second."""
        return self.right / self.seconds


class Walker:
    """The client's process, ready to walk. Open one with `walking`."""

    def __init__(self, process: Any, pipe: Pipe) -> None:
        self._process = process
        self._pipe = pipe

    @property
    def pid(self) -> int:
        """The process id of the client."""
        return int(self._process.pid)

    def walk(self, seconds: float, rate: float = 0.0) -> Walked:
        """Walk, and wait for the end of it."""
        self.begin(seconds, rate)
        return self.finish(seconds)

    def begin(self, seconds: float, rate: float = 0.0, bin_s: float = 0.0) -> None:
        """Start a walk; other things may be done while it lasts."""
        self._pipe.send(Walk(seconds, rate, bin_s))

    def stop(self) -> None:
        """End the walk before its time."""
        self._pipe.send(None)

    def finish(self, seconds: float) -> Walked:
        """The walk that was begun, when it is over. Raises UssdError when the client fails."""
        if not self._pipe.poll(seconds + LOST_S + 30):
            raise UssdError("The load generator does not end.")
        try:
            walked = self._pipe.recv()
        except EOFError:
            raise UssdError("The load generator died.") from None
        if isinstance(walked, str):
            raise UssdError(f"The load generator failed: {walked}")
        return cast(Walked, walked)


@contextmanager
def walking(cores: Cores, port: int, connections: int, traffic: Traffic) -> Iterator[Walker]:
    """A client on its core, for as long as the block lasts."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_client, args=(theirs, port, connections, traffic), daemon=True)
    with cores.on_client():
        process.start()
    theirs.close()
    try:
        yield Walker(process, ours)
    finally:
        ours.close()
        process.join(LOST_S)
        if process.is_alive():
            process.kill()
            process.join()


class Gateway:
    """Writes the requests that Africa's Talking would send for one service code."""

    def __init__(self, port: int, code: str) -> None:
        self._head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUser-Agent: at-gateway\r\nAccept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        )
        self._fixed = f"&networkCode=63902&serviceCode={quote(code, safe='')}&text="

    def request(self, session: str, msisdn: str, text: str) -> bytes:
        """One request. msisdn: digits only. text: quoted already (see `quoted`)."""
        form = f"sessionId={session}&phoneNumber=%2B{msisdn}{self._fixed}{text}"
        return f"{self._head}{len(form)}\r\n\r\n{form}".encode()


def quoted(inputs: list[str]) -> str:
    """Inputs as the cumulative text of a form."""
    return quote("*".join(inputs), safe="")


# -- in the client's process ------------------------------------------------------------------------


@dataclass(slots=True)
class _Slot:
    """One connection's place: the dialog it is in, and the request that comes next."""

    talk: Talk | None = None
    request: bytes = b""


@dataclass(slots=True)
class _Load:
    """What the connections of one walk share."""

    traffic: Traffic
    open: bool = True
    right: int = 0
    wrong: int = 0
    example: str = ""
    took: list[float] = field(default_factory=list)
    when: list[float] | None = None  # each answer's moment, when parts of the walk are told of
    paced: bool = False
    due: deque[float] = field(default_factory=deque)
    idle: "deque[_Connection]" = field(default_factory=deque)

    def fill(self, slot: _Slot) -> bool:
        """Begin the slot's next dialog, if there is one."""
        slot.talk = self.traffic.dialog()
        slot.request = next(slot.talk) if slot.talk is not None else b""
        return slot.talk is not None

    def refused(self, why: str) -> None:
        self.wrong += 1
        self.example = self.example or why


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load, slot: _Slot) -> None:
        self._load = load
        self._slot = slot
        self._sent = 0.0
        self._got = b""
        self._asked = False
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked:
            self._load.refused(f"the connection was lost before the answer: {exc}")
            self._slot.talk = None
        self.lost.set_result(None)

    def next(self) -> None:
        """Send the next request: now, or when it is due."""
        load = self._load
        if not load.open or (self._slot.talk is None and not load.fill(self._slot)):
            self._transport.close()
        elif not load.paced:
            self._send(time.monotonic())
        elif load.due:
            self._send(load.due.popleft())
        else:
            load.idle.append(self)

    def due(self, at: float) -> None:
        """A request of that moment, for an idle connection."""
        self._send(at)

    def close(self) -> None:
        """Nothing more is sent."""
        self._transport.close()

    def _send(self, at: float) -> None:
        self._sent = at
        self._asked = True
        self._transport.write(self._slot.request)

    def data_received(self, data: bytes) -> None:
        """A whole answer, mostly; else the part so far is kept."""
        got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0 or len(got) - end - 4 < _length(got, end):
            self._got = got
            return
        self._got = b""
        self._asked = False
        load, slot = self._load, self._slot
        if load.open:
            now = time.monotonic()
            load.took.append(now - self._sent)
            if load.when is not None:
                load.when.append(now)
        assert slot.talk is not None
        try:
            if not got.startswith(b"HTTP/1.1 200"):
                raise Wrong("HTTP/1.1 200")
            slot.request = slot.talk.send(got[end + 4 :])
            load.right += load.open
        except StopIteration:
            slot.talk = None
            load.right += load.open
        except Wrong as wrong:
            load.refused(f"wanted {wrong}, got {got[:400].decode(errors='replace')!r}")
            slot.talk = None
        self.next()


def _length(reply: bytes, end: int) -> int:
    lower = reply[:end].lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ValueError("an answer without Content-Length")
    return int(lower[at + 15 :].partition(b"\r")[0])


async def _walk(walk: Walk, port: int, slots: list[_Slot], traffic: Traffic, pipe: Pipe) -> Walked:
    loop = asyncio.get_running_loop()
    load = _Load(traffic, paced=walk.rate > 0, when=[] if walk.bin_s else None)
    traffic.counts.clear()
    began = time.monotonic()
    connections = [
        (await loop.create_connection(lambda slot=slot: _Connection(load, slot), HOST, port))[1]  # type: ignore[misc]
        for slot in slots
    ]
    done = asyncio.ensure_future(asyncio.wait([connection.lost for connection in connections]))
    pacing = asyncio.ensure_future(_pace(load, walk.rate)) if load.paced else None
    stopped = asyncio.ensure_future(_told_to_stop(pipe))
    await asyncio.wait([done, stopped], timeout=walk.seconds, return_when=asyncio.FIRST_COMPLETED)
    load.open = False
    stopped.cancel()
    await asyncio.wait([stopped])
    seconds = time.monotonic() - began
    ended = done.done()
    counts, right = traffic.counts.copy(), load.right
    if pacing is not None:
        pacing.cancel()
        for connection in load.idle:
            connection.close()
    await asyncio.wait([done], timeout=LOST_S)
    if not done.done():
        load.refused(f"no answer in {LOST_S:.0f} s")
    bins = _bins(load, began, walk.bin_s)
    took = sorted(load.took)
    p50, p99 = (took[int(len(took) * share)] * 1e3 if took else 0.0 for share in (0.5, 0.99))
    return Walked(right, load.wrong, seconds, p50, p99, load.example, counts, traffic.told(), ended, bins)


async def _told_to_stop(pipe: Pipe) -> None:
    """Until something comes through the pipe: it is the word to stop."""
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    loop.add_reader(pipe.fileno(), there.set)
    try:
        await there.wait()
    finally:
        loop.remove_reader(pipe.fileno())
        os.set_blocking(pipe.fileno(), True)  # as it was before the loop had it
    with contextlib.suppress(EOFError):  # the bench has gone
        pipe.recv()


def _bins(load: _Load, began: float, bin_s: float) -> tuple[Bin, ...]:
    parts: dict[int, list[float]] = {}
    for when, took in zip(load.when or (), load.took, strict=False):
        parts.setdefault(int((when - began) / bin_s), []).append(took * 1e3)
    return tuple(
        Bin(began + place * bin_s, len(part), sorted(part)[int(len(part) * 0.99)], max(part))
        for place, part in sorted(parts.items())
    )


async def _pace(load: _Load, rate: float) -> None:
    """Hand out requests as they fall due, to whoever is idle; else they wait, and that is measured."""
    began = time.monotonic()
    given = 0
    while True:
        now = time.monotonic()
        while began + given / rate <= now:
            at = began + given / rate
            given += 1
            if load.idle:
                load.idle.popleft().due(at)
            else:
                load.due.append(at)
        await asyncio.sleep(TICK_S)


def _client(pipe: Pipe, port: int, connections: int, traffic: Traffic) -> None:
    """Walk whenever the bench says so, until it hangs up."""
    slots = [_Slot() for _ in range(connections)]
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while True:
            try:
                walk = pipe.recv()
            except (EOFError, KeyboardInterrupt):
                return
            if walk is None:  # it had ended before it was told to stop
                continue
            try:
                pipe.send(runner.run(_walk(walk, port, slots, traffic, pipe)))
            except Exception as error:  # it is told where it is understood
                pipe.send(f"{type(error).__name__}: {error}")
