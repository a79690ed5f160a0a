"""A list as data: where its rows come from, what may be filtered and sorted by, how a row is shown.

key      what a list is sorted by: a column, and whether it may be missing. The last key of a sort is
         the row's own id, so that every row has a place of its own
filter   what a value of the query string asks for, as SQL
branch   a column that leads the indexes: each of its values is walked apart, in order, no further than the
         page needs, and the walks are merged. So `status` is quick for one, some and all of its values
narrow   filters by which so few rows may fit that they are all read and sorted, instead of walking the order
         asked for past everything else until a page is full
window   how many rows of a search are looked at for a page: one may be short, and have a next one
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from services import clock

Value = int | str | date | datetime | None


@dataclass(slots=True)
class Where:
    """Conditions, and the values they speak of. found: those of a search, on the rows of its window; they
    come first. implied: what follows from them, said beside a branch only, so that PostgreSQL sees which
    branch cannot be; elsewhere it would be read of each row for nothing."""

    terms: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    of_search: int = 0  # how many of the values are theirs
    implied: list[str] = field(default_factory=list)

    def copy(self) -> "Where":
        """One to add to."""
        return Where([*self.terms], [*self.values], [*self.found], self.of_search, [*self.implied])

    def search(self) -> "Where":
        """The search alone."""
        return Where([], self.values[: self.of_search], [*self.found], self.of_search)

    def bind(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, *values: Any) -> None:
        """A condition that must hold, with {} for each value."""
        self.terms.append(condition.format(*(self.bind(value) for value in values)))

    def beside(self, branch: Sequence[str]) -> list[str]:
        """All conditions of the rows of a branch."""
        return [*branch, *(self.implied if branch else ()), *self.terms]

    def find(self, condition: str, *values: Any) -> None:
        """A condition on the rows of a search's window, before all others."""
        assert len(self.values) == self.of_search, "a search says its window first"
        self.found.append(condition.format(*(self.bind(value) for value in values)))
        self.of_search = len(self.values)


Filter = Callable[[Where, Any], None]


@dataclass(slots=True, frozen=True)
class Key:
    """What rows are put in order by. kind: int, str, date or datetime. because: a column that is missing
    exactly when the key is, if it is not the column itself: then PostgreSQL sees what cannot be."""

    sql: str
    kind: type
    nullable: bool = False
    because: str = ""


@dataclass(slots=True, frozen=True)
class Sort:
    """An order. Only the first key may be missing; rows without it come last, whichever way it goes.

    alone: no branches here. window: of a search, how many rows of the table `of` are looked at for a page, in
    the order of the first two keys; joined: how the list's own rows are found from them.
    """

    keys: tuple[Key, ...]
    descending: bool = False
    alone: bool = False
    window: int = 0
    of: str = ""
    joined: str = ""


@dataclass(slots=True, frozen=True)
class Branch:
    """A column that leads the indexes. filter: the field of the query that asks for some of its values. With
    all its `values`, it is walked apart always; without, when it is asked for. said: what each value means,
    if it is no column's."""

    sql: str
    filter: str
    values: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)

    def condition(self, value: str) -> str:
        """The value as a condition. It stands in the text: there are few, and the planner is to see them."""
        return self.said[value] if self.said else f"{self.sql} = '{value.replace(chr(39), chr(39) * 2)}'"


@dataclass(slots=True, frozen=True)
class Column:
    """A column of an export: its heading, the field of the row, and what it is."""

    heading: str
    field: str
    kind: str = "text"  # or number, money (cents, shown as shillings), date, moment


@dataclass(slots=True, frozen=True)
class Listing:
    """A list. table: its rows; id: their own key. select and joins: what is read of those on a page, which
    is called `page` and has `page.id`. combinations: a query for the values its branches have in fact.
    narrow: filters that an index of their own answers, by what that is in the order of: a sort, if there is
    one, that needs no such help."""

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
    narrow: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def chosen(self, name: str) -> Sort:
        """A sort by its name: `-amount` is the largest first."""
        if name in self.sorts:
            return self.sorts[name]
        plain = self.sorts[name.removeprefix("-")]
        return Sort(plain.keys, True, plain.alone)


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
