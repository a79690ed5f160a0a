"""A lender with a few hundred made-up borrowers, served on a port of this machine: pages are opened on it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from services.api import people
from services.api.permissions import Role
from services.app import Umoja
from services.seeding import loading
from services.seeding.desk import Plan
from tests.api.conftest import CHEAP, HASHED, PASSWORD
from tests.services import differences, world
from ussd_engine.engine import open_engine
from ussd_engine.observe import Board
from ussd_engine.server import Running, make_app
from ussd_engine.settings import Settings

BORROWERS = 300
DAYS = 120


@dataclass
class Lender:
    """The server, its database, and the staff's password."""

    url: str
    pool: Any
    password: str = PASSWORD

    def email(self, role: str) -> str:
        """Who has this role."""
        return f"{role}@umoja.example"


@asynccontextmanager
async def opened(pg_url: str, redis_url: str) -> AsyncIterator[Lender]:
    """Fill the empty database, serve it, and add one of the staff for each role."""
    os.environ.update(CHEAP, API_LIMIT_PAGE="1000000/second")
    settings = Settings(
        _env_file=None, database_url=pg_url, redis_url=redis_url, port=0, drain_s=1.0, env="development",
        USSD_SECRET=world.SECRET.decode(),
    )  # fmt: skip
    await loading.seed(settings, Plan(BORROWERS, DAYS, 7, yesterday()), lambda _line: None, check=False)
    # One of its own, for it stays until the run ends: the one of all tests starts and stops meanwhile.
    board, service = Board(), Umoja()
    engine = await open_engine(settings, board, plugins={"umoja": service})
    running = Running(make_app(settings, engine, board, services=[service]), settings, board)
    await running.start()
    try:
        async with asyncpg.create_pool(pg_url, min_size=1, max_size=4) as pool:
            for role in Role:
                async with pool.acquire() as connection:
                    email = f"{role}@umoja.example"
                    await people.make(connection, email, role, HASHED, must_change=False, by="tests")
            await differences.found(
                pool, ("utility", "SKL5V7NAQ1", -500_000), ("working", "SKL5V7NAQ2", 120_000)
            )
            yield Lender(f"http://127.0.0.1:{running.port}", pool)
    finally:
        await running.stop()
        await engine.close()


def yesterday() -> date:
    """The last day that was closed."""
    return loading.yesterday()
