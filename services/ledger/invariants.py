"""Finding where the books disagree with themselves. What must hold is in services/ledger/checks.py.

All checks read one snapshot, through server-side cursors: a row at a time comes here, however many
postings there are.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.ledger.checks import CHECKS, Check

MOST_OF_ONE = 100  # breaks of one kind that `breaks` tells


@dataclass(slots=True, frozen=True)
class Break:
    """A place where the books disagree with themselves. kind is the check's name; kept is what is there
    or allowed, posted what the postings say."""

    kind: str
    subject: str
    kept_cents: int
    posted_cents: int


async def breaks(connection: Any, checks: Sequence[Check] = CHECKS) -> list[Break]:
    """Every break; an empty list when the books are right."""
    async with _snapshot(connection):
        return [each for check in checks for each in await _found(connection, check, MOST_OF_ONE)]


async def results(
    connection: Any, checks: Sequence[Check] = CHECKS
) -> AsyncIterator[tuple[Check, Break | None]]:
    """Each check and its first break, in order, as they are done. The caller may stop at any."""
    async with _snapshot(connection):
        for check in checks:
            found = await _found(connection, check, 1)
            yield check, found[0] if found else None


async def _found(connection: Any, check: Check, most: int) -> list[Break]:
    """The first breaks of a check. The connection is in a transaction: a cursor needs one."""
    cursor = await connection.cursor(check.sql)
    return [Break(check.name, **row) for row in await cursor.fetch(most)]


@asynccontextmanager
async def _snapshot(connection: Any) -> AsyncIterator[None]:
    """One moment for all checks; inside a transaction of the caller's, that one."""
    if connection.is_in_transaction():
        yield
        return
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield
