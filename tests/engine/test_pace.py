"""A phone that dials or presses too often is told to wait, and nobody else is."""

import asyncio

import orjson
import pytest
import redis

from tests.engine.conftest import CODE, MSISDN, Phone, Shop
from ussd_engine.engine import Engine
from ussd_engine.session_counts import sessions_by_bundle
from ussd_engine.settings import Settings

TOO_OFTEN = "You have dialled very often. Please wait a minute and dial again."
MENU = "Shop\n1. Buy\n2. Name\n3. Leave"


async def test_who_dials_again_and_again_waits_and_nobody_else_does(engine: Engine, phone: Phone) -> None:
    engine._pace._dials = 3
    answers = [await phone.dial() for _ in range(6)]
    assert answers == [MENU] * 4 + [TOO_OFTEN] * 2  # the first met no session of this phone
    assert (await phone.send("")).more is False
    assert await Phone(engine, "254711000222").dial() == MENU
    assert sum((await sessions_by_bundle(engine.bundles._redis)).values()) == 2  # a count is no session


async def test_inputs_without_a_session_count_as_dials(engine: Engine, phone: Phone, shop: Shop) -> None:
    engine._pace._dials = 2
    redis.Redis.from_url(engine.settings.redis_url).flushdb()
    first, second, third = [await phone.dial(text) for text in ("1*500", "1*501", "1*502")]
    assert first.startswith("Pay 600?")
    assert second != TOO_OFTEN
    assert third == TOO_OFTEN
    assert shop.calls["buy"] == 0


async def test_after_a_minute_they_may_dial_again(engine: Engine, phone: Phone) -> None:
    engine._pace._dials = 1
    client = redis.Redis.from_url(engine.settings.redis_url)
    shown = [await phone.dial() for _ in range(3)]
    assert shown[-1] == TOO_OFTEN
    assert 0 < client.ttl(f"ussd-dials:{{{MSISDN}}}") <= 60
    client.delete(f"ussd-dials:{{{MSISDN}}}")  # as time does
    assert await phone.dial() == MENU


async def test_a_long_session_may_go_on_at_the_pace_of_a_person(
    engine: Engine, phone: Phone, engine_settings: Settings
) -> None:
    client = redis.Redis.from_url(engine_settings.redis_url)
    key = f"ussd:{{{MSISDN}}}:{CODE}"
    await phone.dial()
    await phone.press("1")
    record = orjson.loads(client.get(key))  # type: ignore[arg-type]
    record["turn"] = 400
    client.set(key, orjson.dumps(record))
    assert await phone.press("500") == TOO_OFTEN

    record["started"] -= 5 * 60_000
    client.set(key, orjson.dumps(record))
    assert (await phone.send(phone.text)).text.startswith("Pay 600?")


async def test_who_cannot_be_counted_is_let_in(engine: Engine, phone: Phone) -> None:
    engine._pace._dials = 1
    client = redis.Redis.from_url(engine.settings.redis_url)
    await phone.dial()
    client.set(f"ussd-dials:{{{MSISDN}}}", "no number")  # Redis refuses to count
    assert [await phone.dial() for _ in range(3)] == [MENU] * 3


async def test_a_redis_that_says_nothing_lets_in_too(
    engine: Engine, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = engine.store.call
    monkeypatch.setattr(engine.store, "call", lambda *command: (
        asyncio.get_running_loop().create_future() if command[0] == "INCR" else call(*command)
    ))  # fmt: skip
    assert [await asyncio.wait_for(phone.dial(), 5) for _ in range(2)] == [MENU] * 2
