"""One SQL statement for a page of a list.

    select …                                 -- what is shown, of the rows of the page only
    from (
        (select id as id, key as k0          -- one such query for each combination of the branches, each in
        from loan                            -- the order of an index and no longer than the page
        where state = 'overdue' and …
        order by k0, id
        limit 51)
        union all …
        order by k0, id
        limit 51
    ) as page
    join …
    order by page.k0, page.id

A sort whose first key may be missing has two passes: rows that have it, then those that do not. A search
looks at a window: so many rows of the words, in order, whatever else is asked for. A combination of which few
rows fit is read whole, behind `offset 0`, and sorted: PostgreSQL takes the filters for independent of the
branches, and would walk half a million loans in order for an amount that this product never had.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.api.lists.listing import Listing, Sort, Value, Where

Combination = tuple[str, ...]  # of conditions
LAST_ID = 2**63 - 1


@dataclass(slots=True, frozen=True)
class Wanted:
    """What is asked of a list: the sort, the conditions, which combinations of the branches. few: those of
    them that so few rows fit that all are read and sorted."""

    listing: Listing
    sort: Sort
    where: Where
    combinations: Sequence[Combination] = ((),)
    few: Collection[Combination] = ()


@dataclass(slots=True, frozen=True)
class Pass:
    """A part of the order. missing: of the rows without the first key. after: the keys to go on behind."""

    missing: bool | None = None
    after: Sequence[Value] | None = None


def passes(sort: Sort, after: Sequence[Value] | None) -> Iterator[Pass]:
    """The parts of the order that are still to come behind a row, first to last."""
    if not sort.keys[0].nullable:
        yield Pass(None, after)
        return
    if after is None or after[0] is not None:
        yield Pass(False, after)
        after = None
    yield Pass(True, after)


def page(wanted: Wanted, part: Pass, limit: int, skip: int = 0) -> tuple[str, list[Any]]:
    """The statement of a page, and its values."""
    listing, sort = wanted.listing, wanted.sort
    keys = [f"page.k{place}" for place in range(len(sort.keys) - 1)]
    inner, values = rows(wanted, part, limit, skip)
    shown = "".join(f"{key} as {key[5:]}, " for key in keys)
    return (
        f"select {listing.select}, {shown}page.id as own_id\n"
        f"from (\n{inner}\n) as page\n{listing.joins}\norder by {_order([*keys, 'page.id'], sort)}",
        values,
    )


def rows(wanted: Wanted, part: Pass, limit: int, skip: int = 0) -> tuple[str, list[Any]]:
    """The keys of the rows of a page, in order."""
    sort, where = wanted.sort, wanted.where.copy()
    source = _source(wanted, where, part.after, sort.window)
    _go_on(where, sort, part)
    named = [f"{key.sql} as k{place}" for place, key in enumerate(sort.keys[:-1])]
    columns = ", ".join([f"{sort.keys[-1].sql} as id", *named])
    order = f"order by {_order([*(f'k{place}' for place in range(len(named))), 'id'], sort)}"
    selects = [
        f"select {columns}\nfrom (select *\nfrom {source}{_all(where.beside(each))}\noffset 0) as {source}"
        if each in wanted.few
        else f"select {columns}\nfrom {source}{_all(where.beside(each))}"
        for each in wanted.combinations
    ]
    if len(selects) > 1:
        selects = [f"({each}\n{order}\nlimit {limit + skip:d})" for each in selects]
    text = "\nunion all\n".join(selects) + f"\n{order}\nlimit {limit:d}"
    return text + (f"\noffset {skip:d}" if skip else ""), where.values


def counted(wanted: Wanted, most: int, part: Pass | None = None) -> tuple[str, list[Any]]:
    """How many rows there are, up to `most`; of a search, in a window of so many."""
    where = wanted.where.copy()
    source = _source(wanted, where, None, most)
    if part is not None:
        _go_on(where, wanted.sort, part)
    text = _unordered(wanted, where, source)
    return f"select count(*)\nfrom (\n{text}\nlimit {most:d}\n) as counted", where.values


def fitting(wanted: Wanted, most: int) -> tuple[str, list[Any]]:
    """For each combination by its place: how many rows there are, up to `most`."""
    source = wanted.listing.table
    return "\nunion all\n".join(
        f"select {place:d} as place, count(*) as rows\nfrom (\nselect 1\n"
        f"from {source}{_all(wanted.where.beside(each))}\nlimit {most:d}\n) as counted"
        for place, each in enumerate(wanted.combinations)
    ), wanted.where.values


def estimated(wanted: Wanted) -> tuple[str, list[Any]]:
    """What to explain for an estimate of how many there are."""
    where = wanted.where.copy()
    return _unordered(wanted, where, _source(wanted, where, None, 0)), where.values


def window_end(wanted: Wanted, after: Sequence[Value] | None, window: int) -> tuple[str, list[Any]]:
    """The keys of the last row of a window; none when there are no more rows than it holds."""
    where = wanted.where.search()
    keys = ", ".join(key.sql for key in wanted.sort.keys[:2])
    text = _window(wanted.sort, where, after)
    return f"select {keys}\nfrom {text}\norder by {keys}\nlimit 1\noffset {window:d}", where.values


def combined(
    listing: Listing, sort: Sort, asked: Any, there: Sequence[Sequence[str]] | None
) -> list[Combination]:
    """The combinations to walk. there: the values that the table has together, when it was asked."""
    if sort.alone or sort.window or not listing.branches:
        return [()]
    chosen = [list(dict.fromkeys(getattr(asked, branch.filter))) for branch in listing.branches]
    if there is None:
        axes = [
            values or list(branch.values) for branch, values in zip(listing.branches, chosen, strict=True)
        ]
        pairs = [(branch, axis) for branch, axis in zip(listing.branches, axes, strict=True) if axis]
        held = itertools.product(*(axis for _, axis in pairs))
        return [_conditions([branch for branch, _ in pairs], each) for each in held]
    fits = [
        each
        for each in there
        if all(not some or value in some for some, value in zip(chosen, each, strict=True))
    ]
    return [_conditions(listing.branches, each) for each in fits]


def _conditions(branches: Sequence[Any], values: Sequence[str]) -> Combination:
    return tuple(branch.condition(value) for branch, value in zip(branches, values, strict=True))


def _unordered(wanted: Wanted, where: Where, source: str) -> str:
    selects = [f"select 1\nfrom {source}{_all(where.beside(each))}" for each in wanted.combinations]
    return "\nunion all\n".join(selects)


def _source(wanted: Wanted, where: Where, after: Sequence[Value] | None, window: int) -> str:
    """Where the rows come from: the list's table, or what a search finds. window 0: all of that."""
    sort = wanted.sort
    if not sort.window:
        return wanted.listing.table
    keys = ", ".join(key.sql for key in sort.keys[:2])
    limit = f"\norder by {keys}\nlimit {window:d}" if window else ""
    return f"(select *\nfrom {_window(sort, where, after)}{limit}) as {sort.of}\n{sort.joined}"


def _window(sort: Sort, where: Where, after: Sequence[Value] | None) -> str:
    """The rows that a search may look at, behind a place, which may be in the middle of one person's."""
    terms = list(where.found)
    if after is not None:
        keys = ", ".join(key.sql for key in sort.keys[:2])
        comparison = ">" if len(sort.keys) == 2 else ">="
        terms.append(f"({keys}) {comparison} ({where.bind(after[0])}, {where.bind(after[1])})")
    return f"{sort.of}{_all(terms)}"


def _go_on(where: Where, sort: Sort, part: Pass) -> None:
    """Only the rows of this part, behind the row it goes on from."""
    first = sort.keys[0]
    if part.missing is not None:
        for column in dict.fromkeys((first.sql, first.because or first.sql)):
            where.add(f"{column} is {'' if part.missing else 'not '}null")
    if part.after is None:
        return
    keys, values = (sort.keys[1:], part.after[1:]) if part.missing else (sort.keys, part.after)
    names = ", ".join(key.sql for key in keys)
    marks = ", ".join("{}" for _ in keys)
    where.add(f"({names}) {'<' if sort.descending else '>'} ({marks})", *values)


def _order(names: Sequence[str], sort: Sort) -> str:
    return ", ".join(f"{name} desc" if sort.descending else name for name in names)


def _all(terms: Sequence[str]) -> str:
    return "\nwhere " + "\nand ".join(terms) if terms else ""
