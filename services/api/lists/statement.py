"""One SQL statement for a page of a list.

    select …                                 -- what is shown, of the rows of the page only
    from (
        select id as id, key as k0           -- one such query for each combination of the branches, each in
        from loan                            -- the order of an index; PostgreSQL merges them, and stops
        where state = 'overdue' and …        -- after the last row of the page
        union all …
        order by k0, id
        limit 51
    ) as page
    join …
    order by page.k0, page.id

A sort whose first key may be missing has two passes: rows that have it, then those that do not.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.api.lists.listing import Listing, Sort, Value, Where

Combination = tuple[tuple[str, str], ...]  # of (column, value)
ANY: tuple[Combination, ...] = ((),)


@dataclass(slots=True, frozen=True)
class Wanted:
    """What is asked of a list: the sort, the conditions, which combinations of the branches."""

    listing: Listing
    sort: Sort
    where: Where
    combinations: Sequence[Combination] = ANY


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


def page(wanted: Wanted, part: Pass, limit: int | None, skip: int = 0) -> tuple[str, list[Any]]:
    """The statement of a page, and its values. limit None: all of it."""
    listing, sort = wanted.listing, wanted.sort
    keys = [f"page.k{place}" for place in range(len(sort.keys) - 1)]
    order = _order([*keys, "page.id"], sort)
    inner, values = rows(wanted, part, limit, skip)
    shown = ", ".join(f"{key} as {key[5:]}" for key in keys)
    return (
        f"select {listing.select}, {shown + ', ' if shown else ''}page.id as own_id\n"
        f"from (\n{inner}\n) as page\n{listing.joins}\norder by {order}",
        values,
    )


def rows(wanted: Wanted, part: Pass, limit: int | None, skip: int = 0) -> tuple[str, list[Any]]:
    """The keys of the rows of a page, in order."""
    sort = wanted.sort
    where = Where(list(wanted.where.terms), list(wanted.where.values))
    _go_on(where, sort, part)
    named = [f"{key.sql} as k{place}" for place, key in enumerate(sort.keys[:-1])]
    columns = ", ".join([f"{sort.keys[-1].sql} as id", *named])
    order = _order([*(f"k{place}" for place in range(len(named))), "id"], sort)
    selects = [
        f"select {columns}\nfrom {sort.rows or wanted.listing.table}{_all([*_literally(each), *where.terms])}"
        for each in wanted.combinations
    ]
    text = "\nunion all\n".join(selects) + f"\norder by {order}"
    if limit is not None:
        text += f"\nlimit {limit:d}"
    if skip:
        text += f"\noffset {skip:d}"
    return text, where.values


def counted(wanted: Wanted, most: int | None, part: Pass | None = None) -> tuple[str, list[Any]]:
    """How many rows there are, up to `most`."""
    where = Where(list(wanted.where.terms), list(wanted.where.values))
    if part is not None:
        _go_on(where, wanted.sort, part)
    selects = [
        f"select 1\nfrom {wanted.sort.rows or wanted.listing.table}{_all([*_literally(each), *where.terms])}"
        for each in wanted.combinations
    ]
    text = "\nunion all\n".join(selects)
    if most is None:
        return text, where.values
    return f"select count(*)\nfrom (\n{text}\nlimit {most:d}\n) as counted", where.values


def combined(
    listing: Listing, sort: Sort, asked: Any, there: Sequence[Combination] | None
) -> list[Combination]:
    """The combinations to walk. there: those that the table has, when it was asked."""
    if sort.alone or not listing.branches:
        return [()]
    if there is not None:
        chosen = {branch.sql: getattr(asked, branch.filter) for branch in listing.branches}
        return [each for each in there if all(not chosen[sql] or value in chosen[sql] for sql, value in each)]
    axes = []
    for branch in listing.branches:
        values = getattr(asked, branch.filter) or branch.values
        if values:
            axes.append([(branch.sql, value) for value in dict.fromkeys(values)])
    return list(itertools.product(*axes))


def _go_on(where: Where, sort: Sort, part: Pass) -> None:
    """Only the rows of this part, behind the row it goes on from."""
    first = sort.keys[0].sql
    if part.missing is not None:
        where.add(f"{first} is {'' if part.missing else 'not '}null")
    if part.after is None:
        return
    keys, values = (sort.keys[1:], part.after[1:]) if part.missing else (sort.keys, part.after)
    names = ", ".join(key.sql for key in keys)
    marks = ", ".join("{}" for _ in keys)
    where.add(f"({names}) {'<' if sort.descending else '>'} ({marks})", *values)


def _order(names: Sequence[str], sort: Sort) -> str:
    return ", ".join(f"{name} desc" if sort.descending else name for name in names)


def _literally(combination: Combination) -> list[str]:
    """The values of branches stand in the text: there are few, and the planner is to see them."""
    return [f"{column} = '{value.replace(chr(39), chr(39) * 2)}'" for column, value in combination]


def _all(terms: Sequence[str]) -> str:
    return "\nwhere " + "\nand ".join(terms) if terms else ""
