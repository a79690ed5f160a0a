"""What a bench found: values for machines, a table for people."""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import orjson


@dataclass(slots=True)
class Report:
    """values is the JSON object. rows has a heading first, as has each of tables, which come below it.

    notes are said below them; faults fail the bench.
    """

    values: dict[str, Any]
    rows: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tables: list[list[tuple[str, ...]]] = field(default_factory=list)

    def table(self) -> str:
        """Everything, for a person."""
        machine = [f"{name}: {value}" for name, value in self.values.get("machine", {}).items()]
        return "\n".join([self.body(), "", "; ".join(machine)])

    def body(self) -> str:
        """The tables, the notes and the faults."""
        lines = _aligned(self.rows)
        for rows in self.tables:
            lines += ["", *_aligned(rows)]
        faults = [f"WRONG: {fault}" for fault in self.faults]
        return "\n".join([*lines, "", *self.notes, *faults])

    def dump(self) -> bytes:
        """All of it as JSON, for another process."""
        return orjson.dumps(asdict(self))

    @classmethod
    def load(cls, dumped: bytes) -> Self:
        """What `dump` gave."""
        found = orjson.loads(dumped)
        rows = [tuple(row) for row in found["rows"]]
        tables = [[tuple(row) for row in table] for table in found["tables"]]
        return cls(found["values"], rows, found["notes"], found["faults"], tables)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]).rstrip())
    return lines


def spread(values: Sequence[float], digits: int = 0) -> dict[str, float]:
    """Smallest, median and greatest of the repeats."""
    return {
        "min": round(min(values), digits),
        "median": round(statistics.median(values), digits),
        "max": round(max(values), digits),
    }


def counts(text: str) -> tuple[int, ...]:
    """An option that is a list of counts above zero: 10,50,500."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of counts such as 10,50,500")
    return found
