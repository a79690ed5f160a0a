"""Keeps the day rows of analytics: what was written since the last time is added to them.

Journals, moves of loans and decisions never change once they are written, and each says in which transaction
it was. Transactions before the oldest that is still writing are over, and all of theirs can be seen; so each
run takes what was written from where the last one stopped up to there. Nothing is counted twice or left out,
whatever commits in which order, and however late a payment of an earlier day is booked: it is added to its
own day. What is owed now is kept by loan, for those loans that something happened to, and summed by due date,
from which days past due follow on any day.

A beat job runs it every minute. Whoever reads figures that are older than FRESH_S runs it too, so figures
are true within a minute though no worker runs. One process at a time; the others read what is there.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from services import clock
from services.analytics import rollup_queries as queries
from services.loans import books

LOCK = 86655
FRESH_S = 45.0
LIMITS_EVERY = timedelta(minutes=10)  # they are read off all borrowers
RECENT_DAYS = 2  # messages of so many days are counted anew

# What settles a debt with money, and what takes such a payment off again.
PAYMENTS = (books.REPAYMENT, books.MATCHED, books.CREDIT_USED, books.UNDONE)
MOVES_MONEY = (books.DISBURSEMENT, books.REPAYMENT, books.MATCHED)

log = structlog.get_logger("umoja.analytics")


async def catch_up(connection: Any, now: datetime | None = None) -> bool:
    """Count what was written since the last time. False when another process does it just now.

    The connection is in no transaction. A first run over millions of loans takes minutes: run it by a
    connection without a time limit.
    """
    now = now or clock.now()
    async with connection.transaction():
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", LOCK):
            return False
        run = await connection.fetchrow(queries.RANGE)
        span = run["since"], run["upto"]
        for statement, extra in _STEPS:
            await connection.execute(statement, *span, *extra)
        await connection.execute(queries.STANDING_EMPTY)
        today = clock.nairobi_date(now)
        recent = date.min if run["first"] else today - timedelta(days=RECENT_DAYS)
        await connection.execute(queries.MESSAGES, recent)
        if now - LIMITS_EVERY > run["limits_at"]:
            await connection.execute(queries.LIMITS, today)
            await connection.execute(queries.LIMITS_DONE, now)
        await connection.execute(queries.ADVANCE, run["upto"], now)
    return True


async def keep_month(connection: Any, today: date) -> date | None:
    """Keep the portfolio by vintage at the end of one month that has none, from the ledger; which day it
    was, or None when all have. For a job: it reads everything booked since that day."""
    day: date | None = await connection.fetchval(queries.UNKEPT_MONTH, today)
    if day is not None:
        await connection.execute(queries.KEEP_MONTH, day)
    return day


async def fresh(connection: Any) -> datetime:
    """See to it that figures are no older than FRESH_S. Gives when they were true."""
    at: datetime = await connection.fetchval("select at from rollup")
    if clock.now() - at > timedelta(seconds=FRESH_S) and await catch_up(connection):
        return clock.now()
    return at


_STEPS: Sequence[tuple[str, Sequence[Any]]] = (
    (queries.LOANS, ()),
    (queries.MONEY, ()),
    (queries.COLLECTED, (list(PAYMENTS),)),
    (queries.WAITS, ()),
    (queries.STANDING, ()),
    (queries.ACTIVE, (list(MOVES_MONEY),)),
)
