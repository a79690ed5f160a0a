import asyncio
from typing import Any

import asyncpg
import pytest

from services.ledger import accounts, journals, treasury
from services.ledger.journals import LedgerError
from services.loans import approvals, refunds
from services.loans.approvals import ApprovalError, Request
from services.loans.terms import Terms
from tests.services.lending import TODAY, in_transaction, lent, noon, state, with_product
from tests.services.world import PIN, Phone, assert_books_right, count


@pytest.fixture
def large(pool: Any, terms: Terms) -> Phone:
    """Somebody whose loans above KES 3,000 are looked at."""
    return Phone(pool, with_product(terms, approve_above="3,000"))


async def the_one(pool: Any) -> dict[str, Any]:
    (found,) = await in_transaction(pool, approvals.waiting)
    return dict(found)


async def with_credit(borrower: Phone, cents: int) -> int:
    ref = await lent(borrower)
    await borrower.pay(ref, 590_000 + cents, "RCPT1", noon(TODAY))
    number: int = await borrower.pool.fetchval("select id from borrower")
    return number


def refund(borrower_id: int, cents: int) -> Request:
    return Request(approvals.REFUND, str(borrower_id), cents, "asked for it", borrower_id=borrower_id)


async def test_a_loan_above_the_threshold_waits_for_a_person(large: Phone) -> None:
    await large.join()
    outcome = await large.borrow(500_000)

    assert (outcome.name, outcome.subscriber) == ("review", {"has_loan": True})
    assert await state(large, outcome.value["ref"]) == "applied"
    assert (await count(large.pool, "hold"), await count(large.pool, "outbox")) == (0, 0)
    assert (await large.borrow(300_000)).name == "has_loan"
    asked = await the_one(large.pool)
    assert (asked["kind"], asked["amount_cents"]) == ("loan", 500_000)
    wanted = ("loan", outcome.value["ref"])
    assert await in_transaction(large.pool, approvals.waiting_for, *wanted) == asked["id"]

    assert await in_transaction(large.pool, approvals.approve, asked["id"], "Akinyi") is True
    assert await in_transaction(large.pool, approvals.approve, asked["id"], "akinyi") is False
    assert await state(large, outcome.value["ref"]) == "disbursing"
    assert (await count(large.pool, "hold"), await count(large.pool, "outbox")) == (1, 1)
    story = await large.pool.fetch("select move, actor from loan_event order by id")
    assert [tuple(row) for row in story] == [("approve", "akinyi"), ("send", "akinyi")]
    await assert_books_right(large.pool)


async def test_a_loan_up_to_the_threshold_is_approved_by_itself(large: Phone) -> None:
    await large.join()

    assert (await large.borrow(300_000)).name == "ok"


async def test_a_rejected_loan_frees_the_borrower(large: Phone) -> None:
    await large.join()
    ref = (await large.borrow(500_000)).value["ref"]
    asked = await the_one(large.pool)
    assert await in_transaction(large.pool, approvals.reject, asked["id"], "akinyi", "too soon") is True

    assert await state(large, ref) == "rejected"
    assert (await large.borrow(300_000)).name == "ok"
    with pytest.raises(approvals.AlreadyDecidedError, match="akinyi has rejected this already"):
        await in_transaction(large.pool, approvals.approve, asked["id"], "baraka")
    await assert_books_right(large.pool)


async def test_the_database_refuses_a_large_loan_nobody_approved(large: Phone) -> None:
    await large.join()
    await large.borrow(500_000)

    with pytest.raises(asyncpg.CheckViolationError, match="needs an approval"):
        await large.pool.execute("update loan set state = 'approved'")


@pytest.mark.parametrize("same", ["akinyi", "AKINYI", " Akinyi "])
async def test_who_proposes_never_decides(borrower: Phone, same: str) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "akinyi")

    with pytest.raises(approvals.SamePersonError):
        await in_transaction(borrower.pool, approvals.approve, number, same)
    with pytest.raises(asyncpg.CheckViolationError, match="approval_two_people"):
        await borrower.pool.execute(
            "update approval set state = 'approved', decided_by = 'akinyi', decided_at = now()"
        )
    assert (await the_one(borrower.pool))["id"] == number


@pytest.mark.parametrize(
    "attack",
    ["update approval set amount_cents = 1", "update approval set proposed_by = 'other'",
     "delete from approval", "truncate approval cascade"],
)  # fmt: skip
async def test_what_was_proposed_does_not_change(borrower: Phone, attack: str) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "akinyi")

    with pytest.raises(asyncpg.RestrictViolationError):
        await borrower.pool.execute(attack)


async def test_the_same_is_proposed_once_at_a_time(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "akinyi")

    with pytest.raises(approvals.AlreadyProposedError):
        await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "baraka")


@pytest.mark.parametrize("who", ["", " ", "a b", "x" * 81, "é"])
async def test_a_name_that_is_none_proposes_nothing(borrower: Phone, who: str) -> None:
    with pytest.raises(ApprovalError, match="is not a name"):
        await in_transaction(borrower.pool, approvals.propose, refund(1, 50_000), who)


async def test_ten_people_at_once_decide_once(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "akinyi")

    answers = await asyncio.gather(
        *(in_transaction(borrower.pool, approvals.approve, number, f"person{n}") for n in range(10)),
        return_exceptions=True,
    )

    assert answers.count(True) == 1
    assert all(answer is True or isinstance(answer, approvals.AlreadyDecidedError) for answer in answers)
    assert await count(borrower.pool, "refund") == 1


async def test_credit_is_refunded_once_it_is_approved(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 30_000), "akinyi")
    free = await in_transaction(borrower.pool, treasury.free_float_cents)
    await in_transaction(borrower.pool, approvals.approve, number, "baraka")

    assert (await borrower.do("accounts.wallet")).value["balance"] == 20_000
    assert await in_transaction(borrower.pool, treasury.free_float_cents) == free - 30_000
    refund_id = await borrower.pool.fetchval("select id from refund")
    topics = await borrower.pool.fetch("select topic, payload from outbox order by id desc limit 1")
    assert [tuple(row) for row in topics] == [("refunds.pay", f'{{"refund_id": {refund_id}}}')]
    await assert_books_right(borrower.pool)

    assert await in_transaction(borrower.pool, refunds.paid, refund_id, noon(TODAY)) is True
    assert await in_transaction(borrower.pool, refunds.paid, refund_id, noon(TODAY)) is False
    with pytest.raises(LedgerError, match="paid already"):
        await in_transaction(borrower.pool, refunds.failed, refund_id)
    async with borrower.pool.acquire() as connection:
        assert await journals.balance_cents(connection, accounts.REFUNDS_PAYABLE) == 0
    await assert_books_right(borrower.pool)


async def test_a_refund_that_failed_is_credit_again(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_000), "akinyi")
    await in_transaction(borrower.pool, approvals.approve, number, "baraka")
    refund_id = await borrower.pool.fetchval("select id from refund")
    await in_transaction(borrower.pool, refunds.failed, refund_id)

    assert (await borrower.do("accounts.wallet")).value["balance"] == 50_000
    await assert_books_right(borrower.pool)


async def test_no_more_is_refunded_than_there_is(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 50_100), "akinyi")

    with pytest.raises(LedgerError, match="has 50000 cents of credit"):
        await in_transaction(borrower.pool, approvals.approve, number, "baraka")
    assert (await the_one(borrower.pool))["id"] == number  # still waits: it may be rejected


async def test_part_of_a_shilling_cannot_be_sent_and_stays_credit(borrower: Phone) -> None:
    borrower_id = await with_credit(borrower, 50_000)
    number = await in_transaction(borrower.pool, approvals.propose, refund(borrower_id, 30_050), "akinyi")
    with pytest.raises(LedgerError, match="whole shillings, not 30050 cents"):
        await in_transaction(borrower.pool, approvals.approve, number, "baraka")
    assert await count(borrower.pool, "refund") == 0


async def test_nothing_is_approved_under_an_unknown_name(borrower: Phone) -> None:
    with pytest.raises(ApprovalError, match="under the name bonus"):
        await in_transaction(borrower.pool, approvals.propose, Request("bonus", "x", 1, "why"), "akinyi")
    with pytest.raises(ApprovalError, match="there is no approval 7"):
        await in_transaction(borrower.pool, approvals.approve, 7, "akinyi")


async def test_two_large_applications_at_once_make_one_loan_and_one_request(large: Phone) -> None:
    await large.join()
    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}

    answers = await asyncio.gather(
        *(large.do("loans.apply", f"africastalking:S{n}:7:loans.apply", **press) for n in range(10))
    )

    assert sorted(answer.name for answer in answers) == ["has_loan"] * 9 + ["review"]
    assert (await count(large.pool, "loan"), await count(large.pool, "approval")) == (1, 1)
