"""Taking a payment off its loan again: what it settled is owed, and its money is in suspense."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.analytics import rollup
from services.ledger import accounts, journals, suspense
from services.loans import approvals, undoing
from services.loans.approvals import ApprovalError
from services.loans.terms import Terms
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon, owed, state, with_product
from tests.services.world import Phone, assert_books_right

DAY = timedelta(days=1)
RECEIPT = "QKA1B2C3D4"


async def undo(pool: Any, receipt: str = RECEIPT) -> None:
    """One person proposes it, another agrees."""
    number = await in_transaction(pool, undoing.propose, receipt, "akinyi", "not theirs")
    await in_transaction(pool, approvals.approve, number, "baraka")


async def balance(pool: Any, account: accounts.Account) -> int:
    async with pool.acquire() as connection:
        return await journals.balance_cents(connection, account)


async def in_suspense(pool: Any) -> list[tuple[str, int]]:
    async with pool.acquire() as connection:
        return [(item["receipt"], item["amount_cents"]) for item in await suspense.open_items(connection)]


async def test_a_payment_for_the_wrong_loan_is_taken_off_and_matched_to_the_right_one(
    pool: Any, terms: Terms
) -> None:
    wrong, right = await Phone(pool, terms).join(), await Phone(pool, terms).join()
    wrong_ref, right_ref = await lent(wrong, TODAY + 10 * DAY), await lent(right, TODAY + 10 * DAY)
    await wrong.pay(wrong_ref, 590_000, RECEIPT)
    assert await state(wrong, wrong_ref) == "repaid"

    await undo(pool)

    assert await state(wrong, wrong_ref) == "active"
    assert sum((await owed(wrong, wrong_ref)).values()) == 590_000
    assert await in_suspense(pool) == [(RECEIPT, 590_000)]
    assert await pool.fetchval("select closed_at from loan where ref = $1", wrong_ref) is None
    words = await pool.fetchval("select details::text from sms where notice = 'payment_undone'")
    assert '"owed": 590000' in words
    await assert_books_right(pool)

    assert await right.decide(approvals.MANUAL_MATCH, right_ref, 590_000, receipt=RECEIPT)
    assert await state(right, right_ref) == "repaid"
    assert await in_suspense(pool) == []
    await assert_books_right(pool)
    async with pool.acquire() as connection:
        assert await rollup.catch_up(connection)


async def test_a_match_is_undone_and_made_anew_as_often_as_people_are_wrong(pool: Any, terms: Terms) -> None:
    phones = [await Phone(pool, terms).join() for _ in range(3)]
    refs = [await lent(phone, TODAY + 10 * DAY) for phone in phones]
    await in_transaction(pool, suspense.receive, RECEIPT, 100_000, "somebody", "rent", noon(TODAY))
    for phone, ref in zip(phones, refs, strict=True):
        assert await phone.decide(approvals.MANUAL_MATCH, ref, 100_000, receipt=RECEIPT)
        assert sum((await owed(phone, ref)).values()) == 490_000
        await assert_books_right(pool)
        await undo(pool)
        assert sum((await owed(phone, ref)).values()) == 590_000
        assert await in_suspense(pool) == [(RECEIPT, 100_000)]
        await assert_books_right(pool)
    assert await pool.fetchval("select count(*) from sms where notice = 'payment'") == 3


@pytest.mark.parametrize(("late_days", "now"), [(0, "active"), (3, "overdue"), (95, "non_performing")])
async def test_a_loan_is_open_again_as_late_as_it_is_today(borrower: Phone, late_days: int, now: str) -> None:
    due = TODAY - late_days * DAY
    ref = await lent(borrower, due)
    await borrower.pay(ref, 590_000, RECEIPT, noon(due - DAY))
    await close_until(borrower.pool, TODAY - 2 * DAY)

    await undo(borrower.pool)

    assert await state(borrower, ref) == now
    assert sum((await owed(borrower, ref)).values()) == 590_000
    capped = await borrower.pool.fetchrow("select duplum_on, duplum_room_cents from loan")
    assert tuple(capped) == ((TODAY, 410_000) if late_days else (None, None))
    await close_until(borrower.pool, TODAY - DAY)  # nothing of the days when it was not owed
    assert sum((await owed(borrower, ref)).values()) == 590_000
    await assert_books_right(borrower.pool)


async def test_what_is_owed_again_is_no_charge(pool: Any, terms: Terms) -> None:
    """Else the caps on penalties, and in duplum, would be used up by it."""
    late = {"penalty": "1%", "every": "day", "most": "20%"}
    phone = await Phone(pool, with_product(terms, late=late)).join()
    ref = await lent(phone, TODAY - 10 * DAY)
    await close_until(pool, TODAY - 5 * DAY)
    before = await owed(phone, ref)
    assert before["penalty"] == 5 * 5_000
    await phone.pay(ref, 30_000, RECEIPT, noon(TODAY - 4 * DAY))
    await undo(pool)
    assert await owed(phone, ref) == before
    await close_until(pool, TODAY + 30 * DAY)
    assert (await owed(phone, ref))["penalty"] == 100_000
    await assert_books_right(pool)


async def test_a_recovery_is_undone_and_the_loan_is_a_loss_again(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY - 200 * DAY)
    await borrower.pay(ref, 90_000, "QKBEFORE01", noon(TODAY - 150 * DAY))
    await close_until(borrower.pool, TODAY - DAY)
    (asked,) = await in_transaction(borrower.pool, approvals.waiting, approvals.WRITE_OFF)
    await in_transaction(borrower.pool, approvals.approve, asked["id"], "akinyi")
    lost = (await owed(borrower, ref))["written_off"]
    await borrower.pay(ref, lost, RECEIPT)
    assert await state(borrower, ref) == "recovered"

    await undo(borrower.pool)
    assert await state(borrower, ref) == "written_off"
    assert await owed(borrower, ref) == {"written_off": lost}
    assert await balance(borrower.pool, accounts.RECOVERY_INCOME) == 0
    await assert_books_right(borrower.pool)

    await undo(borrower.pool, "QKBEFORE01")  # paid before it was written off: lost as well
    assert await owed(borrower, ref) == {"written_off": lost + 90_000}
    assert await balance(borrower.pool, accounts.WRITE_OFF_LOSS) == lost + 90_000
    await assert_books_right(borrower.pool)


async def test_it_is_refused_where_the_loan_cannot_be_open_again(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 590_000, RECEIPT)
    await lent(borrower, TODAY + 20 * DAY)
    with pytest.raises(ApprovalError, match="its borrower has another one"):
        await undo(borrower.pool)
    assert await state(borrower, ref) == "repaid"
    assert await in_suspense(borrower.pool) == []


async def test_it_is_refused_when_what_was_too_much_went_elsewhere(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 600_000, RECEIPT)
    await borrower.pay(await lent(borrower, TODAY + 20 * DAY), 580_000, "QKSECOND01")
    with pytest.raises(ApprovalError, match="no longer the borrower's credit"):
        await undo(borrower.pool)
    await assert_books_right(borrower.pool)


async def test_credit_alone_is_taken_off_too(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 590_000, "QKFIRST001")
    await borrower.pay(ref, 20_000, RECEIPT)
    await undo(borrower.pool)
    assert (await borrower.do("accounts.wallet")).value["balance"] == 0
    assert await state(borrower, ref) == "repaid"
    await assert_books_right(borrower.pool)


async def test_it_takes_two_people_and_happens_once(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + 10 * DAY)
    await borrower.pay(ref, 100_000, RECEIPT)
    number = await in_transaction(borrower.pool, undoing.propose, RECEIPT, "akinyi", "not theirs")
    with pytest.raises(approvals.SamePersonError):
        await in_transaction(borrower.pool, approvals.approve, number, "akinyi")
    with pytest.raises(approvals.AlreadyProposedError):
        await in_transaction(borrower.pool, undoing.propose, RECEIPT, "cheptoo", "again")
    await in_transaction(borrower.pool, approvals.approve, number, "baraka")
    assert await in_transaction(borrower.pool, approvals.approve, number, "baraka") is False
    with pytest.raises(ApprovalError, match="booked for no loan"):
        await in_transaction(borrower.pool, undoing.propose, RECEIPT, "akinyi", "again")
    assert await balance(borrower.pool, accounts.SUSPENSE_UNMATCHED) == -100_000


async def test_the_database_lets_nobody_open_a_settled_item_by_hand(pool: Any, terms: Terms) -> None:
    phone = await Phone(pool, terms).join()
    ref = await lent(phone, TODAY + 10 * DAY)
    await in_transaction(pool, suspense.receive, RECEIPT, 100_000, "somebody", "rent", noon(TODAY))
    await phone.decide(approvals.MANUAL_MATCH, ref, 100_000, receipt=RECEIPT)
    with pytest.raises(asyncpg.RestrictViolationError, match="settled already"):
        await pool.execute("update suspense_item set state = 'open', settled_by = null, settled_at = null")
