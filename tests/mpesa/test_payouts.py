"""Payouts: once, whatever happens between us and M-Pesa."""

from pathlib import Path
from typing import Any

import pytest

from services.ledger import accounts
from services.loans import approvals
from services.mpesa import floats, manual, payouts, sweeping
from tests.mpesa.conftest import FUNDED, Till, together
from tests.services.world import count
from ussd_engine.errors import SettingsError

LOAN = 500_000


async def test_a_borrower_gets_the_money_and_the_term_begins(till: Till) -> None:
    phone = await till.phone()
    before = till.sandbox.balance(phone.msisdn)
    ref, loan_id = await till.lend(phone)

    assert await payouts.submit(till.pool, till.daraja, loan_id) == "submitted"
    assert await till.state(ref) == "disbursing"
    await till.settle()

    payout = await till.payout()
    assert (payout["state"], await till.state(ref)) == ("posted", "active")
    assert till.sandbox.balance(phone.msisdn) == before + LOAN
    assert payout["receipt"] == till.sandbox.payments(kind="b2c")[0].receipt
    assert len(payout["originator_id"]) == 20
    await till.assert_agreed()


async def test_asked_for_many_times_at_once_it_is_paid_once(till: Till) -> None:
    phone = await till.phone()
    _ref, loan_id = await till.lend(phone)

    await together(*(payouts.submit(till.pool, till.daraja, loan_id) for _ in range(8)))
    await till.settle()
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "posted"

    assert len(till.sandbox.payments(kind="b2c")) == 1
    assert (await till.payout())["attempts"] == 1
    await till.assert_agreed()


async def test_a_loan_that_is_not_to_be_paid_out_is_not(till: Till) -> None:
    phone = await till.phone()
    outcome = await phone.borrow(LOAN)
    loan_id = await phone.loan_id(outcome.value["ref"])
    await phone.money_arrives(outcome.value["ref"])
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "none"
    assert till.sandbox.payments(kind="b2c") == []


UNHEARD = [
    {"do": "hang", "seconds": 5},
    {"do": "reset"},
    {"do": "refuse", "error": "internal", "accepted": True},
    {"do": "refuse", "error": "busy", "accepted": True},
    {"do": "refuse", "error": "gateway", "accepted": True},
    {"do": "refuse", "error": "html_200", "accepted": True},
    {"do": "refuse", "error": "envelope_200", "accepted": True},
]


@pytest.mark.parametrize("fault", UNHEARD, ids=lambda fault: f"{fault['do']} {fault.get('error', '')}")
async def test_carried_out_but_not_answered_is_unknown_and_settled_by_the_result(
    till: Till, fault: dict[str, Any]
) -> None:
    phone = await till.phone()
    _ref, loan_id = await till.lend(phone)
    till.sandbox.fault(on="b2c", **fault)

    assert await payouts.submit(till.pool, till.daraja, loan_id) == "unknown"
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "unknown"
    await till.settle()

    assert (await till.payout())["state"] == "posted"
    assert len(till.sandbox.payments(kind="b2c")) == 1
    await till.assert_agreed()


@pytest.mark.parametrize("fault", UNHEARD[:3], ids=lambda fault: f"{fault['do']} {fault.get('error', '')}")
async def test_not_answered_and_never_called_back_is_settled_by_a_status_query(
    till: Till, fault: dict[str, Any]
) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault(on="b2c", **fault)
    till.sandbox.fault("drop", on="b2c")

    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert (await till.payout())["state"] == "unknown"
    await till.sweep()

    assert (await till.payout())["state"] == "posted"
    await till.assert_agreed()


async def test_what_m_pesa_knows_nothing_of_goes_to_a_person_and_is_never_paid_again(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("reset", on="b2c", accepted=False)

    await payouts.submit(till.pool, till.daraja, loan_id)
    most = till.daraja.settings.ask_most
    await till.sweep(most + 2, resend_same_id=False)

    payout = await till.payout()
    assert (payout["state"], payout["asks"], payout["not_found"]) == ("unknown", most, most)
    assert payout["manual_at"] is not None
    assert len([call for call in till.sandbox.box.calls if call.kind == "b2c"]) == 1
    assert await till.state(ref) == "disbursing"

    async with till.pool.acquire() as connection, connection.transaction():
        waiting = await manual.queue(connection)
        assert [item["ref"] for item in waiting] == [ref]
        number = await manual.propose_not_sent(connection, waiting[0]["id"], "akinyi", "not on the portal")
        with pytest.raises(approvals.SamePersonError):
            await approvals.approve(connection, number, "akinyi")
        assert await approvals.approve(connection, number, "baraka")
    assert (await till.payout())["state"] == "voided"
    assert await till.state(ref) == "failed"
    await till.assert_agreed()


async def test_a_person_finds_the_payment_on_the_portal_and_another_confirms_it(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("hang", on="b2c", seconds=5)
    till.sandbox.fault("drop", on="b2c", times=None)
    till.sandbox.fault("drop", on="status", times=None)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sweep(till.daraja.settings.ask_most + 2)
    payout = await till.payout()
    assert payout["manual_at"] is not None

    receipt = till.sandbox.payments(kind="b2c")[0].receipt
    async with till.pool.acquire() as connection, connection.transaction():
        with pytest.raises(approvals.ApprovalError):
            await manual.propose_sent(connection, payout["id"], "no receipt!", "akinyi", "on the portal")
        number = await manual.propose_sent(connection, payout["id"], receipt, "akinyi", "on the portal")
        await approvals.approve(connection, number, "baraka")
    assert (await till.payout())["receipt"] == receipt
    assert await till.state(ref) == "active"
    await till.assert_agreed()


async def test_with_resend_the_same_id_is_asked_for_again_once_m_pesa_knows_nothing_of_it(till: Till) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("reset", on="b2c", accepted=False)
    await payouts.submit(till.pool, till.daraja, loan_id)

    await till.sweep(3)

    payout = await till.payout()
    assert (payout["state"], payout["attempts"]) == ("posted", 2)
    assert [found.originator_id for found in till.sandbox.payments(kind="b2c")] == [payout["originator_id"]]
    await till.assert_agreed()


async def test_an_id_that_was_taken_before_is_with_m_pesa_and_not_paid_again(till: Till) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("refuse", on="b2c", error="duplicate_id", accepted=True)
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "submitted"
    await till.settle()
    assert (await till.payout())["state"] == "posted"
    await till.assert_agreed()


async def test_what_is_refused_as_wrong_releases_the_loan(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("refuse", on="b2c", error="bad_request")

    assert await payouts.submit(till.pool, till.daraja, loan_id) == "failed"
    assert await till.state(ref) == "failed"
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "failed"
    assert (await phone.borrow()).name == "ok"
    await till.assert_agreed()


@pytest.mark.parametrize("code", [2040, 8, "SFC_IC0003"])
async def test_a_payout_that_fails_tells_the_borrower_and_releases_the_loan(till: Till, code: Any) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("result", on="b2c", code=code)

    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()

    payout = await till.payout()
    assert (payout["state"], payout["result_code"], payout["receipt"]) == ("voided", str(code), None)
    assert await till.state(ref) == "failed"
    assert await till.pool.fetchval("select notice from sms where loan_id = $1", loan_id) == "payout_failed"
    await till.assert_agreed()


async def test_a_result_code_as_text_means_the_same(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("text_code", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert await till.state(ref) == "active"


@pytest.mark.parametrize("do", ["duplicate", "reorder", "delay"])
async def test_results_twice_late_or_out_of_order_are_booked_once(till: Till, do: str) -> None:
    phones = [await till.phone() for _ in range(3)]
    more = {"delay": {"seconds": 900}, "duplicate": {"copies": 3}}.get(do, {})
    till.sandbox.fault(do, on="b2c", times=None, **more)
    for phone in phones:
        _, loan_id = await till.lend(phone)
        await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert await till.pool.fetchval("select count(*) from payout where state = 'posted'") == 3
    assert await till.balance(accounts.MPESA_UTILITY) == FUNDED - 3 * LOAN
    await till.assert_agreed()


async def test_a_failure_told_before_the_success_ends_with_the_money_booked(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("contradict", on="b2c", code=2040, when="before")
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert ((await till.payout())["state"], await till.state(ref)) == ("posted", "active")
    await till.assert_agreed()


async def test_a_failure_told_after_the_success_is_not_believed(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("contradict", on="b2c", code=2040, when="after")
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert ((await till.payout())["state"], await till.state(ref)) == ("posted", "active")
    whats = [row["what"] for row in await till.pool.fetch("select what from payout_event order by id")]
    assert whats[-1] == "failure not believed"
    await till.assert_agreed()


async def test_a_success_after_the_void_waits_when_the_borrower_has_another_loan(till: Till) -> None:
    phone = await till.phone()
    first, loan_id = await till.lend(phone)
    till.sandbox.fault("hang", on="b2c", seconds=5)
    till.sandbox.fault("drop", on="b2c")
    till.sandbox.fault("drop", on="status", times=None)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sweep(till.daraja.settings.ask_most + 2)
    async with till.pool.acquire() as connection, connection.transaction():
        await payouts.failed(connection, (await till.payout())["id"], "manual", "a mistake")
    till.sandbox.clear_faults()
    second = await till.lent(phone)

    payout = await till.pool.fetchrow("select * from payout where loan_id = $1", loan_id)
    paid = till.sandbox.payments(kind="b2c")[0]
    await till.daraja.payment_status(payout["originator_id"])
    await till.settle()

    found = await till.pool.fetchrow("select state, receipt from payout where loan_id = $1", loan_id)
    assert tuple(found) == ("posted", paid.receipt)
    assert (await till.state(first), await till.state(second)) == ("failed", "active")
    await till.assert_agreed()


@pytest.mark.parametrize("pays", [True, False])
async def test_a_payout_that_timed_out_in_the_queue_is_asked_about(till: Till, pays: bool) -> None:
    phone = await till.phone()
    _ref, loan_id = await till.lend(phone)
    till.sandbox.fault("queue_timeout", on="b2c", pays=pays, result=False)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    assert (await till.payout())["state"] == "unknown"

    await till.sweep()

    assert (await till.payout())["state"] == ("posted" if pays else "voided")
    await till.assert_agreed()


async def test_a_status_that_is_not_final_or_says_nothing_settles_nothing(till: Till) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    for says in ("Authorized", "Initiated", ""):
        till.sandbox.fault("status", on="status", says=says)
        await till.sweep()
        assert (await till.payout())["state"] == "submitted"
    await till.sweep()
    assert (await till.payout())["state"] == "posted"


async def test_with_no_connection_nothing_left_and_it_is_asked_for_later(till: Till) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    await till.daraja.tokens.get()
    nowhere = till.with_(base_url="http://127.0.0.1:1")
    nowhere.http = type(till.daraja.http)(base_url="http://127.0.0.1:1")
    assert await payouts.submit(till.pool, nowhere, loan_id) == "ready"
    await nowhere.http.aclose()
    assert await till.sweep() != {}
    assert (await till.payout())["state"] == "posted"
    await till.assert_agreed()


async def test_without_a_certificate_nothing_is_asked_and_it_goes_out_once_there_is_one(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    with pytest.raises(SettingsError, match="MPESA_CERTIFICATE"):
        await payouts.submit(till.pool, till.with_(certificate=Path("/nowhere.pem")), loan_id)
    assert (await till.payout())["state"] == "ready"
    await till.sweep()
    assert await till.state(ref) == "active"
    await till.assert_agreed()


async def test_a_lost_message_is_found_by_the_sweep(till: Till) -> None:
    phone = await till.phone()
    ref, _ = await till.lend(phone)
    await till.sweep()
    assert await till.state(ref) == "active"
    await till.assert_agreed()


async def test_without_money_in_the_float_payouts_wait_and_go_on_by_themselves(till: Till) -> None:
    phones = [await till.phone() for _ in range(3)]
    loans = [await till.lend(phone) for phone in phones]
    till.sandbox.set_balance("utility", LOAN - 100)

    await payouts.submit(till.pool, till.daraja, loans[0][1])
    await till.settle()
    assert await till.state(loans[0][0]) == "failed"
    for _, loan_id in loans[1:]:
        assert await payouts.submit(till.pool, till.daraja, loan_id) == "ready"
    await till.sweep(2)
    assert await till.pool.fetchval("select count(*) from payout where state = 'ready'") == 2

    till.sandbox.set_balance("utility", FUNDED)
    await till.sweep(2)
    assert [await till.state(ref) for ref, _ in loans[1:]] == ["active", "active"]
    assert till.sandbox.balance("utility") == await till.balance(accounts.MPESA_UTILITY)


async def test_below_the_low_mark_payouts_wait(till: Till) -> None:
    phone, other = await till.phone(), await till.phone()
    await till.lent(phone)
    low = till.with_(low_float_cents=FUNDED)
    async with till.pool.acquire() as connection, connection.transaction():
        await floats.told(connection, low.settings, FUNDED - LOAN)
    _, loan_id = await till.lend(other)
    assert await payouts.submit(till.pool, till.daraja, loan_id) == "ready"
    assert await till.pool.fetchval("select reason from mpesa_float") == "the float is low"


async def test_charges_are_booked_from_what_m_pesa_says_it_took(till: Till) -> None:
    await till.lent(await till.phone())
    assert await floats.ask(till.pool, till.daraja, always=True)
    await till.settle()
    assert await till.balance(accounts.MPESA_CHARGES_PAID) == till.sandbox.balance("charges") < 0
    assert await count(till.pool, "mpesa_balance") == 3
    await floats.ask(till.pool, till.daraja, always=True)
    await till.settle()
    assert await till.balance(accounts.MPESA_CHARGES_PAID) == till.sandbox.balance("charges")
    await till.assert_agreed()


async def test_a_question_that_never_left_is_not_counted(till: Till) -> None:
    """After an hour without a line payouts are asked about, and do not all wait for a person."""
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()
    nowhere = till.with_(base_url="http://127.0.0.1:1", failures_to_open=1000)
    nowhere.http = type(till.daraja.http)(base_url="http://127.0.0.1:1")
    for _ in range(nowhere.settings.ask_most + 2):
        await sweeping.sweep(till.pool, nowhere)
    await nowhere.http.aclose()
    assert ((await till.payout())["asks"], (await till.payout())["manual_at"]) == (0, None)

    await till.sweep()

    assert (await till.payout())["state"] == "posted"
    await till.assert_agreed()
