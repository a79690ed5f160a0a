"""What happens to a loan after the application: the money went out, or did not, or comes back.

Each function works inside the caller's transaction and may be called again with the same news: the
second time it changes nothing. Whoever talks to M-Pesa brings the news.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services import clock
from services.ledger import accounts, holds, journals
from services.ledger import queries as ledger_queries
from services.loans import books, lifecycle, queries


async def paid_out(connection: Any, loan_id: int, at: datetime, order: Sequence[str], actor: str) -> bool:
    """The payout succeeded at that time: the term begins. False when that was known.

    The borrower's credit settles what it can at once, in that order. It may hold a payment for this very
    loan: money can arrive, and be paid back, before M-Pesa tells us.
    """
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if not await holds.settle(connection, loan["ref"], "posted"):
        return False
    due = clock.nairobi_date(at) + timedelta(days=loan["term_days"])
    await connection.execute(queries.SET_DUE, loan_id, at, due)
    state = await lifecycle.make(connection, loan_id, loan["state"], "pay_out", actor)
    await journals.write(connection, books.paid_out(loan))
    fee = books.fee_earned(loan)
    if fee is not None:
        await journals.write(connection, fee)
    held_cents = -await journals.balance_cents(connection, accounts.customer_credit(loan["borrower_id"]))
    if held_cents > 0:
        owed = await owed_cents(connection, loan_id)
        shares = books.allocate(min(held_cents, sum(owed.values())), owed, order)
        await journals.write(connection, books.credit_used(loan, shares))
        if sum(shares.values()) == sum(owed.values()):
            await lifecycle.make(connection, loan_id, state, "repay", actor, at)
    return True


async def payout_failed(connection: Any, loan_id: int, actor: str) -> bool:
    """The payout certainly did not happen: the promise ends. False when that was known."""
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if not await holds.settle(connection, loan["ref"], "voided"):
        return False
    await lifecycle.make(connection, loan_id, loan["state"], "fail", actor)
    return True


async def paid_back(
    connection: Any,
    loan_id: int,
    amount_cents: int,
    receipt: str,
    at: datetime,
    order: Sequence[str],
    actor: str,
) -> bool:
    """A payment for the loan arrived. False when this receipt was booked before.

    What is more than the debt, or comes when there is none, is the borrower's credit.
    """
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if await journals.is_written(connection, f"receipt:{receipt}"):
        return False
    owed = await owed_cents(connection, loan_id)
    shares = books.allocate(amount_cents, owed, order)
    await journals.write(connection, books.paid_back(loan, receipt, shares))
    settled = sum(shares.values()) - shares.get("credit", 0)
    if loan["state"] in lifecycle.PAYABLE and settled == sum(owed.values()):
        move = "recover" if loan["state"] == "written_off" else "repay"
        await lifecycle.make(connection, loan_id, loan["state"], move, actor, at)
    return True


async def owed_cents(connection: Any, loan_id: int) -> Mapping[str, int]:
    """What is owed on a loan now, by part: fee, excise, principal. Read from the ledger."""
    rows = await connection.fetch(ledger_queries.OUTSTANDING, loan_id)
    return {row["part"].removeprefix("loan_"): row["owed_cents"] for row in rows}
