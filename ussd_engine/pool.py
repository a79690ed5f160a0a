"""The process's connections to PostgreSQL.

What uses the pool sets, locks and listens to nothing beyond its transaction: a connection comes back as it
is. By default asyncpg runs `pg_advisory_unlock_all, CLOSE ALL, UNLISTEN, RESET ALL` on each that comes back:
one more round trip for each use, a seventh of PostgreSQL's time for a loan. An open transaction it rolls back
all the same.
"""

import asyncpg

from ussd_engine.errors import StoreError
from ussd_engine.settings import Settings

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
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise StoreError(f"PostgreSQL does not answer at DATABASE_URL: {error}") from None


async def _as_it_is(_connection: object) -> None:
    """Nothing is done to it."""
