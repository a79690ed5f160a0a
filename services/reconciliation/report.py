"""What a run found, as data: for `ussd reconcile`, for REST, and in words for a terminal."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson

from services.clock import NAIROBI
from services.reconciliation import break_queries, run_queries

OUTCOMES = ("matched", "ours_only", "theirs_only", "amount_differs", "date_differs", "reversed")
WORDS = {
    "matched": "matched",
    "ours_only": "only in our books",
    "theirs_only": "only at M-Pesa",
    "amount_differs": "amount differs",
    "date_differs": "date differs",
    "reversed": "reversed at M-Pesa",
}


async def run(connection: Any, run_id: int) -> dict[str, Any] | None:
    """A run with its totals: counts, ours and theirs by outcome, balances, and how much is open."""
    row = await connection.fetchrow(run_queries.RUN, run_id)
    if row is None:
        return None
    found = _shown(row)
    found["open"] = await connection.fetchval(break_queries.OPEN_OF_RUN, run_id)
    return found


async def runs(connection: Any, before: int | None = None, most: int = 50) -> list[dict[str, Any]]:
    """The latest runs, newest first, from before that number on."""
    return [_shown(row) for row in await connection.fetch(run_queries.RUNS, before, most)]


async def items(connection: Any, run_id: int, outcome: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """The items of a run in the order of time. The connection is in a transaction."""
    async for row in connection.cursor(run_queries.ITEMS, run_id, outcome, prefetch=500):
        yield dict(row)


def is_open(found: dict[str, Any]) -> bool:
    """Whether anybody has to look: something is in the queue, M-Pesa did not answer all, the statement
    lacks lines, or the balances at its end differ."""
    differs = found["closing_cents"] is not None and found["closing_cents"] != found["books_closing_cents"]
    return bool(found["open"] or found["missing_cents"] or found["state"] != "done" or differs)


def text(found: dict[str, Any]) -> Iterator[str]:
    """The report in lines."""
    since, until = (found[name].astimezone(NAIROBI) for name in ("period_from", "period_to"))
    yield f"Run {found['id']}: {found['source']}, {found['account']} account of {found['shortcode']}"
    yield f"  {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}, {found['lines']:,} lines"
    if found["copies"]:
        yield f"  {found['copies']:,} lines were there twice, and count once"
    for outcome in OUTCOMES:
        number = found["counts"].get(outcome, 0)
        if number:
            sums = found["ours"][outcome], found["theirs"][outcome]
            yield f"  {WORDS[outcome]:20} {number:8,}   ours {money(sums[0])}   theirs {money(sums[1])}"
    if found["booked"]:
        yield f"  {found['booked']:,} payments that only M-Pesa knew are booked"
    if found["charges_cents"]:
        yield f"  charges that only M-Pesa knew are booked: {money(found['charges_cents'])}"
    if found["missing_cents"]:
        yield f"  the statement is not whole: its lines lack {money(found['missing_cents'])}"
    if found["closing_cents"] is not None:
        for name in ("opening", "closing"):
            theirs, ours = found[f"{name}_cents"], found[f"books_{name}_cents"]
            yield f"  {name} balance {money(theirs)}, our books {money(ours)}: {_differs(theirs, ours)}"
    if found["state"] != "done":
        yield "  M-Pesa did not answer everything: look again later"
    yield f"  {found['open']} open" if found["open"] else "  nothing is open"


def money(cents: int | None) -> str:
    """KES with cents, to the cent."""
    if cents is None:
        return "unknown"
    sign = "-" if cents < 0 else ""
    return f"{sign}KES {abs(cents) // 100:,}.{abs(cents) % 100:02}"


def _differs(theirs: int | None, ours: int | None) -> str:
    if theirs == ours:
        return "the same"
    if theirs is None or ours is None:
        return "unknown"
    return f"they differ by {money(theirs - ours)}"


def _shown(row: Any) -> dict[str, Any]:
    found = dict(row)
    for name in ("counts", "ours", "theirs"):
        found[name] = orjson.loads(found[name])
    found["identity"] = bytes(found["identity"]).hex()
    return found
