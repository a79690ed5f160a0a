"""What M-Pesa charges us, as it tells us: Dr mpesa_charges, Cr mpesa_charges_paid.

M-Pesa takes its charges from an account of their own, the Charges Paid Account, which is below zero until
it is settled from the working account (`treasury.move`). A charge that stands among another account's
lines was taken from that one.
"""

from datetime import date
from typing import Any

from services.ledger.accounts import MPESA_CHARGES, MPESA_CHARGES_PAID, Account
from services.ledger.journals import Journal, credit, debit, is_written, write

CHARGE = "mpesa_charge"


async def mpesa_charge(
    connection: Any,
    key: str,
    amount_cents: int,
    paid_from: Account = MPESA_CHARGES_PAID,
    on: date | None = None,
) -> bool:
    """Book a charge under the key of what it was for, such as M-Pesa's receipt. False when it was booked.

    on: the day it counts for, a Nairobi date; today unless said.
    """
    key = f"charge:{key}"
    if await is_written(connection, key):
        return False
    legs = [debit(MPESA_CHARGES, amount_cents), credit(paid_from, amount_cents)]
    await write(connection, Journal(key, CHARGE, legs, value_on=on))
    return True
