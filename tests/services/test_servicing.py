from datetime import timedelta
from typing import Any

import pytest

from services import clock
from services.ledger import accounts, holds, journals, suspense
from services.ledger.charges import mpesa_charge
from services.ledger.journals import LedgerError
from services.loans import approvals, rollover, servicing
from services.loans.lifecycle import ForbiddenMoveError
from services.loans.terms import Terms
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon, owed, state, with_product
from tests.services.world import PIN, Phone, assert_books_right, count

DAY = timedelta(days=1)


async def balance(pool: Any, account: accounts.Account) -> int:
    async with pool.acquire() as connection:
        return await journals.balance_cents(connection, account)


async def settle(phone: Phone, function: Any, ref: str, *arguments: Any) -> Any:
    return await in_transaction(phone.pool, function, await phone.loan_id(ref), *arguments)


async def borrowed(phone: Phone) -> str:
    ref: str = (await phone.borrow()).value["ref"]
    return ref


# The payout and its contradictions.


async def test_a_failure_told_after_the_success_changes_nothing(borrower: Phone) -> None:
    ref = await borrowed(borrower)
    await borrower.money_arrives(ref)

    assert await settle(borrower, servicing.payout_failed, ref, "test") is False
    assert await state(borrower, ref) == "active"
    await assert_books_right(borrower.pool)


async def test_a_success_told_after_the_failure_is_booked_and_the_loan_begins(borrower: Phone) -> None:
    ref = await borrowed(borrower)
    await settle(borrower, servicing.payout_failed, ref, "test")

    with pytest.raises(LedgerError, match="voided already"):
        await settle(borrower, servicing.paid_out, ref, clock.now(), None, "test")
    first = await settle(borrower, servicing.paid_out_late, ref, noon(TODAY - DAY), None, "test")
    again = await settle(borrower, servicing.paid_out_late, ref, noon(TODAY), None, "test")

    assert (first, again, await state(borrower, ref)) == ("begun", "known", "active")
    assert await borrower.pool.fetchval("select due_on from loan") == TODAY + 29 * DAY
    assert await balance(borrower.pool, accounts.MPESA_UTILITY) == -500_000
    assert await settle(borrower, servicing.payout_failed, ref, "test") is False
    await assert_books_right(borrower.pool)


async def test_a_success_after_the_failure_waits_while_the_borrower_has_another_loan(borrower: Phone) -> None:
    first = await borrowed(borrower)
    await settle(borrower, servicing.payout_failed, first, "test")
    second = await lent(borrower, TODAY + 20 * DAY)

    assert await settle(borrower, servicing.paid_out_late, first, noon(TODAY), None, "test") == "waiting"
    assert await settle(borrower, servicing.paid_out_late, first, noon(TODAY), None, "test") == "known"
    assert (await state(borrower, first), await state(borrower, second)) == ("failed", "active")
    assert await balance(borrower.pool, accounts.MPESA_UTILITY) == -1_000_000  # both left us
    await assert_books_right(borrower.pool)

    await borrower.pay(second, 600_000, "RCPT1", noon(TODAY))
    assert (await borrower.do("loans.limit")).name == "not_eligible"  # they owe what came late
    await close_until(borrower.pool, TODAY)
    assert await state(borrower, first) == "active"
    assert sum((await owed(borrower, first)).values()) == 590_000 - 10_000  # their credit was used
    assert await borrower.pool.fetchval("select due_on from loan where ref = $1", first) == TODAY + 31 * DAY
    await assert_books_right(borrower.pool)


async def test_a_late_success_is_no_word_about_a_payout_on_its_way(borrower: Phone) -> None:
    ref = await borrowed(borrower)

    with pytest.raises(LedgerError, match="nothing was given up"):
        await settle(borrower, servicing.paid_out_late, ref, clock.now(), None, "test")


async def test_a_payout_that_never_began_expires_only_after_its_time(borrower: Phone) -> None:
    ref = await borrowed(borrower)
    with pytest.raises(Exception, match="has not expired"):
        await settle(borrower, servicing.payout_expired, ref, "test")
    assert await in_transaction(borrower.pool, holds.expired, clock.now()) == []
    await borrower.pool.execute("alter table hold disable trigger hold_guard")
    await borrower.pool.execute("update hold set expires_at = now() - interval '1 second'")
    await borrower.pool.execute("alter table hold enable trigger hold_guard")

    assert await in_transaction(borrower.pool, holds.expired, clock.now()) == [
        (ref, await borrower.loan_id(ref))
    ]
    assert await settle(borrower, servicing.payout_expired, ref, "test") is True
    assert await settle(borrower, servicing.payout_expired, ref, "test") is False
    assert await state(borrower, ref) == "failed"
    await assert_books_right(borrower.pool)


# Paying back.


async def test_paying_before_the_due_date_costs_the_agreed_fee_and_no_more(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 25 * DAY)
    await borrower.pay(ref, 100_000, "PART")
    await borrower.pay(ref, 490_000, "REST")

    assert await state(borrower, ref) == "repaid"
    await close_until(borrower.pool, TODAY + 40 * DAY)
    assert await owed(borrower, ref) == {}


async def test_what_is_paid_too_much_goes_to_the_next_loan(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 25 * DAY)
    await borrower.pay(ref, 1_000_000, "RCPT1", noon(TODAY))
    second = await borrowed(borrower)
    await borrower.money_arrives(second)

    assert sum((await owed(borrower, second)).values()) == 590_000 - 410_000
    await assert_books_right(borrower.pool)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 1e9, -100, 0, 0.001, True])
async def test_what_is_no_amount_is_never_booked(borrower: Phone, amount: Any) -> None:
    ref = await lent(borrower)
    for function, arguments in (
        (servicing.paid_back, (await borrower.loan_id(ref), amount, "RCPT1", clock.now(), None, "test")),
        (suspense.receive, ("RCPT1", amount, "digest", "U123", clock.now())),
        (mpesa_charge, ("RCPT1", amount)),
    ):
        with pytest.raises(LedgerError, match="not an amount"):
            await in_transaction(borrower.pool, function, *arguments)

    assert await count(borrower.pool, "suspense_item") == 0
    assert sum((await owed(borrower, ref)).values()) == 590_000
    await assert_books_right(borrower.pool)


async def test_a_loan_keeps_the_terms_it_was_priced_with(pool: Any, terms: Terms) -> None:
    phone = await Phone(pool, with_product(terms, late={"penalty": "10%", "most": "10%"})).join()
    ref = await lent(phone, TODAY - 10 * DAY)
    phone.terms = with_product(terms, late={"penalty": "50%", "most": "50%"})
    await close_until(pool, TODAY - DAY)

    assert (await owed(phone, ref))["penalty"] == 50_000


# Suspense.


async def test_money_nobody_knows_is_kept_and_matched_by_two_people(borrower: Phone) -> None:
    ref = await lent(borrower)
    came = ("RCPT9", 600_000, "digest", "U-what", noon(TODAY))
    assert await in_transaction(borrower.pool, suspense.receive, *came) is True
    assert await in_transaction(borrower.pool, suspense.receive, *came) is False
    assert await borrower.pay(ref, 600_000, "RCPT9") is False  # the receipt is booked
    assert await balance(borrower.pool, accounts.SUSPENSE_UNMATCHED) == -600_000
    await assert_books_right(borrower.pool)

    assert await borrower.decide(approvals.MANUAL_MATCH, ref, 600_000, receipt="RCPT9") is True
    assert await state(borrower, ref) == "repaid"
    assert await in_transaction(borrower.pool, suspense.open_items) == []
    assert (await borrower.do("accounts.wallet")).value["balance"] == 10_000
    with pytest.raises(LedgerError, match="matched already"):
        await in_transaction(borrower.pool, suspense.returned, "RCPT9", clock.now())
    await assert_books_right(borrower.pool)


async def test_money_that_went_back_matches_nothing(borrower: Phone) -> None:
    ref = await lent(borrower)
    await in_transaction(borrower.pool, suspense.receive, "RCPT9", 100, "digest", "x", clock.now())
    assert await in_transaction(borrower.pool, suspense.returned, "RCPT9", clock.now()) is True
    assert await in_transaction(borrower.pool, suspense.returned, "RCPT9", clock.now()) is False

    with pytest.raises(LedgerError, match="returned already"):
        await settle(borrower, _match, ref)
    await assert_books_right(borrower.pool)


async def _match(connection: Any, loan_id: int) -> None:
    await servicing.match(connection, "RCPT9", loan_id, "test")


async def test_a_receipt_for_two_loans_at_once_is_booked_for_one(pool: Any, terms: Terms) -> None:
    phones = [await Phone(pool, terms).join() for _ in range(2)]
    refs = [await lent(phone) for phone in phones]
    booked = [await phone.pay(ref, 10_000, "SAME") for phone, ref in zip(phones, refs, strict=True)]

    assert booked == [True, False]
    await assert_books_right(pool)


# Write-off, recovery, waiver, refund.


async def test_a_written_off_loan_is_a_loss_and_what_comes_later_is_recovered(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 185 * DAY)
    await close_until(borrower.pool, TODAY - DAY)
    (asked,) = await in_transaction(borrower.pool, approvals.waiting, approvals.WRITE_OFF)
    assert await in_transaction(borrower.pool, approvals.approve, asked["id"], "akinyi") is True

    assert await state(borrower, ref) == "written_off"
    assert await owed(borrower, ref) == {"written_off": 620_000}
    assert await balance(borrower.pool, accounts.WRITE_OFF_LOSS) == 620_000
    await assert_books_right(borrower.pool)
    assert (await borrower.do("loans.limit")).name == "not_eligible"

    await borrower.pay(ref, 20_000, "RCPT1")
    assert await owed(borrower, ref) == {"written_off": 600_000}
    await borrower.pay(ref, 650_000, "RCPT2")
    assert await state(borrower, ref) == "recovered"
    assert await balance(borrower.pool, accounts.RECOVERY_INCOME) == -620_000
    assert await balance(borrower.pool, accounts.WRITTEN_OFF_CONTRA) == 0
    assert (await borrower.do("accounts.wallet")).value["balance"] == 50_000
    entries = (await borrower.do("accounts.statement")).value
    assert [(entry["kind"], entry["amount"]) for entry in entries[:2]] == [
        ("Paid", 650_000), ("Paid", 20_000),
    ]  # fmt: skip
    await assert_books_right(borrower.pool)


async def test_who_owes_a_written_off_loan_gets_no_other_whatever_the_code_believes(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 10 * DAY)
    await close_until(borrower.pool, TODAY - DAY)
    await borrower.decide(approvals.WRITE_OFF, ref, 620_000)

    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}
    assert (await borrower.do("loans.apply", **press)).name == "not_eligible"
    with pytest.raises(Exception, match="still owes a loan that was written off"):
        await borrower.pool.execute(
            "insert into loan (ref, borrower_id, product, purpose, principal_cents, fee_cents, excise_cents,"
            " total_cents, apr_bp, term_days, bundle, action_key)"
            " select 'SECOND', borrower_id, product, purpose, 100, 0, 0, 100, 0, 30, bundle, 'x' from loan"
        )


async def test_a_waiver_lets_off_charges_and_never_principal(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 10 * DAY)
    await close_until(borrower.pool, TODAY - DAY)  # a penalty of 250 and excise of 50
    await borrower.decide(approvals.WAIVER, ref, 30_000)
    assert await owed(borrower, ref) == {"principal": 500_000, "fee": 70_000, "excise": 20_000}

    await borrower.decide(approvals.WAIVER, ref, 9_000_000)
    assert await owed(borrower, ref) == {"principal": 500_000}
    assert await balance(borrower.pool, accounts.CHARGES_WAIVED) == 120_000
    with pytest.raises(LedgerError, match="owes no charges"):
        await borrower.decide(approvals.WAIVER, ref, 100)
    await assert_books_right(borrower.pool)


async def test_a_waiver_of_all_that_is_left_closes_the_loan(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 10 * DAY)
    await close_until(borrower.pool, TODAY - DAY)
    await borrower.pay(ref, 620_000 - 5_000, "RCPT1")
    assert await owed(borrower, ref) == {"principal": 5_000}
    with pytest.raises(LedgerError):
        await borrower.decide(approvals.WAIVER, ref, 5_000)
    await borrower.pay(ref, 5_000, "RCPT2")
    assert await state(borrower, ref) == "repaid"


async def test_a_loan_in_time_is_not_written_off(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 3 * DAY)

    with pytest.raises(ForbiddenMoveError, match="active cannot write_off"):
        await borrower.decide(approvals.WRITE_OFF, ref, 590_000)
    assert await count(borrower.pool, "approval") == 0  # with its effect the whole decision is gone


async def test_the_database_refuses_a_write_off_nobody_approved(borrower: Phone) -> None:
    await lent(borrower, TODAY - 10 * DAY)
    await close_until(borrower.pool, TODAY - DAY)

    with pytest.raises(Exception, match="needs an approval"):
        await borrower.pool.execute("update loan set state = 'written_off'")


# More time.


async def test_more_time_is_given_once_for_the_price_that_was_shown(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 3 * DAY)
    await close_until(borrower.pool, TODAY - DAY)
    assert await state(borrower, ref) == "overdue"
    loan_id = await borrower.loan_id(ref)

    offered = await in_transaction(borrower.pool, rollover.look, loan_id, TODAY)
    assert (offered.fee_cents, offered.excise_cents, offered.due) == (25_000, 5_000, TODAY + 15 * DAY)
    assert offered.apr_bp == 14_600  # 6 % for 15 days
    wrong = await settle(borrower, rollover.roll_over, ref, noon(TODAY), 20_000, "borrower")
    right = await settle(borrower, rollover.roll_over, ref, noon(TODAY), 25_000, "borrower")
    again = await settle(borrower, rollover.roll_over, ref, noon(TODAY), 25_000, "borrower")

    assert (wrong, right, again) == ("changed", "ok", "not_offered")
    assert await state(borrower, ref) == "active"
    assert await owed(borrower, ref) == {"principal": 500_000, "fee": 100_000, "excise": 20_000}
    assert (await borrower.do("loans.status")).value["days_late"] == 0
    await close_until(borrower.pool, TODAY + 14 * DAY)
    assert await state(borrower, ref) == "active"
    await assert_books_right(borrower.pool)


@pytest.mark.parametrize(("late", "offered"), [(-8, False), (-7, True), (7, True), (8, False)])
async def test_more_time_is_offered_near_the_due_date(borrower: Phone, late: int, offered: bool) -> None:
    ref = await lent(borrower, TODAY - late * DAY)

    offer = await in_transaction(borrower.pool, rollover.look, await borrower.loan_id(ref), TODAY)

    assert (offer is not None) is offered


async def test_more_time_never_breaks_the_cap_on_charges(pool: Any, terms: Terms) -> None:
    order = ["principal", "penalty", "interest", "fee", "excise"]
    changes = {
        "rollover": {"fee": "50%", "term": "10d", "within": "7d"},
        "repayment": {"least": "10", "paybill": "400222", "order": order},
    }
    phone = await Phone(pool, with_product(terms, **changes)).join()
    ref = await lent(phone, TODAY - 2 * DAY)
    await phone.pay(ref, 400_000, "RCPT1", noon(TODAY - 5 * DAY))  # 1,000 are left, 900 are charged

    assert await in_transaction(pool, rollover.look, await phone.loan_id(ref), TODAY) is None
    assert await settle(phone, rollover.roll_over, ref, noon(TODAY), 50_000, "borrower") == "not_offered"


async def test_what_m_pesa_charges_is_booked_once(borrower: Phone) -> None:
    assert await in_transaction(borrower.pool, mpesa_charge, "RCPT1", 2_240) is True
    assert await in_transaction(borrower.pool, mpesa_charge, "RCPT1", 2_240) is False
    assert await balance(borrower.pool, accounts.MPESA_CHARGES) == 2_240
    assert await balance(borrower.pool, accounts.MPESA_CHARGES_PAID) == -2_240
