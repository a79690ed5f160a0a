"""Which turns are plain, and that each of the others is the engine's from its beginning."""

import asyncio
from typing import Any

import pytest

from tests.engine.conftest import CODE, MSISDN, OpenEngine, Phone, Shop, door_of
from ussd_engine.bundle import build
from ussd_engine.engine import Engine
from ussd_engine.settings import Settings


@pytest.fixture(params=["lane"], autouse=True)
def way(way: str) -> str:
    return way


async def record_of(engine: Engine) -> dict[str, object]:
    session, _ = await engine.sessions.load(MSISDN, CODE, "shop")
    assert session is not None
    return {
        name: getattr(session, name) for name in session.__slots__ if name not in ("rev", "started", "seen")
    }


async def test_presses_of_a_known_subscriber_need_no_coroutine(phone: Phone, engine: Engine) -> None:
    door = door_of(engine)
    await phone.dial()  # the profile is asked for and kept
    assert (door.begun, door.left) == (1, 1)
    assert await phone.press("2", "Amina") == "Hello Amina\n1. Main\n2. Leave\n0:Back 00:Home"
    await phone.press("0", "Juma", "2")
    assert (door.begun, door.left) == (6, 1)
    await phone.dial()  # there is a session of another dial
    assert (door.begun, door.left) == (7, 2)


async def test_an_action_a_copy_and_a_dialled_string_are_the_engines(phone: Phone, engine: Engine) -> None:
    door = door_of(engine)
    await phone.dial()
    await phone.press("1")
    left = door.left
    await phone.press("500")  # asks for a price
    assert door.left == left + 1
    await phone.again()
    assert door.left == left + 2
    await phone.dial("2*Amina")
    assert door.left == left + 3


async def test_a_plain_turn_keeps_the_same_record_as_the_engine(
    open_shop: OpenEngine, engine: Engine
) -> None:
    phone = Phone(engine)
    await phone.dial()
    for typed in ("2", " Amina  W ", "9", "0", "Zoe", "1", "1", "1000000", "0"):
        before = phone.text
        await phone.press(typed)
        plain = await record_of(engine)
        await engine.store.call("DEL", f"ussd:{{{MSISDN}}}:{CODE}")
        other = Phone(engine, session_id=phone.session_id)  # the engine rebuilds it from the text
        await engine.handle(other.turn(before))
        await engine.handle(other.turn(phone.text))
        again = await record_of(engine)
        assert {**again, "turn": 0} == {**plain, "turn": 0}


async def test_copies_sent_at_once_have_one_answer(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("2")
    answers = await asyncio.gather(*(phone.send("2*Amina") for _ in range(20)))
    assert len(set(answers)) == 1
    assert (await record_of(engine))["turn"] == 3


async def test_a_session_of_another_gateway_or_phone_call_is_not_gone_on_with(engine: Engine) -> None:
    one, other = Phone(engine), Phone(engine)
    await one.dial()
    await one.press("2")
    assert (await other.dial()).startswith("Shop") or "not finished" in await other.again()
    assert (await one.press("Amina")).startswith("Hello Amina")  # replayed: it was the older dial


async def test_a_script_redis_forgot_is_sent_again(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await engine.store.call("SCRIPT", "FLUSH")
    assert (await phone.press("2")).startswith("Your name?")


class Older:
    """A transport to a Redis whose SET does not compare: it is sent a word that no Redis knows."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.scripts = 0

    def write(self, data: bytes) -> None:
        self.scripts += data.count(b"EVALSHA")
        self._transport.write(data.replace(b"\r\nIFEQ\r\n", b"\r\nIFFQ\r\n"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_where_set_does_not_compare_a_script_saves(phone: Phone, engine: Engine) -> None:
    door = door_of(engine)
    await phone.dial()  # the profile is asked for and kept: the engine's
    link = engine.store.single
    assert link is not None
    refused = door.compares  # else the server itself is so old
    link._transport = older = Older(link._transport)  # type: ignore[assignment]
    other = Phone(engine)
    await phone.press("2")
    assert (door.begun, door.left, door.compares) == (2, 1 + refused, False)
    before = older.scripts
    assert await phone.press("Amina") == "Hello Amina\n1. Main\n2. Leave\n0:Back 00:Home"
    assert (await other.dial()).startswith("You have not finished") or "1. " in await other.again()
    await other.press("2")
    answers = await asyncio.gather(*(other.send("2*2") for _ in range(20)))
    assert len(set(answers)) == 1
    assert older.scripts > before


async def test_sessions_of_one_moment_are_begun_once(engine: Engine) -> None:
    phones = [Phone(engine) for _ in range(5)]
    await phones[0].dial()
    await phones[0].press("3")  # the profile is kept, and its session is over
    await engine.store.call("DEL", f"ussd:{{{MSISDN}}}:{CODE}")
    said = await asyncio.gather(*(each.dial() for each in phones))
    assert all(text.startswith(("Shop", "You", "1.")) or "1. " in text for text in said)
    session, _ = await engine.sessions.load(MSISDN, CODE, "shop")
    assert session is not None
    assert session.session_id in {each.session_id for each in phones}


async def test_a_connection_lost_under_a_plain_turn_loses_no_press(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    link = engine.store.single
    assert link is not None
    for number in range(10):
        sent = asyncio.create_task(phone.press("2" if number % 2 == 0 else "0"))
        await asyncio.sleep(0)
        link._transport.abort()  # type: ignore[union-attr]
        assert (await asyncio.wait_for(sent, 5)).startswith(("Your name?", "Shop"))


async def test_a_record_past_its_bound_is_a_sentence(
    open_shop: OpenEngine, engine_settings: Settings, shop: Shop
) -> None:
    engine_settings.max_session = 420
    engine = await open_shop()
    phone = Phone(engine)
    await phone.dial()
    said = await phone.press("2")
    for _ in range(3):
        said = await phone.press("Amina Wanjiku", "0")
    assert said
    assert engine.board.faults.value("program") in (0, 1)


async def test_each_turn_is_counted_once_whoever_did_it(phone: Phone, engine: Engine) -> None:
    door = door_of(engine)
    await phone.dial()
    await phone.press("2", "Amina", "2")
    board = engine.board
    assert board.turns.value("africastalking", "more") == 3
    assert board.turns.value("africastalking", "end") == 1
    assert board.session_starts.value("shop") == 1
    assert board.session_ends.value("shop", "end") == 1
    assert board.in_flight.value() == 0
    assert door.begun == 4


WITH_POINTS = """\
service: shop
codes: ["*123#"]
languages: [en]
start: main
subscriber: {points: {type: integer, max: 99}}
states:
  main:
    menu: "Points {subscriber.points|number}"
    options:
      - {en: More, to: more}
  more:
    menu: "Still {subscriber.points|number}"
    options:
      - {en: Leave, to: bye}
  bye: {end: "Bye"}
"""
WITHOUT = WITH_POINTS.replace("subscriber: {points: {type: integer, max: 99}}\n", "").replace(
    "{subscriber.points|number}", "none"
)


async def test_a_session_on_an_older_version_has_that_versions_subscriber(engine: Engine, shop: Shop) -> None:
    older, newer = (build({"service.yaml": text}, shop) for text in (WITH_POINTS, WITHOUT))
    bundles = engine.bundles
    bundles._known[older.name], bundles.by_code[CODE] = older, older
    phone = Phone(engine)
    assert (await phone.dial()).startswith("Points 0")
    bundles.by_code[CODE] = newer
    await engine.store.call("DEL", f"ussd:{{{MSISDN}}}:profile:shop")
    left = door_of(engine).left
    assert (await phone.press("1")).startswith("Still 0")
    assert door_of(engine).left == left
    assert (await phone.dial()).startswith(("Points none", "You were not finished"))
