"""What a bench found: values for machines, a table for people."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """values is the JSON object. rows has a heading first. notes are said below; faults fail the bench."""

    values: dict[str, Any]
    rows: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Everything, for a person."""
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = []
        for row in self.rows:
            first = row[0].ljust(widths[0])
            rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join([first, *rest]).rstrip())
        machine = [f"{name}: {value}" for name, value in self.values.get("machine", {}).items()]
        faults = [f"WRONG: {fault}" for fault in self.faults]
        return "\n".join([*lines, "", *self.notes, *faults, "", "; ".join(machine)])


def spread(values: Sequence[float], digits: int = 0) -> dict[str, float]:
    """Smallest, median and greatest of the repeats."""
    return {
        "min": round(min(values), digits),
        "median": round(statistics.median(values), digits),
        "max": round(max(values), digits),
    }
