"""The morning's job, in the loop that tasks run in, against the sandbox."""

import asyncio
from typing import Any

import pytest

from services import clock
from services.loans import approvals, refunds
from services.mpesa import payouts
from services.mpesa import settings as mpesa_settings
from services.reconciliation.command import whole_day
from services.tasks import reconciling
from services.tasks import running as tasks_running
from tests.mpesa.conftest import Till
from tests.reconciliation.conftest import Portal, lent_and_rich
from tests.services import world
from ussd_engine.settings import settings


async def work(monkeypatch: pytest.MonkeyPatch, pg_url: str, redis_url: str) -> Any:
    monkeypatch.setenv("DATABASE_URL", pg_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("USSD_SECRET", world.SECRET.decode())
    monkeypatch.setattr(tasks_running, "_made", None)
    settings.cache_clear()
    try:
        return await asyncio.to_thread(reconciling.daily)
    finally:
        settings.cache_clear()


async def test_each_morning_yesterday_is_pulled_and_asked_about(
    till: Till, pg_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.mpesa import paybill

    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.fault("drop", on="c2b", times=None)
    till.sandbox.pay(phone.msisdn, 5_900, ref)
    await till.settle()
    monkeypatch.setattr(mpesa_settings, "mpesa", lambda: till.daraja.settings)
    today = whole_day(clock.nairobi_date(clock.now()))
    monkeypatch.setattr(reconciling, "whole_day", lambda _: today)  # as if it were tomorrow

    assert await work(monkeypatch, pg_url, redis_url) == {"pull": 0, "status": 0}
    assert await till.state(ref) == "repaid"
    await till.settle()
    assert await work(monkeypatch, pg_url, redis_url) == {"pull": 0, "status": 0}
    runs = await till.pool.fetch(
        "select source, state, looks, counts from reconciliation_run order by source"
    )
    assert [(row["source"], row["state"], row["looks"]) for row in runs] == [
        ("pull", "done", 2),
        ("status", "done", 2),
    ]
    await till.assert_agreed()


async def test_without_an_m_pesa_there_is_nothing_to_do(
    pool: Any, pg_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpesa_settings, "mpesa", lambda: mpesa_settings.MpesaSettings(_env_file=None))
    assert await work(monkeypatch, pg_url, redis_url) == {}


async def test_a_refund_that_went_out_is_matched_by_its_receipt(portal: Portal) -> None:
    till = portal.till
    phone, ref = await lent_and_rich(till)
    await phone.pay(ref, 690_000, "OVERPAID01")
    borrower_id = await till.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
    async with till.pool.acquire() as connection, connection.transaction():
        request = approvals.Request(
            approvals.REFUND, phone.msisdn, 100_000, "paid too much", borrower_id=borrower_id
        )
        number = await approvals.propose(connection, request, "akinyi")
        await approvals.approve(connection, number, "baraka")
    refund_id = await till.pool.fetchval("select id from refund")
    await payouts.submit_refund(till.pool, till.daraja, refund_id)
    await till.settle()
    assert await till.pool.fetchval("select count(*) from journal where kind = $1", refunds.PAID) == 1

    found = await portal.reconcile(account="utility")
    assert found["counts"] == {"matched": 3}
    assert found["closing_cents"] == found["books_closing_cents"]
