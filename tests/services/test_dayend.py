import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from services.loans import approvals, dayend, servicing
from services.loans.terms import Terms
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon, owed, state, with_product
from tests.services.world import Phone, assert_books_right, count

DAY = timedelta(days=1)


async def test_a_loan_is_overdue_when_its_due_date_is_over(borrower: Phone) -> None:
    ref = await lent(borrower)

    await close_until(borrower.pool, TODAY - DAY)
    assert await state(borrower, ref) == "active"
    await close_until(borrower.pool, TODAY)
    assert await state(borrower, ref) == "overdue"
    assert (await borrower.do("loans.limit")).name == "has_loan"
    await assert_books_right(borrower.pool)


async def test_an_overdue_loan_is_still_repayable_and_bars_another(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 2 * DAY)
    await close_until(borrower.pool, TODAY - DAY)

    assert (await borrower.borrow()).name == "has_loan"
    with pytest.raises(asyncpg.UniqueViolationError, match="loan_open_once"):
        await borrower.pool.execute(
            "insert into loan (ref, borrower_id, product, purpose, principal_cents, fee_cents, excise_cents,"
            " total_cents, apr_bp, term_days, bundle, action_key)"
            " select 'SECOND', borrower_id, product, purpose, 100, 0, 0, 100, 0, 30, bundle, 'x' from loan"
        )
    assert (await borrower.do("loans.status")).value["status"] == "overdue"
    assert (await borrower.do("repayments.prompt", amount=590_000)).name == "ok"
    await borrower.pay(ref, 590_000, "RCPT1")
    assert await state(borrower, ref) == "repaid"


async def test_the_penalty_comes_once_after_the_days_of_grace(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 40 * DAY)

    await close_until(borrower.pool, TODAY - 37 * DAY)
    assert await owed(borrower, ref) == {"principal": 500_000, "fee": 75_000, "excise": 15_000}
    await close_until(borrower.pool, TODAY - 36 * DAY)
    late = {"principal": 500_000, "fee": 75_000, "excise": 20_000, "penalty": 25_000}  # 5 % and its excise
    assert await owed(borrower, ref) == late
    await close_until(borrower.pool, TODAY - DAY)
    assert await owed(borrower, ref) == late
    await assert_books_right(borrower.pool)


async def test_a_penalty_by_the_day_stops_at_its_cap(pool: Any, terms: Terms) -> None:
    late = {"grace": "2d", "penalty": "1%", "every": "day", "most": "4.5%"}
    phone = await Phone(pool, with_product(terms, late=late)).join()
    ref = await lent(phone, TODAY - 30 * DAY)
    seen = []
    for days in range(25, 19, -1):
        await close_until(pool, TODAY - days * DAY)
        seen.append((await owed(phone, ref)).get("penalty", 0))

    assert seen == [15_000, 20_000, 22_500, 22_500, 22_500, 22_500]  # 5,000 a day from the third late day
    await assert_books_right(pool)


async def test_a_penalty_is_of_the_principal_that_is_left(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 10 * DAY)
    await borrower.pay(
        ref, 390_000, "RCPT1", noon(TODAY - 20 * DAY)
    )  # fee and excise, and 3,000 of the money
    await close_until(borrower.pool, TODAY - DAY)

    assert await owed(borrower, ref) == {"principal": 200_000, "penalty": 10_000, "excise": 2_000}


async def test_interest_is_for_each_night_until_the_due_date(pool: Any, terms: Terms) -> None:
    phone = await Phone(pool, with_product(terms, fee="0%", daily="0.5%", term="10d")).join()
    ref = await lent(phone, TODAY - 5 * DAY)

    await close_until(pool, TODAY - 15 * DAY)  # the first night
    assert await owed(phone, ref) == {"principal": 500_000, "interest": 2_500, "excise": 500}
    await close_until(pool, TODAY - DAY)
    quoted = await pool.fetchval("select total_cents from loan")
    assert await owed(phone, ref) == {"principal": 500_000, "interest": 25_000, "excise": 5_000}
    assert quoted == 530_000  # paid on the last day, it costs what the quote said
    await assert_books_right(pool)


async def test_paying_early_saves_the_interest_of_the_days_not_used(pool: Any, terms: Terms) -> None:
    phone = await Phone(pool, with_product(terms, fee="0%", daily="0.5%", term="10d")).join()
    ref = await lent(phone, TODAY + 5 * DAY)
    await close_until(pool, TODAY - DAY)
    await phone.pay(ref, 500_000 + 5 * 3_000, "RCPT1")

    assert await state(phone, ref) == "repaid"
    await close_until(pool, TODAY + 20 * DAY)
    assert await owed(phone, ref) == {}
    await assert_books_right(pool)


async def test_charges_never_pass_the_principal_owed_on_the_first_late_day(pool: Any, terms: Terms) -> None:
    late = {"penalty": "10%", "every": "day", "most": "500%"}
    phone = await Phone(pool, with_product(terms, late=late)).join()
    ref = await lent(phone, TODAY - 60 * DAY)
    await close_until(pool, TODAY - DAY)

    debt = await owed(phone, ref)
    assert debt["principal"] == 500_000
    assert sum(debt.values()) == 1_000_000
    assert await pool.fetchval("select duplum_room_cents from loan") == 500_000 - 90_000
    await assert_books_right(pool)


async def test_paying_some_principal_does_not_move_the_cap(pool: Any, terms: Terms) -> None:
    order = ["principal", "penalty", "interest", "fee", "excise"]
    late = {"penalty": "10%", "every": "day", "most": "500%"}
    repayment = {"least": "10", "paybill": "400222", "order": order}
    phone = await Phone(pool, with_product(terms, late=late, repayment=repayment)).join()
    ref = await lent(phone, TODAY - 60 * DAY)
    await phone.pay(ref, 450_000, "BEFORE", noon(TODAY - 61 * DAY))  # 500 of the money are left, 900 charged
    await close_until(pool, TODAY - DAY)

    assert await owed(phone, ref) == {"principal": 50_000, "fee": 75_000, "excise": 15_000}
    assert await pool.fetchval("select duplum_room_cents from loan") == 0


async def test_after_ninety_days_principal_is_settled_first(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 90 * DAY)
    await close_until(borrower.pool, TODAY - 2 * DAY)
    assert await state(borrower, ref) == "overdue"
    await close_until(borrower.pool, TODAY - DAY)
    assert await state(borrower, ref) == "non_performing"
    assert (await borrower.do("loans.status")).value["status"] == "overdue"  # what people are told

    await in_transaction(borrower.pool, _pay, ref, 400_000, "RCPT1")
    assert await owed(borrower, ref) == {
        "principal": 100_000, "fee": 75_000, "excise": 20_000, "penalty": 25_000,
    }  # fmt: skip
    await in_transaction(borrower.pool, _pay, ref, 220_000, "RCPT2")
    assert await state(borrower, ref) == "repaid"
    await assert_books_right(borrower.pool)


async def _pay(connection: Any, ref: str, amount: int, receipt: str) -> None:
    loan_id = await connection.fetchval("select id from loan where ref = $1", ref)
    await servicing.paid_back(connection, loan_id, amount, receipt, noon(TODAY), None, "test")


async def test_a_write_off_is_proposed_once(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 185 * DAY)
    await close_until(borrower.pool, TODAY - DAY)

    asked = await in_transaction(borrower.pool, approvals.waiting)
    assert [(row["kind"], row["subject"], row["amount_cents"], row["proposed_by"]) for row in asked] == [
        ("write_off", ref, 620_000, "dayend")
    ]
    await in_transaction(borrower.pool, approvals.reject, asked[0]["id"], "akinyi", "she pays on Friday")
    await close_until(borrower.pool, TODAY)
    assert await in_transaction(borrower.pool, approvals.waiting) == []
    assert await state(borrower, ref) == "non_performing"


async def test_a_day_is_closed_once_and_missed_days_are_caught_up_in_order(borrower: Phone) -> None:
    await lent(borrower, TODAY - 3 * DAY)
    first = TODAY - 33 * DAY

    closed = await close_until(borrower.pool, TODAY - 2 * DAY)
    assert closed == [first + n * DAY for n in range(32)]
    assert await close_until(borrower.pool, TODAY - 2 * DAY) == []
    assert await close_until(borrower.pool, TODAY - DAY) == [TODAY - DAY]
    assert await count(borrower.pool, "business_day") == 33


async def test_a_caught_up_day_charges_what_the_day_itself_would_have(pool: Any, terms: Terms) -> None:
    late = {"penalty": "1%", "every": "day", "most": "50%"}
    repayment = {
        "least": "10", "paybill": "400222", "order": ["principal", "penalty", "interest", "fee", "excise"],
    }  # fmt: skip
    selling = with_product(terms, fee="3%", daily="0.3%", late=late, repayment=repayment)
    prompt, missed = await Phone(pool, selling).join(), await Phone(pool, selling).join()
    refs = [await lent(phone, TODAY - 10 * DAY) for phone in (prompt, missed)]
    # Both pay some on the same days; one's ends of day pass in time, the other's all at once.
    await pool.execute("update loan set day_done = $2 where ref = $1", refs[1], TODAY)
    await close_until(pool, TODAY - 6 * DAY)
    await prompt.pay(refs[0], 200_000, "A", noon(TODAY - 5 * DAY))
    await close_until(pool, TODAY - DAY)
    one = await owed(prompt, refs[0])

    await missed.pay(refs[1], 200_000, "B", noon(TODAY - 5 * DAY))
    await pool.execute("update loan set day_done = null where ref = $1", refs[1])
    await pool.execute("alter table business_day disable trigger business_day_append_only")
    await pool.execute("alter table portfolio_day disable trigger portfolio_day_append_only")
    await pool.execute("delete from portfolio_day")
    await pool.execute("delete from business_day")
    await close_until(pool, TODAY - DAY)

    assert await owed(missed, refs[1]) == one
    await assert_books_right(pool)


async def test_two_closers_at_once_close_a_day_once(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 10 * DAY)

    results = await asyncio.gather(
        *(close_until(borrower.pool, TODAY - DAY) for _ in range(5)), return_exceptions=True
    )

    assert sum(len(result) for result in results if isinstance(result, list)) == 40
    assert all(isinstance(result, list | dayend.BusyError) for result in results)
    assert (await owed(borrower, ref))["penalty"] == 25_000


async def test_what_was_done_before_a_crash_is_not_done_again(
    pool: Any, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {"penalty": "1%", "every": "day", "most": "50%"}
    phones = [await Phone(pool, with_product(terms, late=late)).join() for _ in range(5)]
    refs = [await lent(phone, TODAY - 2 * DAY) for phone in phones]
    await close_until(pool, TODAY - 2 * DAY)
    monkeypatch.setattr(dayend, "BATCH", 2)
    batches = 0
    real = dayend._batch

    async def dies(connection: Any, day: date) -> Any:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise ConnectionError("pulled")
        return await real(connection, day)

    monkeypatch.setattr(dayend, "_batch", dies)
    with pytest.raises(ConnectionError):
        await close_until(pool, TODAY - DAY)
    assert await pool.fetchval("select max(day) from business_day") == TODAY - 2 * DAY
    monkeypatch.setattr(dayend, "_batch", real)
    await close_until(pool, TODAY - DAY)

    assert [(await owed(phone, ref))["penalty"] for phone, ref in zip(phones, refs, strict=True)] == [
        5_000
    ] * 5
    await assert_books_right(pool)


@pytest.mark.parametrize("day", [TODAY, TODAY + DAY, TODAY - 5 * DAY])
async def test_a_day_that_is_not_over_or_not_next_is_not_closed(borrower: Phone, day: date) -> None:
    await close_until(borrower.pool, TODAY - 2 * DAY)

    async with borrower.pool.acquire() as connection:
        with pytest.raises(dayend.DayNotOverError):
            await dayend.close_day(connection, day, noon(TODAY))
        assert await dayend.close_day(connection, TODAY - DAY, noon(TODAY)) is True
        assert await dayend.close_day(connection, TODAY - DAY, noon(TODAY)) is False


async def test_the_database_refuses_a_gap_between_business_days(borrower: Phone) -> None:
    await close_until(borrower.pool, TODAY - 3 * DAY)

    with pytest.raises(asyncpg.CheckViolationError, match="does not follow"):
        await borrower.pool.execute("insert into business_day (day, counts) values ($1, '{}')", TODAY - DAY)


async def test_the_portfolio_is_kept_each_day_by_how_late_it_is(pool: Any, terms: Terms) -> None:
    phones = [await Phone(pool, terms).join() for _ in range(5)]
    for phone, late in zip(phones, (-5, 0, 1, 31, 91), strict=True):
        await lent(phone, TODAY - late * DAY - DAY)
    await close_until(pool, TODAY - DAY)

    kept = await pool.fetchrow("select * from portfolio_day where day = $1", TODAY - DAY)
    parts = [
        kept[name] for name in ("principal_cents", "par1_cents", "par30_cents", "par60_cents", "par90_cents")
    ]
    assert (kept["loans"], parts) == (5, [2_500_000, 1_500_000, 1_000_000, 500_000, 500_000])
    flow = await pool.fetchrow(
        "select sum(disbursed_cents) as out, sum(repaid_cents) as back from portfolio_day"
    )
    assert (flow["out"], flow["back"]) == (2_500_000, 0)


async def test_the_portfolio_of_a_missed_day_is_the_one_of_that_day(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 590_000, "RCPT1", noon(TODAY - 2 * DAY))
    await close_until(borrower.pool, TODAY - DAY)

    kept = await borrower.pool.fetch(
        "select principal_cents, charges_cents, repaid_cents from portfolio_day where day >= $1 order by day",
        TODAY - 4 * DAY,
    )
    assert [tuple(row) for row in kept] == [(500_000, 90_000, 0), (500_000, 90_000, 0), (0, 0, 590_000)]


async def test_a_loan_paid_back_raises_the_limit_that_is_kept(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 590_000, "RCPT1", noon(TODAY - DAY))
    await close_until(borrower.pool, TODAY - DAY, borrower.terms)

    kept = await borrower.pool.fetchrow("select score, limit_cents from borrower")
    assert tuple(kept) == (350, 750_000)


async def test_a_loan_that_rolls_over_by_itself_does_so_once(pool: Any, terms: Terms) -> None:
    rollover = {"fee": "5%", "term": "10d", "by": "itself"}
    phone = await Phone(pool, with_product(terms, rollover=rollover)).join()
    ref = await lent(phone, TODAY - 12 * DAY)

    await close_until(pool, TODAY - 12 * DAY)
    assert await state(phone, ref) == "active"
    assert await owed(phone, ref) == {"principal": 500_000, "fee": 100_000, "excise": 20_000}
    assert await pool.fetchval("select due_on from loan") == TODAY - 2 * DAY
    await close_until(pool, TODAY - DAY)
    assert await state(phone, ref) == "overdue"
    await assert_books_right(pool)
