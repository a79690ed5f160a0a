"""kill -9 at each step of a payout and of a repayment: what is left ends in the right state by itself."""

import asyncio
import signal
import sys
from typing import Any

import pytest

from services.failpoints import VARIABLE
from services.mpesa import payouts, repayments
from services.mpesa.inbox import process_inbox
from tests.faults.conftest import Kill
from tests.mpesa.conftest import Till
from tests.mpesa.test_repayments import asked, rich

pytestmark = pytest.mark.slow


async def assert_paid_once(till: Till, ref: str) -> None:
    payout = await till.payout()
    assert (payout["state"], await till.state(ref)) == ("posted", "active")
    paid = till.sandbox.payments(kind="b2c")
    assert [found.originator_id for found in paid] == [payout["originator_id"]]
    assert await till.pool.fetchval("select count(*) from journal where kind = 'disbursement'") == 1
    await till.assert_agreed()


@pytest.mark.parametrize("step", ["payout.ready", "payout.submitting", "payout.asked", "payout.answered"])
@pytest.mark.parametrize("heard", [True, False], ids=["called back", "never called back"])
async def test_a_worker_killed_while_it_asks_for_a_payout(
    till: Till, kill: Kill, step: str, heard: bool
) -> None:
    ref, loan_id = await till.lend(await till.phone())
    if not heard:
        till.sandbox.fault("drop", on="b2c")
    await kill(step, "submit", loan_id)

    await till.sweep(4)

    await assert_paid_once(till, ref)


@pytest.mark.parametrize("step", ["inbox.taken", "payout.settling", "inbox.done", "payout.settled"])
async def test_a_worker_killed_while_it_books_a_payout(till: Till, kill: Kill, step: str) -> None:
    ref, loan_id = await till.lend(await till.phone())
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sandbox.settle()
    await kill(step, "inbox")

    await till.sweep(1)

    await assert_paid_once(till, ref)


@pytest.mark.parametrize("step", ["inbox.taken", "payout.settling", "inbox.done"])
async def test_a_worker_killed_while_it_books_a_failure(till: Till, kill: Kill, step: str) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("result", on="b2c", code=2040)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sandbox.settle()
    await kill(step, "inbox")
    await till.sweep(1)
    assert ((await till.payout())["state"], await till.state(ref)) == ("voided", "failed")
    assert (await phone.borrow()).name == "ok"
    await till.assert_agreed()


async def web_killed(till: Till, start: Kill, step: str, ask: Any) -> None:
    """`ask(client)` while callbacks go to a process that dies on the first one."""
    child = await start(step, "web")
    assert child.stdout is not None
    port = (await child.stdout.readline()).decode().strip()
    await ask(till.with_(callback_url=f"http://127.0.0.1:{port}"))
    await till.sandbox.settle()
    assert await child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("step", ["callback.storing", "callback.stored"])
async def test_a_web_process_killed_by_the_result_of_a_payout(till: Till, start: Kill, step: str) -> None:
    ref, loan_id = await till.lend(await till.phone())
    await web_killed(till, start, step, lambda client: payouts.submit(till.pool, client, loan_id))
    await till.sweep(2)
    await assert_paid_once(till, ref)


async def assert_repaid_once(till: Till, ref: str) -> None:
    assert await till.state(ref) == "repaid"
    assert len(till.sandbox.payments(kind="stk")) == 1
    assert await till.pool.fetchval("select count(*) from journal where kind = 'repayment'") == 1
    assert await till.pool.fetchval("select count(*) from sms where notice = 'loan_repaid'") == 1
    await till.assert_agreed()


@pytest.mark.parametrize("step", ["prompt.asked", "prompt.answered"])
async def test_a_worker_killed_while_it_shows_a_prompt(till: Till, kill: Kill, step: str) -> None:
    phone, ref = await rich(till)
    await kill(step, "prompt", await asked(till, phone))
    await till.sweep(2)
    await assert_repaid_once(till, ref)


async def test_a_worker_killed_before_it_showed_a_prompt_leaves_the_borrower_free_to_ask_again(
    till: Till, kill: Kill
) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    await kill("prompt.prompting", "prompt", number)
    await till.sweep(2, prompt_gives_up_s=0.000001)
    assert await till.pool.fetchval("select outcome from payment_request where id = $1", number) == "unheard"
    assert till.sandbox.payments(kind="stk") == []
    again = await asked(till, phone)
    assert again != number
    await repayments.prompt(till.pool, till.daraja, again)
    await till.settle()
    await assert_repaid_once(till, ref)


@pytest.mark.parametrize("step", ["inbox.taken", "repayment.booking", "repayment.booked", "inbox.done"])
async def test_a_worker_killed_while_it_books_a_repayment(till: Till, kill: Kill, step: str) -> None:
    phone, ref = await rich(till)
    await repayments.prompt(till.pool, till.daraja, await asked(till, phone))
    await till.sandbox.settle()
    await kill(step, "inbox")
    await till.sweep(1)
    await assert_repaid_once(till, ref)


@pytest.mark.parametrize("step", ["callback.storing", "callback.stored"])
async def test_a_web_process_killed_by_the_callback_of_a_prompt(till: Till, start: Kill, step: str) -> None:
    from services.mpesa import paybill

    phone, ref = await rich(till)
    await paybill.register(till.pool, till.daraja)
    number = await asked(till, phone)
    await web_killed(till, start, step, lambda client: repayments.prompt(till.pool, client, number))
    await till.sweep(2)
    await paybill.pull(till.pool, till.daraja)
    await assert_repaid_once(till, ref)


async def test_redis_emptied_costs_a_token_and_no_money(till: Till) -> None:
    first, loan_id = await till.lend(await till.phone())
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.daraja.redis.flushall()
    await till.settle()
    second, _ = await till.lend(await till.phone())
    await till.sweep()
    assert [await till.state(ref) for ref in (first, second)] == ["active", "active"]
    await till.assert_agreed()


async def test_postgresql_gone_while_m_pesa_answers(till: Till) -> None:
    ref, loan_id = await till.lend(await till.phone())
    till.sandbox.fault("hang", on="b2c", seconds=0.3)
    asking = asyncio.create_task(payouts.submit(till.pool, till.daraja, loan_id))
    while not till.sandbox.payments(kind="b2c"):
        await asyncio.sleep(0.01)
    await till.pool.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await asyncio.gather(asking, return_exceptions=True)
    await till.pool.expire_connections()
    await till.sweep(2)
    await assert_paid_once(till, ref)


async def test_postgresql_gone_while_an_inbox_is_processed(till: Till) -> None:
    ref, loan_id = await till.lend(await till.phone())
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.sandbox.settle()
    async with till.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("lock table loan in access exclusive mode")
        working = asyncio.create_task(process_inbox(till.pool, till.daraja.settings))
        while not await blocker.fetch("select pid from pg_locks where not granted"):
            await asyncio.sleep(0.01)
        await blocker.fetch("select pg_terminate_backend(pid) from pg_locks where not granted")
    failed = await asyncio.gather(working, return_exceptions=True)
    assert isinstance(failed[0], Exception)
    await till.sweep(1)
    await assert_paid_once(till, ref)


async def test_production_does_not_start_with_a_failpoint(tmp_path: Any) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from services import failpoints; failpoints.require_none()",
        env={"ENV": "production", VARIABLE: "payout.ready"}, stderr=asyncio.subprocess.PIPE, cwd=None,
    )  # fmt: skip
    _, words = await child.communicate()
    assert child.returncode == 1
    assert b"Production does not run with one." in words
