"""What M-Pesa says when it is asked: pulled transactions, and the status of payouts."""

from datetime import timedelta
from typing import Any

import pytest

from services import clock
from services.loans import approvals
from services.mpesa import manual, paybill, payouts
from services.reconciliation import report, running
from services.sandbox.records import Payment
from tests.mpesa.conftest import Till
from tests.reconciliation.conftest import OLD, Portal, lent_and_rich
from tests.services.world import count
from ussd_engine.errors import UssdError


async def asked(till: Till, way: Any, **changes: Any) -> Any:
    """A run over the last hour."""
    now = clock.now()
    async with till.pool.acquire() as connection:
        number = await way(
            connection, till.with_(**changes), now - timedelta(hours=1), now + timedelta(minutes=1), "test",
            old=OLD,
        )  # fmt: skip
        return await report.run(connection, number)


async def test_a_pull_finds_what_was_dropped_and_books_it_once(till: Till) -> None:
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 900, ref)
    await till.settle()
    till.sandbox.fault("drop", on="c2b", times=None)
    till.sandbox.pay(phone.msisdn, 5_000, ref)
    await till.settle()

    for booked in (1, 0):
        found = await asked(till, running.of_pull)
        assert (found["counts"], found["booked"], found["state"]) == ({"matched": 2}, booked, "done")
        assert await count(till.pool, "journal where kind = 'repayment'") == 2
    assert await till.state(ref) == "repaid"
    await till.assert_agreed()


async def test_a_payment_m_pesa_does_not_list_is_only_ours(till: Till) -> None:
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    await phone.pay(ref, 100_000, "FORGED0001")
    found = await asked(till, running.of_pull)
    assert (found["counts"], found["open"]) == ({"ours_only": 1}, 1)
    assert report.is_open(found)


async def test_a_pull_that_breaks_off_accuses_nobody(till: Till) -> None:
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    await phone.pay(ref, 100_000, "FORGED0001")
    till.sandbox.fault("refuse", on="pull", error="busy")
    found = await asked(till, running.of_pull)
    assert (found["counts"], found["state"]) == ({}, "incomplete")
    assert report.is_open(found)
    assert "  M-Pesa did not answer everything: look again later" in report.text(found)


async def test_a_pull_of_what_m_pesa_no_longer_keeps_is_refused(till: Till) -> None:
    now = clock.now()
    async with till.pool.acquire() as connection:
        with pytest.raises(UssdError, match="last 48 hours"):
            await running.of_pull(connection, till.daraja, now - timedelta(days=3), now, "test")


async def test_the_status_of_each_payout_is_asked_once_and_compared(till: Till) -> None:
    await till.lent(await till.phone())
    await till.lent(await till.phone())
    first = await asked(till, running.of_status)
    assert (first["counts"], first["state"]) == ({}, "incomplete")
    await till.settle()
    second = await asked(till, running.of_status)
    assert (second["counts"], second["state"], second["open"]) == ({"matched": 2}, "done", 0)
    assert second["ours"] == second["theirs"] == {"matched": -1_000_000}
    assert len([call for call in till.sandbox.box.calls if call.kind == "status"]) == 2


async def test_what_a_statement_has_confirmed_is_not_asked_about(portal: Portal) -> None:
    till = portal.till
    await till.lent(await till.phone())
    await portal.reconcile(account="utility")
    found = await asked(till, running.of_status)
    assert (found["lines"], found["state"]) == (0, "done")


async def test_a_payout_said_by_people_and_denied_by_m_pesa_is_only_ours(till: Till) -> None:
    phone = await till.phone()
    till.sandbox.fault("result", on="b2c", code=2001)
    till.sandbox.fault("drop", on="b2c")
    _, loan_id = await till.lend(phone)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sandbox.settle()
    await till.pool.execute("update payout set manual_at = now()")
    async with till.pool.acquire() as connection, connection.transaction():
        number = await manual.propose_sent(
            connection, (await till.payout())["id"], "MADEUP0001", "akinyi", "on the portal"
        )
        await approvals.approve(connection, number, "baraka")
    assert (await till.payout())["state"] == "posted"

    await asked(till, running.of_status)
    await till.settle()
    found = await asked(till, running.of_status)
    assert (found["counts"], found["open"]) == ({"ours_only": 1}, 1)
    assert found["ours"] == {"ours_only": -500_000}


async def test_many_pulled_rows_come_page_by_page(till: Till) -> None:
    """The sandbox gives a hundred at a time; each is looked for in our books."""
    await paybill.register(till.pool, till.daraja)
    at = clock.now().isoformat()
    shortcode = till.sandbox.settings.paybill
    first = max(till.sandbox.world.payments, default=0) + 1
    for number in range(first, first + 250):
        till.sandbox.world.payments[number] = Payment(
            number=number, kind="c2b", msisdn="254711000111", cents=10_000, shortcode=shortcode,
            receipt=f"SMADEUP{number:06}", created_at=at, finished_at=at, state="done", code=0,
            originator_id=f"o{number}", conversation_id=f"c{number}", reference="nobody",
        )  # fmt: skip
    found = await asked(till, running.of_pull)
    assert (found["lines"], found["counts"], found["booked"]) == (250, {"matched": 250}, 250)
