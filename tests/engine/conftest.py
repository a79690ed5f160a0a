"""An engine over a small shop: a menu with pure states, a read, an effect, a PIN and a confirmation."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from ussd_engine.actions import Call, Money, Outcome, Pin, Registry
from ussd_engine.engine import Engine, open_engine
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
        return await self.engine.handle(self.turn(text))

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
