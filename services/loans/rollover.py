"""More time for a price: the due date moves, the fee is owed at once. As often as the product allows.

    fee      principal owed × rate, down to the shilling
    excise   fee × excise rate, up to the shilling
    due      the due date, or today if that is later, and the rollover's term

It is offered near the due date, before the loan is non-performing, and only if the in duplum cap leaves
room for the whole fee. The borrower sees the price first: another price than the one shown is not taken.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from services import clock
from services.ledger import journals
from services.loans import accruals, agreed, books, lifecycle, queries
from services.loans.accruals import Debt
from services.loans.agreed import Agreed
from services.loans.quote import WHOLE_BP, excise_of, fee_of

Rolled = Literal["ok", "changed", "not_offered"]


@dataclass(slots=True, frozen=True)
class Offer:
    """What more time costs, and until when. apr_bp is of this alone, as in services/loans/quote.py."""

    fee_cents: int
    excise_cents: int
    due: date
    days: int
    apr_bp: int


async def look(connection: Any, loan_id: int, today: date) -> Offer | None:
    """What a rollover today would cost; None when it is not offered. Changes nothing."""
    loan = await connection.fetchrow("select * from loan where id = $1", loan_id)
    if loan is None or loan["due_on"] is None:
        return None
    debt = (await accruals.debts_on(connection, [loan_id], today))[loan_id]
    return offer(loan, agreed.of(loan), debt, today)


async def roll_over(connection: Any, loan_id: int, at: datetime, fee_cents: int, actor: str) -> Rolled:
    """Give more time for the fee that was shown, inside the caller's transaction."""
    today = clock.nairobi_date(at)
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if loan is None or loan["due_on"] is None:
        return "not_offered"
    terms = agreed.of(loan)
    debt = (await accruals.debts_on(connection, [loan_id], today))[loan_id]
    offered = offer(loan, terms, debt, today)
    if offered is None:
        return "not_offered"
    if offered.fee_cents != fee_cents:
        return "changed"
    # Today may be late already, and the day's end has not passed over the loan.
    await accruals.cap(connection, loan, terms, debt, today)
    await book(connection, loan, offered, today, actor)
    return "ok"


def offer(loan: Any, terms: Agreed, debt: Debt, today: date) -> Offer | None:
    """The price of more time for a loan as it stands, or None."""
    near = abs((today - loan["due_on"]).days) <= terms.rollover_within_days
    allowed = loan["state"] in ("active", "overdue") and loan["rollovers"] < terms.rollovers_most
    if not near or not allowed or debt.principal_cents <= 0:
        return None
    fee = fee_of(debt.principal_cents, terms.rollover_fee_bp)
    excise = excise_of(fee, terms.tax_bp("fee"))
    left = accruals.room(loan, debt)
    if left is None and (today - loan["due_on"]).days >= terms.in_duplum_days:
        left = accruals.room_now(debt)
    if left is not None and fee + excise > left:
        return None
    due = max(loan["due_on"], today) + timedelta(days=terms.rollover_days)
    per_year = debt.principal_cents * terms.rollover_days
    apr_bp = (2 * (fee + excise) * 365 * WHOLE_BP + per_year) // (2 * per_year)
    return Offer(fee, excise, due, terms.rollover_days, apr_bp)


async def book(connection: Any, loan: Any, offered: Offer, today: date, actor: str) -> None:
    """Move the due date and owe the fee. The caller has locked the loan."""
    key = f"rollover:{loan['ref']}:{loan['rollovers'] + 1}"
    fee = books.charged(loan, books.ROLLOVER, key, offered.fee_cents, offered.excise_cents, today)
    if fee is not None:
        await journals.write(connection, fee)
    await connection.execute(queries.ROLL_OVER, loan["id"], offered.due)
    await lifecycle.make(connection, loan["id"], loan["state"], "roll_over", actor)
