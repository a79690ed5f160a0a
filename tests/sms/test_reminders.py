from datetime import date, timedelta
from typing import Any

from services.rules.model import Contact
from services.sms import reminders
from tests.services.lending import TODAY
from tests.sms.conftest import NOON, Desk


async def remind(desk: Desk, day: int) -> int:
    """Reminders, so many days after the due date; the loan was paid out just now."""
    return await reminders.remind(desk.pool, desk.texts, due() + timedelta(days=day))


def due() -> date:
    return TODAY + timedelta(days=30)


async def told(desk: Desk) -> list[tuple[str, Any]]:
    rows = await desk.pool.fetch("select notice, details ->> 'days' as days from sms order by id")
    return [(row["notice"], row["days"]) for row in rows if row["notice"] != "money_sent"]


async def test_a_loan_is_spoken_of_on_its_days_and_on_no_other(desk: Desk) -> None:
    await desk.lent()
    days = [day for day in range(-31, 100) if await remind(desk, day)]
    assert days == [-3, -1, 0, 3, 7, 14, 30, 60]
    assert await told(desk) == [
        ("due_soon", "3"), ("due_tomorrow", None), ("due_today", None), ("overdue", "3"), ("overdue", "7"),
        ("overdue", "14"), ("overdue_long", "30"), ("overdue_long", "60"),
    ]  # fmt: skip


async def test_nobody_is_reminded_three_days_running(desk: Desk) -> None:
    await desk.lent()
    days = [day for day in range(-31, 400) for _ in range(3) if await remind(desk, day)]
    assert len(days) == len(set(days))
    assert not any({day, day + 1, day + 2} <= set(days) for day in days)


async def test_a_days_reminders_asked_for_again_are_the_same(desk: Desk) -> None:
    await desk.lent()
    assert [await remind(desk, -1) for _ in range(5)] == [1, 0, 0, 0, 0]


async def test_the_reminder_says_what_is_owed_that_day(desk: Desk) -> None:
    ref = await desk.lent()
    await desk.phone.pay(ref, 190_000, "QKA1")
    await remind(desk, -1)
    row = (await desk.asked())[-1]
    await desk.send(row["id"])
    assert desk.received()[-1].startswith(f"Umoja: KES 4,000 on loan {ref} is due tomorrow, ")


async def test_a_loan_paid_back_in_between_is_not_spoken_of(desk: Desk) -> None:
    ref = await desk.lent()
    assert await remind(desk, -1) == 1
    number = (await desk.asked())[-1]["id"]
    await desk.phone.pay(ref, 590_000, "QKA1")

    assert await desk.send(number, NOON) is None
    row = await desk.pool.fetchrow("select * from sms where id = $1", number)
    assert (row["state"], row["reason"]) == ("refused", "no_longer_so")
    assert await remind(desk, 0) == 0


async def test_many_loans_are_reminded_in_batches(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(reminders, "BATCH", 1)
    await desk.lent()
    assert await remind(desk, -3) == 1


async def test_so_many_a_day_and_a_week_and_no_more(desk: Desk) -> None:
    await desk.lent()
    most = Contact(reminders_a_week="2")
    days = [
        day
        for day in range(-31, 40)
        if await reminders.remind(desk.pool, desk.texts, due() + timedelta(days=day), most)
    ]
    assert days == [-3, -1, 7, 14, 30]  # those of 0 and 3 would be the third within seven days


async def test_every_message_goes_to_the_borrowers_own_number_and_to_nobody_else(desk: Desk) -> None:
    """Where a message goes is read from the borrower's row as it is sent: nothing else can say where."""
    ref = await desk.lent()
    for day in (-3, 3, 30):
        await remind(desk, day)
    await desk.phone.pay(ref, 100_000, "QKA1")
    await desk.phone.do("accounts.send_statement")
    for row in await desk.asked():
        assert desk.phone.msisdn[3:] not in row["details"]
        await desk.send(row["id"])

    went_to = {message.msisdn for message in desk.sandbox.world.messages.values()}
    assert (went_to, len(desk.received())) == ({desk.phone.msisdn}, 6)
    columns = await desk.pool.fetch(
        "select column_name from information_schema.columns where table_name = 'sms'"
    )
    assert not {"msisdn", "phone", "number", "recipient"} & {row["column_name"] for row in columns}
