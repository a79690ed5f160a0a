"""Repayments: by prompt and by paybill, each receipt once, no shilling dropped."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.ledger import accounts
from services.loans import approvals
from services.mpesa import callbacks, paybill, payouts, repayments, sweeping
from tests.mpesa.conftest import AT_ONCE, Till
from tests.services.world import Phone, count

OWED = 590_000


async def asked(till: Till, phone: Phone, cents: int = OWED) -> int:
    """A payment request from the menu."""
    outcome = await phone.do("repayments.prompt", amount=cents)
    assert outcome.name == "ok", outcome
    number: int = await till.pool.fetchval("select max(id) from payment_request")
    return number


async def request(till: Till, number: int) -> dict[str, Any]:
    return dict(await till.pool.fetchrow("select * from payment_request where id = $1", number))


async def owed(till: Till, ref: str) -> int:
    cents: int = await till.pool.fetchval(
        "select coalesce(sum(balance_cents), 0)::bigint from account join balance on account.id = account_id"
        " join loan on loan.id = account.loan_id where loan.ref = $1",
        ref,
    )
    return cents


async def rich(till: Till) -> tuple[Phone, str]:
    """Somebody with a loan, and with the money to pay it back."""
    phone = await till.phone()
    ref = await till.lent(phone)
    till.sandbox.set_balance(phone.msisdn, 5_000_000)
    return phone, ref


async def test_a_prompt_from_the_menu_is_paid_and_settles_the_loan(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)

    assert await repayments.prompt(till.pool, till.daraja, number) == "prompted"
    assert await repayments.prompt(till.pool, till.daraja, number) == "prompted"
    await till.settle()

    assert (await request(till, number))["state"] == "paid"
    assert len(till.sandbox.payments(kind="stk")) == 1
    assert await till.state(ref) == "repaid"
    await till.assert_agreed()


async def test_a_callback_with_a_code_as_text_and_a_phone_as_a_number_counts(till: Till) -> None:
    phone, ref = await rich(till)
    till.sandbox.fault("text_code", on="stk")
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.settle()
    assert await till.state(ref) == "repaid"
    assert till.sandbox.payments(kind="stk")[0].receipt == (await request(till, number))["receipt"]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1032, "cancelled"), (1037, "unreachable"), (2001, "wrong_pin"), (1, "no_money"), (9999, "failed")],
)
async def test_a_prompt_that_is_not_paid_says_why(till: Till, code: int, outcome: str) -> None:
    phone, ref = await rich(till)
    till.sandbox.fault("result", on="stk", code=code)
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.settle()
    found = await request(till, number)
    assert (found["state"], found["outcome"], found["receipt"]) == ("failed", outcome, None)
    assert await till.pool.fetchval("select count(*) from sms where notice = 'prompt_failed'") == 1
    assert await owed(till, ref) == OWED
    await till.assert_agreed()


@pytest.mark.parametrize("do", ["duplicate", "contradict", "contradict before"])
async def test_a_payment_told_twice_or_denied_is_booked_once(till: Till, do: str) -> None:
    phone, ref = await rich(till)
    what, _, when = do.partition(" ")
    more = {"code": 1032, "when": when or "after"} if what == "contradict" else {"copies": 2}
    till.sandbox.fault(what, on="stk", **more)
    number = await asked(till, phone, 100_000)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.settle()
    assert (await request(till, number))["state"] == "paid"
    assert await owed(till, ref) == OWED - 100_000
    await till.assert_agreed()


@pytest.mark.parametrize("fault", [{"do": "hang", "seconds": 5}, {"do": "reset"}], ids=["hang", "reset"])
async def test_a_prompt_whose_answer_was_lost_is_not_shown_again_and_its_callback_counts(
    till: Till, fault: dict[str, Any]
) -> None:
    phone, ref = await rich(till)
    till.sandbox.fault(on="stk", **fault)
    number = await asked(till, phone)
    assert await repayments.prompt(till.pool, till.daraja, number) == "prompted"
    await till.sweep()
    assert len(till.sandbox.payments(kind="stk")) == 1
    assert (await request(till, number))["state"] == "paid"
    assert await till.state(ref) == "repaid"
    await till.assert_agreed()


async def test_a_lost_callback_is_made_up_for_by_the_query_and_the_pull(till: Till) -> None:
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.fault("drop", on="stk")
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.settle()
    await till.sweep()
    found = await request(till, number)
    assert (found["state"], found["said_paid"], await owed(till, ref)) == ("prompted", True, OWED)

    assert await paybill.pull(till.pool, till.daraja) == {"repayment": 1}
    assert await paybill.pull(till.pool, till.daraja) == {"known": 1}
    assert (await request(till, number))["receipt"] == till.sandbox.payments(kind="stk")[0].receipt
    assert await till.state(ref) == "repaid"
    await till.assert_agreed()


async def test_a_payment_that_was_pulled_before_the_query_said_so_ends_its_prompt(till: Till) -> None:
    phone, _ = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.fault("drop", on="stk")
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.sandbox.settle()
    assert await paybill.pull(till.pool, till.daraja) == {"repayment": 1}
    await till.sweep()
    found = await request(till, number)
    assert (found["state"], found["receipt"]) == ("paid", till.sandbox.payments(kind="stk")[0].receipt)


async def test_a_prompt_that_was_said_to_be_paid_and_is_in_no_list_is_given_up_for_a_person(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, ref = await rich(till)
    till.sandbox.fault("result", on="stk", code=1032)
    till.sandbox.fault("drop", on="stk")
    till.sandbox.fault("result", on="stk_query", code=0)
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.settle()
    await till.sweep(prompt_gives_up_s=AT_ONCE)
    assert (await request(till, number))["said_paid"]
    monkeypatch.setattr(sweeping, "RECEIPT_COMES_S", 0.0)
    await till.sweep(prompt_gives_up_s=AT_ONCE)
    found = await request(till, number)
    assert (found["state"], found["outcome"]) == ("failed", "unheard")
    assert await till.pool.fetchval("select count(*) from sms where notice = 'prompt_failed'") == 0
    assert await till.state(ref) == "active"


async def test_of_two_prompts_for_the_same_amount_each_ends_whoever_the_receipt_was_taken_for(
    till: Till,
) -> None:
    phone, _ = await rich(till)
    await paybill.register(till.pool, till.daraja)
    numbers = []
    for fault in ({"do": "drop"}, {"do": "delay", "seconds": 4_000}):
        numbers.append(number := await asked(till, phone, 100_000))
        till.sandbox.fault(**fault, on="stk")
        await repayments.prompt(till.pool, till.daraja, number)
        await till.sandbox.advance(200)
        await till.pool.execute(
            "update payment_request set created_at = now() - interval '1 hour',"
            " prompted_at = now() - interval '2 minutes'"
        )
    await sweeping.sweep(till.pool, till.daraja)  # both are said to be paid
    now = till.sandbox.box.now()
    latest = await paybill.pull(till.pool, till.daraja, timedelta(seconds=270), now)
    assert latest == {"repayment": 1}  # the second one's receipt, taken for the first one's
    await till.settle()  # the second one's own callback
    assert await paybill.pull(till.pool, till.daraja, until=now) == {"repayment": 1, "known": 1}
    assert [(await request(till, number))["state"] for number in numbers] == ["paid", "paid"]
    assert await till.pool.fetchval("select count(*) from mpesa_inbox where state <> 'done'") == 0
    await till.assert_agreed()


async def test_a_query_that_lies_undoes_no_success(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone, 100_000)
    till.sandbox.fault("result", on="stk_query", code=1032, times=None)
    till.sandbox.fault("delay", on="stk", seconds=600)
    await repayments.prompt(till.pool, till.daraja, number)
    await till.sandbox.advance(5)
    outcome = await till.daraja.prompt_status((await request(till, number))["checkout_request_id"])
    async with till.pool.acquire() as connection, connection.transaction():
        assert await repayments.status_told(connection, number, outcome) == "failed"
    await till.settle()  # the callback comes after all
    assert (await request(till, number))["state"] == "paid"
    async with till.pool.acquire() as connection, connection.transaction():
        assert await repayments.status_told(connection, number, outcome) == "known"
    assert await owed(till, ref) == OWED - 100_000
    await till.assert_agreed()


async def test_the_same_receipt_by_callback_and_by_confirmation_and_by_pull_is_one_payment(
    till: Till,
) -> None:
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.behave(stk_confirms_c2b=True)
    await repayments.prompt(till.pool, till.daraja, await asked(till, phone, 200_000))
    await till.settle()
    await paybill.pull(till.pool, till.daraja)
    assert await owed(till, ref) == OWED - 200_000
    assert await till.balance(accounts.MPESA_PAYBILL) == 200_000
    await till.assert_agreed()


def written(phone: Phone, ref: str, how: str) -> str:
    local = "0" + phone.msisdn[3:]
    return {
        "reference": ref, "small": f" {ref.lower()} ", "split": f"{ref[:3]} {ref[3:]}", "phone": phone.msisdn,
        "local": local, "plus": "+" + phone.msisdn, "spaced": f"{local[:4]} {local[4:7]} {local[7:]}",
        "nine": phone.msisdn[3:],
    }[how]  # fmt: skip


@pytest.mark.parametrize("how", ["reference", "small", "split", "phone", "local", "plus", "spaced", "nine"])
async def test_the_paybill_finds_the_loan_however_its_account_is_written(till: Till, how: str) -> None:
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 1_000, written(phone, ref, how))
    await till.settle()
    assert await owed(till, ref) == OWED - 100_000
    await till.assert_agreed()


@pytest.mark.parametrize("number", [int, lambda text: int(text[3:]), float])
async def test_a_phone_number_that_is_a_json_number_is_a_phone_number(till: Till, number: Any) -> None:
    phone, ref = await rich(till)
    body = confirmation(number(phone.msisdn))
    assert (await till.post("confirmation", body)).status_code == 200
    await till.settle()
    assert await owed(till, ref) == OWED - 50_000


def confirmation(account: Any, **changes: Any) -> dict[str, Any]:
    return {
        "TransactionType": "Pay Bill", "TransID": "SKL51ZDR4F", "TransTime": "20261121121325",
        "TransAmount": "500.00", "BusinessShortCode": "174379", "BillRefNumber": account,
        "InvoiceNumber": "", "OrgAccountBalance": "25.00", "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 126", "FirstName": "NICHOLAS", "MiddleName": "", "LastName": "", **changes,
    }  # fmt: skip


async def test_money_for_nobody_we_know_waits_in_suspense(till: Till) -> None:
    await paybill.register(till.pool, till.daraja)
    for account in ("U222222", "rent", "254799999999", ""):
        till.sandbox.pay("254733000001", 100, account)
    await till.settle()
    rows = await till.pool.fetch("select account_ref, payer from suspense_item order by id")
    assert [row["account_ref"] for row in rows] == ["U222222", "rent", "2547***999", ""]
    assert all("254" not in row["payer"] or len(row["payer"]) == 64 for row in rows)
    assert await till.balance(accounts.SUSPENSE_UNMATCHED) == -40_000
    await till.assert_agreed()


async def test_a_payer_who_mistypes_the_account_is_told_at_once_when_that_is_wanted(till: Till) -> None:
    _, ref = await rich(till)
    desk = callbacks.Desk(
        None, till.daraja.settings.model_copy(update={"refuse_unknown_accounts": True}), till.pool
    )  # type: ignore[arg-type]
    for account, code in ((ref, "0"), ("U222222", "C2B00012")):
        body = orjson.dumps(confirmation(account))
        assert (await callbacks._validated(desk, body))["ResultCode"] == code


@pytest.mark.parametrize("amount", ["nan", "inf", "-5", "0", "0.001", "1e300", None, True, "x"])
async def test_what_is_no_amount_is_booked_nowhere(till: Till, amount: Any) -> None:
    _, ref = await rich(till)
    await till.post("confirmation", confirmation(ref, TransAmount=amount))
    await till.settle()
    assert await till.pool.fetchval("select state from mpesa_inbox where kind = 'confirmation'") == "failed"
    assert await owed(till, ref) == OWED
    assert (await till.post("validation", confirmation(ref, TransAmount=amount))).json()[
        "ResultCode"
    ] == "C2B00013"


async def test_more_than_is_owed_is_the_borrowers_credit(till: Till) -> None:
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 7_000, ref)
    await till.settle()
    assert await till.state(ref) == "repaid"
    borrower = await till.pool.fetchval("select borrower_id from loan where ref = $1", ref)
    assert await till.balance(accounts.customer_credit(borrower)) == -(700_000 - OWED)
    till.sandbox.pay(phone.msisdn, 100, phone.msisdn)  # and again, with nothing owed
    await till.settle()
    assert await till.balance(accounts.customer_credit(borrower)) == -(710_000 - OWED)
    assert await till.pool.fetchval(
        "select array_agg(notice order by id) from sms where notice like 'loan_%'"
    )
    await till.assert_agreed()


async def test_credit_goes_back_by_a_payout_of_its_own(till: Till) -> None:
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 7_000, ref)
    await till.settle()
    before = till.sandbox.balance(phone.msisdn)
    borrower_id = await till.pool.fetchval("select borrower_id from loan where ref = $1", ref)
    async with till.pool.acquire() as connection, connection.transaction():
        wanted = approvals.Request("refund", ref, 100_000, "a test", borrower_id=borrower_id)
        await approvals.approve(connection, await approvals.propose(connection, wanted, "akinyi"), "baraka")
    refund_id = await till.pool.fetchval("select id from refund")

    await till.sweep()  # its message was lost

    assert await till.pool.fetchval("select state from refund") == "paid"
    assert till.sandbox.balance(phone.msisdn) == before + 100_000
    assert await count(till.pool, "payout") == 2
    assert refund_id == await till.pool.fetchval("select refund_id from payout where loan_id is null")
    await till.assert_agreed()


async def test_prompts_nobody_hears_of_are_given_up_and_paid_ones_still_count(till: Till) -> None:
    phone, ref = await rich(till)
    till.sandbox.fault("hang", on="stk", seconds=5)
    till.sandbox.fault("delay", on="stk", seconds=3000)
    number = await asked(till, phone)
    await repayments.prompt(till.pool, till.daraja, number)
    await sweeping.sweep(till.pool, till.with_(prompt_gives_up_s=0.000001))
    assert (await request(till, number))["outcome"] == "unheard"
    await till.settle()
    assert (await request(till, number))["state"] == "paid"
    assert await till.state(ref) == "repaid"
    await till.assert_agreed()


async def test_a_refund_that_went_out_after_all_never_makes_credit_less_than_nothing(till: Till) -> None:
    """It was given up, its credit went into the next loan, and then M-Pesa says that it was sent."""
    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 7_000, ref)
    await till.settle()
    borrower_id = await till.pool.fetchval("select borrower_id from loan where ref = $1", ref)
    async with till.pool.acquire() as connection, connection.transaction():
        wanted = approvals.Request("refund", ref, 100_000, "a test", borrower_id=borrower_id)
        await approvals.approve(connection, await approvals.propose(connection, wanted, "akinyi"), "baraka")
    till.sandbox.fault("drop", on="b2c")
    till.sandbox.fault("drop", on="status", times=None)
    await till.sweep()
    refund = await till.pool.fetchrow("select * from payout where loan_id is null")
    async with till.pool.acquire() as connection, connection.transaction():
        await payouts.failed(connection, refund["id"], "manual", "a mistake")
    till.sandbox.clear_faults()
    await till.lent(phone)
    assert await till.balance(accounts.customer_credit(borrower_id)) == 0

    await till.daraja.payment_status(refund["originator_id"])
    await till.settle()

    assert await till.pool.fetchval("select state from payout where id = $1", refund["id"]) == "posted"
    assert await till.balance(accounts.customer_credit(borrower_id)) == 0
    await till.assert_agreed()
