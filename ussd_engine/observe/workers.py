"""One page of metrics for several workers on one port.

Whichever worker the kernel hands a scrape to, the page must be about all of them, and no counter may ever
go backwards. So:

1. Each worker writes its cells to a file of its own once a second, and before each page it shows. What a
   page has shown is in a file.
2. The worker that is asked adds the others' files to its own cells.
3. When a worker has ended, however it did, its supervisor adds its counters to `retired.json` and removes
   its file. `retired.json` names whom it holds: who has read a file before, and that one after, sees it.
4. What only the supervisor knows (memory, processor time, starts) is in `supervisor.json`.
"""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import orjson

from ussd_engine.observe.board import Board
from ussd_engine.observe.cells import Cells, Counts, Dumps, joined
from ussd_engine.observe.logs import get_logger
from ussd_engine.observe.usage import Usage
from ussd_engine.place import Place

log = get_logger("ussd.metrics")

EVERY_S = 1.0
REMEMBERED = 64  # how many of the ended ones are told by name; a reader is done in less than one's time
RETIRED = "retired.json"
SUPERVISOR = "supervisor.json"


class WorkerCells:
    """What the supervisor counts, by place; in a worker, the same families without cells of their own."""

    def __init__(self) -> None:
        self.memory = Counts(
            "worker_memory_bytes", "Memory with shared pages (rss), a share of them (pss), none (uss)",
            "worker", "kind", gauge="sum",
        )  # fmt: skip
        self.cpu = Counts("worker_cpu_seconds", "Processor time of all processes a place has had", "worker")
        self.starts = Counts("worker_starts", "Starts, by why: start, died, reload, memory", "worker", "why")
        self.reloads = Counts("worker_reloads", "Reloads asked for: done, failed", "outcome")
        self.families = [self.memory, self.cpu, self.starts, self.reloads]


class SharedMetrics:
    """A worker's part of the page."""

    def __init__(self, board: Board, place: Place) -> None:
        """Write now and each second, and show the other workers' cells on this one's page."""
        self._board = board
        self._place = place
        self._file = place.metrics
        self._gauges = {family.name for family in board.families if family.gauge}
        board.speak_for_all()
        board.cells.others = self._others
        cells = Cells(WorkerCells().families)
        cells.others = self._of_supervisor
        board.registry.register(cells)
        self._timer: asyncio.TimerHandle
        self._write()

    def stop(self) -> None:
        """The last words. Without a supervisor, nobody is left to clean up."""
        self._timer.cancel()
        self._save()
        if self._place.orphaned:
            shutil.rmtree(self._file.parent, ignore_errors=True)

    def _others(self) -> list[Dumps]:
        """The cells of every other worker there is or was."""
        self._save()
        living: dict[str, Any] = {}
        for file in self._file.parent.glob("*-*.json"):
            if file != self._file and (found := _read(file)):
                living[file.stem] = found
        retired = _read(self._file.parent / RETIRED)  # after the files: see rule 3
        for name in retired.get("names", ()):
            living.pop(name, None)
        return [retired.get("counters", {}), *(held["counters"] | held["gauges"] for held in living.values())]

    def _of_supervisor(self) -> list[Dumps]:
        return [_read(self._file.parent / SUPERVISOR)]

    def _write(self) -> None:
        self._save()
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._write)

    def _save(self) -> None:
        kept: dict[str, dict[str, Any]] = {"counters": {}, "gauges": {}}
        for family in self._board.families:
            kept["gauges" if family.gauge else "counters"][family.name] = family.dump()
        _replace(self._file, kept)


class WorkersMetrics:
    """The supervisor's part: what it knows itself, and what the ended ones had counted."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ussd-workers-"))  # only our user can read it
        self.cells = WorkerCells()
        self._retired: dict[str, Any] = {"counters": {}, "names": []}

    def file_of(self, name: str) -> Path:
        """Where a worker keeps its metrics. name: unlike all others', with a `-` in it."""
        return self.folder / f"{name}.json"

    def fold(self, name: str) -> None:
        """A worker has ended: keep what it counted."""
        ended = _read(self.file_of(name))
        counters = self._retired["counters"]
        for family, dump in ended.get("counters", {}).items():
            counters[family] = list(joined(counters.get(family, ()), [dump]).items())
        self._retired["names"] = [*self._retired["names"], name][-REMEMBERED:]
        _replace(self.folder / RETIRED, self._retired)
        for left in self.folder.glob(f"{name}.*"):
            left.unlink(missing_ok=True)

    def show(self, usages: list[tuple[str, Usage]]) -> None:
        """Put what the processes use now on the page, each under the name of its place."""
        self.cells.memory.clear()
        for worker, usage in usages:
            for kind, size in (("rss", usage.rss), ("pss", usage.pss), ("uss", usage.uss)):
                self.cells.memory.labels(worker, kind).inc(size)
        _replace(self.folder / SUPERVISOR, {family.name: family.dump() for family in self.cells.families})

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(file: Path) -> dict[str, Any]:
    """What a file says; nothing when it is not there, or not ours."""
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        found: dict[str, Any] = orjson.loads(file.read_bytes())
        return found
    return {}


def _replace(file: Path, held: dict[str, Any]) -> None:
    """Write a file anew. A reader sees the old one or the new one, never half."""
    new = file.with_suffix(".new")
    try:
        new.write_bytes(orjson.dumps(held))
        new.replace(file)
    except OSError as error:  # a full disk, say: turns matter more
        log.warning("metrics are not shared between the workers", error=str(error))
