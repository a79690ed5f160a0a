"""What a recorder has taken out of the counters and PostgreSQL has not got yet: sums by hour and key.

Bounded: when PostgreSQL is away for so long that there is no room, the oldest hour goes, and how much that
was is said.
"""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ussd_engine.observe.board import Board
from ussd_engine.observe.cells import SECONDS, Spreads

MOST_ROWS = 100_000
UNKNOWN = ""

Key = tuple[Any, ...]
BOUNDS = (*SECONDS, float("inf"))


def hour_of(seconds: float) -> datetime:
    """The hour, UTC, of a time since the epoch."""
    return datetime.fromtimestamp(seconds - seconds % 3600, UTC)


class Sums:
    """Rows of one table: numbers by key. A key begins with its hour."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._rows: dict[Key, list[float]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, key: Key, numbers: Iterable[float]) -> None:
        """Add the numbers to what is there under the key."""
        held = self._rows.get(key)
        if held is None:
            self._rows[key] = list(numbers)
            return
        for place, number in enumerate(numbers):
            held[place] += number

    def trim(self) -> int:
        """Let the oldest hours go until there is room; how many rows went."""
        gone = 0
        while len(self._rows) > self._most:
            oldest = min(key[0] for key in self._rows)
            kept = {key: numbers for key, numbers in self._rows.items() if key[0] != oldest}
            gone += len(self._rows) - len(kept)
            self._rows = kept
        return gone

    def take(self) -> list[Key]:
        """All rows, each its key and its numbers in one, in the order of the keys."""
        rows = sorted((*key, *numbers) for key, numbers in self._rows.items())
        self._rows = {}
        return rows


class BoardReader:
    """What a process's board counted since it was last read: turns, errors, times by bucket."""

    def __init__(self, board: Board) -> None:
        counted = (board.turns, board.faults, board.rejected, board.duplicates, board.replays, board.actions)
        self._families = (*counted, board.turn_seconds, board.action_seconds)
        self._before: dict[Key, float] = {}

    def read(self, hour: datetime, into: Sums) -> None:
        """Add what is new to the hour's rows: metric, label, other label, bound; value."""
        for family in self._families:
            name = family.name.removeprefix("ussd_")
            for labels, numbers in family.dump():
                label, other = itertools.islice(itertools.chain(labels, itertools.repeat("")), 2)
                buckets = isinstance(family, Spreads)
                bounds = BOUNDS if buckets else (0.0,)
                for bound, value in zip(bounds, numbers, strict=False):
                    self._add(into, hour, (name, label, other, bound), value)
                if buckets:
                    self._add(into, hour, (f"{name}_sum", label, other, 0.0), numbers[-1])

    def _add(self, into: Sums, hour: datetime, key: Key, value: float) -> None:
        grown = value - self._before.get(key, 0.0)
        if grown:
            self._before[key] = value
            into.add((hour, *key), (grown,))
