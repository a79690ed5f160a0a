"""The plans of lists, shortened for people: what each filter reads, with rows and milliseconds."""

import random
import re
from typing import Any

import asyncpg

from loadtests.bench import lists, lists_asked
from services.api.lists import statement
from services.api.lists.listing import Listing
from services.api.lists.pages import BEGIN, Finder, asked

MOST_ALIKE = 2  # branches of a merge that are shown
# A scan, of this table or index; or a branch, which ends at the page.
_NODE = re.compile(r"\s+->  (Limit|\w+(?: \w+)*? (?:using|on) \w+)")
_TOLD = re.compile(
    r"\s*(->|Planning Time|Execution Time|Index Cond|Sort Key|Filter|Rows Removed|Heap Fetches)"
)
_COSTS = re.compile(r" \(cost=[^)]*\)")
_ROWS = re.compile(r"\(actual time=[\d.]+\.\.([\d.]+) rows=([\d.]+) loops=(\d+)\)")


async def explain(url: str) -> list[tuple[str, str]]:
    """For each list and filter: what was asked, and its plan."""
    chance = random.Random(lists.SEED)
    plans = []
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection:
            seen = await lists_asked.sample(connection)
        for name, operation in lists.operations().items():
            listing = lists.listing_of(operation)
            finder = vars(__import__(operation.handler.__module__, fromlist=["x"])).get("FINDER")
            for filter_name, draw in [("all", None), *lists_asked.FILTERS[name].items()]:
                values = {} if draw is None else draw(chance, seen)
                assert operation.query is not None
                query = operation.query.model_validate(values)
                if getattr(query, "q", None) is not None and finder is None:
                    continue
                said = ", ".join(f"{key}={value}" for key, value in values.items())
                async with pool.acquire() as connection:
                    lines = await _plan(connection, listing, query, finder)
                plans.append((f"{name}: {filter_name}", f"{said}\n{shortened(lines)}".strip()))
    return plans


async def _plan(connection: Any, listing: Listing, query: Any, finder: Finder | None) -> list[str]:
    async with connection.transaction(readonly=True):
        await connection.execute(BEGIN.format(ms=60_000))
        made = await asked(connection, listing, query, finder)
        if made.none:
            return ["Nothing can fit, so nothing is read."]
        part = next(iter(statement.passes(made.wanted.sort, None)))
        sql, bound = statement.page(made.wanted, part, 51)
        return [row[0] for row in await connection.fetch(f"explain (analyze, buffers off) {sql}", *bound)]


def shortened(lines: list[str]) -> str:
    """A plan without costs, without what never ran, and with few of many branches that are alike."""
    kept: list[str] = []
    hidden: int | None = None  # the depth of a node that is left out, with all below it
    alike: dict[tuple[int, str], int] = {}
    left_out = 0
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if hidden is not None and depth > hidden:
            continue
        hidden = None
        node = _NODE.match(line)
        if node is not None:
            kind = (depth, node[1])
            alike[kind] = alike.get(kind, 0) + 1
            if "(never executed)" in line or alike[kind] > MOST_ALIKE:
                hidden = depth
                left_out += "(never executed)" not in line
                continue
        if left_out and (node is not None or depth == 0):
            kept.append(f"{' ' * (depth + 2)}… and {left_out} more like these")
            left_out = 0
        if node is not None or depth == 0 or _TOLD.match(line):
            kept.append(_told(line))
    return "\n".join(kept)


def _told(line: str) -> str:
    line = _COSTS.sub("", line)
    line = _ROWS.sub(lambda found: f"({found[1]} ms, {float(found[2]):g} rows, {found[3]} times)", line)
    return line if len(line) <= 160 else line[:157] + "…"
