"""Migrate a database from Python: `ussd migrate` and the tests come through here.

Each function is plain and blocks until done. Alembic keeps its state in module globals, so one lock
lets one thread through at a time; between processes env.py takes an advisory lock in the database.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_one_at_a_time = threading.Lock()
_Result = TypeVar("_Result")


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database forward to `revision`."""
    _in_own_thread(lambda: command.upgrade(_config(database_url), revision))


def downgrade(database_url: str, revision: str = "-1") -> None:
    """Take the database back to `revision` ("base": to nothing)."""
    _in_own_thread(lambda: command.downgrade(_config(database_url), revision))


def current(database_url: str) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    return _in_own_thread(lambda: asyncio.run(_read_current(database_url)))


def head() -> str:
    """The newest revision there is."""
    newest = ScriptDirectory.from_config(_config("")).get_current_head()
    assert newest is not None
    return newest


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


async def _read_current(database_url: str) -> str | None:
    connection = await asyncpg.connect(database_url)
    try:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("select version_num from alembic_version")
        return revision
    finally:
        await connection.close()


def _in_own_thread(work: Callable[[], _Result]) -> _Result:
    # A thread of its own: the caller may be inside a running event loop, and env.py starts one.
    with _one_at_a_time, ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()
