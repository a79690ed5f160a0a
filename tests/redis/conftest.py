"""A cluster for all tests of this folder, a server on any Redis, and a crowd that dials meanwhile."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import CODE, SHOP, Phone, Shop
from tests.redis.servers import Cluster, Server
from tests.server.wire import ask, form, post
from ussd_engine.actions import Call, Money, Outcome, Pin
from ussd_engine.engine import Engine, open_engine
from ussd_engine.observe.board import Board
from ussd_engine.server import Running, make_app
from ussd_engine.session_counts import sessions_by_bundle
from ussd_engine.settings import Settings
from ussd_engine.turn import Reply

UNFINISHED = "You were not finished last time"
numbers = itertools.count(254_700_000_001)


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster: Cluster) -> Iterator[Cluster]:
    """Three masters, each with a replica, and a master without slots. Whole and empty again for the next
    test."""
    yield running_cluster
    running_cluster.restore()
    running_cluster.empty()


class Market(Shop):
    """A shop that sells to everybody, as often as they like."""

    async def _price(self, _call: Call, amount: Money) -> Outcome:
        return Outcome("ok", {"total": amount + 10_000})

    async def _buy(self, call: Call, amount: Money, pin: Pin) -> Outcome:
        outcome = await super()._buy(call, amount, pin)
        return Outcome(outcome.name, outcome.value)  # nobody is a regular: a failover may lose who is

    def record(self, call: Call, outcome: Outcome) -> None:
        super().record(call, Outcome(outcome.name, outcome.value))

    async def profile(self, msisdn: str) -> dict[str, Any]:
        self.profiles[msisdn] += 1
        return {}


@dataclass
class Line(Phone):
    """A phone whose gateway asks a server, in the fast lane."""

    port: int = 0

    async def send(self, text: str) -> Reply:
        """Send cumulative text as it is."""
        self.text = text
        body = form(text, session=self.session_id, phone=f"+{self.msisdn}", code=CODE)
        answer = await ask(self.port, post(body))
        assert answer.status == 200
        word, _, shown = answer.body.partition(" ")
        return Reply(shown, word == "CON")


OpenMarket = Callable[..., Awaitable[Engine]]


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
async def open_market(market: Market, tmp_path: Path) -> AsyncIterator[OpenMarket]:
    """Opens an engine on the Redis of a URL."""
    (tmp_path / "menus" / "shop").mkdir(parents=True)
    (tmp_path / "menus" / "shop" / "service.yaml").write_text(SHOP)
    opened: list[Engine] = []

    async def open_one(url: str, redis_timeout_s: float = 1.0) -> Engine:
        settings = Settings(
            _env_file=None, env="test", database_url="", redis_url=url, redis_timeout_s=redis_timeout_s,
            port=0, menus_dir=tmp_path / "menus",
        )  # fmt: skip
        opened.append(await open_engine(settings, Board(), plugins={"shop": market}))
        return opened[-1]

    yield open_one
    await asyncio.gather(*(engine.close() for engine in opened))


@asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[int]:
    """A server in front of the engine, with the fast lane; its port."""
    running = Running(make_app(engine.settings, engine, engine.board), engine.settings, engine.board)
    await running.start()
    try:
        yield running.port
    finally:
        await running.stop()


@dataclass
class Crowd:
    """People who buy and look around, each with a phone; every screen is compared with what it must be.

    Every fifth request is sent once more, as a gateway does that heard no answer. forgotten: Redis may have
    lost its last saves; then it is right to offer a dialog that was over to go on with.
    """

    engine: Engine
    market: Market
    forgotten: bool
    phones: list[Phone] = field(default_factory=list)
    turns: int = 0
    bought: int = 0
    slowest_s: float = 0.0
    leaving: bool = False
    broken: bool = False

    async def walk(self, phone: Phone) -> None:
        """Dialog after dialog until it is time to leave, or somebody saw a wrong screen."""
        try:
            await self._walk(phone)
        except BaseException:
            self.leaving = self.broken = True
            raise

    async def _walk(self, phone: Phone) -> None:
        """Every other phone has a new number each time."""
        stays = self.phones.index(phone) % 2 == 0
        while not self.leaving:
            phone.msisdn = phone.msisdn if stays else str(next(numbers))
            phone.text = ""
            if (await self.see(phone, None, "Shop", UNFINISHED)).startswith(UNFINISHED):
                await self.see(phone, "2", "Shop")
            await self.see(phone, "2", "Your name?")
            await self.see(phone, "Amina", "Hello Amina")
            await self.see(phone, "1", "Shop")
            await self.see(phone, "1", "How much?")
            await self.see(phone, "500", "Pay 600?")
            await self.see(phone, "1", "PIN?")
            await self.see(phone, "1234", "Bought. Ref R")
            self.bought += 1

    async def see(self, phone: Phone, typed: str | None, expected: str, after_loss: str = "\0") -> str:
        began = time.monotonic()
        shown = await (phone.dial() if typed is None else phone.press(typed))
        took = time.monotonic() - began
        self.turns += 1
        self.slowest_s = max(self.slowest_s, took)
        right = (expected, after_loss) if self.forgotten else expected
        assert shown.startswith(right), (phone.msisdn, phone.text, shown, right)
        assert took < phone.deadline_s, (phone.msisdn, phone.text, took)
        if self.turns % 5 == 0:
            once_more = await phone.again()
            assert once_more == shown or (self.forgotten and once_more.startswith(right))
            shown = once_more  # what the phone shows in the end
        return shown

    async def more(self, turns: int) -> None:
        """Wait until so many more turns were answered."""
        until = self.turns + turns
        while self.turns < until and not self.broken:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def crowd(
    engine: Engine, market: Market, size: int = 24, *, forgotten: bool = False
) -> AsyncIterator[Crowd]:
    """They dial while this is open. Then each bought exactly what it was told it bought."""
    async with serving(engine) as port:
        phones: list[Phone] = [Line(engine, str(next(numbers)), port=port) for _ in range(size)]
        people = Crowd(engine, market, forgotten, phones)
        walks = asyncio.gather(*(people.walk(phone) for phone in phones))
        try:
            yield people
        except BaseException:
            walks.cancel()
            raise
        finally:
            people.leaving = True
            await asyncio.wait([walks])
        await walks
    assert people.bought == len(market.purchases) > 0


async def dial_and_publish(url: str, open_market: OpenMarket, market: Market) -> None:
    """All that the engine ever asks of Redis."""
    engine = await open_market(url, 5.0)  # on a busy machine TLS takes its time
    other = await open_market(url, 5.0)
    assert await other.ready() == {}
    async with crowd(engine, market, 4) as people:
        await people.more(40)
    await engine.sessions.forget_profile("254700000000", "shop")
    assert sum((await sessions_by_bundle(engine.bundles._redis)).values()) == 0  # all are over


@pytest.fixture
def redis_server_url(tmp_path: Path) -> Iterator[str]:
    """A server of its own by TCP."""
    with Server(tmp_path / "redis") as server:
        yield f"redis://{server.host}"
