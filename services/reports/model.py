"""What a report is: its name, what it asks for, its columns and totals, and where its rows come from.

Amounts are integer cents, shares are basis points, days are Nairobi's. Nothing here is a float.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from ussd_engine.errors import UssdError

Kind = Literal["text", "date", "time", "cents", "count", "share"]
Asks = Literal["as_of", "period"]
Values = Sequence[Any]

WHOLE_BP = 10_000


class ReportError(UssdError):
    """This report cannot be made like that. The message says why, for the person who asked."""


@dataclass(slots=True, frozen=True)
class Column:
    """A column. total: whether its sum is shown; of: of which two columns a share is the quotient, so
    that its total is the quotient of their sums and not a sum of shares."""

    name: str
    title: str
    kind: Kind
    total: bool = False
    of: tuple[str, str] | None = None


@dataclass(slots=True, frozen=True)
class Fact:
    """A figure beside the rows, such as a balance at the beginning."""

    name: str
    title: str
    kind: Kind
    value: Any


@dataclass(slots=True, frozen=True)
class Parameters:
    """What a report is about. as_of: one day; since and until: a period, both days included; by: one of
    the report's ways to group. What is left out has a default: see `filled`."""

    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    by: str = ""


@dataclass(slots=True, frozen=True)
class Report:
    """One report. sql takes `arguments` in order, and gives the columns in order; facts_sql takes
    `facts_of`, and gives one row of the names in facts. Instead of sql, `source` may give the rows.

    signed: a person signs it, so it is made as PDF too. private: it names people.
    """

    name: str
    title: str
    about: str
    asks: Asks
    columns: tuple[Column, ...]
    arguments: tuple[str, ...]
    sql: str = ""
    source: Callable[[Any, Mapping[str, Any]], AsyncIterator[Values]] | None = None
    facts: tuple[tuple[str, str, Kind], ...] = ()
    facts_sql: str = ""
    facts_of: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    signed: bool = False
    private: bool = False


@dataclass(slots=True)
class Ran:
    """A report that is being read. Iterate it once; totals are whole afterwards."""

    report: Report
    parameters: Parameters
    made_at: datetime
    facts: tuple[Fact, ...]
    rows_of: AsyncIterator[Values] = field(repr=False)
    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)

    async def __aiter__(self) -> AsyncIterator[Values]:
        places = [
            (place, column.name)
            for place, column in enumerate(self.report.columns)
            if column.total and column.of is None
        ]
        self.sums = dict.fromkeys((name for _, name in places), 0)
        async for row in self.rows_of:
            for place, name in places:
                self.sums[name] += row[place] or 0
            self.rows += 1
            yield row

    @property
    def totals(self) -> dict[str, int]:
        """The totals by column, of what was read so far."""
        found = dict(self.sums)
        for column in self.report.columns:
            if column.total and column.of is not None:
                part, whole = (self.sums[name] for name in column.of)
                found[column.name] = share(part, whole)
        return found

    @property
    def has_totals(self) -> bool:
        """Whether any column is summed."""
        return any(column.total for column in self.report.columns)

    @property
    def total_row(self) -> Values:
        """The totals in their places, with the word for it in the first column that has none."""
        totals = self.totals
        row: list[Any] = [totals.get(column.name) for column in self.report.columns]
        if row[0] is None:
            row[0] = "Total"
        return row

    @property
    def period(self) -> str:
        """What it is about, in words."""
        asked = self.parameters
        if self.report.asks == "as_of":
            return f"as of {asked.as_of}"
        return f"{asked.since} to {asked.until}"


def share(part: int, whole: int) -> int:
    """part of whole in basis points, half up; 0 of nothing."""
    return (2 * part * WHOLE_BP + whole) // (2 * whole) if whole > 0 else 0
