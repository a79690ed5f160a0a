from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.sandbox.server import Running
from tests.sandbox.client import Shop


@pytest_asyncio.fixture
async def shop(sandbox: Running, listener: Any) -> AsyncIterator[Shop]:
    """A client that has its token."""
    client = await Shop(sandbox, listener).authorise()
    yield client
    await client.http.aclose()
