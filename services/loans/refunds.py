"""Sending credit back to its borrower. Two people decide it (services/loans/approvals.py).

    set aside   Dr customer_credit:BORROWER   Cr refunds_payable     and an outbox row: send it
    paid        Dr refunds_payable            Cr mpesa_utility
    failed      Dr refunds_payable            Cr customer_credit:BORROWER

refunds_payable is always the sum of the refunds that are neither paid nor failed.
"""

from datetime import datetime
from typing import Any

from services import clock, outbox
from services.ledger import accounts, journals
from services.ledger.accounts import Account
from services.ledger.journals import Journal, LedgerError, credit, debit

SET_ASIDE, PAID, FAILED = "refund_set_aside", "refund", "refund_failed"

WRITE = """
insert into refund (borrower_id, amount_cents, approval_id, booked_by)
values ($1, $2, $3, $4)
returning id
"""

LOCK = """
select *
from refund
where id = $1
for update
"""

SETTLE = """
update refund
set state = $2,
    settled_by = $3,
    settled_at = $4
where id = $1
"""


async def set_aside(connection: Any, borrower_id: int, amount_cents: int, approval_id: int) -> int:
    """Promise credit back; the refund's number. Raises LedgerError when there is not that much, and for
    part of a shilling, which M-Pesa cannot send: that stays credit.

    The caller holds the borrower's lock, so the credit cannot go elsewhere meanwhile.
    """
    if amount_cents % 100:
        raise LedgerError(f"M-Pesa sends whole shillings, not {amount_cents} cents")
    account = accounts.customer_credit(borrower_id)
    held_cents = -await journals.balance_cents(connection, account)
    if amount_cents > held_cents:
        raise LedgerError(f"borrower {borrower_id} has {held_cents} cents of credit, not {amount_cents}")
    legs = [debit(account, amount_cents), credit(accounts.REFUNDS_PAYABLE, amount_cents)]
    journal = Journal(f"refund:{approval_id}", SET_ASIDE, legs, borrower_id=borrower_id)
    journal_id = await journals.write(connection, journal)
    number: int = await connection.fetchval(WRITE, borrower_id, amount_cents, approval_id, journal_id)
    await outbox.put(connection, f"refund:{number}", outbox.REFUND, {"refund_id": number})
    return number


async def paid(connection: Any, refund_id: int, at: datetime) -> bool:
    """The money went out at that time. False when that was known."""
    return await _settle(connection, refund_id, "paid", accounts.MPESA_UTILITY, at)


async def failed(connection: Any, refund_id: int) -> bool:
    """It certainly did not go out: it is credit again. False when that was known."""
    return await _settle(connection, refund_id, "failed", None, clock.now())


async def _settle(connection: Any, refund_id: int, state: str, gives: Account | None, at: datetime) -> bool:
    refund = await connection.fetchrow(LOCK, refund_id)
    if refund is None:
        raise LedgerError(f"there is no refund {refund_id}")
    if refund["state"] == state:
        return False
    if refund["state"] != "approved":
        raise LedgerError(f"refund {refund_id} is {refund['state']} already and cannot be {state}")
    cents = refund["amount_cents"]
    legs = [
        debit(accounts.REFUNDS_PAYABLE, cents),
        credit(gives or accounts.customer_credit(refund["borrower_id"]), cents),
    ]
    kind = PAID if state == "paid" else FAILED
    key = f"refund:{refund['approval_id']}:{state}"
    on = clock.nairobi_date(at)
    journal = Journal(key, kind, legs, borrower_id=refund["borrower_id"], value_on=on)
    await connection.execute(SETTLE, refund_id, state, await journals.write(connection, journal), at)
    return True
