"""A server on a free port of this machine, with an engine whose answers a test can foresee."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ussd_engine.observe import Board, setup_logging
from ussd_engine.server import Running, make_app
from ussd_engine.settings import Settings
from ussd_engine.turn import Reply, SessionEvent, Turn


@dataclass
class Echo:
    """Answers each turn with its text; waits, or fails, when a test says so."""

    turns: list[Turn] = field(default_factory=list)
    events: list[SessionEvent] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    held: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        self.entered.set()
        if self.held is not None:
            await asyncio.get_running_loop().create_task(self.held.wait())
        if self.error is not None:
            raise self.error
        return Reply(f"You said: {turn.text}", not turn.text.endswith("99"))

    def note(self, event: SessionEvent) -> None:
        self.events.append(event)

    async def ready(self) -> dict[str, str]:
        return self.problems

    def limping(self) -> dict[str, str]:
        return {}


@dataclass
class Served:
    """A server that runs, and what is behind it."""

    running: Running
    engine: Echo
    board: Board

    @property
    def port(self) -> int:
        return self.running.port


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture(params=[True, False], ids=["lane", "aiohttp"])
def lane(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
def logging_as_in_production() -> None:
    setup_logging(Settings(_env_file=None))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server: `await serve(lane=…, engine=…, maps=…, max_body=…)`."""
    started: list[Running] = []

    async def start(
        *,
        lane: bool = True,
        engine: Echo | None = None,
        maps: Any = None,
        sockets: Sequence[socket.socket] = (),
        **changes: Any,
    ) -> Served:
        settings = Settings(_env_file=None, env="test", port=0, drain_s=2.0).model_copy(update=changes)
        engine, board = engine or Echo(), Board()
        running = Running(make_app(settings, engine, board, maps=maps), settings, board)
        await running.start(sockets, lane=lane)
        started.append(running)
        return Served(running, engine, board)

    yield start
    for running in started:
        await running.stop()
