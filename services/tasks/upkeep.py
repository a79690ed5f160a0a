"""Jobs that keep the database small. Each may run twice, or not at all for a day, without harm."""

import asyncio
from typing import Any

import asyncpg
from celery import shared_task

from services.api.idempotency import PRUNE as PRUNE_REPLIES
from services.api.settings import api
from services.api.tokens import PRUNE as PRUNE_LOGINS
from services.api.tries import PRUNE as PRUNE_TRIES
from services.sms.queries import PRUNE_CALLBACKS
from services.tasks.relay import PRUNE as PRUNE_OUTBOX
from ussd_engine.settings import settings

# A press is never retried after so long, and nobody reads its answer.
KEEP_RESULTS_DAYS = 30
# A dialog that lost its session goes on from a checkpoint within minutes, or never. It holds what was
# typed so far, a name and a national id among it.
KEEP_CHECKPOINTS_S = 30 * 60
# What left, and what the SMS gateway said, for people who look into something.
KEEP_OUTBOX_DAYS = 30
KEEP_CALLBACKS_DAYS = 90
# Wrong passwords are forgiven after a day. A login that is over is of use to whoever looks into a theft.
KEEP_TRIES_DAYS = 2
KEEP_LOGINS_DAYS = 90
BATCH = 5000

PRUNE_RESULTS = """
delete from action_result
where key in (
    select key
    from action_result
    where created_at < now() - make_interval(days => $1)
    order by created_at
    limit $2
)
"""

FORGET_CHECKPOINTS = """
update action_result
set checkpoint = '{}'
where key in (
    select key
    from action_result
    where created_at < now() - make_interval(secs => $1)
    and checkpoint <> '{}'
    order by created_at
    limit $2
)
"""

PRUNE_STAGED_PINS = """
delete from pin_stage
where expires_at < now()
"""


@shared_task(name="services.tasks.upkeep.prune")  # type: ignore[untyped-decorator]
def prune() -> dict[str, int]:
    """Delete what nobody asks for any more: old answers to presses, outbox rows that are done, callbacks."""
    return asyncio.run(prune_all(settings().database_url))


@shared_task(name="services.tasks.upkeep.forget")  # type: ignore[untyped-decorator]
def forget() -> dict[str, int]:
    """Forget what was typed in dialogs that are over, and PINs that were never entered a second time."""
    return asyncio.run(forget_dialogs(settings().database_url))


async def prune_answers(database_url: str) -> int:
    """Delete answers older than anybody asks for. Gives how many."""
    connection = await asyncpg.connect(database_url)
    try:
        return await _in_batches(connection, PRUNE_RESULTS, KEEP_RESULTS_DAYS)
    finally:
        await connection.close()


async def prune_all(database_url: str) -> dict[str, int]:
    """Delete what is old. Gives how many rows of each."""
    connection = await asyncpg.connect(database_url)
    try:
        return {
            "answers": await _in_batches(connection, PRUNE_RESULTS, KEEP_RESULTS_DAYS),
            "outbox": await _in_batches(connection, PRUNE_OUTBOX, KEEP_OUTBOX_DAYS),
            "callbacks": await _in_batches(connection, PRUNE_CALLBACKS, KEEP_CALLBACKS_DAYS),
            "replies": await _in_batches(connection, PRUNE_REPLIES, api().keep_replies_h),
            "tries": await _in_batches(connection, PRUNE_TRIES, KEEP_TRIES_DAYS),
            "logins": await _in_batches(connection, PRUNE_LOGINS, KEEP_LOGINS_DAYS),
        }
    finally:
        await connection.close()


async def forget_dialogs(database_url: str) -> dict[str, int]:
    """Empty old checkpoints and delete old staged PINs. Gives how many of each."""
    connection = await asyncpg.connect(database_url)
    try:
        forgotten = await _in_batches(connection, FORGET_CHECKPOINTS, KEEP_CHECKPOINTS_S)
        return {"checkpoints": forgotten, "pins": _count(await connection.execute(PRUNE_STAGED_PINS))}
    finally:
        await connection.close()


async def _in_batches(connection: Any, statement: str, age: int) -> int:
    """Run it until nothing is left to do, a batch at a time so that no lock lasts."""
    rows = 0
    while True:
        done = _count(await connection.execute(statement, age, BATCH))
        rows += done
        if done < BATCH:
            return rows


def _count(status: Any) -> int:
    """The number in a command tag such as `DELETE 17`."""
    return int(status.rpartition(" ")[2])
