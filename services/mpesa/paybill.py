"""The paybill's side that we ask for: where it tells us of payments, and the list of them afterwards.

URLs are registered once: what was registered is kept, and only new URLs are registered anew. Pulling
brings payments whose callbacks never came; those that did are known by their receipts.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from services import alerts, clock
from services.mpesa import queries, repayments, told
from services.mpesa.client import Daraja
from services.mpesa.outcomes import Accepted, Outcome

LONGEST = timedelta(hours=47)  # M-Pesa keeps 48
SKEW = timedelta(minutes=1)  # M-Pesa's clock may be before ours
PAGES = 1000  # of up to 100 rows: more than any two days

log = structlog.get_logger("umoja.mpesa")


async def register(pool: Any, client: Daraja) -> list[str]:
    """Register what is not registered under these URLs. Gives what was."""
    wanted: tuple[tuple[str, Callable[[], Awaitable[Outcome]], str], ...] = (
        ("c2b", client.register_paybill, client.callback("confirmation")),
        ("pull", client.register_pull, client.callback("pull")),
    )
    done = []
    for what, ask, url in wanted:
        digest = hashlib.sha256(f"{client.settings.url} {client.settings.paybill} {url}".encode()).digest()
        if await pool.fetchval(queries.IS_REGISTERED, what, digest):
            continue
        outcome = await ask()
        if isinstance(outcome, Accepted):
            await pool.execute(queries.KEEP_REGISTRATION, what, digest)
            done.append(what)
        else:
            # Live, URLs are registered once: to change them they are first deleted on the portal.
            alerts.tell(log, "urls_not_registered", what=what, code=getattr(outcome, "code", ""))
    return done


async def pull(
    pool: Any, client: Daraja, back: timedelta = LONGEST, until: datetime | None = None
) -> dict[str, int]:
    """Ask for the payments of so long, until then or now, and book those that we do not know. Gives how
    many of each."""
    until = (until or clock.now()) + SKEW
    since = until - min(back, LONGEST)
    counts: dict[str, int] = {}
    offset = 0
    for _ in range(PAGES):
        outcome = await client.pull(since, until, offset)
        if not isinstance(outcome, Accepted):
            counts["unanswered"] = 1
            break
        rows = rows_of(outcome)
        for row in rows:
            made = await _take(pool, row)
            counts[made] = counts.get(made, 0) + 1
        if not rows:
            break
        offset += len(rows)
    return counts


def rows_of(outcome: Accepted) -> list[dict[str, Any]]:
    """The rows of a page: M-Pesa sends a list in a list."""
    held = outcome.body.get("Response") or []
    held = held[0] if held and isinstance(held[0], list) else held
    return [row for row in held if isinstance(row, dict) and row]


async def _take(pool: Any, row: dict[str, Any]) -> str:
    try:
        payment = told.pulled(row)
    except told.ToldError as error:
        alerts.tell(log, "pulled_makes_no_sense", why=str(error))
        return "unreadable"
    async with pool.acquire() as connection, connection.transaction():
        return await repayments.received(connection, payment)
