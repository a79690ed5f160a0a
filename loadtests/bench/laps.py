"""One measured walk: what was answered, and what each process concerned used for it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from loadtests.bench.machine import Cores
from loadtests.bench.walker import Walked, Walker

NOISE = 0.05
FULL = 0.95


@dataclass(slots=True, frozen=True)
class Lap:
    """A walk and its CPU. cpu_s: seconds of each process; busy: shares of one core; noise: the share of the
    server's core that somebody else used."""

    walked: Walked
    cpu_s: Mapping[str, float]
    busy: Mapping[str, float]
    noise: float

    def cpu_us(self, name: str) -> float:
        """Microseconds of that process for each answer."""
        return self.cpu_s[name] / max(1, self.walked.right) * 1e6


class Clock:
    """CPU seconds so far of some processes and of one core."""

    def __init__(self, cores: Cores, pids: Mapping[str, int]) -> None:
        self._cores = cores
        self._pids = pids
        self._wall, self._used, self._core = self._read()

    def since(self) -> tuple[float, dict[str, float], float]:
        """Seconds that passed, CPU seconds of each process, and of the server's core."""
        wall, used, core = self._read()
        return wall - self._wall, {name: used[name] - self._used[name] for name in used}, core - self._core

    def _read(self) -> tuple[float, dict[str, float], float]:
        core = psutil.cpu_times(percpu=True)[self._cores.server]
        used = {name: used_s(pid) for name, pid in self._pids.items()}
        return time.monotonic(), used, core.user + core.system + getattr(core, "steal", 0.0)


def lap(walker: Walker, seconds: float, cores: Cores, pids: Mapping[str, int], *, rate: float = 0.0) -> Lap:
    """Walk once. pids must name `server`; the client's is added."""
    clock = Clock(cores, {**pids, "client": walker.pid})
    walked = walker.walk(seconds, rate)
    wall, used, core = clock.since()
    noise = max(0.0, core - used["server"]) / wall if cores.apart else 0.0
    return Lap(walked, used, {name: spent / walked.seconds for name, spent in used.items()}, noise)


def used_s(pid: int) -> float:
    """CPU time of a process, its living children, and those of its children that ended."""
    process = psutil.Process(pid)
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:  # its parent has the time
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def middle(laps: Sequence[Lap], value: Callable[[Lap], float]) -> float:
    """The median of the repeats."""
    return statistics.median(value(each) for each in laps)


def wrong(name: str, laps: Sequence[Lap]) -> list[str]:
    """A fault for each lap with wrong answers."""
    return [
        f"{name}: {each.walked.wrong} wrong answers, the first: {each.walked.example}"
        for each in laps
        if each.walked.wrong
    ]


def busy(laps: Sequence[Lap]) -> dict[str, float]:
    """The median share of one core of each process, and the noise."""
    names = laps[0].busy
    return {name: round(middle(laps, lambda each, name=name: each.busy[name]), 2) for name in names} | {  # type: ignore[misc]
        "noise": round(middle(laps, lambda each: each.noise), 2)
    }


def remarks(shares: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What a reader must know of who waited for whom. shares: by row, as of `busy`."""
    said = []
    idle = [name for name, share in shares.items() if share["server"] + share["noise"] < FULL]
    if idle:
        full = [name for name in idle if shares[name]["client"] >= FULL]
        said.append(
            f"The server's core was not busy all the time in: {', '.join(idle)}"
            + (f"; the client's was, in: {', '.join(full)}." if full else ".")
            + " CPU a turn holds there, the rate is less than the server can do."
        )
    noisy = [name for name, share in shares.items() if share["noise"] > NOISE]
    if noisy:
        said.append(f"Other programs used the server's core during: {', '.join(noisy)}. Run it again alone.")
    return said
