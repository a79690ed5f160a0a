"""A page of a list: asked, read in one snapshot, given with the cursor of the next one.

Each statement is planned for its own values (what is right for a rare state is wrong for a frequent one)
and ends after STATEMENT_MS: what takes longer is refused, with what to do.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import asyncpg
import orjson
from pydantic import BaseModel

from services.api.cached import cached
from services.api.calls import Read
from services.api.lists import cursor, statement
from services.api.lists.listing import Listing, Sort, Value, Where, today
from services.api.lists.query import ListQuery
from services.api.lists.statement import Combination, Wanted
from services.api.problems import AWAY, INVALID

STATEMENT_MS = 5_000
EXACT_UP_TO = 10_000  # rows that are counted one by one
FEW = 2_000  # rows that are quicker read whole and sorted than looked for in another order
BEGIN = """
set local plan_cache_mode = force_custom_plan;
set local max_parallel_workers_per_gather = 0;
set local jit = off;
set local constraint_exclusion = on;
set local statement_timeout = {ms:d}
"""

P = TypeVar("P", bound=BaseModel)


@dataclass(slots=True)
class Found:
    """What a search (`q`) came to: how it changes the list. none: nothing can fit."""

    where: Where
    sort: str = ""
    none: bool = False


class Finder(Protocol):
    """How a list is searched: `look` reads what it needs and adds conditions."""

    async def look(self, connection: Any, text: str, where: Where) -> Found:
        """What to list for that text."""


@dataclass(slots=True)
class Asked:
    """A list as it is asked for: the statement's parts, and what its cursors are signed with."""

    wanted: Wanted
    about: bytes
    none: bool = False


async def page(
    call: Read, listing: Listing, query: ListQuery, answer: type[P], finder: Finder | None = None
) -> P:
    """The page that is asked for; kept in the cache while nothing of it changes."""

    async def make() -> P:
        async with snapshot(call) as connection:
            return answer.model_validate(await _read(call, connection, listing, query, finder))

    if not listing.tags:
        return await make()
    return await cached(call, (listing.name, today(), query), listing.tags, answer, make)


@asynccontextmanager
async def snapshot(call: Read, ms: int = STATEMENT_MS) -> AsyncIterator[Any]:
    """A connection that reads one moment and changes nothing. Raises AWAY for what takes too long."""
    try:
        async with (
            call.desk.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(BEGIN.format(ms=ms))
            yield connection
    except asyncpg.QueryCanceledError:
        raise AWAY.of("This took too long. Narrow it: a status, a person, or fewer days.") from None


async def asked(connection: Any, listing: Listing, query: Any, finder: Finder | None) -> Asked:
    """The list as the query wants it."""
    where = Where()
    chosen: str = query.sort
    none, few = False, getattr(query, "user_id", None) is not None
    if finder is not None and query.q is not None:
        found = await finder.look(connection, query.q, where)
        chosen, none = found.sort or chosen, found.none
        few = few or not found.sort
    sort = listing.chosen(chosen)
    if few and not sort.window:
        sort = replace(sort, alone=True)  # of one person, loan or receipt: they have an index of their own
    if sort.window and query.skip:
        what = "is not for a search by name; go on with `cursor`"
        raise INVALID.of(f"query.skip: {what}.", [{"where": "query.skip", "what": what}])
    by_branch = () if sort.alone or sort.window else tuple(branch.filter for branch in listing.branches)
    for name, add in listing.filters.items():
        value = getattr(query, name)
        if name not in by_branch and value is not None and value != []:
            add(where, value)
    there = await _there(connection, listing, sort)
    combinations = statement.combined(listing, sort, query, there)
    whole = await _few(connection, listing, sort, query, combinations)
    about = query.model_dump(mode="json", exclude={"cursor", "limit", "skip", "total", "format"})
    signed = orjson.dumps([listing.name, chosen, about], option=orjson.OPT_SORT_KEYS)
    return Asked(Wanted(listing, sort, where, combinations, whole), signed, none or not combinations)


async def fetch(
    connection: Any, wanted: Wanted, after: Sequence[Value] | None, limit: int, skip: int = 0
) -> tuple[list[Any], list[Value] | None]:
    """Up to `limit` rows behind a place, and the place to go on from; None when there are no more."""
    rows = await _passed(connection, wanted, after, limit + 1, skip)
    if len(rows) > limit:
        return rows[:limit], place(rows[limit - 1], wanted.sort)
    if not wanted.sort.window:
        return rows, None
    sql, values = statement.window_end(wanted, after, wanted.sort.window - 1)
    end = await connection.fetchrow(sql, *values)
    return rows, None if end is None else [*end, *[statement.LAST_ID] * (len(wanted.sort.keys) - 2)]


async def _passed(
    connection: Any, wanted: Wanted, after: Sequence[Value] | None, limit: int, skip: int
) -> list[Any]:
    """The rows behind a place, over both passes of a sort that may miss its key."""
    found: list[Any] = []
    for part in statement.passes(wanted.sort, after):
        if len(found) >= limit:
            break
        sql, values = statement.page(wanted, part, limit - len(found), skip)
        rows = await connection.fetch(sql, *values)
        found += rows
        if skip and not rows:  # all of this pass is skipped, and the rest of `skip` is of the next one
            sql, values = statement.counted(wanted, skip, part)
            skip -= await connection.fetchval(sql, *values)
        else:
            skip = 0
    return found


def place(row: Any, sort: Sort) -> list[Value]:
    """The keys of a row: what a cursor holds."""
    return [*(row[f"k{number}"] for number in range(len(sort.keys) - 1)), row["own_id"]]


async def _read(
    call: Read, connection: Any, listing: Listing, query: ListQuery, finder: Finder | None
) -> dict[str, Any]:
    made = await asked(connection, listing, query, finder)
    wanted = made.wanted
    after = None
    if query.cursor is not None:
        after = cursor.read(query.cursor, wanted.sort.keys, made.about, call.desk.secret)
    rows, onwards = (
        ([], None) if made.none else await fetch(connection, wanted, after, query.limit, query.skip)
    )
    answer: dict[str, Any] = {
        "items": [listing.shown(row) for row in rows],
        "next": None if onwards is None else cursor.write(onwards, made.about, call.desk.secret),
    }
    if query.total:
        total, exact = (0, True) if made.none else await _total(connection, wanted)
        answer |= {"total": total, "total_is_exact": exact}
    return answer


async def _total(connection: Any, wanted: Wanted) -> tuple[int, bool]:
    """How many rows fit; above EXACT_UP_TO what PostgreSQL expects, which is said. A search looks at so many
    people, and is exact when there are no more of that name."""
    sql, values = statement.counted(wanted, EXACT_UP_TO + 1)
    count = await connection.fetchval(sql, *values)
    exact = count <= EXACT_UP_TO
    if exact and wanted.sort.window:
        sql, values = statement.window_end(wanted, None, EXACT_UP_TO)
        exact = await connection.fetchrow(sql, *values) is None
    if exact:
        return count, True
    sql, values = statement.estimated(wanted)
    plan = orjson.loads(await connection.fetchval(f"explain (format json) {sql}", *values))
    return max(int(plan[0]["Plan"]["Plan Rows"]), count), False


async def _few(
    connection: Any, listing: Listing, sort: Sort, query: Any, combinations: Sequence[Combination]
) -> set[Combination]:
    """The combinations of which no more than FEW rows fit a filter that another order answers."""
    few: set[Combination] = set()
    if sort.alone or sort.window or not combinations:
        return few
    for name, filters in listing.narrow.items():
        if name in listing.sorts and listing.sorts[name].keys == sort.keys:
            continue
        where = Where()
        for each in filters:
            if getattr(query, each) is not None:
                listing.filters[each](where, getattr(query, each))
        if where.terms:
            sql, values = statement.fitting(Wanted(listing, sort, where, combinations), FEW + 1)
            few |= {
                combinations[row["place"]]
                for row in await connection.fetch(sql, *values)
                if row["rows"] <= FEW
            }
    return few


async def _there(connection: Any, listing: Listing, sort: Sort) -> list[tuple[str, ...]] | None:
    """The values of branches that the table has together, for a list whose branches have no closed list."""
    if not listing.combinations or sort.alone or sort.window:
        return None
    return [tuple(row) for row in await connection.fetch(listing.combinations)]
