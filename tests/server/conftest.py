"""A server on a free port of this machine: over an engine whose answers a test can foresee, or over the real
one. And twins: two servers with the same behind them, one with the lane and one without.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pytest
import redis

from tests.conftest import REDIS_DATABASES
from tests.engine.conftest import Shop
from tests.server.wire import everything
from ussd_engine.embedded import Servers
from ussd_engine.engine import Engine, open_engine
from ussd_engine.observe import Board, setup_logging
from ussd_engine.server import Running, make_app
from ussd_engine.settings import Settings
from ussd_engine.turn import Reply, SessionEvent, Turn

# Of the real engine: presses that need no more than their session, and one action.
MENU = """\
service: shop
codes: ["*384*89598#"]
languages: [en, sw]
start: main
session: {timeout: 180s, resume: ask, resume_for: 10m}
keys: {back: "0", home: "00", more: "98"}
vars:
  amount: {type: money, max: 1000}
  name: {type: text, max: 20}
  price: {type: record, fields: {total: {type: money, max: 1200}}}
states:
  main:
    menu: {en: "Desk", sw: "Dawati 💸"}
    options:
      - {en: Write, sw: Andika, to: name}
      - {en: Buy, sw: Nunua, to: amount}
      - {en: Read, sw: Soma, to: news}
      - {en: Kiswahili, sw: Kiswahili, language: sw, to: main}
      - {en: Leave, sw: Ondoka, to: bye}
  name:
    ask: {en: "Your name?", sw: "Jina lako?"}
    as: text
    save: name
    to: hello
  hello:
    menu: {en: "Hello {name}", sw: "Habari {name}"}
    options:
      - {en: Again, sw: Tena, to: name}
      - {en: Leave, sw: Ondoka, to: bye}
  amount:
    ask: {en: "How much?", sw: "Kiasi gani?"}
    as: money
    save: amount
    check:
      - {when: amount > 90000, say: {en: "Too much.", sw: "Nyingi mno."}}
    to: price
  price:
    do: shop.price
    with: {amount: amount}
    save: price
    on: {ok: confirm, one_each: bye, failed: bye}
  confirm:
    menu: {en: "Pay {price.total|money}?", sw: "Lipa {price.total|money}?"}
    confirm: true
    options:
      - {en: "Yes", sw: Ndiyo, to: bye}
      - {en: "No", sw: Hapana, to: main}
  news:
    menu:
      en: "NEWS"
      sw: "HABARI"
    options:
      - {en: Home, sw: Mwanzo, to: main}
  bye: {end: {en: "Bye", sw: "Kwaheri"}}
""".replace("NEWS", "Much has happened, and more of it than a screen holds. " * 6).replace(
    "HABARI", "Mengi yametokea, zaidi ya yale yanayoingia kwenye skrini moja. " * 6
)


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


class Listening(Protocol):
    """What listens on a port."""

    @property
    def port(self) -> int: ...


Server = TypeVar("Server", bound=Listening)


@dataclass
class Pair(Generic[Server]):
    """One server with the lane, one with aiohttp alone. What is said to one is said to the other."""

    fast: Server
    slow: Server

    async def both(self, pieces: Sequence[bytes]) -> tuple[bytes, bytes]:
        """What each says to these pieces on a connection of its own."""
        said = await asyncio.gather(everything(self.fast.port, pieces), everything(self.slow.port, pieces))
        return said[0], said[1]


class Twins(Pair["Served"]):
    """Both over an engine that keeps what it heard."""

    def heard(self) -> list[tuple[list[Turn], list[SessionEvent]]]:
        """What came to each of them since this was asked last."""
        found = []
        for echo in (self.fast.engine, self.slow.engine):
            found.append((echo.turns, echo.events))
            echo.turns, echo.events = [], []
        return found


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


@pytest.fixture
async def twins(serve: Serve) -> Twins:
    return Twins(await serve(lane=True), await serve(lane=False))


@dataclass
class Desk:
    """A server over the real engine. `asked` counts the turns that the engine was given:
    a plain turn is not."""

    running: Running
    engine: Engine
    board: Board
    asked: int = 0

    def __post_init__(self) -> None:
        handle = self.engine.handle

        async def counted(turn: Turn) -> Reply:
            self.asked += 1
            return await handle(turn)

        self.engine.handle = counted  # type: ignore[method-assign]

    @property
    def port(self) -> int:
        return self.running.port

    @property
    def plain(self) -> int:
        """How many turns were answered without the engine."""
        turns = self.board.turns
        answered = sum(turns.value("africastalking", kind) for kind in ("more", "end"))
        return int(answered) - self.asked

    async def close(self) -> None:
        await self.running.stop()
        await self.engine.close()


class Desks(Pair[Desk]):
    """The same menu behind both, each with an engine and a Redis of its own."""


@pytest.fixture
async def desks(servers: Servers, tmp_path: Path) -> AsyncIterator[Desks]:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "service.yaml").write_text(MENU)
    made = [await open_desk(servers, tmp_path, lane=lane, plugins={"shop": Shop()}) for lane in (True, False)]
    yield Desks(*made)
    for desk in made:
        await desk.close()


async def open_desk(
    servers: Servers, menus: Path, *, lane: bool, plugins: Any = None, database_url: str = ""
) -> Desk:
    """A server with these menus on an empty Redis. plugins: as for `open_engine`."""
    url = servers.redis_url.replace("db=0", f"db={next(REDIS_DATABASES)}")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    settings = Settings(
        _env_file=None, env="test", port=0, drain_s=2.0, redis_url=url, redis_timeout_s=20.0, menus_dir=menus,
        database_url=database_url,
    )  # fmt: skip
    board = Board()
    engine = await open_engine(settings, board, plugins=plugins)
    desk = Desk(Running(make_app(settings, engine, board), settings, board), engine, board)
    await desk.running.start(lane=lane)
    return desk
