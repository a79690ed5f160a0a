"""How often the machine itself stands still.

A virtual core that its host takes away stops the server, the client and Redis for milliseconds, and nothing
inside says so. A process that only reads the clock sees it as a gap. Where gaps are many, no server's p99 is
short: that is the machine's figure, and is said beside the server's.
"""

import multiprocessing
import os
import time
from dataclasses import dataclass

from loadtests.bench.machine import Cores

LEAST_S = 0.001


@dataclass(slots=True, frozen=True)
class Pauses:
    """Of a core: seconds watched, and the seconds of each gap of a millisecond or more."""

    watched_s: float
    gaps: tuple[float, ...]

    @property
    def a_second(self) -> float:
        """How many in a second."""
        return len(self.gaps) / self.watched_s

    @property
    def longest_ms(self) -> float:
        """The longest."""
        return max(self.gaps, default=0.0) * 1e3

    @property
    def share(self) -> float:
        """Of the time that is lost in them."""
        return sum(self.gaps) / self.watched_s

    def said(self) -> str:
        """For a report."""
        return (
            f"Without load a core stood still for {LEAST_S * 1e3:.0f} ms or more {self.a_second:.1f} times"
            f" a second, {self.share:.2%} of the time, {self.longest_ms:.1f} ms at the longest: the machine's"
            " own part of a p99."
        )


def watch(pinned: Cores, seconds: float) -> Pauses:
    """The server's core and the client's at once, as both are busy under load; the worse of them."""
    cores = sorted({pinned.server, pinned.client}) if pinned.apart else [pinned.server]
    with multiprocessing.get_context("spawn").Pool(len(cores)) as pool:
        found = pool.starmap(spin, [(core if pinned.apart else None, seconds) for core in cores], chunksize=1)
    return Pauses(seconds, max(found, key=sum))


def together(found: list[Pauses]) -> Pauses:
    """Several watches as one."""
    return Pauses(sum(one.watched_s for one in found), tuple(gap for one in found for gap in one.gaps))


def spin(core: int | None, seconds: float) -> tuple[float, ...]:
    """Read the clock for so long, on this core; the gaps."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    gaps = []
    last = time.perf_counter()
    end = last + seconds
    while last < end:
        now = time.perf_counter()
        if now - last >= LEAST_S:
            gaps.append(now - last)
        last = now
    return tuple(gaps)
