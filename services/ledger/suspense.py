"""Suspense: money that came under a receipt and that we cannot place yet. It is booked all the same.

    received   Dr mpesa_paybill        Cr suspense_unmatched
    matched    Dr suspense_unmatched   Cr the loan, or the borrower's credit   (services/loans/servicing.py)
    returned   Dr suspense_unmatched   Cr mpesa_paybill

suspense_unmatched is always the sum of the open items. A receipt is booked once: for a loan, or here.
"""

from datetime import datetime
from typing import Any

from services import clock
from services.ledger import queries
from services.ledger.accounts import MPESA_PAYBILL, SUSPENSE_UNMATCHED
from services.ledger.journals import Journal, LedgerError, credit, debit, is_written, write

RECEIVED, RETURNED = "suspense", "suspense_returned"


async def receive(
    connection: Any, receipt: str, amount_cents: int, payer: str, account_ref: str, at: datetime
) -> bool:
    """Keep money that nobody is known for. False when this receipt was booked before, here or for a loan.

    payer is a borrower's number or a digest of the phone number, never the number itself; account_ref is
    what the payer typed, as far as it fits.
    """
    await connection.execute(queries.LOCK_RECEIPT, receipt)
    if await is_written(connection, receipt_key(receipt)):
        return False
    journal = Journal(
        receipt_key(receipt),
        RECEIVED,
        [debit(MPESA_PAYBILL, amount_cents), credit(SUSPENSE_UNMATCHED, amount_cents)],
        value_on=clock.nairobi_date(at),
    )
    journal_id = await write(connection, journal)
    await connection.execute(
        queries.WRITE_SUSPENSE, receipt, amount_cents, payer, account_ref[:60], at, journal_id
    )
    return True


async def returned(connection: Any, receipt: str, at: datetime) -> bool:
    """The money went back to whoever sent it (a reversal). False when that was known."""
    item = await take(connection, receipt, "returned")
    if item is None:
        return False
    journal = Journal(
        f"return:{receipt}",
        RETURNED,
        [debit(SUSPENSE_UNMATCHED, item["amount_cents"]), credit(MPESA_PAYBILL, item["amount_cents"])],
        value_on=clock.nairobi_date(at),
    )
    await settle(connection, receipt, "returned", await write(connection, journal))
    return True


async def open_items(connection: Any, most: int = 100) -> list[dict[str, Any]]:
    """What waits for somebody to say whose it is, oldest first."""
    return [dict(row) for row in await connection.fetch(queries.OPEN_SUSPENSE, most)]


async def take(connection: Any, receipt: str, state: str) -> Any | None:
    """The open item of that receipt, locked; None when it ended as `state` already. Raises LedgerError
    when there is none, or it ended otherwise, or is on its way back and this is not that."""
    item = await connection.fetchrow(queries.LOCK_SUSPENSE, receipt)
    if item is None:
        raise LedgerError(f"receipt {receipt} is not in suspense")
    if item["state"] == state:
        return None
    if item["state"] != "open":
        raise LedgerError(f"receipt {receipt} is {item['state']} already and cannot be {state}")
    if state != "returned" and await connection.fetchval(queries.GOING_BACK, receipt):
        raise LedgerError(f"receipt {receipt} is being sent back and cannot be {state}")
    return item


async def settle(connection: Any, receipt: str, state: str, journal_id: int) -> None:
    """Close the item that `take` gave, with the journal that did it."""
    await connection.execute(queries.SETTLE_SUSPENSE, receipt, state, journal_id)


def receipt_key(receipt: str) -> str:
    """The key of the one journal a receipt has."""
    return f"receipt:{receipt}"
