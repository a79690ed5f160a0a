"""Dialogs through the engine on a real Redis: what is kept, what is fed, what comes back."""

import orjson
import pytest
import redis as redis_client

from tests.engine.conftest import CODE, MSISDN, Phone, Shop
from ussd_engine.engine import Engine
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Reply, Turn


@pytest.fixture
def redis(engine_settings: Settings) -> redis_client.Redis:
    return redis_client.Redis.from_url(engine_settings.redis_url)


def record(redis: redis_client.Redis) -> bytes:
    value = redis.get(f"ussd:{{{MSISDN}}}:{CODE}")
    assert isinstance(value, bytes)
    return value


async def test_a_dialog_from_dial_to_end(phone: Phone, shop: Shop) -> None:
    assert await phone.dial() == "Shop\n1. Buy\n2. Name\n3. Leave"
    assert await phone.press("1") == "How much?\n0:Back 00:Home"
    assert await phone.press("500") == "Pay 600?\n1. Yes\n2. No\n0:Back 00:Home"
    assert await phone.press("1") == "PIN?\n0:Back 00:Home"
    reply = await phone.send(phone.text + "*1234")
    assert reply == Reply("Bought. Ref R1", more=False)
    assert shop.pins == ["1234"]


async def test_a_wrong_answer_does_not_shift_the_later_ones(phone: Phone) -> None:
    await phone.dial()
    assert "How much?" in await phone.press("1")
    assert "Too much." in await phone.press("901")
    assert "How much?" in await phone.press("nan")
    assert "Pay 600?" in await phone.press("500")


@pytest.mark.parametrize("typed", ["****", "**", "*", "a*b", "7*a*b"])
async def test_an_input_may_hold_stars(phone: Phone, typed: str) -> None:
    await phone.dial()
    await phone.press("2")
    assert (await phone.press(typed)).startswith(f"Hello {typed}\n")


async def test_the_same_request_again_gets_the_same_bytes(phone: Phone, shop: Shop) -> None:
    first = await phone.dial()
    assert await phone.again() == first
    for typed in ("1", "500", "1", "1234"):
        shown = await phone.press(typed)
        assert await phone.again() == shown
        assert await phone.again() == shown
    assert shop.calls == {"price": 1, "buy": 1}


async def test_a_direct_dial_feeds_its_inputs_and_stops_before_a_confirmation(phone: Phone) -> None:
    assert (await phone.dial("1*500")).startswith("Pay 600?")
    assert (await phone.dial("1*500*1*1234")).startswith("Pay 600?")
    assert await phone.press("1") == "PIN?\n0:Back 00:Home"


async def test_a_direct_dial_never_goes_through_a_pin(phone: Phone, shop: Shop) -> None:
    await phone.dial("1*500*1*1234*1*1234")
    assert shop.purchases == {}


async def test_a_direct_dial_stops_at_a_wrong_answer(phone: Phone) -> None:
    assert "How much?" in await phone.dial("1*nonsense*500")
    assert "Pay 600?" in await phone.press("500")


async def test_an_older_session_is_rebuilt_when_it_presses(engine: Engine) -> None:
    one, other = Phone(engine), Phone(engine)
    await one.dial()
    await one.press("2", "Amina")
    await other.dial()
    assert (await one.press("1")).startswith("Shop")
    assert (await other.press("3")).startswith("Shop")  # its screen was an offer, which is gone
    assert (await other.press("3")) == "Bye"


async def test_a_dropped_call_is_offered_its_unfinished_dialog(phone: Phone) -> None:
    await phone.dial()
    await phone.press("2", "Amina")
    offer = await phone.dial()
    assert "1. " in offer
    assert "2. " in offer
    assert (await phone.press("1")).startswith("Hello Amina")
    await phone.dial()
    assert (await phone.press("2")).startswith("Shop")


async def test_going_on_never_lands_in_a_pin_or_a_confirmation(phone: Phone, shop: Shop) -> None:
    await phone.dial()
    await phone.press("1", "500", "1")
    await phone.dial()
    assert (await phone.press("1")).startswith("How much?")
    assert shop.purchases == {}


async def test_a_dialog_that_ended_or_never_went_on_is_not_offered(phone: Phone) -> None:
    await phone.dial()
    assert (await phone.dial()).startswith("Shop")
    await phone.press("3")
    assert (await phone.dial()).startswith("Shop")


async def test_a_session_record_is_small_and_holds_no_secret(
    phone: Phone, shop: Shop, redis: redis_client.Redis
) -> None:
    await phone.dial()
    await phone.press("1", "500", "1", "0001")
    kept = record(redis)
    assert shop.pins == ["0001"]
    assert b"0001" not in kept.replace(orjson.loads(kept)["rev"].encode(), b"")
    assert len(kept) < 1024


async def test_an_unknown_code_gets_a_sentence(engine: Engine) -> None:
    reply = await engine.handle(Turn("at", "s", MSISDN, "*9#", "", "", Family.CUMULATIVE))
    assert not reply.more
    assert reply.text


async def test_a_dialog_of_a_gateway_that_sends_the_last_input_only(engine: Engine) -> None:
    async def send(text: str, first: bool = False, family: Family = Family.DIALLED) -> str:
        turn = Turn("hubtel", "s1", MSISDN, CODE, "mtn", text, family, first)
        return (await engine.handle(turn)).text

    assert (await send(CODE, first=True)).startswith("Shop")
    assert (await send(CODE, first=True)).startswith("Shop")
    assert (await send("2")).startswith("Your name?")
    assert (await send("2")).startswith("Hello 2")
    assert (await send("*123*1*500#", first=True)).startswith("Pay 600?")


async def test_a_phone_keeps_its_variables_from_another_phone(engine: Engine) -> None:
    one, other = Phone(engine, "254700000001"), Phone(engine, "254700000002")
    await one.dial()
    await other.dial()
    await one.press("2")
    await other.press("2")
    assert (await one.press("Amina")).startswith("Hello Amina")
    assert (await other.press("Baraka")).startswith("Hello Baraka")


async def test_a_profile_is_loaded_once_and_kept(phone: Phone, shop: Shop) -> None:
    await phone.dial()
    await phone.press("2", "Amina")
    assert shop.profiles == {MSISDN: 1}
