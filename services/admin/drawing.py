"""A chart with what stands around it: its title, a few numbers above it, the same figures as a table below.

Amounts are cents, shares are 0 to 1. A value that is not known is None: a gap in the line, a dash in the
table.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from services.admin import plots, words
from services.admin.plots import Unit


@dataclass(slots=True, frozen=True)
class Series:
    """One line, or one colour of bars: a value for each x."""

    name: str
    unit: Unit
    values: Sequence[float | None]


@dataclass(slots=True, frozen=True)
class Chart:
    """x are days, moments or labels. of: what they are, in the table. figures: numbers with their labels."""

    title: str
    says: str
    x: Sequence[date | datetime | str] = ()
    series: Sequence[Series] = ()
    kind: Literal["lines", "bars"] = "lines"
    of: str = "Day"
    figures: Sequence[tuple[str, str]] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value is not None for each in self.series for value in each.values)

    @property
    def drawn(self) -> dict[str, Any]:
        """As admin.js takes it."""
        return plots.chart(
            self.kind, self.of, self.x, *((each.name, each.unit, each.values) for each in self.series)
        )

    @property
    def rows(self) -> list[list[str]]:
        """The table: x, and each series there."""
        return [
            [_label(at), *(shown(each.unit, each.values[place]) for each in self.series)]
            for place, at in enumerate(self.x)
        ]


def over(rows: Iterable[Any], at: str, *wanted: tuple[str, Unit, str]) -> tuple[list[Any], list[Series]]:
    """(x, series) of rows in their order. at: the field of x; wanted: each series' name, unit and field."""
    held = list(rows)
    series = [Series(name, unit, [getattr(row, field) for row in held]) for name, unit, field in wanted]
    return [getattr(row, at) for row in held], series


def apart(
    rows: Iterable[Any], at: str, name: Callable[[Any], str], unit: Unit, field: str
) -> tuple[list[Any], list[Series]]:
    """(x, series): a series for each name there is, with a gap where it has no row."""
    found: dict[str, dict[Any, float | None]] = {}
    for row in rows:
        found.setdefault(name(row), {})[getattr(row, at)] = getattr(row, field)
    x = sorted({place for held in found.values() for place in held})
    return x, [Series(each, unit, [held.get(place) for place in x]) for each, held in found.items()]


def shown(unit: Unit, value: float | None) -> str:
    """A value of that unit, for people."""
    if value is None:
        return "–"
    if unit == "kes":
        return words.money(round(value))
    if unit == "share":
        return words.share(value)
    if unit == "count":
        return f"{round(value):,}"
    return f"{value:,.1f} {'ms' if unit == 'ms' else 's'}"


def _label(at: date | datetime | str) -> str:
    if isinstance(at, datetime):
        return words.moment(at)
    return words.day(at) if isinstance(at, date) else at
