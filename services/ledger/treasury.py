"""The lender's own money: put in, moved between its M-Pesa accounts, paid as tax. And how much is free.

fund     Dr mpesa_working                    Cr funding
move     Dr one M-Pesa account               Cr another
remit    Dr excise_payable                   Cr mpesa_working
"""

from typing import Any

from services.ledger import queries
from services.ledger.accounts import EXCISE_PAYABLE, FUNDING, MPESA_WORKING, Account
from services.ledger.journals import Journal, credit, debit, write


async def fund(connection: Any, key: str, amount_cents: int, into: Account = MPESA_WORKING) -> int:
    """The owners put money in. Gives the journal's id; the same key again is the same journal."""
    return await _book(connection, f"funding:{key}", "funding", into, FUNDING, amount_cents)


async def move(connection: Any, key: str, source: Account, target: Account, amount_cents: int) -> int:
    """Our money went from one of our M-Pesa accounts to another."""
    return await _book(connection, f"move:{key}", "move", target, source, amount_cents)


async def remit_excise(connection: Any, key: str, amount_cents: int) -> int:
    """Excise duty was paid to the tax authority."""
    return await _book(
        connection, f"excise:{key}", "excise_remitted", EXCISE_PAYABLE, MPESA_WORKING, amount_cents
    )


async def free_float_cents(connection: Any) -> int:
    """What payouts may still promise: the utility account less pending holds and approved refunds."""
    cents: int = await connection.fetchval(queries.FREE_FLOAT)
    return cents


async def _book(
    connection: Any, key: str, kind: str, debited: Account, credited: Account, amount_cents: int
) -> int:
    legs = [debit(debited, amount_cents), credit(credited, amount_cents)]
    return await write(connection, Journal(key, kind, legs))
