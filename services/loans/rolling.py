"""More time from the menu: what it costs for the loan of who asks, and buying it with the PIN.

The rules are in services/loans/rollover.py. Locks: borrower, loan, accounts.
"""

from datetime import date
from typing import Any

from services import clock
from services.borrowers import pins
from services.loans import queries, rollover
from services.loans.servicing import owed_cents
from services.sms import notices
from ussd_engine.actions import Call, Outcome


async def look(connection: Any, msisdn: str, today: date) -> dict[str, Any] | None:
    """The price for the open loan, as the menus want it; None when more time is not sold for it today."""
    loan = await connection.fetchrow(queries.CURRENT_LOAN, msisdn)
    offer = None if loan is None else await rollover.look(connection, loan["id"], today)
    if offer is None:
        return None
    return {
        "ref": loan["ref"],
        "fee": offer.fee_cents,
        "excise": offer.excise_cents,
        "due": offer.due.isoformat(),
        "days": offer.days,
        "apr": offer.apr_bp,
    }


async def buy(connection: Any, call: Call, fee_cents: int, pin: str, secret: bytes) -> Outcome:
    """More time for the fee that was shown, inside the caller's transaction. The PIN is looked at last, so
    that nobody learns about a PIN without a loan of theirs."""
    now = clock.now()
    borrower_id = await connection.fetchval(queries.LOCK_BORROWER, call.msisdn)
    loan = await connection.fetchrow(queries.CURRENT_LOAN, call.msisdn)
    offer = None if loan is None else await rollover.look(connection, loan["id"], clock.nairobi_date(now))
    if offer is None:
        return _said("not_offered")
    if offer.fee_cents != fee_cents:
        return _said("changed", loan)
    attempt = await pins.attempt(connection, borrower_id, pin, secret)
    if attempt.verdict is pins.Verdict.LOCKED:
        return _said("locked", loan)
    if attempt.verdict is pins.Verdict.WRONG:
        return _said("wrong_pin", loan, tries_left=attempt.tries_left)
    rolled = await rollover.roll_over(connection, loan["id"], now, fee_cents, f"borrower:{borrower_id}")
    if rolled != "ok":
        return _said(rolled, loan)
    owed = sum((await owed_cents(connection, loan["id"])).values())
    await notices.more_time(connection, loan, offer.due, owed, offer.fee_cents + offer.excise_cents)
    return _said("ok", loan, owed=owed, due=offer.due.isoformat())


def _said(name: str, loan: Any = None, **more: Any) -> Outcome:
    due = loan["due_on"].isoformat() if loan is not None else ""
    value = {"ref": loan["ref"] if loan is not None else "", "owed": 0, "due": due, "tries_left": 0}
    return Outcome(name, {**value, **more})
