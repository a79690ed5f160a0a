"""One page of metrics for several workers on one port.

Whichever worker the kernel hands a scrape to, the page must be about all of them: so each writes its
cells to a file once a second, and the one that is asked adds the others' to its own. A worker that died
leaves its file: what it counted still counts, but for its gauges.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import orjson

from ussd_engine.observe.board import Board
from ussd_engine.observe.cells import Dumps
from ussd_engine.observe.logs import get_logger

log = get_logger("ussd.metrics")

EVERY_S = 1.0


def folder_of(port: int) -> Path:
    """Where the workers of one supervisor on one port meet; only their user can read it."""
    parent = os.getppid()
    began = ""
    with contextlib.suppress(OSError, IndexError):  # outside Linux the process id has to do
        began = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    return Path(tempfile.gettempdir()) / f"ussd-metrics-{os.geteuid()}-{port}-{parent}-{began}"


class SharedMetrics:
    """This worker's part of the page."""

    def __init__(self, board: Board, folder: Path, pid: int | None = None) -> None:
        self._board = board
        self._folder = folder
        self._file = folder / f"{pid or os.getpid()}.json"
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Write now and each second, and show the other workers' cells on this one's page."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._folder.stat().st_uid != os.geteuid():
            return  # somebody else's: this worker speaks for itself only
        self._board.cells.others = self.others
        self._write()

    def stop(self) -> None:
        """Leave; the last worker that lives takes the folder away."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._file.unlink(missing_ok=True)
        if not any(_lives(int(file.stem)) for file in self._folder.glob("*.json")):
            shutil.rmtree(self._folder, ignore_errors=True)

    def others(self) -> list[Dumps]:
        """The cells of every other worker there is or was."""
        gauges = {family.name for family in self._board.families if family.gauge}
        found: list[Dumps] = []
        for file in self._folder.glob("*.json"):
            if file != self._file:
                with contextlib.suppress(OSError, orjson.JSONDecodeError):
                    dumps: Dumps = orjson.loads(file.read_bytes())
                    gone = not _lives(int(file.stem))
                    found.append(
                        {name: dump for name, dump in dumps.items() if not (gone and name in gauges)}
                    )
        return found

    def _write(self) -> None:
        self._save()
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._write)

    def _save(self) -> None:
        dumps = {family.name: family.dump() for family in self._board.families}
        new = self._file.with_suffix(".new")
        try:
            new.write_bytes(orjson.dumps(dumps))
            new.replace(self._file)  # a reader sees the old numbers or the new ones, never half
        except OSError as error:  # a full disk, say: turns matter more
            log.warning("metrics are not shared with the other workers", error=str(error))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
