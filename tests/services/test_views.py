import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services import clock
from services.loans import approvals
from services.loans.terms import Terms
from services.mpesa.settings import mpesa
from tests.services.lending import close_until, lent
from tests.services.world import Phone, assert_books_right, count

TODAY = clock.nairobi_date(clock.now())


async def test_somebody_new_has_nothing_to_see(phone: Phone) -> None:
    names = [
        (await phone.do(action)).name
        for action in ("loans.status", "loans.history", "accounts.statement", "accounts.wallet")
    ]

    assert names == ["none", "none", "none", "ok"]


async def test_a_loan_on_its_way_is_shown_with_what_will_be_owed(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]

    assert (await borrower.do("loans.status")).value == {
        "ref": ref, "amount": 500_000, "outstanding": 590_000,
        "due": (TODAY + timedelta(days=30)).isoformat(), "days_late": 0, "status": "disbursing",
    }  # fmt: skip
    assert (await borrower.do("accounts.statement")).name == "none"
    assert (await borrower.do("repayments.prompt", amount=590_000)).name == "no_loan"


async def test_a_late_loan_shows_how_late_and_what_is_left(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref, clock.now() - timedelta(days=35))
    await borrower.pay(ref, 100_000, "RCPT1")

    loan = (await borrower.do("loans.status")).value
    assert (loan["outstanding"], loan["days_late"], loan["status"]) == (490_000, 5, "active")
    await assert_books_right(borrower.pool)


async def test_a_payment_settles_fee_then_excise_then_principal(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)
    await borrower.pay(ref, 80_000, "RCPT1")

    rows = await borrower.pool.fetch(
        "select split_part(code, ':', 1), balance_cents from balance join account on id = account_id"
        " where loan_id is not null"
    )
    assert dict(tuple(row) for row in rows) == {
        "loan_fee": 0, "loan_excise": 10_000, "loan_principal": 500_000,
    }  # fmt: skip


async def test_a_receipt_counts_once(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)

    assert await borrower.pay(ref, 80_000, "RCPT1") is True
    assert await borrower.pay(ref, 80_000, "RCPT1") is False
    assert (await borrower.do("loans.status")).value["outstanding"] == 510_000
    await assert_books_right(borrower.pool)


async def test_paying_all_closes_the_loan_and_the_rest_is_credit(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)
    await borrower.pay(ref, 600_000, "RCPT1")
    await borrower.pay(ref, 1_000, "RCPT2")  # the loan is closed: all of it is credit

    assert (await borrower.do("loans.status")).name == "none"
    assert (await borrower.do("accounts.wallet")).value == {
        "balance": 11_000, "limit": 750_000, "available": 750_000, "score": 350, "repaid": 1,
    }  # fmt: skip
    history = (await borrower.do("loans.history")).value
    assert history == [{"ref": ref, "amount": 500_000, "date": TODAY.isoformat(), "status": "repaid"}]
    await assert_books_right(borrower.pool)


async def test_the_wallet_of_the_database_is_what_the_accounts_say(pool: Any, terms: Terms) -> None:
    nobody, owes, has_credit = [await Phone(pool, terms).join() for _ in range(3)]
    for phone, paid in ((owes, 90_000), (has_credit, 600_000)):
        ref = (await phone.borrow()).value["ref"]
        await phone.money_arrives(ref)
        await phone.pay(ref, paid, f"R{paid}")

    rows = await pool.fetch(
        "select msisdn, credit_cents, owed_cents from wallet join borrower on id = borrower_id"
    )
    assert {tuple(row) for row in rows} == {
        (nobody.msisdn, 0, 0), (owes.msisdn, 0, 500_000), (has_credit.msisdn, 10_000, 0),
    }  # fmt: skip


async def test_the_statement_speaks_the_borrowers_language(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)
    await borrower.pay(ref, 100_000, "RCPT1")
    borrower.language = "sw"

    entries = (await borrower.do("accounts.statement")).value

    assert [(entry["kind"], entry["amount"]) for entry in entries] == [
        ("Malipo", 100_000), ("Ada", 90_000), ("Mkopo", 500_000),
    ]  # fmt: skip
    assert {entry["date"] for entry in entries} == {TODAY.isoformat()}


async def test_a_prompt_is_a_payment_request_and_an_outbox_row(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)

    outcome = await borrower.do("repayments.prompt", amount=10_050)

    assert outcome.value == {"ref": ref, "amount": 10_000, "paybill": "400222"}
    request = await borrower.pool.fetchrow("select * from payment_request")
    assert (request["amount_cents"], request["state"]) == (10_000, "queued")
    topics = await borrower.pool.fetch("select topic from outbox order by id")
    assert [row["topic"] for row in topics] == ["loans.disburse", "sms.send", "repayments.prompt"]


async def test_a_prompt_is_never_for_more_than_is_owed_nor_for_less_than_ten_shillings(
    borrower: Phone,
) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)

    assert (await borrower.do("repayments.prompt", amount=900)).name == "too_little"
    assert (await borrower.do("repayments.prompt", amount=9_999_900)).value["amount"] == 590_000
    await borrower.pay(ref, 589_500, "RCPT1")  # five shillings are left
    assert (await borrower.do("repayments.prompt", amount=500)).value["amount"] == 500


async def test_a_written_off_loan_can_be_paid_but_not_followed_by_another(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref, clock.now() - timedelta(days=130))
    await borrower.pool.execute("update loan set state = 'overdue' where ref = $1", ref)
    await borrower.decide(approvals.WRITE_OFF, ref, 590_000)

    assert (await borrower.do("loans.limit")).name == "not_eligible"
    assert (await borrower.do("loans.status")).value["status"] == "written_off"
    assert (await borrower.do("repayments.prompt", amount=590_000)).name == "ok"
    await borrower.pay(ref, 590_000, "RCPT1")
    assert await borrower.pool.fetchval("select state from loan") == "recovered"
    assert (await borrower.do("loans.limit")).name == "not_eligible"


@pytest.mark.parametrize("late", [5, 100])
async def test_a_defaulter_who_dials_sees_the_debt_may_pay_and_is_lent_nothing(
    borrower: Phone, late: int
) -> None:
    ref = await lent(borrower, TODAY - timedelta(days=late))
    await close_until(borrower.pool, TODAY - timedelta(days=1))

    assert (await borrower.do("loans.status")).value["status"] == "overdue"
    assert (await borrower.do("loans.limit")).name == "has_loan"
    assert (await borrower.borrow()).name == "has_loan"
    assert (await borrower.do("repayments.prompt", amount=590_000)).value["ref"] == ref
    assert await count(borrower.pool, "loan") == 1


async def test_a_prompt_that_is_still_on_the_phone_is_not_sent_again(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)

    answers = await asyncio.gather(
        *(
            borrower.do("repayments.prompt", f"africastalking:S{n}:3:prompt", amount=590_000)
            for n in range(20)
        )
    )
    assert {answer.name for answer in answers} == {"ok"}
    assert await count(borrower.pool, "payment_request") == 1
    assert await count(borrower.pool, "outbox") == 3  # the payout, its message, the prompt

    await borrower.do("repayments.prompt", amount=10_000)  # another amount is another prompt
    assert await count(borrower.pool, "payment_request") == 2
    await borrower.pool.execute("update payment_request set created_at = now() - interval '2 minutes'")
    await borrower.do("repayments.prompt", amount=590_000)  # it waits for M-Pesa, and will be shown
    assert await count(borrower.pool, "payment_request") == 2
    await borrower.pool.execute("update payment_request set state = 'prompted', prompted_at = now()")
    await borrower.do("repayments.prompt", amount=590_000)  # it came late, and is on the phone now
    assert await count(borrower.pool, "payment_request") == 2
    await borrower.pool.execute("update payment_request set prompted_at = now() - interval '2 minutes'")
    await borrower.do("repayments.prompt", amount=590_000)  # M-Pesa's prompt is gone by now
    assert await count(borrower.pool, "payment_request") == 3
    await borrower.pool.execute("update payment_request set state = 'failed'")
    await borrower.do("repayments.prompt", amount=590_000)
    assert await count(borrower.pool, "payment_request") == 4


async def test_the_screen_names_the_paybill_that_the_settings_know(
    borrower: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await borrower.money_arrives((await borrower.borrow()).value["ref"])
    monkeypatch.setenv("MPESA_PAYBILL", "174379")
    mpesa.cache_clear()
    try:
        outcome = await borrower.do("repayments.prompt", amount=20_000)
    finally:
        mpesa.cache_clear()
    assert outcome.value["paybill"] == "174379"
    assert borrower.terms.product.repayment.paybill == "400222"
