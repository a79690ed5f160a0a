"""`ussd ledger verify`: every invariant, on the PostgreSQL of the settings."""

import asyncio
import sys

import asyncpg

from services.ledger import invariants
from ussd_engine.settings import settings


def verify(*, quiet: bool = False) -> int:
    """Check, print, and give the exit code: 1 when something is broken."""
    found = asyncio.run(_breaks(settings().database_url))
    for each in found:
        print(
            f"{each.kind} {each.subject}: kept {each.kept_cents}, posted {each.posted_cents}", file=sys.stderr
        )
    if not found and not quiet:
        print("The books are right.")
    return 1 if found else 0


async def _breaks(database_url: str) -> list[invariants.Break]:
    connection = await asyncpg.connect(database_url)
    try:
        return await invariants.breaks(connection)
    finally:
        await connection.close()
