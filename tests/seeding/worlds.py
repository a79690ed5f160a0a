"""A made-up lender in a database, made once a run and copied: for tests that want many rows of every kind."""

from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest_asyncio

from services.seeding import loading
from services.seeding.desk import Plan
from tests import databases
from ussd_engine.embedded import Servers
from ussd_engine.settings import Settings

BORROWERS, DAYS, SEED = 260, 500, 7
LAST = date(2026, 11, 22)
NAME = "template_seeded"

_made: list[loading.Seeded] = []


async def make(servers: Servers, template: str, name: str, plan: Plan) -> loading.Seeded:
    """A database of that name, migrated and seeded; its books are checked."""
    settings = Settings(_env_file=None, database_url=databases.create(servers, name, template), env="test")
    return await loading.seed(settings, plan, lambda _: None)


@pytest_asyncio.fixture(scope="session")
async def seeded_template(servers: Servers, migrated_template: str) -> str:
    """The name of a database with a made-up lender in it, and nobody connected to it."""
    if not _made:
        _made.append(await make(servers, migrated_template, NAME, Plan(BORROWERS, DAYS, SEED, LAST)))
    return NAME


@pytest_asyncio.fixture(scope="module")
async def seeded_url(servers: Servers, seeded_template: str) -> AsyncIterator[str]:
    """A copy of it, for a module that only reads."""
    with databases.copy(servers, seeded_template) as url:
        yield url


async def rows(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
