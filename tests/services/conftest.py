"""A pool of ten on the test's own database, and the lender started on it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.loans.terms import Terms
from tests.services import world


@pytest_asyncio.fixture
async def pool(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=10) as made, world.serving(made, pg_url):
        yield made


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
