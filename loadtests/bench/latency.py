"""How long a phone waits at half the top rate, over few and many connections.

At the top rate a latency says only how long the queue is. Here requests are due on a timetable, at a rate
the server can keep, and each latency counts from the moment its request was due (see pace.c).

A repeat in which the host let others have one of our cores says more of the host. Such repeats are set aside
and done again, as long as there is patience, and what they found is reported beside the others.
"""

import statistics
from dataclasses import dataclass
from typing import Any

from loadtests.bench import machine, paced, pauses
from loadtests.bench.dialogs import Plan
from loadtests.bench.machine import Cores
from loadtests.bench.paced import Timed
from loadtests.bench.pauses import Pauses
from loadtests.bench.report import spread
from loadtests.bench.subject import Numbers, Subject

CONNECTIONS = (64, 256, 1000, 2000)
PATIENCE = 8  # times as many repeats as were asked for
_NAMES = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")
_KEPT = 0.98


@dataclass(slots=True, frozen=True)
class Repeat:
    """One run at the rate, and the seconds for which the host took the worse core away."""

    timed: Timed
    stolen_s: float


@dataclass(slots=True, frozen=True)
class Waits:
    """All repeats over so many connections."""

    repeats: list[Repeat]

    @property
    def undisturbed(self) -> list[Timed]:
        """The runs that the host left alone."""
        return [repeat.timed for repeat in self.repeats if not repeat.stolen_s]

    @property
    def told(self) -> list[Timed]:
        """The runs that the figures are of: all of them when the host left none alone."""
        return self.undisturbed or [repeat.timed for repeat in self.repeats]

    def values(self) -> dict[str, Any]:
        """The medians, how far p99 lay apart, and p99 with the repeats that were set aside."""
        medians = {
            name: round(statistics.median(getattr(run, name) for run in self.told), 3)
            for name in (*_NAMES, "lag_ms", "per_s")
        }
        every = [repeat.timed for repeat in self.repeats]
        return {
            **medians,
            "right": sum(run.right for run in every),
            "wrong": sum(run.wrong for run in every),
            "p99_spread": spread([run.p99_ms for run in self.told], 3),
            "undisturbed": len(self.undisturbed),
            "repeats": len(every),
            "p99_of_all_ms": round(statistics.median(run.p99_ms for run in every), 3),
        }


@dataclass(slots=True, frozen=True)
class Latency:
    """By connections, the repeats at one rate a second."""

    rate: float
    runs: dict[int, Waits]
    stood_still: Pauses

    def values(self) -> dict[str, Any]:
        """The medians of the repeats, and how often the machine stood still without load."""
        return {
            "rate_per_s": round(self.rate),
            "machine_pauses_per_s": round(self.stood_still.a_second, 2),
            "machine_pause_longest_ms": round(self.stood_still.longest_ms, 2),
            "machine_pauses_share": round(self.stood_still.share, 5),
            "connections": {str(count): waits.values() for count, waits in self.runs.items()},
        }

    def rows(self) -> list[tuple[str, ...]]:
        """One row for each number of connections."""
        heading = (f"at {self.rate:,.0f} a second over", "p50 ms", "p90", "p99", "99.9 %", "max", "sent late",
                   "repeats", "p99 of all")  # fmt: skip
        rows: list[tuple[str, ...]] = [heading]
        for count, waits in self.runs.items():
            found = waits.values()
            cells = [f"{found[name]:.2f}" for name in (*_NAMES, "lag_ms")]
            of_all = f"{found['undisturbed']} of {found['repeats']}"
            rows.append((f"{count:,} connections", *cells, of_all, f"{found['p99_of_all_ms']:.2f}"))
        return rows

    def notes(self) -> list[str]:
        """How to read it, and what was not as it should be."""
        notes = [
            "Latencies at a rate count from when a request was due. Sent late: by the client's own fault, at"
            " most so much for 99 of 100. Repeats: those in which the system counted no time that the host"
            " took away from either core, which the row is of, of all.",
            self.stood_still.said(),
        ]
        slow = [
            count
            for count, waits in self.runs.items()
            if statistics.median(run.per_s for run in waits.told) < self.rate * _KEPT
        ]
        if slow:
            notes.append(f"The rate was not kept over: {', '.join(map(str, slow))} connections.")
        disturbed = [count for count, waits in self.runs.items() if not waits.undisturbed]
        if disturbed:
            notes.append(f"The host left no repeat alone over: {', '.join(map(str, disturbed))} connections.")
        return notes

    def faults(self) -> list[str]:
        """The wrong answers."""
        return [
            f"at half the rate over {count} connections: {run.wrong} wrong answers, the first: {run.example}"
            for count, waits in self.runs.items()
            for run in (repeat.timed for repeat in waits.repeats)
            if run.wrong
        ]


def measure(
    engine: Subject, rate: float, seconds: int, repeats: int, numbers: Numbers, pinned: Cores
) -> Latency:
    """Round by round over every number of connections, until there are `repeats` of each that the host left
    alone, or there is no more patience. Raises UssdError when pace cannot be compiled."""
    paced.program()
    runs = {count: Waits([]) for count in CONNECTIONS}
    still: list[Pauses] = []
    for turn in range(repeats * PATIENCE):
        if turn < repeats:
            still.append(pauses.watch(pinned, seconds))
        for count, waits in runs.items():
            if len(waits.undisturbed) < repeats:
                plan = Plan(engine.port, seconds, count, engine.scripts, numbers.take(), engine.dialogs)
                waits.repeats.append(_once(plan, rate, pinned))
    return Latency(rate, runs, pauses.together(still))


def _once(plan: Plan, rate: float, pinned: Cores) -> Repeat:
    before = machine.stolen_s(pinned)
    with pinned.on_client():
        timed = paced.at_rate(plan, rate)
    taken = (now - then for now, then in zip(machine.stolen_s(pinned), before, strict=True))
    return Repeat(timed, max(taken))
