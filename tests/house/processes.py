"""Which processes there are below one, and whether they go away."""

from collections.abc import Iterable

import psutil


def below(*pids: int) -> list[psutil.Process]:
    """The living processes of these ids and all their descendants."""
    found = []
    for pid in pids:
        parent = psutil.Process(pid)
        found += [parent, *parent.children(recursive=True)]
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def gone_within(seconds: float, processes: Iterable[psutil.Process]) -> bool:
    """Whether all of them have ended (a zombie has) by then."""
    waiting = list(processes)
    _, alive = psutil.wait_procs(waiting, timeout=seconds)
    return not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
