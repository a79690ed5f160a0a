"""Publishing new menus, and going back, while the phones are busy.

Load at half of what the server can answer goes on all the time, from thousands of dialogs that wait for their
next press. Meanwhile `ussd publish` makes a new version live, and later `ussd rollback` the old one again;
every worker takes it over by itself. Each screen shows the version it is of. A dialog's first screen may be
of either; every other must be of the first one's, before and after: one that is not is a wrong answer.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.bench import processes
from loadtests.bench.dialogs import SESSION
from loadtests.bench.ladder import Ladder
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.report import Report, spread
from loadtests.bench.walker import Bin, Gateway, Talk, Traffic, Walked, Walker, Wrong, quoted, walking
from migrations import run as migrations
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError

STATES = 50  # about as many as Umoja Loans has
WORKERS = 2
WAITING = 5_000
SHARE = 0.5  # of the greatest rate
BIN_S = 0.1
SWAP_S = 0.5  # before the first new dialog, and after the last old one
AFTER_S = 2.0  # a swap has shown all it does by then
WALKS = 5_000
LONGEST_S = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--states", type=int, default=STATES, help=f"of the menus (default {STATES})")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"of the server (default {WORKERS})")
    parser.add_argument("--waiting", type=int, default=WAITING, help="dialogs that wait for a press")


def version(states: int, number: int) -> Ladder:
    """The so-and-so-many-th version of the menus."""
    return Ladder(states, f"Page{number:02d}")


@dataclass(slots=True)
class _Waiting:
    """A dialog between two presses. word: its version, when that is known."""

    walk: int
    number: int
    turn: int = 0
    word: bytes = b""


@dataclass
class Waiters(Traffic):
    """Dialogs that wait in a row: each press goes to the one that has waited longest.

    The first ones are brought to different places before they wait, or all would dial in the same moment, and
    end so. counts["filling"]: how many of a walk's dialogs were such.
    """

    port: int
    states: int
    versions: int
    waiting: int
    counts: Counter[str] = field(default_factory=Counter)
    _number: int = 0
    _full: bool = False
    _walks: list[list[tuple[str, bytes]]] = field(default_factory=list)
    _row: deque[_Waiting] = field(default_factory=deque)
    _pressed: list[tuple[float, int, bool]] = field(default_factory=list)

    def _prepare(self) -> None:
        first = version(self.states, 0)
        chance = random.Random(self.states)
        self._word = first.word.encode()
        self._words = {version(self.states, number).word.encode(): number for number in range(self.versions)}
        for _ in range(WALKS):
            walk = first.walk(chance)
            inputs = [typed for typed, _ in walk[1:]]
            self._walks.append(
                [(quoted(inputs[:place]), shown.encode()) for place, (_, shown) in enumerate(walk)]
            )
        self._gateway = Gateway(self.port, first.code)

    def dialog(self) -> Talk:
        """One press: on the next in the row, or on a new dialog in place of one that has ended."""
        if not self._walks:
            self._prepare()
        if len(self._row) >= self.waiting:
            self._full = True
            return self._presses(self._row.popleft(), 1)
        self._number += 1
        phone = _Waiting(self._number % len(self._walks), self._number)
        if self._full:
            return self._presses(phone, 1)
        self.counts["filling"] += 1
        return self._presses(phone, 1 + self._number % (len(self._walks[0]) - 1))

    def _presses(self, phone: _Waiting, presses: int) -> Talk:
        walk = self._walks[phone.walk]
        session, msisdn = f"{SESSION}{phone.number:08d}", f"2547{phone.number:08d}"
        for _ in range(presses):
            text, shown = walk[phone.turn]
            body = yield self._gateway.request(session, msisdn, text)
            self._check(phone, shown, body)
            phone.turn += 1
        if phone.turn < len(walk):
            self._row.append(phone)

    def _check(self, phone: _Waiting, shown: bytes, body: bytes) -> None:
        dialled = not phone.word
        phone.word = phone.word or body[4 : 4 + len(self._word)]
        known = self._words.get(phone.word)
        if known is None or body != shown.replace(self._word, phone.word):
            raise Wrong(repr(shown.replace(self._word, phone.word or self._word).decode()))
        self._pressed.append((time.monotonic(), known, dialled))

    def told(self) -> list[tuple[float, int, bool]]:
        """Of each answer: when, of which version, and whether it was a dialog's first."""
        told, self._pressed = self._pressed, []
        return told


@dataclass(slots=True, frozen=True)
class Swap:
    """One publication or rollback as the phones saw it. Seconds count from the start of the command, or, for
    after_s, from its end: until the last dial that still got the old version. dip and worst are of all the
    time from the start of the command, which itself takes from the client's core; swap is of the second in
    which the workers change over."""

    command_s: float
    first_s: float
    all_s: float
    after_s: float
    between_s: float
    kept: int
    dip: float
    p99_before_ms: float
    p99_worst_ms: float
    p99_swap_ms: float
    most_ms: float


def run(options: argparse.Namespace) -> Report:
    """Serve, load, swap, look."""
    pinned = cores()
    swaps: dict[str, list[Swap]] = {"publish": [], "rollback": []}
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with warnings.catch_warnings(), pinned.on_redis():
            warnings.simplefilter("ignore")
            servers = running.enter_context(Servers(folder / "servers"))
        migrations.upgrade(servers.database_url)
        version(options.states, 0).write(folder / "menus")
        environment = processes.settings(folder / "menus", servers.redis_url, servers.database_url)
        port, _ = running.enter_context(
            processes.engine(
                pinned, folder, folder / "menus", servers.redis_url, servers.database_url, options.workers
            )
        )
        traffic = Waiters(port, options.states, options.repeats + 2, options.waiting)
        walker = running.enter_context(walking(pinned, port, options.connections, traffic))
        _fill(walker)
        most = walker.walk(options.seconds)
        faults += _wrong("before", most)
        rate = most.per_s * SHARE
        for repeat in range(1, options.repeats + 1):
            published = version(options.states, repeat).write(folder / str(repeat))
            for kind, command, versions in (
                ("publish", ["publish", str(published)], (0, repeat)),
                ("rollback", ["rollback", published.name], (repeat, 0)),
            ):
                swap, walked = _swapped(walker, rate, options.seconds, pinned, environment, command, versions)
                swaps[kind].append(swap)
                faults += _wrong(kind, walked)
    told = ("states", "workers", "waiting", "connections", "seconds", "repeats")
    values = _values(swaps, rate, faults) | {name: getattr(options, name) for name in told}
    values["machine"] = description(pinned)
    return Report(values, _rows(values), _notes(values), faults)


def _fill(walker: Walker) -> None:
    """Until as many dialogs wait as shall. Raises UssdError."""
    deadline = time.monotonic() + LONGEST_S
    while walker.walk(1).counts["filling"]:
        if time.monotonic() > deadline:
            raise UssdError("So many dialogs cannot be made to wait. Give less: --waiting")


def _swapped(
    walker: Walker,
    rate: float,
    seconds: int,
    pinned: Cores,
    environment: dict[str, str],
    command: list[str],
    versions: tuple[int, int],
) -> tuple[Swap, Walked]:
    """Load before, a command, load after."""
    walker.begin(LONGEST_S, rate, BIN_S)
    time.sleep(seconds)
    began = time.monotonic()
    with pinned.on_client():  # at half load there is time to spare
        result = subprocess.run(
            [sys.executable, "-m", "ussd_engine.cli", *command],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    ended = time.monotonic()
    if result.returncode != 0:
        raise UssdError(f"ussd {command[0]} failed: {result.stderr.strip()[-2000:]}")
    time.sleep(max(seconds, AFTER_S))
    walker.stop()
    walked = walker.finish(LONGEST_S)
    return _seen(walked, began, ended, versions), walked


def _seen(walked: Walked, began: float, ended: float, versions: tuple[int, int]) -> Swap:
    """What a walk says of the swap that happened in it. Raises UssdError when it did not happen."""
    old, new = versions
    dials = [(at, number) for at, number, dialled in walked.told if dialled]
    first = min((at for at, number in dials if number == new), default=None)
    if first is None:
        raise UssdError(f"Version {new} was not served: {walked.example or 'nothing was wrong'}")
    last = max((at for at, number in dials if number == old), default=first)
    kept = sum(1 for at, number, dialled in walked.told if number == old and not dialled and at > last)
    before = [part for part in walked.bins if part.at + BIN_S <= began][1:]
    during = [part for part in walked.bins if began <= part.at <= max(last, ended) + AFTER_S]
    if not before or not during:
        raise UssdError("The load was too short to see the swap in it. Give more --seconds.")
    swap = [part for part in during if first - SWAP_S <= part.at <= last + SWAP_S] or during
    usual = statistics.median(part.answers for part in before)
    return Swap(
        command_s=ended - began,
        first_s=first - began,
        all_s=max(last, first) - began,
        after_s=max(0.0, last - ended),
        between_s=max(0.0, last - first),
        kept=kept,
        dip=1 - min(_answers(during[:-1]), default=usual) / usual,
        p99_before_ms=statistics.median(part.p99_ms for part in before),
        p99_worst_ms=max(part.p99_ms for part in during),
        p99_swap_ms=max(part.p99_ms for part in swap),
        most_ms=max(part.most_ms for part in during),
    )


def _answers(bins: Sequence[Bin]) -> list[int]:
    """Answers in each part between the first and the last, also in those that had none."""
    if not bins:
        return []
    found = {round((part.at - bins[0].at) / BIN_S): part.answers for part in bins}
    return [found.get(place, 0) for place in range(max(found) + 1)]


def _wrong(name: str, walked: Walked) -> list[str]:
    if not walked.wrong:
        return []
    return [f"{name}: {walked.wrong} wrong answers, the first: {walked.example}"]


# -- saying it ---------------------------------------------------------------------------------------

DIGITS = {
    "command_s": 2, "first_s": 2, "all_s": 2, "after_s": 3, "between_s": 3, "kept": 0, "dip": 3,
    "p99_before_ms": 2, "p99_worst_ms": 2, "p99_swap_ms": 2, "most_ms": 1,
}  # fmt: skip


def _values(swaps: dict[str, list[Swap]], rate: float, faults: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, seen in swaps.items():
        spreads = {
            name: spread([getattr(swap, name) for swap in seen], digits) for name, digits in DIGITS.items()
        }
        found[kind] = {name: each["median"] for name, each in spreads.items()} | {"spread": spreads}
    return found | {"turns_per_s": round(rate), "wrong": bool(faults)}


def _rows(values: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("at half load", "publish", "min", "max", "rollback", "min", "max")]
    for name, label in (
        ("command_s", "the command, s"),
        ("first_s", "from its start to the first new dialog, s"),
        ("all_s", "from its start until all dialogs are new, s"),
        ("between_s", "both versions are dialled for, s"),
        ("after_s", "old ones after the command has ended, s"),
        ("kept", "presses answered of the old version after that"),
        ("dip", "fewest answers in 0.1 s, share missing"),
        ("p99_before_ms", "p99 of 0.1 s before, ms"),
        ("p99_worst_ms", "worst p99 of 0.1 s during, ms"),
        ("p99_swap_ms", "of them, while the workers change over, ms"),
        ("most_ms", "slowest answer during, ms"),
    ):
        cells = []
        for kind in ("publish", "rollback"):
            found = values[kind]["spread"][name]
            cells += [f"{found[each]:,.{DIGITS[name]}f}" for each in ("median", "min", "max")]
        rows.append((label, *cells))
    return rows


def _notes(values: dict[str, Any]) -> list[str]:
    return [
        f"{values['workers']} workers on one core, {values['states']} states, {values['waiting']:,} dialogs"
        f" that wait, {values['turns_per_s']:,} turns a second: half of the most."
        f" {'Some answers were wrong.' if values['wrong'] else 'No answer was wrong.'}",
        "The command itself runs on the client's core, and what it takes there shows in the dip and the worst"
        " p99; the change-over of the workers is the line below them.",
        "For a publication each worker compiles the new menus; at a rollback it has the old ones compiled.",
    ]
