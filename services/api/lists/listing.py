"""A list as data: where its rows come from, what may be filtered and sorted by, how a row is shown.

key      what a list is sorted by: a column, and whether it may be missing. The last key of a sort is
         the row's own id, so that every row has a place of its own
filter   what a value of the query string asks for, as SQL
branch   a column that leads the indexes: each of its values is walked apart, in order, and PostgreSQL
         merges the walks. So `status` is quick for one, for some and for all of its values
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from services import clock

Value = int | str | date | datetime | None


@dataclass(slots=True)
class Where:
    """Conditions, and the values they speak of."""

    terms: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, *values: Any) -> None:
        """A condition that must hold, with {} for each value."""
        self.terms.append(condition.format(*(self.bind(value) for value in values)))


Filter = Callable[[Where, Any], None]


@dataclass(slots=True, frozen=True)
class Key:
    """What rows are put in order by. kind: int, str, date or datetime."""

    sql: str
    kind: type
    nullable: bool = False


@dataclass(slots=True, frozen=True)
class Sort:
    """An order. Only the first key may be missing; rows without it come last, whichever way it goes.

    rows: where these rows come from, when it is not the list's own table. alone: no branches here.
    """

    keys: tuple[Key, ...]
    descending: bool = False
    rows: str = ""
    alone: bool = False


@dataclass(slots=True, frozen=True)
class Branch:
    """A column that leads the indexes. filter: the field of the query that asks for some of its values.
    Without all its `values`, it is a branch only when it is asked for."""

    sql: str
    filter: str
    values: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Column:
    """A column of an export: its heading, the field of the row, and what it is."""

    heading: str
    field: str
    kind: str = "text"  # or number, money (cents, shown as shillings), date, moment


@dataclass(slots=True, frozen=True)
class Listing:
    """A list. table: its rows; id: their own key. select and joins: what is read of those on a page, which
    is called `page` and has `page.id`. combinations: a query for the values its branches have in fact."""

    name: str
    table: str
    id: Key
    select: str
    joins: str
    sorts: Mapping[str, Sort]
    filters: Mapping[str, Filter]
    columns: Sequence[Column]
    shown: Callable[[Any], dict[str, Any]]
    tags: Sequence[str]
    branches: Sequence[Branch] = ()
    combinations: str = ""

    def chosen(self, name: str) -> Sort:
        """A sort by its name: `-amount` is the largest first."""
        if name in self.sorts:
            return self.sorts[name]
        plain = self.sorts[name.removeprefix("-")]
        return Sort(plain.keys, True, plain.rows, plain.alone)


def at_least(sql: str) -> Filter:
    """From this value on."""
    return lambda where, value: where.add(f"{sql} >= {{}}", value)


def at_most(sql: str) -> Filter:
    """Up to this value."""
    return lambda where, value: where.add(f"{sql} <= {{}}", value)


def equal(sql: str) -> Filter:
    """This value."""
    return lambda where, value: where.add(f"{sql} = {{}}", value)


def among(sql: str) -> Filter:
    """One of these values."""

    def add(where: Where, values: Any) -> None:
        if len(values) == 1:
            where.add(f"{sql} = {{}}", values[0])
        else:
            where.add(f"{sql} = any({{}}::text[])", list(values))

    return add


def since(sql: str) -> Filter:
    """A moment on that day of Nairobi, or later."""
    return lambda where, day: where.add(f"{sql} >= {{}}", midnight(day))


def until(sql: str) -> Filter:
    """A moment on that day of Nairobi, or earlier."""
    return lambda where, day: where.add(f"{sql} < {{}}", midnight(day + timedelta(days=1)))


def midnight(day: date) -> datetime:
    """When that day begins in Nairobi."""
    return datetime.combine(day, time(), clock.NAIROBI)


def today() -> date:
    """The date in Nairobi."""
    return clock.nairobi_date(clock.now())
