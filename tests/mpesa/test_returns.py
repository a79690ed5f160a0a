"""Money in suspense that goes back, once; a day's most of payouts; loans that are given up."""

from datetime import timedelta
from typing import Any

import pytest

from services import runtime_settings
from services.ledger import accounts
from services.loans import approvals
from services.loans.approvals import ApprovalError
from services.mpesa import paybill, payouts, returns
from tests.mpesa.conftest import Till, together
from tests.services.lending import in_transaction

SHILLINGS = 750


async def stray(till: Till) -> str:
    """A payment that nobody is known for: its receipt."""
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay("254733000001", SHILLINGS, "rent")
    await till.settle()
    receipt: str = await till.pool.fetchval("select receipt from suspense_item")
    return receipt


async def agreed(till: Till, receipt: str) -> int:
    """Two people send it back: the reversal's number."""
    asked = await in_transaction(till.pool, returns.propose, receipt, "akinyi", "not ours")
    await in_transaction(till.pool, approvals.approve, asked, "baraka")
    number: int = await till.pool.fetchval("select id from reversal order by id desc limit 1")
    return number


async def states(till: Till) -> tuple[str, str]:
    row = await till.pool.fetchrow(
        "select suspense_item.state as item, reversal.state as reversal from suspense_item"
        " join reversal using (receipt) order by reversal.id desc"
    )
    return row["item"], row["reversal"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No result is waited for."""
    monkeypatch.setattr(returns, "AGAIN", timedelta(0))


async def test_money_goes_back_once_however_often_it_is_asked_for(till: Till) -> None:
    number = await agreed(till, await stray(till))
    assert await states(till) == ("open", "approved")
    await together(*(returns.ask(till.pool, till.daraja, number) for _ in range(4)))
    await till.settle()

    assert await states(till) == ("returned", "done")
    assert len(till.sandbox.payments(kind="reversal")) == 1
    assert await till.balance(accounts.SUSPENSE_UNMATCHED) == 0
    await till.assert_agreed()
    receipt = await till.pool.fetchval("select receipt from reversal")
    with pytest.raises(ApprovalError, match="went back already"):
        await in_transaction(till.pool, returns.propose, receipt, "akinyi", "again")


@pytest.mark.usefixtures("impatient")
async def test_a_result_that_never_came_is_asked_for_again_and_already_means_done(till: Till) -> None:
    number = await agreed(till, await stray(till))
    till.sandbox.fault("drop", on="reversal")
    await returns.ask(till.pool, till.daraja, number)
    await till.settle()
    assert await states(till) == ("open", "asked")

    assert await returns.ask(till.pool, till.daraja, number) is not None
    await till.settle()
    assert await states(till) == ("returned", "done")
    assert await till.pool.fetchval("select result_code from reversal") == returns.ALREADY
    assert [each.succeeded for each in till.sandbox.payments(kind="reversal")].count(True) == 1
    await till.assert_agreed()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault", [{"do": "hang", "seconds": 3}, {"do": "reset"}, {"do": "reset", "accepted": False}]
)
async def test_no_answer_sends_it_back_once_all_the_same(till: Till, fault: dict[str, Any]) -> None:
    number = await agreed(till, await stray(till))
    till.sandbox.fault(on="reversal", **fault)
    for _ in range(3):
        await returns.ask(till.pool, till.daraja, number)
        await till.settle()

    assert await states(till) == ("returned", "done")
    assert [each.succeeded for each in till.sandbox.payments(kind="reversal")].count(True) == 1
    await till.assert_agreed()


async def test_what_mpesa_refuses_is_open_again_and_may_be_matched(till: Till) -> None:
    phone = await till.phone()
    ref = await till.lent(phone)
    receipt = await stray(till)
    number = await agreed(till, receipt)
    till.sandbox.fault("result", on="reversal", code=1)
    await returns.ask(till.pool, till.daraja, number)
    await till.settle()
    assert await states(till) == ("open", "failed")

    assert await phone.decide(approvals.MANUAL_MATCH, ref, SHILLINGS * 100, receipt=receipt)
    assert (await states(till))[0] == "matched"
    await till.assert_agreed()


@pytest.mark.usefixtures("impatient")
async def test_after_so_many_times_a_person_looks_and_two_may_have_it_asked_again(till: Till) -> None:
    receipt = await stray(till)
    number = await agreed(till, receipt)
    till.sandbox.fault("drop", on="reversal", times=None)
    rounds = 0
    while await returns.ask(till.pool, till.daraja, number) is not None:
        await till.settle()
        rounds += 1
        assert rounds < 20
    assert await till.pool.fetchval("select manual_at from reversal") is not None
    assert len(till.sandbox.payments(kind="reversal")) == returns.MOST

    till.sandbox.clear_faults()
    assert await agreed(till, receipt) == number
    await returns.ask(till.pool, till.daraja, number)
    await till.settle()
    assert await states(till) == ("returned", "done")
    await till.assert_agreed()


async def test_a_result_for_no_reversal_of_ours_is_not_believed(till: Till) -> None:
    await stray(till)
    body = {"Result": {"ResultCode": 0, "OriginatorConversationID": "x", "ConversationID": "y"}}
    await till.post("reversal", body, "77")
    await till.settle()
    assert await till.pool.fetchval("select state from suspense_item") == "open"


async def test_above_a_days_most_payouts_wait_and_go_on_when_it_is_raised(till: Till) -> None:
    async def most(cents: int | None) -> None:
        await in_transaction(till.pool, runtime_settings.write, runtime_settings.DAILY_CAP, cents, "akinyi")

    await most(900_000)
    loans = [await till.lend(await till.phone()) for _ in range(3)]
    asked = await together(*(payouts.submit(till.pool, till.daraja, loan_id) for _, loan_id in loans))
    assert sorted(asked) == ["ready", "ready", "submitted"]
    await till.settle()
    await till.sweep()
    assert len(till.sandbox.payments(kind="b2c")) == 1

    await most(None)
    await till.sweep(2)
    assert {await till.state(ref) for ref, _ in loans} == {"active"}
    assert await till.pool.fetchval("select asked_cents from payout_day") == 1_500_000
    await till.assert_agreed()


async def test_a_payout_that_never_left_does_not_count_for_the_day(till: Till) -> None:
    _, loan_id = await till.lend(await till.phone())
    till.sandbox.fault("refuse", on="b2c", error="invalid_token", times=None)
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "ready"
    assert await till.pool.fetchval("select asked_cents from payout_day") == 0
