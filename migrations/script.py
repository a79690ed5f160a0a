"""How a version script runs its SQL file.

The file goes to PostgreSQL whole, by the simple query protocol: a prepared statement, which is what
SQLAlchemy would make of it, holds one statement only.
"""

from pathlib import Path

from alembic import context, op

SQL = Path(__file__).parent / "sql"


def execute(name: str) -> None:
    """Run one file of `migrations/sql` inside the migration's transaction (or print it, offline)."""
    statements = (SQL / name).read_text(encoding="utf-8")
    if context.is_offline_mode():
        context.get_context().impl.static_output(statements)
        return
    connection = op.get_bind()
    # The asyncpg adapter opens its transaction at the first statement that goes through it. The lock
    # in env.py was one; without it the file would commit by itself.
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.run_async(lambda asyncpg_connection: asyncpg_connection.execute(statements))
