"""Nobody is listed without a notice that left and the days it gave; whoever pays is corrected, and told."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from services.crb import furnished, listing
from services.loans import approvals
from services.rules.model import Bureau
from tests.services.lending import TODAY, close_until, lent, noon, owed
from tests.services.world import Phone

RULES = Bureau()
NONE: Counter[str] = Counter()


async def run(phone: Phone, day: date, rules: Bureau = RULES) -> Counter[str]:
    return await listing.run(phone.pool, rules, day)


async def sent(phone: Phone, state: str = "accepted", day: date = TODAY) -> None:
    """The gateway took all messages that wait, or whatever became of them."""
    await phone.pool.execute(
        "update sms set state = 'sending', language = 'en', words = 'w', parts = 1, sending_at = $1"
        " where state = 'queued'",
        noon(day),
    )
    await phone.pool.execute(
        "update sms set state = $1, provider_id = 'at' || id where state = 'sending'", state
    )


async def told(phone: Phone) -> list[str]:
    rows = await phone.pool.fetch("select notice from sms where notice like 'crb%' order by id")
    return [row["notice"] for row in rows]


async def listed(phone: Phone) -> Any:
    return await phone.pool.fetchrow("select * from crb_listing order by id desc limit 1")


async def rows(phone: Phone, day: date) -> list[furnished.Furnished]:
    async with phone.pool.acquire() as connection:
        return [row async for row in furnished.rows(connection, day)]


async def late(phone: Phone, days: int = 90, amount: int = 500_000) -> str:
    """A loan so many days late today."""
    ref = await lent(phone, TODAY - timedelta(days=days), amount)
    await close_until(phone.pool, TODAY - timedelta(days=1))
    return ref


async def test_a_notice_then_thirty_days_then_the_listing_then_the_correction(borrower: Phone) -> None:
    ref = await late(borrower)
    assert await run(borrower, TODAY) == {"noticed": 1}
    assert await run(borrower, TODAY) == NONE  # the same day again: nothing
    details = await borrower.pool.fetchval("select details from sms where notice = 'crb_notice'")
    assert f'"on": "{TODAY + timedelta(days=30)}"' in details
    await sent(borrower, day=TODAY + timedelta(days=1))  # it left a day later: the days count from then

    assert await run(borrower, TODAY + timedelta(days=30)) == NONE
    assert await rows(borrower, TODAY + timedelta(days=30)) == []
    on = TODAY + timedelta(days=31)
    assert await run(borrower, on) == {"listed": 1}
    assert await run(borrower, on) == NONE
    debt = sum((await owed(borrower, ref)).values())
    (row,) = await rows(borrower, on)
    assert (row.what, row.ref, row.owed_cents, row.days_late) == ("listed", ref, debt, 121)
    assert (row.name, row.msisdn, row.national_id) == (
        "Wanjiru Kamau", borrower.msisdn, borrower.msisdn[3:],
    )  # fmt: skip

    await sent(borrower, day=on)
    await borrower.pay(ref, debt, "QAA1111111")
    paid_on = on + timedelta(days=1)
    assert await run(borrower, paid_on) == {"corrected": 1}
    assert await run(borrower, paid_on + timedelta(days=1)) == NONE
    (row,) = await rows(borrower, paid_on)
    assert (row.what, row.owed_cents, row.listed_cents, row.corrected_on) == ("corrected", 0, debt, paid_on)
    assert [row.what for row in await rows(borrower, on)] == ["listed"]  # that day's file stays what it was
    assert await told(borrower) == ["crb_notice", "crb_listed", "crb_corrected"]


async def test_whoever_pays_within_the_days_is_not_listed(borrower: Phone) -> None:
    ref = await late(borrower)
    await run(borrower, TODAY)
    await sent(borrower)
    debt = sum((await owed(borrower, ref)).values())
    await borrower.pay(ref, debt - 100_000, "QAA1111111")  # KES 1,000 are left: not more than the floor

    assert await run(borrower, TODAY + timedelta(days=60)) == {"lapsed": 1}
    assert await run(borrower, TODAY + timedelta(days=90)) == NONE
    assert (await listed(borrower))["listed_on"] is None


async def test_who_owes_little_or_is_not_late_enough_gets_no_notice(borrower: Phone) -> None:
    ref = await late(borrower, 89)
    assert await run(borrower, TODAY) == NONE
    await close_until(borrower.pool, TODAY)
    assert await run(borrower, TODAY + timedelta(days=1), Bureau(late_days="120d")) == NONE
    debt = sum((await owed(borrower, ref)).values())
    await borrower.pay(ref, debt - 100_000, "QAA1111111")
    assert await run(borrower, TODAY + timedelta(days=1)) == NONE
    assert await run(borrower, TODAY + timedelta(days=1), Bureau(above_cents="999")) == {"noticed": 1}


@pytest.mark.parametrize("state", ["refused", "unknown"])
async def test_a_notice_that_did_not_leave_is_given_again_and_the_days_count_anew(
    borrower: Phone, state: str
) -> None:
    await late(borrower)
    await run(borrower, TODAY)
    assert await run(borrower, TODAY + timedelta(days=40)) == NONE  # it still waits to be sent
    await sent(borrower, state)
    assert await run(borrower, TODAY + timedelta(days=40)) == {"noticed_again": 1}
    await sent(borrower, day=TODAY + timedelta(days=40))
    assert await run(borrower, TODAY + timedelta(days=69)) == NONE
    assert await run(borrower, TODAY + timedelta(days=70)) == {"listed": 1}
    assert await told(borrower) == ["crb_notice", "crb_notice", "crb_listed"]


async def test_a_notice_that_never_arrives_alerts_a_person_and_lists_nobody(
    borrower: Phone, capsys: pytest.CaptureFixture[str]
) -> None:
    await late(borrower)
    for days in range(60):
        await run(borrower, TODAY + timedelta(days=days))
        await sent(borrower, "refused")
    assert (await listed(borrower))["state"] == "noticed"
    assert capsys.readouterr().out.count("crb_notice_does_not_arrive") == 1
    assert len(await told(borrower)) < 15  # three days, then once a week


async def test_the_borrower_is_told_of_the_listing_again_when_the_first_message_did_not_leave(
    borrower: Phone,
) -> None:
    await late(borrower)
    await run(borrower, TODAY)
    await sent(borrower)
    on = TODAY + timedelta(days=30)
    await run(borrower, on)
    await sent(borrower, "refused")
    assert await run(borrower, on) == NONE  # once a day
    assert await run(borrower, on + timedelta(days=1)) == {"told_again": 1}
    await sent(borrower)
    assert await run(borrower, on + timedelta(days=2)) == NONE


async def test_a_loan_written_off_is_listed_by_what_is_still_owed(borrower: Phone) -> None:
    ref = await late(borrower)
    debt = sum((await owed(borrower, ref)).values())
    assert await borrower.decide(approvals.WRITE_OFF, ref, debt)
    await run(borrower, TODAY)
    await sent(borrower)
    assert await run(borrower, TODAY + timedelta(days=30)) == {"listed": 1}
    assert (await listed(borrower))["listed_cents"] == debt
    await borrower.pay(ref, debt, "QAA1111111")
    assert await run(borrower, TODAY + timedelta(days=31)) == {"corrected": 1}


async def test_the_database_refuses_a_listing_before_its_time(borrower: Phone) -> None:
    await late(borrower)
    await run(borrower, TODAY)
    list_it = "update crb_listing set state = 'listed', listed_on = $1, listed_cents = 1, days_late = 90"
    with pytest.raises(asyncpg.CheckViolationError):
        await borrower.pool.execute(list_it, TODAY)
    await borrower.pool.execute("update crb_listing set list_from = $1", TODAY + timedelta(days=30))
    with pytest.raises(asyncpg.CheckViolationError):
        await borrower.pool.execute(list_it, TODAY + timedelta(days=29))
    with pytest.raises(asyncpg.RestrictViolationError):
        await borrower.pool.execute("delete from crb_listing")
