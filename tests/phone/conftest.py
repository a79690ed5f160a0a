from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from tests.phone.standin import StandIn


@pytest.fixture
def standin() -> StandIn:
    return StandIn()


@pytest.fixture
async def server(standin: StandIn) -> AsyncIterator[str]:
    """The address of a running stand-in."""
    test_server = TestServer(standin.app())
    await test_server.start_server()
    yield str(test_server.make_url("")).rstrip("/")
    await test_server.close()
