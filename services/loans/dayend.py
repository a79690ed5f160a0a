"""The end of a business day, closed exactly once and in order; a missed day is caught up.

Closing day D means that D is over in Nairobi. Over each loan that is late or bears interest, once:

    1. what D adds: interest for the night after it, or the penalty of a late day (accruals)
    2. the day that begins: due by D and unpaid → rolled over by itself, or overdue; the in duplum cap is
       set; non-performing after so many days; a write-off is proposed to people
Then payouts that came late and waited begin, limits follow what was paid back, and the portfolio is kept.

Loans are done a few hundred at a time, each batch in a transaction that also notes `day_done` on its
loans; so whoever goes on after a crash repeats nothing. A day that is caught up sees the ledger as it was
at its end: what counts for later days is left out. One process closes at a time.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import structlog

from services import clock
from services.ledger import journals
from services.ledger.journals import Journal
from services.loans import accruals, agreed, approvals, books, day_queries, lifecycle, limits, rollover
from services.loans.accruals import Debt
from services.loans.agreed import Agreed
from services.loans.servicing import begin_waiting
from services.loans.terms import Terms

BATCH = 200
ACTOR = "dayend"
LOCK = 86653  # beside the migrator's, which is "umoja" on a phone's keypad

log = structlog.get_logger("umoja.money")


class DayNotOverError(Exception):
    """A business day is closed when it is over, and in order: the day after the last one closed."""


class BusyError(Exception):
    """Another process is closing a business day."""


async def catch_up(connection: Any, now: datetime | None = None, terms: Terms | None = None) -> list[date]:
    """Close every day that is over and is not closed, in order. Gives the days it closed.

    The connection is in no transaction. terms are those on sale, for the limits; without them limits
    are left as they are.
    """
    now = now or clock.now()
    yesterday = clock.nairobi_date(now) - timedelta(days=1)
    closed = []
    async with _alone(connection):
        day = await connection.fetchval(day_queries.NEXT_DAY, yesterday)
        while day <= yesterday:
            await _close(connection, day, now, terms)
            closed.append(day)
            day += timedelta(days=1)
    return closed


async def close_day(
    connection: Any, day: date, now: datetime | None = None, terms: Terms | None = None
) -> bool:
    """Close one day. False when it was closed. Raises DayNotOverError when it is not its turn."""
    now = now or clock.now()
    async with _alone(connection):
        if await connection.fetchval(day_queries.IS_CLOSED, day):
            return False
        expected = await connection.fetchval(day_queries.NEXT_DAY, day)
        if day >= clock.nairobi_date(now) or day != expected:
            raise DayNotOverError(f"{day} cannot be closed now; the next one is {expected}.")
        await _close(connection, day, now, terms)
        return True


async def _close(connection: Any, day: date, now: datetime, terms: Terms | None) -> None:
    counts: Counter[str] = Counter()
    while done := await _batch(connection, day):
        counts.update(done)
    for row in await connection.fetch(day_queries.WAITING_LATE):
        async with connection.transaction():
            counts["begun_late"] += await begin_waiting(connection, row["loan_id"], now, ACTOR)
    if terms is not None:
        counts["limits"] = await limits.refresh_closed(connection, terms, day)
    kept = dict(counts)
    async with connection.transaction():
        await connection.execute(day_queries.CLOSE, day, orjson.dumps(kept).decode())
        await connection.execute(day_queries.KEEP_PORTFOLIO, day)
    log.info("business_day_closed", day=day.isoformat(), **kept)


async def _batch(connection: Any, day: date) -> Counter[str]:
    """The next loans that the day's end has not passed over yet; empty when there is none."""
    counts: Counter[str] = Counter()
    async with connection.transaction():
        loans = await connection.fetch(day_queries.LOANS_OF_DAY, day, BATCH)
        if not loans:
            return counts
        ids = [loan["id"] for loan in loans]
        debts = await accruals.debts_on(connection, ids, day)
        charges = [entry for loan in loans if (entry := _charge(loan, debts, day)) is not None]
        counts["charged"] = await journals.write_many(connection, charges)
        for loan in loans:
            counts.update(await _next_day(connection, loan, debts[loan["id"]], day + timedelta(days=1)))
        await connection.execute(day_queries.DONE, ids, day)
        counts["loans"] = len(loans)
    return counts


def _charge(loan: Any, debts: Mapping[int, Debt], day: date) -> Journal | None:
    """The journal of what the day adds to a loan; the debt then counts it."""
    charge = accruals.of_day(loan, agreed.of(loan), debts[loan["id"]], day)
    if charge is None:
        return None
    debts[loan["id"]].add(charge)
    return books.charged(loan, charge.kind, charge.key, charge.cents, charge.excise_cents, day)


async def _next_day(connection: Any, loan: Any, debt: Debt, begins: date) -> list[str]:
    """What a loan is on the day that begins. Gives the names of what happened."""
    terms, late_days = agreed.of(loan), (begins - loan["due_on"]).days
    if late_days < 1:
        return []
    happened, state = [], loan["state"]
    if state == "active" and terms.rollover_by == "itself":
        offered = rollover.offer(loan, terms, debt, begins - timedelta(days=1))
        if offered is not None:
            await rollover.book(connection, loan, offered, begins, ACTOR)
            return ["rolled_over"]
    if await accruals.cap(connection, loan, terms, debt, begins) is not None:
        happened.append("capped")
    if state == "active":
        state = await lifecycle.make(connection, loan["id"], state, "fall_due", ACTOR)
        happened.append("overdue")
    if state == "overdue" and late_days >= terms.non_performing_days:
        state = await lifecycle.make(connection, loan["id"], state, "stop_performing", ACTOR)
        happened.append("non_performing")
    if state == "non_performing" and await _propose_write_off(connection, loan, terms, debt, late_days):
        happened.append("write_off_proposed")
    return happened


async def _propose_write_off(connection: Any, loan: Any, terms: Agreed, debt: Debt, late_days: int) -> bool:
    """Ask people, once: when they have said no, it is for them to propose it again."""
    if late_days < terms.write_off_days:
        return False
    if await approvals.ever_proposed(connection, approvals.WRITE_OFF, loan["ref"]):
        return False
    owed = sum(debt.owed.values())
    request = approvals.Request(
        approvals.WRITE_OFF, loan["ref"], owed, f"{late_days} days past due", loan_id=loan["id"]
    )
    await approvals.propose(connection, request, ACTOR)
    return True


@asynccontextmanager
async def _alone(connection: Any) -> AsyncIterator[None]:
    """Nobody else closes days meanwhile. The lock is the connection's: it ends with it."""
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        raise BusyError(BusyError.__doc__)
    try:
        yield
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)
