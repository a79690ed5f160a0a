"""What breaks a turn: duplicates, an emptied Redis, dead claimants, slow and failing actions."""

import asyncio
import contextlib
import time
from typing import Any

import orjson
import pytest
import redis as redis_client

from tests.engine.conftest import CODE, MSISDN, OpenEngine, Phone, Shop
from ussd_engine.actions import Call, Outcome
from ussd_engine.engine import Engine
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Reply, Turn

KEY = f"ussd:{{{MSISDN}}}:{CODE}"


@pytest.fixture
def redis(engine_settings: Settings) -> redis_client.Redis:
    return redis_client.Redis.from_url(engine_settings.redis_url)


async def at_the_pin(phone: Phone) -> None:
    await phone.dial()
    await phone.press("1", "500", "1")


@pytest.mark.parametrize("flushed_after", range(5))
async def test_a_dialog_goes_on_after_redis_was_emptied(
    phone: Phone, shop: Shop, redis: redis_client.Redis, flushed_after: int
) -> None:
    shown = [await phone.dial()]
    for count, typed in enumerate(("1", "500", "1", "1234")):
        if count == flushed_after:
            redis.flushall()
        shown.append(await phone.press(typed))
    if flushed_after == 4:
        redis.flushall()
        assert await phone.again() == shown[-1]
    assert [screen.split("\n")[0] for screen in shown] == [
        "Shop", "How much?", "Pay 600?", "PIN?", "Bought. Ref R1",
    ]  # fmt: skip
    assert len(shop.purchases) == 1


async def test_a_lost_session_whose_effect_is_on_record_is_replayed_by_another_worker(
    open_shop: OpenEngine, shop: Shop, redis: redis_client.Redis
) -> None:
    phone = Phone(await open_shop())
    await at_the_pin(phone)
    bought = await phone.press("1234")
    redis.flushall()
    phone.engine = await open_shop()
    assert await phone.again() == bought
    assert len(shop.purchases) == 1


@pytest.mark.parametrize("wrong_pins", [0, 2])
async def test_a_lost_session_goes_on_from_its_last_effect_whatever_that_changed(
    open_shop: OpenEngine, shop: Shop, redis: redis_client.Redis, wrong_pins: int
) -> None:
    """The price is refused to whoever has bought, and a customer is met by another menu: so running the
    dialog again from its start would go elsewhere."""
    phone = Phone(await open_shop())
    await at_the_pin(phone)
    for _ in range(wrong_pins):
        assert "Wrong PIN." in await phone.press("0001")
        redis.flushall()
        phone.engine = await open_shop()
        assert "Wrong PIN." in await phone.again()
    bought = await phone.press("1234")
    redis.flushall()
    assert await phone.again() == bought == "Bought. Ref R1"
    assert shop.calls["buy"] == wrong_pins + 1


@pytest.mark.parametrize("typed", ["1*500*1*1234", "1*500*1*0001", "1", "1*500*1*1234*2"])
async def test_another_phone_under_the_same_session_id_is_not_shown_what_the_first_one_did(
    open_shop: OpenEngine, shop: Shop, typed: str
) -> None:
    first = Phone(await open_shop())
    await at_the_pin(first)
    await first.press("1234")
    other = Phone(first.engine, msisdn="254722000999", session_id=first.session_id)

    seen = (await other.send(typed)).text

    assert "R1" not in seen
    assert shop.calls["buy"] == 1  # what it dialled in one string is stopped before the PIN
    assert shop.profiles["254722000999"] == 1


async def test_two_phones_under_one_session_id_do_not_share_a_purchase(engine: Engine, shop: Shop) -> None:
    phones = [Phone(engine, msisdn=msisdn, session_id="1") for msisdn in (MSISDN, "254722000999")]
    for phone in phones:
        await phone.send("")
        await phone.press("1", "500", "1")
    await asyncio.gather(*(phone.press("1234") for phone in phones))

    assert len(shop.purchases) == 2


async def test_a_late_copy_of_a_press_before_the_effect_changes_nothing(
    open_shop: OpenEngine, shop: Shop, redis: redis_client.Redis
) -> None:
    phone = Phone(await open_shop())
    await at_the_pin(phone)
    before = phone.text
    await phone.press("1234")
    redis.flushall()
    assert (await phone.send(before)).text
    assert len(shop.purchases) == 1


async def test_a_lost_session_nobody_remembers_asks_for_the_pin_again(
    open_shop: OpenEngine, shop: Shop, redis: redis_client.Redis
) -> None:
    phone = Phone(await open_shop())
    await at_the_pin(phone)
    redis.flushall()
    phone.engine = await open_shop()
    assert (await phone.press("1234")).startswith("Pay 600?")
    assert await phone.press("1", "1234") == "Bought. Ref R1"
    assert len(shop.purchases) == 1


@pytest.mark.parametrize("copies", [2, 20])
async def test_a_pure_turn_sent_at_once_several_times_is_one_turn(
    open_shop: OpenEngine, redis: redis_client.Redis, copies: int
) -> None:
    workers = [await open_shop(), await open_shop()]
    phone = Phone(workers[0])
    for text in ("", "2", "2*Amina"):
        turn = phone.turn(text)
        replies = await asyncio.gather(*(workers[n % 2].handle(turn) for n in range(copies)))
        assert len(set(replies)) == 1
    assert orjson.loads(redis.get(KEY) or b"")["turn"] == 3


@pytest.mark.parametrize("copies", [2, 10])
async def test_an_effect_sent_at_once_several_times_happens_once(
    open_shop: OpenEngine, shop: Shop, copies: int
) -> None:
    workers = [await open_shop(), await open_shop()]
    phone = Phone(workers[0])
    await at_the_pin(phone)
    started = asyncio.Event()

    async def slow(_call: Call) -> None:
        started.set()
        await asyncio.sleep(0.2)

    shop.before = slow
    turn = phone.turn(phone.text + "*1234")
    first = asyncio.create_task(workers[0].handle(turn))
    await started.wait()
    others = [workers[n % 2].handle(turn) for n in range(copies)]
    replies = {await first, *(await asyncio.gather(*others))}
    assert {reply.text for reply in replies} == {"Bought. Ref R1"}
    assert shop.calls["buy"] == 1


async def test_a_single_input_sent_at_once_several_times_is_one_input(
    engine: Engine, shop: Shop, redis: redis_client.Redis
) -> None:
    """A gateway that sends the last input only: nothing in a copy says that it is one."""

    async def press(text: str, first: bool = False) -> set[Reply]:
        turn = Turn("hubtel", "s1", MSISDN, CODE, "mtn", text, Family.DIALLED, first)
        return set(await asyncio.gather(*(engine.handle(turn) for _ in range(6))))

    for count, text in enumerate((CODE, "1", "500", "1", "0001", "1234")):
        assert len(await press(text, first=count == 0)) == 1
    assert orjson.loads(redis.get(KEY) or b"")["turn"] == 6
    assert shop.calls == {"price": 1, "buy": 2}
    assert shop.pins == ["0001", "1234"]


async def test_a_single_input_sent_again_after_a_late_end_does_nothing_again(
    engine: Engine, shop: Shop
) -> None:
    async def press(text: str, deadline_s: float = 8.0, first: bool = False) -> Reply:
        turn = Turn("hubtel", "s1", MSISDN, CODE, "mtn", text, Family.DIALLED, first, 0, deadline_s)
        return await engine.handle(turn)

    async def slow(_call: Call) -> None:
        await asyncio.Event().wait()

    for count, text in enumerate((CODE, "1", "500", "1")):
        await press(text, first=count == 0)
    shop.before = slow
    late = await press("1234", deadline_s=0.6)
    shop.before = None
    assert await press("1234") == late
    assert shop.calls["buy"] == 1


async def test_when_a_claimant_dies_the_next_request_takes_over_and_does_it_once(
    open_shop: OpenEngine, shop: Shop
) -> None:
    """The first worker is killed after the purchase and before the answer."""
    phone = Phone(await open_shop(), deadline_s=1.0)
    await at_the_pin(phone)
    bought = asyncio.Event()

    async def then_die(call: Call) -> None:
        shop.purchases.setdefault(call.key, "R1")
        shop.record(call, Outcome("ok", {"ref": "R1"}, {"customer": True}))
        bought.set()
        await asyncio.Event().wait()

    shop.before = then_die
    turn = phone.turn(phone.text + "*1234")
    victim = asyncio.create_task(phone.engine.handle(turn))
    await bought.wait()
    victim.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await victim
    shop.before = None
    other = await open_shop()
    reply = await other.handle(Phone(other, session_id=phone.session_id, deadline_s=5.0).turn(turn.text))
    assert reply.text == "Bought. Ref R1"
    assert list(shop.purchases.values()) == ["R1"]
    assert other.board.takeovers.value() == 1


async def test_who_takes_over_with_no_time_left_leaves_it_to_the_next_request(
    phone: Phone, engine: Engine, shop: Shop, redis: redis_client.Redis
) -> None:
    """Nothing was bought; an end that says so, and is kept, would be the last word on it."""
    await at_the_pin(phone)
    began = asyncio.Event()

    async def die_before(_call: Call) -> None:
        began.set()
        await asyncio.Event().wait()

    shop.before = die_before
    turn = phone.turn(phone.text + "*1234")
    victim = asyncio.create_task(engine.handle(turn))
    await began.wait()
    victim.cancel()
    await asyncio.gather(victim, return_exceptions=True)
    shop.before = None
    held = orjson.loads(redis.get(KEY) or b"")
    held["claim"]["until_ms"] = 0
    redis.set(KEY, orjson.dumps(held))
    assert not (await engine.handle(turn._replace(deadline_s=0.3))).more
    assert not shop.purchases
    assert await phone.press("1234") == "Bought. Ref R1"


async def test_a_start_whose_claimant_died_starts(phone: Phone, redis: redis_client.Redis) -> None:
    await phone.dial()
    held = orjson.loads(redis.get(KEY) or b"")
    held |= {"turn": 0, "claim": {"consumed": 0, "digest": "", "until_ms": 0}, "dialog": {}}
    redis.set(KEY, orjson.dumps(held))
    assert (await phone.again()).startswith("Shop")


async def test_an_action_that_is_late_ends_in_a_friendly_sentence(phone: Phone, shop: Shop) -> None:
    await at_the_pin(phone)

    async def forever(_call: Call) -> None:
        await asyncio.Event().wait()

    shop.before = forever
    phone.deadline_s = 1.0
    began = time.monotonic()
    reply = await phone.send(phone.text + "*1234")
    assert time.monotonic() - began < 1.0
    assert not reply.more
    assert reply.text
    assert (await phone.again()) == reply.text


async def test_an_action_that_does_not_let_go_of_its_database_holds_up_nobody(
    phone: Phone, shop: Shop
) -> None:
    """A rollback on a frozen database: the action is cancelled, and does not end."""
    await at_the_pin(phone)
    thawed = asyncio.Event()

    async def frozen(_call: Call) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await thawed.wait()

    shop.before = frozen
    phone.deadline_s = 1.0
    reply = await asyncio.wait_for(asyncio.shield(phone.send(phone.text + "*1234")), 1.0)
    thawed.set()

    assert "longer than usual" in reply.text


async def test_an_action_that_fails_goes_where_the_menu_says(phone: Phone, shop: Shop) -> None:
    async def broken(_call: Call) -> None:
        raise RuntimeError("1234 is in this message")

    await at_the_pin(phone)
    shop.before = broken
    assert await phone.press("1234") == "Sorry, try later."


async def test_a_newer_dial_owns_the_session_while_an_older_effect_runs(
    engine: Engine, shop: Shop, redis: redis_client.Redis
) -> None:
    phone = Phone(engine)
    await at_the_pin(phone)
    running, finish = asyncio.Event(), asyncio.Event()

    async def held(_call: Call) -> None:
        running.set()
        await finish.wait()

    shop.before = held
    older = asyncio.create_task(engine.handle(phone.turn(phone.text + "*1234")))
    await running.wait()
    newer = Phone(engine)
    assert await newer.dial()
    finish.set()
    assert (await older).text == "Bought. Ref R1"
    assert orjson.loads(redis.get(KEY) or b"")["id"] == newer.session_id


async def test_redis_away_is_a_sentence_and_no_hang(open_shop: OpenEngine, engine_settings: Settings) -> None:
    engine = await open_shop()
    await engine.store.close()
    reply = await asyncio.wait_for(Phone(engine).send(""), 5)
    assert not reply.more
    assert reply.text


@pytest.mark.parametrize("silent_after", ["nothing", "the load"])
async def test_a_redis_that_says_nothing_is_a_sentence_within_the_turns_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, silent_after: str
) -> None:
    call, heard = engine.store.call, []

    def silent(*command: Any) -> "asyncio.Future[Any]":
        heard.append(command[0])
        answers = silent_after == "the load" and command[0] == "MGET"
        return call(*command) if answers else asyncio.get_running_loop().create_future()

    monkeypatch.setattr(engine.store, "call", silent)
    began = time.monotonic()
    turn = Turn("africastalking", "S1", MSISDN, CODE, "", "", Family.CUMULATIVE, deadline_s=1.5)
    reply = await engine.handle(turn)
    assert time.monotonic() - began < 2.5, "it had 1.5"
    assert heard[0] == "MGET"
    assert (reply.more, bool(reply.text)) == (False, True)


async def test_a_profile_that_cannot_be_loaded_is_a_sentence(phone: Phone, shop: Shop) -> None:
    async def away(_msisdn: str) -> dict[str, object]:
        raise OSError("the database is away")

    shop.profile = away  # type: ignore[method-assign]
    reply = await phone.send("")
    assert not reply.more
    assert reply.text


async def test_too_many_dialled_inputs_are_refused_with_a_sentence(phone: Phone) -> None:
    reply = await phone.send("*".join("2" * 65))
    assert not reply.more
    assert reply.text


async def test_a_turn_goes_on_over_a_connection_that_was_cut(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    for typed in ("2", "Amina"):
        engine.store.single._transport.abort()  # type: ignore[union-attr]
        assert (await phone.press(typed)).startswith(("Your name?", "Hello Amina"))
