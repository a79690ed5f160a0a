"""Half the top rate for a long time: does the server's memory stay, and is every answer right to the end?"""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from loadtests.bench import paced
from loadtests.bench.dialogs import Plan
from loadtests.bench.machine import Cores
from loadtests.bench.paced import Timed
from loadtests.bench.subject import Numbers, Subject

EVERY_S = 5.0
CONNECTIONS = 256
_SETTLED = 0.1  # of the time: until then caches fill, and memory may grow


@dataclass(slots=True, frozen=True)
class Reading:
    """Megabytes of memory so many seconds after the beginning."""

    at_s: float
    server_mb: float
    store_mb: float


@dataclass(slots=True, frozen=True)
class Soak:
    """A long run. grew_mb_an_hour is the slope of the line through the readings, the first tenth left out."""

    minutes: float
    rate: float
    timed: Timed
    readings: list[Reading]

    @property
    def settled(self) -> list[Reading]:
        """The readings without those of the first tenth."""
        return [reading for reading in self.readings if reading.at_s >= self.minutes * 60 * _SETTLED]

    @property
    def grew_mb_an_hour(self) -> float:
        """0.0 when there are too few readings for a line."""
        if len(self.settled) < 3:
            return 0.0
        times = [reading.at_s / 3600 for reading in self.settled]
        return statistics.linear_regression(times, [reading.server_mb for reading in self.settled]).slope

    def values(self) -> dict[str, Any]:
        """All of it, each reading too."""
        first, last = self.settled[0], self.settled[-1]
        return {
            "minutes": self.minutes,
            "rate_per_s": round(self.rate),
            "per_s": round(self.timed.per_s),
            "right": self.timed.right,
            "wrong": self.timed.wrong,
            "p50_ms": self.timed.p50_ms,
            "p99_ms": self.timed.p99_ms,
            "p999_ms": self.timed.p999_ms,
            "max_ms": self.timed.max_ms,
            "server_mb_first": round(first.server_mb, 1),
            "server_mb_last": round(last.server_mb, 1),
            "server_mb_most": round(max(reading.server_mb for reading in self.settled), 1),
            "server_mb_grew_an_hour": round(self.grew_mb_an_hour, 2),
            "redis_mb_last": round(last.store_mb, 1),
            "readings": [
                [round(reading.at_s), round(reading.server_mb, 2), round(reading.store_mb, 2)]
                for reading in self.readings
            ],
        }

    def rows(self) -> list[tuple[str, ...]]:
        """One row."""
        found = self.values()
        heading = (f"{self.minutes:g} minutes at {self.rate:,.0f} a second", "right", "wrong", "p50 ms",
                   "p99", "max", "MB first", "last", "most", "MB an hour", "Redis MB")  # fmt: skip
        row = ("ussd serve", f"{found['right']:,}", f"{found['wrong']:,}", f"{found['p50_ms']:.2f}",
               f"{found['p99_ms']:.2f}", f"{found['max_ms']:.2f}", f"{found['server_mb_first']}",
               f"{found['server_mb_last']}", f"{found['server_mb_most']}",
               f"{found['server_mb_grew_an_hour']:+}", f"{found['redis_mb_last']}")  # fmt: skip
        return [heading, row]

    def faults(self) -> list[str]:
        """The wrong answers."""
        if not self.timed.wrong:
            return []
        return [f"soak: {self.timed.wrong} wrong answers, the first: {self.timed.example}"]


def measure(engine: Subject, rate: float, minutes: float, numbers: Numbers, pinned: Cores) -> Soak:
    """Keep the rate so long and read the memory each EVERY_S seconds. Raises UssdError without a compiler."""
    paced.program()
    seconds = max(1, round(minutes * 60))
    first = numbers.take(round(rate * seconds))
    plan = Plan(engine.port, seconds, CONNECTIONS, engine.scripts, first, engine.dialogs)
    with pinned.on_client(), _readings(engine) as readings:
        timed = paced.at_rate(plan, rate)
    return Soak(minutes, rate, timed, readings)


@contextmanager
def _readings(engine: Subject) -> Iterator[list[Reading]]:
    """Filled while the block runs, and once more at its end."""
    readings: list[Reading] = []
    ended = threading.Event()
    began = time.monotonic()

    def read() -> None:
        readings.append(Reading(time.monotonic() - began, rss_mb(engine.pid), rss_mb(engine.store)))

    def watch() -> None:
        while not ended.wait(EVERY_S):
            read()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield readings
    finally:
        ended.set()
        watching.join()
        read()


def rss_mb(pid: int) -> float:
    """Megabytes of resident memory of a process and its living children."""
    process = psutil.Process(pid)
    total: int = sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
    return total / 1e6
