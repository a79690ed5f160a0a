"""How long a phone waits at half the top rate, over few and many connections.

At the top rate a latency says only how long the queue is. Here requests are due on a timetable, at a rate
the server can keep, and each latency counts from the moment its request was due (see pace.c).
"""

import statistics
from dataclasses import dataclass
from typing import Any

from loadtests.bench import paced, pauses
from loadtests.bench.dialogs import Plan
from loadtests.bench.machine import Cores
from loadtests.bench.paced import Timed
from loadtests.bench.pauses import Pauses
from loadtests.bench.report import spread
from loadtests.bench.subject import Numbers, Subject

CONNECTIONS = (64, 256, 1000, 2000)
_NAMES = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")
_KEPT = 0.98


@dataclass(slots=True, frozen=True)
class Latency:
    """By connections, the repeats at one rate a second."""

    rate: float
    runs: dict[int, list[Timed]]
    stood_still: Pauses

    def values(self) -> dict[str, Any]:
        """The medians of the repeats, and how far p99 lay apart."""
        return {
            "rate_per_s": round(self.rate),
            "machine_pauses_per_s": round(self.stood_still.a_second, 2),
            "machine_pause_longest_ms": round(self.stood_still.longest_ms, 2),
            "machine_pauses_share": round(self.stood_still.share, 5),
            "connections": {str(count): self._medians(count) for count in self.runs},
        }

    def rows(self) -> list[tuple[str, ...]]:
        """One row for each number of connections."""
        heading = (f"at {self.rate:,.0f} a second over", "p50 ms", "p90", "p99", "99.9 %", "max", "sent late")
        rows: list[tuple[str, ...]] = [heading]
        for count in self.runs:
            found = self._medians(count)
            cells = [f"{found[name]:.2f}" for name in (*_NAMES, "lag_ms")]
            rows.append((f"{count:,} connections", *cells))
        return rows

    def notes(self) -> list[str]:
        """How to read it, and what was not as it should be."""
        notes = [
            "Latencies at a rate count from when a request was due. Sent late: by the client's own fault, at"
            " most so much for 99 of 100.",
            self.stood_still.said(),
        ]
        slow = [
            count
            for count, runs in self.runs.items()
            if statistics.median(run.per_s for run in runs) < self.rate * _KEPT
        ]
        if slow:
            notes.append(f"The rate was not kept over: {', '.join(map(str, slow))} connections.")
        return notes

    def faults(self) -> list[str]:
        """The wrong answers."""
        return [
            f"at half the rate over {count} connections: {run.wrong} wrong answers, the first: {run.example}"
            for count, runs in self.runs.items()
            for run in runs
            if run.wrong
        ]

    def _medians(self, count: int) -> dict[str, Any]:
        runs = self.runs[count]
        medians = {
            name: round(statistics.median(getattr(run, name) for run in runs), 3)
            for name in (*_NAMES, "lag_ms", "per_s")
        }
        right, wrong = sum(run.right for run in runs), sum(run.wrong for run in runs)
        return {
            **medians, "right": right, "wrong": wrong, "p99_spread": spread([run.p99_ms for run in runs], 3)
        }  # fmt: skip


def measure(
    engine: Subject, rate: float, seconds: int, repeats: int, numbers: Numbers, pinned: Cores
) -> Latency:
    """Round by round over every number of connections. Raises UssdError when pace cannot be compiled."""
    paced.program()
    runs: dict[int, list[Timed]] = {count: [] for count in CONNECTIONS}
    still: list[Pauses] = []
    for _ in range(repeats):
        still.append(pauses.watch(pinned, seconds))
        for count, found in runs.items():
            plan = Plan(engine.port, seconds, count, engine.scripts, numbers.take(), engine.dialogs)
            with pinned.on_client():
                found.append(paced.at_rate(plan, rate))
    return Latency(rate, runs, pauses.together(still))
