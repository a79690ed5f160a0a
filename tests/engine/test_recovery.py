"""Lost and taken-over sessions whose dialog reads before it acts, acts twice for one press, acts at dial, or
began by going on with an older one. What was done is never done again, and what is shown is what would
have been."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_client

from tests.engine.conftest import CODE, MSISDN, OpenEngine, Phone, Shop
from ussd_engine.actions import Call, Outcome, Pin, Registry, Text
from ussd_engine.engine import Engine, open_engine
from ussd_engine.observe.board import Board
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Turn

BANK = """\
service: shop
codes: ["*123#"]
languages: [en]
start: greet
session: {timeout: 180s, resume: start}
subscriber: {customer: flag}
vars:
  count: {type: record, fields: {n: {type: integer, max: 99}}}
states:
  greet:
    do: bank.greet
    on: {ok: main, failed: sorry}
  main:
    menu: "Bank"
    options:
      - {en: Move, to: look}
      - {en: Secret, to: pin}
      - {en: Leave, to: bye}
  pin:
    ask: "PIN?"
    as: pin
    save: pin
    to: secret
  secret:
    do: bank.secret
    with: {pin: pin}
    on: {ok: moved_all, failed: sorry}
  moved_all: {end: "All moved."}
  look:
    do: bank.look
    on: {ok: take, moved: had, failed: sorry}
  take:
    do: bank.move
    with: {what: "'take'"}
    save: count
    on: {ok: give, failed: sorry}
  give:
    do: bank.tell
    on: {ok: again, failed: sorry}
  again:
    do: bank.move
    with: {what: "'give'"}
    save: count
    on: {ok: moved, failed: sorry}
  moved:
    menu: "Moved {count.n}"
    options:
      - {en: Leave, to: bye}
  had: {end: "Moved before."}
  sorry: {end: "Sorry."}
  bye: {end: "Bye"}
"""


@dataclass
class Bank(Shop):
    """Greets at dial (an effect), and moves twice for one press, with another effect in between."""

    done: dict[str, str] = field(default_factory=dict)
    die_at: str = ""
    died: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.registry = Registry()
        self.registry.action("bank.greet", effect=True)(self._greet)
        self.registry.action("bank.look", outcomes=("ok", "moved"))(self._look)
        self.registry.action("bank.move", returns={"n": "integer"}, effect=True)(self._move)
        self.registry.action("bank.tell", effect=True)(self._tell)
        self.registry.action("bank.secret", effect=True)(self._secret)

    async def _once(self, call: Call, what: str) -> Outcome:
        for key, _, outcome in self.kept:
            if key == call.key:
                return outcome
        self.done[call.key] = what
        outcome = Outcome("ok", {"n": len(self.done)}, {"customer": True})
        self.record(call, outcome)
        if what == self.die_at:
            self.died.set()
            await asyncio.Event().wait()
        return outcome

    async def _greet(self, call: Call) -> Outcome:
        return await self._once(call, "greet")

    async def _look(self, _call: Call) -> Outcome:
        return Outcome("moved" if "take" in self.done.values() else "ok")

    async def _move(self, call: Call, what: Text) -> Outcome:
        return await self._once(call, what)

    async def _tell(self, call: Call) -> Outcome:
        return await self._once(call, "tell")

    async def _secret(self, call: Call, pin: Pin) -> Outcome:
        return await self._once(call, "secret")


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
async def open_bank(engine_settings: Settings, bank: Bank, tmp_path: Path) -> AsyncIterator[OpenEngine]:
    engine_settings.menus_dir = tmp_path / "menus"
    (tmp_path / "menus" / "bank").mkdir(parents=True)
    (tmp_path / "menus" / "bank" / "service.yaml").write_text(BANK)
    opened: list[Engine] = []

    async def open_one() -> Engine:
        opened.append(await open_engine(engine_settings, Board(), plugins={"shop": bank}))
        return opened[-1]

    yield open_one
    await asyncio.gather(*(engine.close() for engine in opened))


@pytest.fixture
def redis(engine_settings: Settings) -> redis_client.Redis:
    return redis_client.Redis.from_url(engine_settings.redis_url)


@contextlib.asynccontextmanager
async def killed_at(bank: Bank, what: str) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """The turns put into the list are cancelled when an effect is on record and not yet answered."""
    bank.die_at = what
    bank.died.clear()
    victims: list[asyncio.Task[Any]] = []
    yield victims
    await asyncio.wait_for(bank.died.wait(), 5)
    bank.die_at = ""
    for victim in victims:
        victim.cancel()
    await asyncio.gather(*victims, return_exceptions=True)


@pytest.mark.parametrize("what", ["take", "tell", "give"])
@pytest.mark.parametrize(("emptied", "same_worker"), [(False, False), (True, False), (True, True)])
async def test_what_a_dead_worker_had_done_of_one_press_is_gone_on_from(
    open_bank: OpenEngine, bank: Bank, redis: redis_client.Redis, what: str, emptied: bool, same_worker: bool
) -> None:
    phone = Phone(await open_bank(), deadline_s=0.7)
    assert (await phone.dial()).startswith("Bank")
    async with killed_at(bank, what) as victims:
        victims.append(asyncio.create_task(phone.send("1")))
    if emptied:
        redis.flushall()
    if not same_worker:
        phone.engine = await open_bank()
    phone.deadline_s = 5.0
    assert (await phone.again()).startswith("Moved 4")
    assert list(bank.done.values()) == ["greet", "take", "tell", "give"]


async def test_a_single_input_whose_worker_died_is_gone_on_from_too(
    open_bank: OpenEngine, bank: Bank
) -> None:
    def turn(text: str, first: bool, deadline_s: float) -> Turn:
        return Turn("hubtel", "s1", MSISDN, CODE, "mtn", text, Family.DIALLED, first, 0, deadline_s)

    engine = await open_bank()
    await engine.handle(turn(CODE, True, 5.0))
    async with killed_at(bank, "take") as victims:
        victims.append(asyncio.create_task(engine.handle(turn("1", False, 0.7))))
    assert (await engine.handle(turn("1", False, 5.0))).text.startswith("Moved 4")
    assert list(bank.done.values()) == ["greet", "take", "tell", "give"]


@pytest.mark.parametrize("emptied", [False, True])
async def test_an_effect_at_dial_happens_once(
    open_bank: OpenEngine, bank: Bank, redis: redis_client.Redis, emptied: bool
) -> None:
    phone = Phone(await open_bank(), deadline_s=0.7)
    async with killed_at(bank, "greet") as victims:
        victims.append(asyncio.create_task(phone.send("")))
    if emptied:
        redis.flushall()
    phone.deadline_s = 5.0
    assert (await phone.again()).startswith("Bank")
    assert list(bank.done.values()) == ["greet"]


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("dialled", [True, False])
async def test_a_dialled_string_never_goes_through_a_pin_whoever_finishes_it(
    open_bank: OpenEngine, bank: Bank, redis: redis_client.Redis, emptied: bool, dialled: bool
) -> None:
    phone = Phone(await open_bank(), deadline_s=0.7)
    if not dialled:
        await phone.dial()
        await phone.press("2")
    async with killed_at(bank, "greet" if dialled else "secret") as victims:
        victims.append(asyncio.create_task(phone.send("2*1234")))
    if emptied:
        redis.flushall()
    phone.engine = await open_bank()
    phone.deadline_s = 5.0
    assert (await phone.again()).startswith("PIN?" if dialled else "All moved.")
    assert list(bank.done.values()) == (["greet"] if dialled else ["greet", "secret"])


async def test_a_checkpoint_of_another_release_does_no_harm(
    open_bank: OpenEngine, bank: Bank, redis: redis_client.Redis
) -> None:
    phone = Phone(await open_bank())
    await phone.dial()
    bank.kept = [(key, b'{"position": 0, "nth": 1}', outcome) for key, _, outcome in bank.kept]
    redis.flushall()
    phone.engine = await open_bank()
    assert (await phone.press("2")).startswith("PIN?")


async def test_all_of_a_press_done_and_its_session_lost_shows_the_same(
    open_bank: OpenEngine, bank: Bank, redis: redis_client.Redis
) -> None:
    phone = Phone(await open_bank())
    await phone.dial()
    shown = await phone.press("1")
    redis.flushall()
    phone.engine = await open_bank()
    assert await phone.again() == shown
    assert await phone.press("1") == "Bye"
    assert len(bank.done) == 4


@pytest.mark.parametrize("choice", ["1", "2"])
async def test_a_lost_session_that_began_with_an_offer_is_not_replayed_as_if_it_had_not(
    phone: Phone, shop: Shop, redis: redis_client.Redis, choice: str
) -> None:
    """Its first answer was to the offer. To the menus it says something else: here, to buy."""
    await phone.dial()
    await phone.press("2", "Amina")
    assert "2. " in await phone.dial()
    await phone.press(choice)
    redis.flushall()
    assert (await phone.press("500")).startswith("Shop")
    assert not shop.calls


async def test_a_profile_that_changed_under_a_newer_dial_is_asked_for_again(
    engine: Engine, shop: Shop, redis: redis_client.Redis
) -> None:
    phone = Phone(engine)
    await phone.dial()
    await phone.press("1", "500", "1")
    running, finish = asyncio.Event(), asyncio.Event()

    async def held(_call: Call) -> None:
        running.set()
        await finish.wait()

    shop.before = held
    older = asyncio.create_task(engine.handle(phone.turn(phone.text + "*1234")))
    await running.wait()
    newer = Phone(engine)
    await newer.dial()
    finish.set()
    assert (await older).text == "Bought. Ref R1"
    shop.before = None
    redis.delete(f"ussd:{{{MSISDN}}}:{CODE}")
    assert (await newer.dial()).startswith("Welcome back")
    assert orjson.loads(redis.get(f"ussd:{{{MSISDN}}}:profile:shop") or b"") == {"customer": True}
