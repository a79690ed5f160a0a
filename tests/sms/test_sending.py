import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.sms import notices
from services.sms.callbacks import opt_in
from services.sms.sending import LOST_AFTER
from tests.services.lending import in_transaction
from tests.sms.conftest import NIGHT, NOON, Desk


async def raised(desk: Desk) -> int:
    """The number of a message that is not about money that moved."""
    borrower_id = await desk.pool.fetchval("select id from borrower where msisdn = $1", desk.phone.msisdn)
    await desk.phone.do("borrowers.offers", wanted=True)
    assert await in_transaction(desk.pool, notices.limit_raised, borrower_id, 750_000, NOON.date())
    number: int = await desk.pool.fetchval("select max(id) from sms")
    return number


async def test_money_that_arrived_is_told_once_in_the_words_of_the_menus(desk: Desk) -> None:
    ref = await desk.lent()
    row = await desk.row()
    assert (row["state"], row["kind"], row["key"]) == ("queued", "money", f"money_sent:{ref}")

    assert await desk.send(row["id"]) is None
    assert await desk.send(row["id"]) is None

    (text,) = desk.received()
    assert text.startswith(f"Umoja: KES 5,000 is in your M-Pesa. Loan {ref}: pay back KES 5,900 by ")
    assert f"Paybill 400222, account {ref}" in text
    row = await desk.row()
    assert (row["state"], row["status_code"], row["cost_cents"], row["parts"]) == ("accepted", 101, 80, 1)
    assert row["provider_id"].startswith("ATXid_")
    assert row["words"] == text


async def test_a_borrower_who_speaks_swahili_is_told_in_swahili(desk: Desk) -> None:
    await desk.phone.do("borrowers.set_language", language="sw")
    await desk.lent()
    await desk.send((await desk.row())["id"])
    assert desk.received()[0].startswith("Umoja: KES 5,000 iko kwenye M-Pesa yako.")
    assert (await desk.row())["language"] == "sw"


async def test_ten_workers_at_once_send_one_message(desk: Desk) -> None:
    await desk.lent()
    number = (await desk.row())["id"]
    later = await asyncio.gather(*(desk.send(number) for _ in range(10)))
    assert len(desk.received()) == 1
    assert {each for each in later if each is not None} <= {NOON + LOST_AFTER}


async def test_no_answer_means_unknown_and_unknown_is_never_sent_again(desk: Desk) -> None:
    await desk.lent()
    desk.sandbox.fault("reset", on="sms")  # it was sent, and the connection broke
    number = (await desk.row())["id"]

    for day in range(3):
        assert await desk.send(number, NOON + timedelta(days=day)) is None

    row = await desk.row()
    assert (row["state"], row["attempts"]) == ("unknown", 1)
    assert len(desk.received()) == 1


async def test_an_error_of_the_gateway_after_it_accepted_is_unknown_too(desk: Desk) -> None:
    await desk.lent()
    desk.sandbox.fault("refuse", on="sms", error="gateway", accepted=True)
    number = (await desk.row())["id"]
    assert await desk.send(number) is None
    assert await desk.send(number) is None
    assert ((await desk.row())["state"], len(desk.received())) == ("unknown", 1)


async def test_a_sender_that_died_leaves_its_message_unknown(desk: Desk) -> None:
    await desk.lent()
    number = (await desk.row())["id"]
    await desk.pool.execute(
        "update sms set state = 'sending', language = 'en', words = 'x', parts = 1, sending_at = $1", NOON
    )
    assert await desk.send(number, NOON + timedelta(seconds=1)) == NOON + LOST_AFTER
    assert await desk.send(number, NOON + LOST_AFTER) is None
    assert ((await desk.row())["state"], desk.received()) == ("unknown", [])


async def test_a_gateway_that_cannot_be_reached_is_asked_again_later_and_later(desk: Desk) -> None:
    await desk.lent()
    number = (await desk.row())["id"]
    there = desk.gateway._settings.base_url
    desk.gateway._settings.base_url = "http://127.0.0.1:9"  # nobody listens
    waits, now = [], NOON
    while (again := await desk.send(number, now)) is not None and len(waits) < 3:
        waits.append((again - now).total_seconds())
        now = again
    assert waits == [60, 240, 960]
    desk.gateway._settings.base_url = there
    assert await desk.send(number, now) is None
    assert len(desk.received()) == 1


@pytest.mark.parametrize(
    ("code", "state", "again"),
    [(403, "refused", False), (404, "refused", False), (405, "queued", True), (502, "queued", True)],
)
async def test_success_is_per_recipient(desk: Desk, code: int, state: str, again: bool) -> None:
    await desk.lent()
    desk.sandbox.fault("result", on="sms", code=code)
    later = await desk.send((await desk.row())["id"])
    row = await desk.row()
    assert (row["state"], row["status_code"], later is not None) == (state, code, again)
    assert desk.received() == []


async def test_a_wrong_sender_is_no_success_although_it_is_a_201(desk: Desk) -> None:
    desk.gateway._settings.sender_id = "NOBODY"
    await desk.lent()
    assert await desk.send((await desk.row())["id"]) is None
    row = await desk.row()
    assert (row["state"], row["reason"]) == ("refused", "InvalidSenderId")


async def test_money_is_spoken_of_at_night_and_all_else_waits_for_the_morning(desk: Desk) -> None:
    await desk.lent()
    assert await desk.send((await desk.row())["id"], NIGHT) is None
    assert len(desk.received()) == 1

    number = await raised(desk)
    morning = await desk.send(number, NIGHT)
    assert morning is not None
    assert (morning.hour, morning.minute) == (8, 0)
    assert morning.date() == (NIGHT + timedelta(days=1)).date()
    assert len(desk.received()) == 1
    await desk.pool.execute("update sms set state = state")  # nothing else was touched
    assert await desk.send(number, morning) is None
    assert len(desk.received()) == 2


async def test_who_opted_out_gets_no_marketing_and_still_hears_of_money(desk: Desk) -> None:
    borrower_id = await desk.pool.fetchval("select id from borrower")
    number = await raised(desk)
    await desk.pool.execute("insert into sms_opt_out (borrower_id, source) values ($1, 'staff')", borrower_id)
    assert await desk.send(number) is None
    assert (await desk.row())["reason"] == "not_wanted"
    await desk.lent()
    assert await desk.send(number + 1) is None
    assert len(desk.received()) == 1

    assert await in_transaction(desk.pool, opt_in, borrower_id)
    assert not await in_transaction(desk.pool, opt_in, borrower_id)


async def test_offers_are_sent_only_to_who_agreed_and_did_not_take_it_back(desk: Desk) -> None:
    borrower_id = await desk.pool.fetchval("select id from borrower")
    limit_raised = notices.limit_raised, borrower_id, 750_000
    assert not await in_transaction(desk.pool, *limit_raised, NOON.date())  # nobody asked them

    number = await raised(desk)
    await desk.phone.do("borrowers.offers", wanted=False)
    assert await desk.send(number) is None  # they changed their mind meanwhile
    assert (await desk.row())["reason"] == "not_wanted"

    await desk.phone.do("borrowers.offers", wanted=True)
    assert not await in_transaction(desk.pool, *limit_raised, NOON.date() + timedelta(days=29))
    assert await in_transaction(desk.pool, *limit_raised, NOON.date() + timedelta(days=31))
    kept = await desk.pool.fetch("select purpose, words_sha256 from consent order by id")
    assert [row["purpose"] for row in kept] == ["terms", "marketing", "marketing"]
    assert kept[1]["words_sha256"] == desk.phone.terms.offers_wording.sha256("en") != kept[0]["words_sha256"]
    assert await desk.pool.fetchval("select count(*) from consent_withdrawal") == 1


async def test_a_message_of_yesterday_is_not_sent_today_but_for_money(desk: Desk) -> None:
    number = await raised(desk)
    await desk.send(number, NOON + timedelta(days=2))
    assert ((await desk.row())["state"], (await desk.row())["reason"]) == ("refused", "too_late")


async def test_what_does_not_commit_is_not_told(desk: Desk) -> None:
    borrower_id = await desk.pool.fetchval("select id from borrower")
    await desk.phone.do("borrowers.offers", wanted=True)
    async with desk.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await notices.limit_raised(connection, borrower_id, 1, NOON.date())
        assert not await notices.limit_raised(connection, borrower_id, 1, NOON.date())
        await transaction.rollback()
    assert await desk.asked() == []
    assert await desk.pool.fetchval("select count(*) from outbox where topic = 'sms.send'") == 0


@pytest.mark.parametrize("change", ["state = 'queued'", "details = '{}'", "key = 'a new one'"])
async def test_the_database_refuses_a_message_that_was_sent_and_is_to_be_sent_again(
    desk: Desk, change: str
) -> None:
    await desk.lent()
    await desk.send((await desk.row())["id"])
    with pytest.raises(asyncpg.PostgresError):
        await desk.pool.execute(f"update sms set {change}")


async def test_each_turn_of_a_loan_is_told_once(desk: Desk) -> None:
    ref = await desk.lent()
    assert await desk.phone.pay(ref, 90_000, "QKA1")
    assert not await desk.phone.pay(ref, 90_000, "QKA1")
    assert await desk.phone.pay(ref, 510_000, "QKA2")
    told: list[Any] = [(row["notice"], row["key"]) for row in await desk.asked()]
    assert told == [
        ("money_sent", f"money_sent:{ref}"),
        ("payment", "payment:QKA1"),
        ("loan_overpaid", "payment:QKA2"),
    ]
    for row in await desk.asked():
        await desk.send(row["id"])
    assert "KES 5,000 left to pay" in desk.received()[1]
    assert "KES 100 is kept for you" in desk.received()[2]


async def test_a_payment_nobody_can_place_is_told_to_a_borrower_and_to_nobody_else(desk: Desk) -> None:
    told = await in_transaction(desk.pool, notices.payment_kept, desk.phone.msisdn, "QKX", 5_000)
    stranger = await in_transaction(desk.pool, notices.payment_kept, "254799999999", "QKY", 5_000)
    assert (told, stranger) == (True, False)
    assert (await desk.row())["notice"] == "payment_kept"
