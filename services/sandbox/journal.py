"""The journal: one JSON object a line, appended before anything is answered.

A line is one thing that happened, whole: a payment's end, its move and the callbacks it causes. So a
`kill -9` between two lines leaves a state that existed. It is written to the operating system at once,
not to the disk: it outlives the process, not a power cut, which is enough for a sandbox.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ussd_engine.errors import UssdError


class Journal:
    """A file of entries, held by one process. Without a path, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = -1
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise UssdError(f"Another sandbox writes {path}. Stop it, or choose another --data.") from None

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written, oldest first. A last line cut short by a crash is taken off the file."""
        if self._path is None:
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                entry: dict[str, Any] = orjson.loads(line)
            except orjson.JSONDecodeError:
                raise UssdError(f"{self._path}, line {number} is not JSON. Move the file away.") from None
            yield entry

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write an entry, whole."""
        if self._file < 0:
            return
        line = orjson.dumps(entry) + b"\n"
        written = os.write(self._file, line)
        assert written == len(line), "the disk is full"

    def close(self) -> None:
        """Let another process have the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
