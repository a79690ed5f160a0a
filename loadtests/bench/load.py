"""One measured run: load from the client's core on a server, and what both used for it."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from loadtests.bench import asyncio_client, paced, wrk
from loadtests.bench.dialogs import Answers, Plan
from loadtests.bench.machine import Cores


@dataclass(slots=True, frozen=True)
class Sample:
    """One run. server_busy and the others are shares of one core over the run."""

    per_s: float
    p50_ms: float
    p99_ms: float
    right: int
    wrong: int
    example: str
    server_cpu_us: float
    server_busy: float
    client_busy: float
    redis_busy: float
    noise: float


CLIENTS: dict[str, Callable[[Plan], Answers]] = {
    "pace": paced.run,
    "wrk": wrk.run,
    "asyncio": asyncio_client.run,
}


def client_named(name: str) -> tuple[str, Callable[[Plan], Answers]]:
    """The load generator of this name; "auto" is pace, or wrk without a compiler, or else asyncio."""
    if name == "auto":
        name = "pace" if paced.missing() is None else "wrk" if wrk.installed() else "asyncio"
    return name, CLIENTS[name]


def measure(
    client: Callable[[Plan], Answers],
    plan: Plan,
    cores: Cores,
    server: int,
    redis: int | None = None,
) -> Sample:
    """Run the client once and account for every process concerned (server, redis: process ids)."""
    before = _Reading(cores, server, redis)
    with cores.on_client():
        answers = client(plan)
    used = _Reading(cores, server, redis).since(before)
    total = max(1, answers.right + answers.wrong)
    return Sample(
        per_s=answers.right / answers.seconds,
        p50_ms=answers.p50_ms,
        p99_ms=answers.p99_ms,
        right=answers.right,
        wrong=answers.wrong,
        example=answers.example,
        server_cpu_us=used.server / total * 1e6,
        server_busy=used.server / answers.seconds,
        client_busy=used.client / answers.seconds,
        redis_busy=used.redis / answers.seconds,
        noise=max(0.0, used.core - used.server) / used.wall if cores.apart else 0.0,
    )


@dataclass(slots=True, frozen=True)
class _Used:
    wall: float
    server: float
    client: float
    redis: float
    core: float


class _Reading:
    """CPU seconds so far: of the server and its children, of our children that ended, of Redis, and of
    the server's core as a whole (what is more than the server's is somebody else's: noise)."""

    def __init__(self, cores: Cores, server: int, redis: int | None) -> None:
        self.wall = time.monotonic()
        self.server = cpu_seconds(server)
        self.redis = cpu_seconds(redis) if redis else 0.0
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.client = usage.ru_utime + usage.ru_stime
        core = psutil.cpu_times(percpu=True)[cores.server]
        self.core = core.user + core.system + getattr(core, "steal", 0.0)

    def since(self, before: "_Reading") -> _Used:
        return _Used(
            wall=self.wall - before.wall,
            server=self.server - before.server,
            client=self.client - before.client,
            redis=self.redis - before.redis,
            core=self.core - before.core,
        )


def memory_mb(pid: int) -> float:
    """Megabytes of a process and its living children; what they share counts once where that is known."""
    process = psutil.Process(pid)
    total = 0
    for each in [process, *process.children(recursive=True)]:
        found = each.memory_full_info()
        total += getattr(found, "pss", found.rss)
    return total / 1e6


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its living children."""
    process = psutil.Process(pid)
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        total += times.user + times.system
    return total
