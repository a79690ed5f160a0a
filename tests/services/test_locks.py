"""Locks that are taken at once: nobody waits for each other in a circle."""

import asyncio
from datetime import timedelta

from services import clock
from services.loans import queries, servicing
from tests.services.lending import TODAY, close_until, lent, owed
from tests.services.world import Phone, assert_books_right

WAITING = """
select exists (
    select 1
    from pg_stat_activity
    where datname = current_database()
    and wait_event_type = 'Lock'
)
"""


async def test_a_payment_in_the_middle_of_a_days_end_is_no_circle(borrower: Phone) -> None:
    """The payment has the borrower and wants the loan; the day's end has the loan, and writes a journal that
    names the borrower."""
    pool = borrower.pool
    ref = await lent(borrower, TODAY - timedelta(days=10))
    loan_id = await borrower.loan_id(ref)
    async with pool.acquire() as connection, connection.transaction():
        whose = await connection.fetchval(queries.BORROWER_OF, loan_id)
        await connection.fetchval(queries.LOCK_BORROWER_BY_ID, whose)
        night = asyncio.create_task(close_until(pool, TODAY - timedelta(days=1)))
        while not night.done() and not await pool.fetchval(WAITING):
            await asyncio.sleep(0.01)
        await servicing.paid_back(connection, loan_id, 100_000, "QKA1B2C3D4", clock.now(), None, "test")

    assert len(await night) == 40
    assert sum((await owed(borrower, ref)).values()) == 590_000 + 30_000 - 100_000
    await assert_books_right(pool)
