"""Connections to PostgreSQL: a process's pool, and one for a command.

What uses the pool sets, locks and listens to nothing beyond its transaction: a connection comes back as it
is. By default asyncpg runs `pg_advisory_unlock_all, CLOSE ALL, UNLISTEN, RESET ALL` on each that comes back:
one more round trip for each use, a seventh of PostgreSQL's time for a loan. An open transaction it rolls back
all the same.
"""

import asyncpg

from ussd_engine.errors import StoreError
from ussd_engine.settings import Settings

# What may become of a question: no answer, a refusal, the end of the connection. Of one that ends between
# the two halves of a question asyncpg says InternalClientError.
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_ABANDONED_MS = "15000"  # a frozen process keeps its row locks no longer than this


async def open_pool(settings: Settings) -> asyncpg.Pool:
    """Connect to DATABASE_URL. Raises StoreError when PostgreSQL does not answer."""
    try:
        return await asyncpg.create_pool(
            settings.database_url,
            min_size=1,
            max_size=settings.pg_pool,
            timeout=5,
            command_timeout=10,
            reset=_as_it_is,
            server_settings={"idle_in_transaction_session_timeout": _ABANDONED_MS},
        )
    except FAILURES as error:
        raise _away(error) from None


async def connect(database_url: str) -> asyncpg.Connection:
    """A connection for one command. Raises StoreError when PostgreSQL does not answer."""
    try:
        return await asyncpg.connect(database_url, timeout=5)
    except FAILURES as error:
        raise _away(error) from None


def _away(error: Exception) -> StoreError:
    return StoreError(f"PostgreSQL does not answer at DATABASE_URL: {error}")


async def _as_it_is(_connection: object) -> None:
    """Nothing is done to it."""
