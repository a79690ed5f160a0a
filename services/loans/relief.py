"""Letting a borrower off: some of the charges, or, on our books, the whole debt.

Both are decided by two people (services/loans/approvals.py), which calls these in the deciding
transaction. A loan that is written off is a loss and still owed: what is paid on it later is recovered.
"""

from typing import Any

from services import clock
from services.ledger import journals
from services.ledger.journals import LedgerError
from services.loans import books, lifecycle, queries
from services.loans.servicing import close_if_settled, owed_cents

# Never the principal: who cannot pay that gets a write-off.
WAIVED_FIRST = ("penalty", "interest", "fee", "excise")


async def waive(connection: Any, loan_id: int, amount_cents: int, key: str, actor: str) -> int:
    """Let the borrower off so much of the charges, or of what is left of them. Gives how much.

    Raises LedgerError when the loan is not open, or owes no charges any more.
    """
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    owed = await owed_cents(connection, loan_id)
    shares = books.allocate(amount_cents, owed, WAIVED_FIRST)
    shares.pop(books.CREDIT, None)
    if loan["state"] not in lifecycle.LENT or not shares:
        raise LedgerError(f"loan {loan['ref']} owes no charges that could be waived")
    now = clock.now()
    await journals.write(connection, books.waived(loan, key, shares, clock.nairobi_date(now)))
    await close_if_settled(connection, loan, owed, shares, now, actor)
    return sum(shares.values())


async def write_off(connection: Any, loan_id: int, actor: str) -> int:
    """Book all that is owed as a loss. Gives how much. Raises ForbiddenMoveError for a loan in time."""
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    owed = await owed_cents(connection, loan_id)
    await lifecycle.make(connection, loan_id, loan["state"], "write_off", actor)
    for journal in books.written_off(loan, owed, clock.nairobi_date(clock.now())):
        await journals.write(connection, journal)
    return sum(owed.values())
