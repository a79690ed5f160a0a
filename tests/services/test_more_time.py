"""More time from the menu: the price is shown, the PIN is asked, and it is bought once."""

from datetime import timedelta

from services.sms import notices
from tests.services.lending import TODAY, lent, owed
from tests.services.world import PIN, Phone, assert_books_right


async def test_more_time_is_bought_with_the_pin_at_the_price_that_was_shown(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + timedelta(days=3))
    shown = (await borrower.do("loans.more_time")).value
    until = TODAY + timedelta(days=18)
    assert shown == {
        "ref": ref, "fee": 25_000, "excise": 5_000, "due": until.isoformat(), "days": 15, "apr": 14_600,
    }  # fmt: skip

    dearer = await borrower.do("loans.roll_over", fee=30_000, pin=PIN)
    wrong = await borrower.do("loans.roll_over", fee=25_000, pin="1357")
    assert (dearer.name, wrong.name, wrong.value["tries_left"]) == ("changed", "wrong_pin", 2)
    assert sum((await owed(borrower, ref)).values()) == 590_000

    key = "africastalking:S9:4:loans.roll_over"
    bought = [await borrower.do("loans.roll_over", key, fee=25_000, pin=PIN) for _ in range(2)]
    assert bought[0] == bought[1]
    assert bought[0].value == {"ref": ref, "owed": 620_000, "due": until.isoformat(), "tries_left": 0}
    assert (await borrower.do("loans.status")).value["due"] == until.isoformat()
    said = await borrower.pool.fetch("select details from sms where notice = 'more_time'")
    assert len(said) == 1
    assert set(notices.NOTICES["more_time"].slots) == {"ref", "owed", "due", "fee"}

    again = await borrower.do("loans.roll_over", fee=25_000, pin=PIN)  # it is sold once
    assert again.name == "not_offered"
    assert (await borrower.do("loans.more_time")).name == "none"
    await assert_books_right(borrower.pool)


async def test_more_time_is_not_sold_far_from_the_due_date_or_without_a_loan(borrower: Phone) -> None:
    assert (await borrower.do("loans.more_time")).name == "none"
    assert (await borrower.do("loans.roll_over", fee=25_000, pin=PIN)).name == "not_offered"
    await lent(borrower, TODAY + timedelta(days=20))
    assert (await borrower.do("loans.more_time")).name == "none"


async def test_a_third_wrong_pin_locks_here_too(borrower: Phone) -> None:
    await lent(borrower, TODAY + timedelta(days=3))
    said = [(await borrower.do("loans.roll_over", fee=25_000, pin="1357")).name for _ in range(3)]
    assert said == ["wrong_pin", "wrong_pin", "locked"]
    assert (await borrower.do("loans.roll_over", fee=25_000, pin=PIN)).name == "locked"
