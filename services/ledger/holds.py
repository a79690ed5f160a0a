"""Holds: money promised to a borrower and not yet sent. Pending, then posted or voided, once.

    place    Dr loans_in_disbursement   Cr mpesa_utility_pending
    settle   the same, reversed; what really happened is then booked by whoever settles

So at any time loans_in_disbursement equals the sum of pending holds, and mpesa_utility together with
mpesa_utility_pending is the float that may still be promised.
"""

from typing import Any, Literal

from services.ledger import queries
from services.ledger.accounts import LOANS_IN_DISBURSEMENT, MPESA_UTILITY_PENDING
from services.ledger.journals import Journal, LedgerError, credit, debit, write

Settled = Literal["posted", "voided"]


async def place(connection: Any, key: str, loan_id: int, amount_cents: int) -> None:
    """Promise the amount. The same hold placed again is the same hold."""
    journal = Journal(
        f"hold:{key}",
        "hold",
        [debit(LOANS_IN_DISBURSEMENT, amount_cents), credit(MPESA_UTILITY_PENDING, amount_cents)],
        loan_id=loan_id,
    )
    journal_id = await write(connection, journal)
    await connection.fetchval(queries.PLACE_HOLD, key, loan_id, amount_cents, journal_id)


async def settle(connection: Any, key: str, state: Settled) -> bool:
    """End the hold; False when it had ended so already. Raises LedgerError when it ended otherwise."""
    hold = await connection.fetchrow(queries.LOCK_HOLD, key)
    if hold is None:
        raise LedgerError(f"there is no hold {key}")
    if hold["state"] == state:
        return False
    if hold["state"] != "pending":
        raise LedgerError(f"hold {key} is {hold['state']} already and cannot be {state}")
    amount_cents = hold["amount_cents"]
    journal = Journal(
        f"hold:{key}:{state}",
        "hold_release",
        [debit(MPESA_UTILITY_PENDING, amount_cents), credit(LOANS_IN_DISBURSEMENT, amount_cents)],
        loan_id=hold["loan_id"],
    )
    journal_id = await write(connection, journal)
    await connection.execute(queries.SETTLE_HOLD, key, state, journal_id)
    return True
