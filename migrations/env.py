"""What Alembic runs: connects with asyncpg, takes the migration lock, runs the steps in one transaction.

The database is `config.attributes["database_url"]` (set by migrations.run), else DATABASE_URL as
`ussd_engine.settings` reads it.
"""

import asyncio

import asyncpg
import sqlalchemy
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ussd_engine.settings import settings

# Any number nobody else locks: "umoja" on a phone's keypad.
LOCK = 86652


def database_url() -> str:
    """Where to migrate."""
    return str(context.config.attributes.get("database_url") or settings().database_url)


def migrate(connection: Connection) -> None:
    """Run the asked steps while no other migrator runs any."""
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        connection.execute(sqlalchemy.text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def migrate_online() -> None:
    """Connect the way asyncpg reads a URL, unix sockets included, and migrate."""
    url = database_url()
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(url),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=None, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(migrate_online())
