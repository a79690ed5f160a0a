"""`ussd ledger verify`: every invariant of the books, on the PostgreSQL of the settings."""

import asyncio
import sys
import time

import asyncpg

from services.ledger import invariants
from services.ledger.checks import Check
from services.ledger.invariants import Break
from ussd_engine.errors import UssdError
from ussd_engine.pool import connect
from ussd_engine.settings import settings


def verify(*, quiet: bool = False) -> int:
    """Check in order, print each, and give the exit code: 1 at the first thing that is broken."""
    return asyncio.run(_verify(settings().database_url, quiet=quiet))


async def _verify(database_url: str, *, quiet: bool) -> int:
    connection = await connect(database_url)
    try:
        began = time.monotonic()
        async for check, broken in invariants.results(connection):
            if broken is not None:
                print(sentence(check, broken), file=sys.stderr)
                return 1
            if not quiet:
                print(f"{time.monotonic() - began:7.1f} s  {check.name}: {check.holds}", flush=True)
    except asyncpg.UndefinedTableError:
        raise UssdError("The database lacks tables of the ledger. Run: ussd migrate") from None
    finally:
        await connection.close()
    if not quiet:
        print("The books are right.")
    return 0


def sentence(check: Check, broken: Break) -> str:
    """Which row is broken, and by how much."""
    if not check.amounts:
        return f"ussd: {check.name}: {broken.subject}. It must hold that {check.holds}."
    return (
        f"ussd: {check.name}: {broken.subject} has {shillings(broken.kept_cents)} and "
        f"its postings say {shillings(broken.posted_cents)}. It must hold that {check.holds}."
    )


def shillings(cents: int) -> str:
    """KES with cents, to the cent."""
    sign = "-" if cents < 0 else ""
    return f"{sign}KES {abs(cents) // 100:,}.{abs(cents) % 100:02}"
