import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from services import clock
from services.loans import servicing
from services.loans.terms import Terms
from tests.services.world import PIN, Phone, assert_books_right, count


async def test_an_application_writes_loan_decision_hold_and_outbox_together(borrower: Phone) -> None:
    outcome = await borrower.borrow(500_000)

    due = (clock.nairobi_date(clock.now()) + timedelta(days=30)).isoformat()
    ref = outcome.value["ref"]
    assert outcome.name == "ok"
    assert outcome.value == {
        "ref": ref, "amount": 500_000, "total": 590_000, "due": due, "tries_left": 3,
    }  # fmt: skip
    assert outcome.subscriber == {"has_loan": True}
    loan = await borrower.pool.fetchrow("select * from loan")
    assert (loan["ref"], loan["state"], loan["bundle"]) == (ref, "disbursing", "3f0a1b2c")
    assert (loan["due_on"], loan["disbursed_at"]) == (None, None)  # the term starts with the money
    hold = await borrower.pool.fetchrow("select * from hold")
    assert (hold["loan_id"], hold["amount_cents"], hold["state"]) == (loan["id"], 500_000, "pending")
    outbox = await borrower.pool.fetchrow("select * from outbox")
    assert (outbox["topic"], outbox["key"], outbox["sent_at"]) == ("loans.disburse", f"disburse:{ref}", None)
    assert orjson.loads(outbox["payload"]) == {"loan_id": loan["id"], "ref": ref}
    decision = await borrower.pool.fetchrow("select * from decision")
    assert (decision["loan_id"], decision["score"], decision["outcome"]) == (loan["id"], 300, "ok")
    assert decision["scorecard"].startswith("2026-11:")
    await assert_books_right(borrower.pool)


async def test_a_hundred_phones_at_once_for_one_borrower_make_one_loan(borrower: Phone) -> None:
    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}

    async with asyncio.timeout(30):
        answers = await asyncio.gather(
            *(borrower.do("loans.apply", f"africastalking:S{n}:7:loans.apply", **press) for n in range(100))
        )

    names = [answer.name for answer in answers]
    assert (names.count("ok"), names.count("has_loan")) == (1, 99)
    assert await count(borrower.pool, "loan") == 1
    assert await count(borrower.pool, "hold") == 1
    assert await count(borrower.pool, "outbox") == 1
    assert await count(borrower.pool, "action_result") == 3 + 100
    await assert_books_right(borrower.pool)


async def test_forty_borrowers_at_once_all_get_their_loan(pool: Any, terms: Terms) -> None:
    phones = await asyncio.gather(*(Phone(pool, terms).join() for _ in range(40)))

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(phone.borrow() for phone in phones))

    assert [answer.name for answer in answers] == ["ok"] * 40
    await assert_books_right(pool)


async def test_everything_at_once_comes_to_right_books(pool: Any, terms: Terms) -> None:
    """Applications, payouts, failed payouts and payments of many borrowers: no deadlock, no break."""
    phones = await asyncio.gather(*(Phone(pool, terms).join() for _ in range(24)))

    async def live(phone: Phone, fate: int) -> None:
        loan = (await phone.borrow()).value
        if fate == 0:
            loan_id = await phone.loan_id(loan["ref"])
            async with pool.acquire() as connection, connection.transaction():
                await servicing.payout_failed(connection, loan_id, "test")
        else:
            await asyncio.gather(*(phone.money_arrives(loan["ref"]) for _ in range(2)))
            halves = [loan["total"] // 2, loan["total"] - loan["total"] // 2]
            payments = [(half, f"{loan['ref']}{number}") for number, half in enumerate(halves)] * 2
            await asyncio.gather(*(phone.pay(loan["ref"], half, receipt) for half, receipt in payments))
        assert (await phone.borrow()).name == "ok"

    async with asyncio.timeout(60):
        await asyncio.gather(*(live(phone, number % 3) for number, phone in enumerate(phones)))

    states = await pool.fetch("select state, count(*) from loan group by state")
    assert dict(tuple(row) for row in states) == {"failed": 8, "repaid": 16, "disbursing": 24}
    await assert_books_right(pool)


async def test_nobody_borrows_before_joining(phone: Phone) -> None:
    assert (await phone.do("loans.limit")).name == "not_eligible"
    assert (await phone.do("loans.quote", amount=500_000, purpose="business")).name == "not_eligible"
    assert (await phone.borrow()).name == "not_eligible"
    await phone.do("borrowers.consent", version="2026-11")
    assert (await phone.borrow()).name == "not_eligible"
    assert await count(phone.pool, "loan") == 0


@pytest.mark.parametrize(
    ("amount", "name"), [(500_100, "too_much"), (49_900, "too_little"), (0, "too_little"), (50_000, "ok")]
)
async def test_a_quote_keeps_to_the_limits(borrower: Phone, amount: int, name: str) -> None:
    assert (await borrower.do("loans.quote", amount=amount, purpose="business")).name == name


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 5e5, -500_000, 10**18, "500000"])
async def test_what_is_no_amount_never_gets_in(borrower: Phone, amount: Any) -> None:
    press = {"amount": amount, "purpose": "business", "total": 590_000, "pin": PIN}
    with pytest.raises((TypeError, ValueError)):
        await borrower.do("loans.quote", amount=amount, purpose="business")
    with pytest.raises((TypeError, ValueError)):
        await borrower.do("loans.apply", **press)
    assert await count(borrower.pool, "loan") == 0


async def test_a_purpose_nobody_offers_is_refused(borrower: Phone) -> None:
    with pytest.raises(ValueError, match="no purpose"):
        await borrower.do("loans.quote", amount=500_000, purpose="gambling")


@pytest.mark.parametrize(("amount", "total"), [(500_000, 589_900), (500_100, 590_100), (100, 118)])
async def test_another_price_than_the_one_shown_is_not_taken(
    borrower: Phone, amount: int, total: int
) -> None:
    press = {"amount": amount, "purpose": "business", "total": total, "pin": PIN}

    assert (await borrower.do("loans.apply", **press)).name == "changed"
    assert await count(borrower.pool, "loan") == 0


async def test_a_quote_says_the_whole_cost(borrower: Phone) -> None:
    quote = (await borrower.do("loans.quote", amount=500_050, purpose="business")).value

    due = (clock.nairobi_date(clock.now()) + timedelta(days=30)).isoformat()
    assert quote == {
        "principal": 500_000, "fee": 75_000, "excise": 15_000, "total": 590_000,
        "apr": 21_900, "due": due, "days": 30,
    }  # fmt: skip


async def test_a_failed_payout_frees_the_borrower(borrower: Phone) -> None:
    loan_id = await borrower.loan_id((await borrower.borrow()).value["ref"])
    for expected in (True, False):
        async with borrower.pool.acquire() as connection, connection.transaction():
            assert await servicing.payout_failed(connection, loan_id, "test") is expected

    assert (await borrower.do("loans.limit")).name == "ok"
    assert (await borrower.borrow()).name == "ok"
    await assert_books_right(borrower.pool)


async def test_good_repayment_raises_score_and_limit(borrower: Phone) -> None:
    assert (await borrower.do("loans.limit")).value == {
        "min": 50_000, "max": 500_000, "available": 500_000, "score": 300,
    }  # fmt: skip

    await borrower.borrow_and_repay(500_000)

    assert (await borrower.do("loans.limit")).value == {
        "min": 50_000, "max": 750_000, "available": 750_000, "score": 350,
    }  # fmt: skip


async def test_paying_late_costs_points_and_a_pause(borrower: Phone) -> None:
    await borrower.borrow_and_repay(500_000, days=40, ago=45)  # ten days late, five days ago

    assert (await borrower.do("loans.limit")).name == "not_eligible"
    wallet = (await borrower.do("accounts.wallet")).value
    assert (wallet["score"], wallet["available"], wallet["repaid"]) == (250, 0, 1)


async def test_the_due_date_counts_from_the_day_the_money_arrived_in_nairobi(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref, datetime(2026, 11, 23, 22, 30, tzinfo=UTC))  # the 24th in Nairobi

    assert await borrower.pool.fetchval("select due_on from loan") == date(2026, 12, 24)


@pytest.mark.parametrize(("early", "left", "credit"), [(100_000, 490_000, 0), (600_000, None, 10_000)])
async def test_what_is_paid_before_we_know_the_money_went_out_counts(
    borrower: Phone, early: int, left: int | None, credit: int
) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.pay(ref, early, "EARLY")  # M-Pesa paid out, and its result is late
    await assert_books_right(borrower.pool)
    await borrower.money_arrives(ref)

    status = await borrower.do("loans.status")
    assert (status.value["outstanding"] if status.value else None) == left
    assert (await borrower.do("accounts.wallet")).value["balance"] == credit
    await borrower.money_arrives(ref)  # the same news again
    assert (await borrower.do("accounts.wallet")).value["balance"] == credit
    await assert_books_right(borrower.pool)
