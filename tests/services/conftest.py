"""A pool of ten on the test's own database, and the lender started on it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.app import service
from services.loans.terms import Terms
from tests.services import world
from ussd_engine.plugin import Runtime
from ussd_engine.settings import Settings


@pytest_asyncio.fixture
async def pool(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=10) as made:
        await service.start(Runtime(Settings(USSD_SECRET=world.SECRET.decode()), made))
        yield made
        await service.stop()


@pytest.fixture(scope="session")
def terms() -> Terms:
    return world.terms()


@pytest.fixture
def phone(pool: Any, terms: Terms) -> world.Phone:
    return world.Phone(pool, terms)


@pytest_asyncio.fixture
async def borrower(phone: world.Phone) -> world.Phone:
    """Somebody who has joined."""
    return await phone.join()
