"""What must hold in the books at every moment, and finding where it does not.

1. Every journal sums to zero and has two legs or more.
2. Every balance kept equals the sum of its postings.
3. loans_in_disbursement equals the sum of pending holds.
"""

from dataclasses import dataclass
from typing import Any

from services.ledger import queries


@dataclass(slots=True, frozen=True)
class Break:
    """A place where the books disagree with themselves. kind: balance, journal or holds."""

    kind: str
    subject: str
    kept_cents: int
    posted_cents: int


async def breaks(connection: Any) -> list[Break]:
    """Every break; an empty list when the books are right."""
    return [Break(**row) for row in await connection.fetch(queries.BREAKS)]
