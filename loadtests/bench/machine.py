"""The machine: which core is whose, and what to say about it in a report."""

import os
import platform
import resource
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from ussd_engine.embedded import redis_binary
from ussd_engine.errors import UssdError

_LATENCY = Path("/dev/cpu_dma_latency")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# What others are built with or run on, and how each is asked for its version.
_TOOLS = {"cc": ["cc", "--version"], "go": ["go", "version"], "node": ["node", "--version"]}


@dataclass(slots=True, frozen=True)
class Cores:
    """Who runs where. With two cores Redis shares the client's, never the server's."""

    server: int
    client: int
    redis: int
    apart: bool

    @contextmanager
    def on_server(self) -> Iterator[None]:
        """What is started inside runs on the server's core."""
        with self._on(self.server):
            yield

    @contextmanager
    def on_client(self) -> Iterator[None]:
        """What is started inside runs on the client's core."""
        with self._on(self.client):
            yield

    @contextmanager
    def on_redis(self) -> Iterator[None]:
        """What is started inside runs on the core of Redis."""
        with self._on(self.redis):
            yield

    @contextmanager
    def _on(self, core: int) -> Iterator[None]:
        """Children inherit the cores of the thread that starts them, so there is no moment unpinned."""
        if not self.apart:
            yield
            return
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, mine)


def cores() -> Cores:
    """Separate cores when there are two and the system lets us choose."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores(0, 0, 0, apart=False)
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        return Cores(mine[0], mine[0], mine[0], apart=False)
    return Cores(mine[0], mine[1], mine[2] if len(mine) > 2 else mine[1], apart=True)


@contextmanager
def awake() -> Iterator[None]:
    """Idle cores go on looking for work meanwhile, and do not halt; nothing when the system refuses.

    To wake a virtual core is its host's work: it costs whoever wakes it some 10 us, and a busy host lets the
    sleeper wait. Linux keeps every core awake while 0 us, a signed 32 bit number, is written to this file and
    it stays open (its Documentation/power/pm_qos_interface.rst). tuned does the same for servers.
    """
    try:
        file = os.open(_LATENCY, os.O_WRONLY)
    except OSError:
        yield
        return
    try:
        os.write(file, struct.pack("=i", 0))
        yield
    finally:
        os.close(file)


def stolen_s(pinned: Cores) -> tuple[float, ...]:
    """Seconds for which the host let others have the server's and the client's core, since the start of the
    machine, in steps of 0.01; zeros where the system does not tell."""
    times = psutil.cpu_times(percpu=True)
    return tuple(getattr(times[core], "steal", 0.0) for core in (pinned.server, pinned.client))


def allow_open_files(wanted: int) -> None:
    """Let this process and what it starts have as many open files. Raises UssdError when it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise UssdError(
                f"{wanted} open files are needed and {hard} allowed. Raise it: ulimit -Hn {wanted}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def description(pinned: Cores) -> dict[str, str]:
    """What a reader needs to compare the numbers."""
    found = {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "caches": _caches(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "pinned": f"server on core {pinned.server}, client on {pinned.client}, Redis on {pinned.redis}"
        if pinned.apart
        else "no",
        "idle cores": _idle(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "uvloop": version("uvloop"),
        "redis": _said([redis_binary(), "--version"]),
        "commit": _said(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]),
    }
    found |= {name: _said(command) for name, command in _TOOLS.items()}
    return {name: value for name, value in found.items() if value}


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _idle() -> str:
    """Empty where the system does not say."""
    try:
        latency = struct.unpack("=i", _LATENCY.open("rb", buffering=0).read(4))[0]
    except (OSError, struct.error):
        return ""
    return "kept awake" if latency == 0 else "sleep"


def _caches() -> str:
    """Of the first core, the nearest first; empty where the system does not say."""
    levels = sorted(_CACHES.glob("index*/size"))
    return ", ".join(level.read_text(encoding="utf-8").strip() for level in levels)


def _said(command: list[str]) -> str:
    """The first line a program prints; empty when it is not there."""
    found = shutil.which(command[0])
    if found is None:
        return ""
    printed = subprocess.run([found, *command[1:]], capture_output=True, text=True, check=False).stdout
    return printed.strip().partition("\n")[0]
