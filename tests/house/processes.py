"""Which processes there are below one, and whether they go away."""

import contextlib
import time
from collections.abc import Iterable

import psutil


def below(*pids: int) -> list[psutil.Process]:
    """The living processes of these ids and all their descendants."""
    found = []
    for pid in pids:
        parent = psutil.Process(pid)
        found += [parent, *parent.children(recursive=True)]
    return [process for process in found if not _zombie(process)]


def names(processes: Iterable[psutil.Process]) -> set[str]:
    """The names of those that are still there to be asked."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.name())
    return found


def gone_within(seconds: float, processes: Iterable[psutil.Process]) -> bool:
    """Whether all of them have ended by then. A zombie has: only its parent has not asked yet."""
    alive = list(processes)
    deadline = time.monotonic() + seconds
    while alive and time.monotonic() < deadline:
        _, alive = psutil.wait_procs(alive, timeout=0.05)
        alive = [process for process in alive if not _zombie(process)]
    return not alive


def _zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
