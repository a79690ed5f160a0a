import asyncio
import signal
from datetime import timedelta
from typing import Any

import pytest

from services.sms.sending import LOST_AFTER
from services.tasks import app
from tests.tasks.conftest import Yard
from ussd_engine.settings import Settings


def send(yard: Yard, task: str, **arguments: Any) -> None:
    with app.make(Settings(redis_url=yard.redis_url)) as sender:
        sender.send_task(task, kwargs=arguments)


async def publish(yard: Yard) -> None:
    """Hand the message to the workers, as the relay does."""
    row = await yard.outbox()
    send(yard, "services.tasks.sms.send", row=row["id"], sms_id=(await yard.sms())["id"])


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("place", "state", "received"),
    [("sms.sending", "unknown", 0), ("sms.sent", "unknown", 1), ("task.worked", "accepted", 1)],
)
async def test_a_worker_killed_in_the_middle_sends_no_message_twice(
    yard: Yard, place: str, state: str, received: int
) -> None:
    await yard.lent()
    await publish(yard)
    dying = await yard.worker(USSD_FAILPOINT=place)
    await yard.hears(dying, b"signal 9 (SIGKILL)")  # its child died at that line
    await yard.kill(dying)
    assert not await yard.done()

    # Later than anybody could still be at it.
    await yard.pool.execute("alter table sms disable trigger sms_guard")
    late = LOST_AFTER + timedelta(seconds=1)
    await yard.pool.execute("update sms set sending_at = sending_at - $1::interval", late)
    await yard.pool.execute("alter table sms enable trigger sms_guard")
    await yard.due_now()
    await yard.relay()
    await yard.worker()
    await yard.until(yard.done)

    assert ((await yard.sms())["state"], yard.received()) == (state, received)


@pytest.mark.timeout(120)
async def test_the_same_message_given_to_workers_many_times_is_sent_once(yard: Yard) -> None:
    await yard.lent()
    for _ in range(10):
        await publish(yard)
    await yard.worker()
    await yard.worker()
    await yard.until(yard.done)
    await yard.until(lambda: asyncio.to_thread(lambda: yard.waiting() == 0))
    assert yard.received() == 1


@pytest.mark.timeout(120)
async def test_the_regular_jobs_of_a_day_run_in_one_worker(yard: Yard) -> None:
    await yard.phone.borrow_and_repay(ago=40)
    await yard.phone.do("borrowers.offers", wanted=True)
    send(yard, "services.tasks.lending.close_days")
    send(yard, "services.tasks.lending.close_days")
    send(yard, "services.tasks.lending.rescore")
    send(yard, "services.tasks.sms.remind")
    send(yard, "services.tasks.lending.crb")
    send(yard, "services.tasks.upkeep.prune")
    send(yard, "services.tasks.upkeep.retain")
    worker = await yard.worker()
    await yard.until(lambda: yard.pool.fetchval("select count(*) = 40 from business_day"))
    for _ in range(7):
        assert b"raised unexpected" not in await yard.hears(worker, b"succeeded in")
    assert await yard.pool.fetchval("select max(score) from borrower") == 350
    notices = await yard.pool.fetch("select notice from sms order by id")
    assert [row["notice"] for row in notices] == ["money_sent", "loan_repaid", "limit_raised"]


@pytest.mark.timeout(120)
async def test_a_worker_told_to_stop_finishes_the_task_in_hand(yard: Yard) -> None:
    await yard.lent()
    yard.sandbox.fault("hang", on="sms", seconds=3, accepted=True)
    await publish(yard)
    worker = await yard.worker()
    await yard.until(lambda: yard.pool.fetchval("select state = 'sending' from sms"))
    worker.send_signal(signal.SIGTERM)
    assert await yard.died(worker) == 0
    assert ((await yard.sms())["state"], await yard.done()) == ("accepted", True)
