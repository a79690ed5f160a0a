"""A borrower's score and limit as they are kept beside their name, for lists and messages.

What counts when somebody applies is judged then, from the record. This only keeps the last answer fresh:
after a loan is paid back the limit may be a step up the ladder.
"""

from datetime import date, timedelta
from typing import Any

from services.loans import day_queries, queries
from services.loans.eligibility import judge, standing
from services.loans.terms import Terms
from services.sms import notices


async def refresh(connection: Any, terms: Terms, msisdn: str, today: date) -> bool:
    """Judge a borrower again and keep score and limit. False for a number that was never here.

    Who may borrow more than was last kept is told.
    """
    seen = await standing(connection, msisdn, terms, today)
    if seen is None:
        return False
    judgement = judge(terms, seen, today)
    shown, limit = judgement.assessment.shown, judgement.limit_cents
    before = await connection.fetchval(queries.LOCK_LIMIT, seen.borrower_id)
    await connection.execute(queries.KEEP_SCORE, seen.borrower_id, shown, limit)
    if judgement.verdict == "ok" and 0 < before < limit:
        every = terms.rules.contact.limit_days
        await notices.limit_raised(connection, seen.borrower_id, limit, today, every)
    return True


async def refresh_closed(connection: Any, terms: Terms, day: date) -> int:
    """Everybody whose loan was paid back on that day. Gives how many."""
    rows = await connection.fetch(day_queries.CLOSED_ON, day)
    for row in rows:
        async with connection.transaction():
            await refresh(connection, terms, row["msisdn"], day + timedelta(days=1))
    return len(rows)
