"""An engine over a small shop: a menu with pure states, a read, an effect, a PIN and a confirmation."""

import asyncio
import contextvars
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from core_ext.lane import Lane, Starter
from ussd_engine.actions import Call, Money, Outcome, Pin, Registry
from ussd_engine.engine import Engine, open_engine
from ussd_engine.front import Front
from ussd_engine.gateways import Adapter, load_maps
from ussd_engine.gateways.routes import Gate, GatewayRoutes
from ussd_engine.observe.board import Board
from ussd_engine.plugin import PlainService
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Reply, Turn

CODE = "*123#"
MSISDN = "254712345678"

SHOP = """\
service: shop
codes: ["*123#"]
languages: [en]
start: entry
session: {timeout: 180s, resume: ask, resume_for: 10m}
keys: {back: "0", home: "00", more: "98"}
subscriber: {customer: flag}
vars:
  amount: {type: money, max: 1000}
  nickname: {type: text, max: 20}
  price: {type: record, fields: {total: {type: money, max: 1200}}}
  receipt: {type: record, fields: {ref: {type: text, max: 40}}}
states:
  entry:
    choose:
      - {when: subscriber.customer, to: regular}
      - {to: main}
  regular:
    menu: "Welcome back"
    options:
      - {en: Leave, to: bye}
  main:
    menu: "Shop"
    options:
      - {en: Buy, to: amount}
      - {en: Name, to: nickname}
      - {en: Leave, to: bye}
  amount:
    ask: "How much?"
    as: money
    save: amount
    check:
      - {when: amount > 90000, say: "Too much."}
    to: price
  price:
    do: shop.price
    with: {amount: amount}
    save: price
    on: {ok: confirm, one_each: sorry, failed: sorry}
  confirm:
    menu: "Pay {price.total|money}?"
    confirm: true
    options:
      - {en: "Yes", to: pin}
      - {en: "No", to: main}
  pin:
    ask: "PIN?"
    as: pin
    save: pin
    to: buy
  buy:
    do: shop.buy
    with: {amount: amount, pin: pin}
    save: receipt
    on:
      ok: bought
      wrong_pin: {to: pin, say: "Wrong PIN."}
      failed: sorry
  nickname:
    ask: "Your name?"
    as: text
    save: nickname
    to: hello
  hello:
    menu: "Hello {nickname}"
    options:
      - {en: Main, to: main}
      - {en: Leave, to: bye}
  bought: {end: "Bought. Ref {receipt.ref}"}
  sorry: {end: "Sorry, try later."}
  bye: {end: "Bye"}
"""

Act = Callable[[Call], Awaitable[None]]


@dataclass
class Shop(PlainService):
    """The shop's side: purchases by key, as a database would keep them, and hooks to make it slow or fail."""

    purchases: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    before: Act | None = None
    pins: list[str] = field(default_factory=list)
    profiles: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, bytes, Outcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry()
        self.registry.action("shop.price", outcomes=("ok", "one_each"), returns={"total": "money"})(
            self._price
        )
        self.registry.action(
            "shop.buy", outcomes=("ok", "wrong_pin"), returns={"ref": "text"}, effect=True, timeout_s=3
        )(self._buy)

    async def _price(self, call: Call, amount: Money) -> Outcome:
        self.calls["price"] += 1
        if self.before is not None:
            await self.before(call)
        if self.purchases:  # what led to a purchase says something else after it
            return Outcome("one_each")
        return Outcome("ok", {"total": amount + 10_000})

    async def _buy(self, call: Call, amount: Money, pin: Pin) -> Outcome:
        self.calls["buy"] += 1
        if self.before is not None:
            await self.before(call)
        self.pins.append(pin)
        outcome = Outcome("wrong_pin")
        if pin != "0001":
            ref = self.purchases.setdefault(call.key, f"R{len(self.purchases) + 1}")
            outcome = Outcome("ok", {"ref": ref}, {"customer": True})
        self.record(call, outcome)
        return outcome

    def record(self, call: Call, outcome: Outcome) -> None:
        """Keep what a database would keep in the effect's transaction."""
        if all(key != call.key for key, _, _ in self.kept):
            self.kept.append((call.key, orjson.dumps(call.checkpoint), outcome))

    async def profile(self, msisdn: str) -> dict[str, Any]:
        self.profiles[msisdn] += 1
        return {"customer": True} if self.purchases else {}

    async def effects(self, gateway: str, session_id: str) -> list[tuple[Mapping[str, Any], Outcome]]:
        of_session = [row for row in self.kept if row[0].startswith(f"{gateway}:{session_id}:")]
        return [(orjson.loads(checkpoint), outcome) for _, checkpoint, outcome in reversed(of_session)]


@dataclass
class Phone:
    """A phone behind Africa's Talking: it remembers everything typed in a session."""

    engine: Engine
    msisdn: str = MSISDN
    session_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    text: str = ""
    deadline_s: float = 8.0

    def turn(self, text: str) -> Turn:
        return Turn(
            "africastalking", self.session_id, self.msisdn, CODE, "safaricom", text, Family.CUMULATIVE,
            deadline_s=self.deadline_s,
        )  # fmt: skip

    async def send(self, text: str) -> Reply:
        """Send cumulative text as it is."""
        self.text = text
        if DOORS.get() is None or self.deadline_s != 8.0:
            return await self.engine.handle(self.turn(text))
        return await door_of(self.engine).send(self.turn(text))

    async def dial(self, text: str = "") -> str:
        """A new session."""
        self.session_id = uuid.uuid4().hex
        return (await self.send(text)).text

    async def press(self, *inputs: str) -> str:
        """Type answers one by one; the last screen."""
        reply = Reply("", True)
        for typed in inputs:
            reply = await self.send(f"{self.text}*{typed}" if self.text else typed)
        return reply.text

    async def again(self) -> str:
        """The gateway sends the same request once more."""
        return (await self.send(self.text)).text


class Wire:
    """The gateway's end of one connection, in memory."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        self.answer.set_result(data)

    def pause_reading(self) -> None:
        """Nothing more will be sent."""

    resume_reading = close = abort = pause_reading


class Door(Starter):
    """An engine behind the fast lane: turns go in as a gateway's bytes. `left` counts the turns that were
    not plain after all."""

    def __init__(self, engine: Engine) -> None:
        adapter = Adapter(load_maps(None)["africastalking"], engine.settings.max_body)
        routes = GatewayRoutes(adapter, engine, engine.settings, engine.board, Gate(1000, engine.board))
        front = Front(SimpleNamespace(server=object), routes, engine.settings, 60.0)  # type: ignore[arg-type]
        self.route = front._route
        self.begun = self.left = 0
        plain = self.route.plain
        if plain is not None:
            self.route.plain = self
            self._plain, again = plain, plain.hooks.again
            plain.hooks.again = lambda body, started: (
                setattr(self, "left", self.left + 1),
                again(body, started),
            )[1]

    @property
    def compares(self) -> bool:
        return bool(self._plain.commands.compares)

    def begin(self, lane: Lane, body: bytes) -> Any:
        request = self._plain.begin(lane, body)
        self.begun += request is not None
        return request

    async def send(self, turn: Turn) -> Reply:
        body = urlencode({
            "sessionId": turn.session_id, "phoneNumber": f"+{turn.msisdn}", "networkCode": "63902",
            "serviceCode": turn.service_code, "text": turn.text,
        }).encode()  # fmt: skip
        lane, wire = Lane(self.route), Wire()
        lane.connection_made(wire)
        media = b"application/x-www-form-urlencoded"
        lane.data_received(
            b"POST /api/v1/ussd HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (media, len(body), body)
        )
        head, _, said = (await wire.answer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert f"Content-Length: {len(said)}\r\n".encode() in head + b"\r\n"
        kind, _, text = said.decode().partition(" ")
        return Reply(text, {"CON": True, "END": False}[kind])


DOORS: contextvars.ContextVar[dict[int, Door] | None] = contextvars.ContextVar("doors", default=None)


def door_of(engine: Engine) -> Door:
    doors = DOORS.get()
    assert doors is not None
    if id(engine) not in doors:
        doors[id(engine)] = Door(engine)
    return doors[id(engine)]


@pytest.fixture(params=["engine", "lane"], autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of dialogs runs against the engine, and again through the fast lane and its plain turns."""
    token = DOORS.set({} if request.param == "lane" else None)
    yield request.param
    DOORS.reset(token)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def engine_settings(redis_url: str) -> Settings:
    return Settings(_env_file=None, env="test", database_url="", redis_url=redis_url, redis_timeout_s=1.0)


OpenEngine = Callable[[], Awaitable[Engine]]


@pytest.fixture
async def open_shop(engine_settings: Settings, shop: Shop, tmp_path: Any) -> AsyncIterator[OpenEngine]:
    """Opens engines over one Redis, as several worker processes would be."""
    engine_settings.menus_dir = tmp_path / "menus"
    (tmp_path / "menus" / "shop").mkdir(parents=True)
    (tmp_path / "menus" / "shop" / "service.yaml").write_text(SHOP)
    opened: list[Engine] = []

    async def open_one() -> Engine:
        engine = await open_engine(engine_settings, Board(), plugins={"shop": shop})
        opened.append(engine)
        return engine

    yield open_one
    await asyncio.gather(*(engine.close() for engine in opened))


@pytest.fixture
async def engine(open_shop: OpenEngine) -> Engine:
    return await open_shop()


@pytest.fixture
def phone(engine: Engine) -> Phone:
    return Phone(engine)
