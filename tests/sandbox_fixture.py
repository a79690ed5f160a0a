"""A sandbox and a listener for any test: `sandbox` stands in for Safaricom and Africa's Talking,
`listener` for the shop they call back.

The sandbox is paused: nothing happens until `await sandbox.settle()` or `advance(seconds)`, so a test
decides when money moves and callbacks come, and sleeps nowhere.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from services.sandbox import core, credential, server
from services.sandbox.journal import Journal
from services.sandbox.server import Running
from services.sandbox.settings import Behaviour, SandboxSettings


@pytest.fixture(scope="session")
def sandbox_keys() -> credential.Keys:
    """One key pair for all tests: making one takes a tenth of a second."""
    return credential.make()


def paused_settings(**changes: Any) -> SandboxSettings:
    return SandboxSettings(behaviour=Behaviour(paused=True, **changes))


@pytest_asyncio.fixture
async def sandbox(sandbox_keys: credential.Keys) -> AsyncIterator[Running]:
    box = core.make(paused_settings(), sandbox_keys, Journal(None))
    async with server.listening(box) as url:
        yield Running(box, url)
    assert box.world.wallets.faults() == []
    assert box.agenda.failures == []


class Listener:
    """A real HTTP server that keeps what is posted to it. answers: what a path says, else accepted."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.base = ""

    def url(self, path: str) -> str:
        return f"{self.base}{path}"

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for where, body in self.got if where == path]

    async def take(self, request: web.Request) -> web.Response:
        form = request.content_type == "application/x-www-form-urlencoded"
        body = dict(await request.post()) if form else await request.json()
        self.got.append((request.path, body))
        status, answer = self.answers.get(request.path, (200, {"ResultCode": 0, "ResultDesc": "Accepted"}))
        return web.json_response(answer, status=status)


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    listening = Listener()
    app = web.Application()
    app.router.add_post("/{path:.*}", listening.take)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield listening
    await runner.cleanup()
