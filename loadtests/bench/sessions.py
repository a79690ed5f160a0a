"""What live sessions cost: memory each, and CPU a turn when a thousand or a million wait for their phones.

Each size has a Redis and a `ussd serve` of its own, and all sizes are measured in turns (A B C D A B C D),
so that a change of the machine's speed meets all. The sessions are written as the engine writes them: one of
each kind is made by real turns, its record copied under other numbers, and some of the copies held against
what the engine itself writes for those numbers. The measured presses go round all sessions, each time the
one that was left alone longest, and every answer is checked.
"""

import argparse
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import redis

from loadtests.bench import dialogs, laps, processes, walker
from loadtests.bench.laps import Lap
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.report import Report, counts, spread
from loadtests.bench.walker import Gateway, Talk, Traffic, Walker, Wrong, walking

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SESSION = dialogs.SESSION[:-8]
MSISDN = dialogs.PHONE[1:]
TIMEOUT = "timeout: 180s"  # of the bench's menus; here nobody's session may end while others are measured
LONG_TIMEOUT = "timeout: 1h"
BATCH = 10_000
PROVEN = 32
ALLOWED = 1.10  # CPU a turn at the largest size over that at the smallest
MOST_BYTES = 1_000_000_000  # of Redis, for a million sessions


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--sizes", type=counts, default=SIZES, help="live sessions: 1000,10000,…")


def session_id(number: int, generation: int) -> str:
    """The id of a phone's so-and-so-many-th session. All ids are of one length."""
    return f"{SESSION}{generation:08x}{number:08d}"


class Waiting:
    """Where each session waits, as a number: which dialog it is in, and how many turns it has had."""

    def __init__(self) -> None:
        scripts = dialogs.scripts()
        self.turns = [turn for script in scripts for turn in script]
        self.begins = [sum(map(len, scripts[:place])) for place in range(len(scripts))]
        self.ends = {begin + len(script) - 1 for begin, script in zip(self.begins, scripts, strict=True)}
        # Those that are over too: at every size the same share of presses is a phone that dials again.
        self.places = list(range(len(self.turns)))

    def at(self, number: int) -> int:
        """The last turn that session had when it was written."""
        return self.places[number % len(self.places)]

    def until(self, place: int) -> range:
        """The turns that lead to that place."""
        return range(max(begin for begin in self.begins if begin <= place), place + 1)


@dataclass
class Round(Traffic):
    """Presses on all sessions in turn, far from each other. When one ends, its phone dials again."""

    port: int
    sessions: int
    counts: Counter[str] = field(default_factory=Counter)
    _ready: bool = False

    def _prepare(self) -> None:
        self._gateway = Gateway(self.port, dialogs.SERVICE_CODE)
        self._waiting = Waiting()
        self._turns = [(turn.text, turn.expect.encode()) for turn in self._waiting.turns]
        self._at = bytearray(self._waiting.at(number) for number in range(self.sessions))
        self._generation = bytearray(self.sessions)
        self._asked = bytearray(self.sessions)
        self._stride = _stride(self.sessions)
        self._number = 0
        self._ready = True

    def dialog(self) -> Talk | None:
        """One press on the next session that waits; None while every one is being answered."""
        if not self._ready:
            self._prepare()
        for _ in range(self.sessions):
            number = self._number
            self._number = (number + self._stride) % self.sessions
            if not self._asked[number]:
                return self._press(number)
        return None

    def _press(self, number: int) -> Talk:
        place = self._at[number]
        if place in self._waiting.ends:
            generation = self._generation[number] = (self._generation[number] + 1) % 256
            place = self._waiting.begins[(number + generation) % len(self._waiting.begins)]
        else:
            place += 1
        text, expect = self._turns[place]
        session = session_id(number, self._generation[number])
        self._at[number] = place
        self._asked[number] = 1
        body = yield self._gateway.request(session, f"{MSISDN}{number:08d}", text)
        self._asked[number] = 0
        if body != expect:
            raise Wrong(repr(expect.decode()))

    def told(self) -> None:
        """Nothing else."""


def _stride(sessions: int) -> int:
    """A step that visits every number before any again, near the golden section of them."""
    step = max(1, round(sessions * 0.618))
    while _common(step, sessions) > 1:
        step += 1
    return step


def _common(one: int, other: int) -> int:
    while other:
        one, other = other, one % other
    return one


@dataclass(slots=True)
class _Size:
    """One number of live sessions, its servers, and what was measured."""

    sessions: int
    port: int
    pids: dict[str, int]
    store: "redis.Redis"
    before: int
    walker: Walker | None = None
    bytes_after: int = 0
    laps: list[Lap] = field(default_factory=list)


def run(options: argparse.Namespace) -> Report:
    """Fill, prove, measure."""
    pinned = cores()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        sizes = [_opened(size, Path(name), pinned, running) for size in options.sizes]
        for size in sizes:
            faults += fill(size.store, size.port, size.sessions)
            size.bytes_after = _used_bytes(size.store)
            traffic = Round(size.port, size.sessions)
            size.walker = running.enter_context(walking(pinned, size.port, options.connections, traffic))
        for repeat in range(options.repeats + 1):
            for size in sizes:
                assert size.walker is not None
                lap = laps.lap(size.walker, options.seconds if repeat else 1, pinned, size.pids)
                faults += laps.wrong(f"{size.sessions:,} sessions", [lap])
                if repeat:
                    size.laps.append(lap)
        for size in sizes:
            live = _live(size.store)
            if live != size.sessions:
                faults.append(f"of {size.sessions:,} sessions {live:,} are there at the end")
    values = _values(sizes) | {
        "connections": options.connections,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "machine": description(pinned),
    }
    return Report(values, _rows(values), _notes(values), faults)


def _opened(sessions: int, parent: Path, pinned: Cores, running: ExitStack) -> _Size:
    folder = parent / str(sessions)
    menus = folder / "menus" / "bench"
    menus.mkdir(parents=True)
    for file in (dialogs.MENUS / "bench").iterdir():
        text = file.read_text(encoding="utf-8").replace(TIMEOUT, LONG_TIMEOUT)
        (menus / file.name).write_text(text, encoding="utf-8")
    url, redis_pid = running.enter_context(processes.redis(pinned, folder))
    often = {"MAX_DIALS_PER_MINUTE": str(10**9)}  # a thousand phones dial more often than people may
    port, pid = running.enter_context(processes.engine(pinned, folder, menus.parent, url, more=often))
    store = running.enter_context(redis.Redis.from_url(url))
    return _Size(sessions, port, {"server": pid, "redis": redis_pid}, store, _used_bytes(store))


# -- writing sessions ------------------------------------------------------------------------------


def fill(store: "redis.Redis", port: int, sessions: int) -> list[str]:
    """Write that many sessions as the engine would, and give a fault for each that is not as it would."""
    models = _models(store, port)
    waiting = Waiting()
    pipe = store.pipeline(transaction=False)
    for number in range(sessions):
        model = models[waiting.at(number)]
        pipe.set(key(number), model.record(number), px=model.ttl_ms)
        if number % BATCH == BATCH - 1:
            pipe.execute()
    pipe.execute()
    return [fault for number in _sample(sessions) for fault in _compared(store, port, number, waiting)]


def key(number: int) -> str:
    """Where the engine keeps that phone's session."""
    return f"ussd:{{{MSISDN}{number:08d}}}:{dialogs.SERVICE_CODE}"


@dataclass(slots=True, frozen=True)
class _Model:
    """A record the engine wrote, cut where other sessions have something else."""

    parts: tuple[bytes, bytes, bytes]
    ttl_ms: int

    def record(self, number: int) -> bytes:
        """The record of another phone. A rev is the process's eight hex digits and a count of its saves."""
        head, middle, tail = self.parts
        rev = f"00000000{number:x}".encode()
        return b"".join((head, rev, middle, session_id(number, 0).encode(), tail))


def _models(store: "redis.Redis", port: int) -> dict[int, _Model]:
    """A record of each place, made by real turns of phones beyond all sizes."""
    waiting = Waiting()
    models = {}
    for place in waiting.places:
        number = 99_000_000 + place
        record = _walked(store, port, number, waiting.until(place), waiting)
        ttl_ms = int(store.pttl(key(number)))
        store.delete(key(number))
        rev, mine = orjson.loads(record)["rev"].encode(), session_id(number, 0).encode()
        head, _, rest = record.partition(rev)
        middle, _, tail = rest.partition(mine)
        models[place] = _Model((head, middle, tail), ttl_ms)
    return models


def _walked(store: "redis.Redis", port: int, number: int, places: Sequence[int], waiting: Waiting) -> bytes:
    """The record that real turns leave."""
    for place in places:
        turn = waiting.turns[place]
        body = press(port, session_id(number, 0), f"{MSISDN}{number:08d}", dialogs.SERVICE_CODE, turn.text)
        if body != turn.expect:
            raise RuntimeError(f"after {turn.text!r}: wanted {turn.expect!r}, got {body!r}")
    record = store.get(key(number))
    assert isinstance(record, bytes)
    return record


def press(port: int, session: str, msisdn: str, code: str, text: str) -> str:
    """One request and the body of its answer. text: quoted."""
    whole = Gateway(port, code).request(session, msisdn, text)
    form = whole.partition(b"\r\n\r\n")[2]
    url = f"http://{walker.HOST}:{port}{dialogs.PATH}"
    with urllib.request.urlopen(urllib.request.Request(url, form), timeout=30) as answer:
        body: bytes = answer.read()
    return body.decode()


def _sample(sessions: int) -> Iterator[int]:
    step = max(1, sessions // PROVEN)
    yield from range(0, sessions, step + (step % len(Waiting().places) == 0))


def _compared(store: "redis.Redis", port: int, number: int, waiting: Waiting) -> list[str]:
    """A fault when the engine writes something else for this phone than was written."""
    written = store.get(key(number))
    assert isinstance(written, bytes)
    store.delete(key(number))
    made = _walked(store, port, number, waiting.until(waiting.at(number)), waiting)
    if _without_times(written) == _without_times(made):
        return []
    return [f"session {number} was written as {written!r}, and the engine writes {made!r}"]


def _without_times(record: bytes) -> list[tuple[str, Any]]:
    """All of it, in order, but what every save makes anew; of rev the length."""
    found = orjson.loads(record)
    return [(name, value) for name, value in found.items() if name not in ("rev", "started", "seen")]


def _used_bytes(store: "redis.Redis") -> int:
    return int(store.info("memory")["used_memory"])


def _live(store: "redis.Redis") -> int:
    return sum(1 for _ in store.scan_iter("ussd:{*}:*", count=10_000))


# -- saying it ---------------------------------------------------------------------------------------


def _values(sizes: list[_Size]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for size in sizes:
        taken = size.bytes_after - size.before
        found[str(size.sessions)] = {
            "turns_per_s": round(laps.middle(size.laps, lambda lap: lap.walked.per_s)),
            "server_cpu_us_per_turn": round(laps.middle(size.laps, lambda lap: lap.cpu_us("server")), 2),
            "redis_cpu_us_per_turn": round(laps.middle(size.laps, lambda lap: lap.cpu_us("redis")), 2),
            "p50_ms": round(laps.middle(size.laps, lambda lap: lap.walked.p50_ms), 3),
            "p99_ms": round(laps.middle(size.laps, lambda lap: lap.walked.p99_ms), 3),
            "redis_bytes": size.bytes_after,
            "bytes_each": round(taken / size.sessions),
            "busy": laps.busy(size.laps),
            "answers": sum(lap.walked.right for lap in size.laps),
            "spread": {
                "turns_per_s": spread([lap.walked.per_s for lap in size.laps]),
                "server_cpu_us_per_turn": spread([lap.cpu_us("server") for lap in size.laps], 2),
            },
        }
    first, last = found[str(sizes[0].sessions)], found[str(sizes[-1].sessions)]
    growth = last["server_cpu_us_per_turn"] / first["server_cpu_us_per_turn"]
    per_million = last["bytes_each"] * 1_000_000
    return {
        "sizes": found,
        "cpu_growth": round(growth, 3),
        "cpu_growth_met": growth <= ALLOWED,
        "bytes_of_a_million": per_million,
        "bytes_of_a_million_met": per_million < MOST_BYTES,
    }


def _rows(values: dict[str, Any]) -> list[tuple[str, ...]]:
    heading = (
        "live sessions",
        "turns/s",
        "min",
        "max",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "min",
        "max",
        "Redis us",
    )
    rows: list[tuple[str, ...]] = [(*heading, "Redis MB", "bytes each", "server", "client", "Redis")]
    for sessions, found in values["sizes"].items():
        rate, cpu = found["spread"]["turns_per_s"], found["spread"]["server_cpu_us_per_turn"]
        rows.append(
            (
                f"{int(sessions):,}",
                *(f"{rate[each]:,.0f}" for each in ("median", "min", "max")),
                f"{found['p50_ms']:.2f}",
                f"{found['p99_ms']:.2f}",
                *(f"{cpu[each]:.1f}" for each in ("median", "min", "max")),
                f"{found['redis_cpu_us_per_turn']:.1f}",
                f"{found['redis_bytes'] / 1e6:.1f}",
                f"{found['bytes_each']:,}",
                *(f"{found['busy'][who]:.0%}" for who in ("server", "client", "redis")),
            )
        )
    return rows


def _notes(values: dict[str, Any]) -> list[str]:
    shares = {f"{int(sessions):,}": found["busy"] for sessions, found in values["sizes"].items()}
    return [
        f"CPU a turn grows by a factor of {values['cpu_growth']} from the smallest to the largest"
        f" (wanted: {ALLOWED} or less).",
        f"A million sessions take {values['bytes_of_a_million'] / 1e6:,.0f} MB of Redis at that size each"
        f" (wanted: under {MOST_BYTES / 1e6:,.0f} MB).",
        "CPU us: of the server for a turn. Redis us: of Redis for a turn. Busy: of one core.",
        *laps.remarks(shares),
    ]
