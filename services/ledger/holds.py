"""Holds: money promised to a borrower and not yet sent. Pending, then ended once.

    place     Dr loans_in_disbursement   Cr mpesa_utility_pending
    settle    the same, reversed, in full; what really happened is then booked by whoever settles

A hold is posted (in full, or in part: the rest is free again), voided (nothing was sent), or expired (its
time was over before anything was). So at any time loans_in_disbursement equals the sum of pending holds,
and mpesa_utility together with mpesa_utility_pending is the float that may still be promised.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from services.ledger import queries
from services.ledger.accounts import LOANS_IN_DISBURSEMENT, MPESA_UTILITY_PENDING
from services.ledger.journals import Journal, LedgerError, credit, debit, write

Settled = Literal["posted", "voided", "expired"]


async def place(
    connection: Any, key: str, loan_id: int, amount_cents: int, expires_at: datetime | None = None
) -> None:
    """Promise the amount, until that moment if one is given. The same hold placed again is the same hold."""
    journal = Journal(
        f"hold:{key}",
        "hold",
        [debit(LOANS_IN_DISBURSEMENT, amount_cents), credit(MPESA_UTILITY_PENDING, amount_cents)],
        loan_id=loan_id,
    )
    journal_id = await write(connection, journal)
    await connection.fetchval(queries.PLACE_HOLD, key, loan_id, amount_cents, journal_id, expires_at)


async def settle(connection: Any, key: str, state: Settled, posted_cents: int | None = None) -> bool:
    """End the hold; False when it had ended so already. posted_cents: how much was sent, if not all.

    Raises LedgerError when it ended otherwise, or for an amount outside the hold. The database refuses
    to expire one before its time.
    """
    hold = await connection.fetchrow(queries.LOCK_HOLD, key)
    if hold is None:
        raise LedgerError(f"there is no hold {key}")
    amount_cents = hold["amount_cents"]
    sent = (amount_cents if posted_cents is None else posted_cents) if state == "posted" else None
    if hold["state"] == state and hold["posted_cents"] == sent:
        return False
    if hold["state"] != "pending":
        raise LedgerError(f"hold {key} is {hold['state']} already and cannot be {state}")
    if sent is not None and not 0 < sent <= amount_cents:
        raise LedgerError(f"hold {key} is for {amount_cents} cents and cannot be posted for {sent}")
    journal = Journal(
        f"hold:{key}:{state}",
        "hold_release",
        [debit(MPESA_UTILITY_PENDING, amount_cents), credit(LOANS_IN_DISBURSEMENT, amount_cents)],
        loan_id=hold["loan_id"],
    )
    journal_id = await write(connection, journal)
    await connection.execute(queries.SETTLE_HOLD, key, state, journal_id, sent)
    return True


async def state_of(connection: Any, key: str) -> str | None:
    """pending, posted, voided or expired, with the hold locked; None when there is no such hold."""
    hold = await connection.fetchrow(queries.LOCK_HOLD, key)
    return None if hold is None else str(hold["state"])


async def expired(connection: Any, now: datetime, most: int = 100) -> Sequence[tuple[str, int]]:
    """Pending holds whose time is over: key and loan, oldest first. Who ends them looks again."""
    return [(row["key"], row["loan_id"]) for row in await connection.fetch(queries.EXPIRED_HOLDS, now, most)]
