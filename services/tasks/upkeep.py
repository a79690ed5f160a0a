"""Jobs that keep the database small. Each may run twice, or not at all for a day, without harm."""

import asyncio
from typing import Any

import asyncpg
from celery import shared_task

from services import published
from services.api.idempotency import PRUNE as PRUNE_REPLIES
from services.api.settings import api
from services.api.tokens import PRUNE as PRUNE_LOGINS
from services.api.tries import PRUNE as PRUNE_TRIES
from services.privacy import retention
from services.published import NotPublishedError
from services.rules.model import Keep
from services.tasks.running import Tools, run
from ussd_engine.settings import settings

# A dialog that lost its session goes on from a checkpoint within minutes, or never. It holds what was
# typed so far, a name and a national id among it.
KEEP_CHECKPOINTS_S = 30 * 60
# Wrong passwords are forgiven after a day. A login that is over is of use to whoever looks into a theft.
KEEP_TRIES_DAYS = 2
KEEP_LOGINS_DAYS = 90
BATCH = 5000

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
    """Delete what nobody asks for any more of the staff's side: kept replies, wrong passwords, logins."""
    return asyncio.run(prune_all(settings().database_url))


@shared_task(name="services.tasks.upkeep.retain")  # type: ignore[untyped-decorator]
def retain() -> dict[str, int]:
    """Forget what is older than `keep:` of rules.yaml says. A run that is cut off goes on with the next."""

    async def work(tools: Tools) -> dict[str, int]:
        try:
            live = await published.live(tools.pool)
        except NotPublishedError:
            return await retention.run(tools.pool, Keep(), "")
        return await retention.run(tools.pool, live.terms.rules.keep, live.bundle)

    return run(work)


@shared_task(name="services.tasks.upkeep.forget")  # type: ignore[untyped-decorator]
def forget() -> dict[str, int]:
    """Forget what was typed in dialogs that are over, and PINs that were never entered a second time."""
    return asyncio.run(forget_dialogs(settings().database_url))


async def prune_all(database_url: str) -> dict[str, int]:
    """Delete what is old. Gives how many rows of each."""
    connection = await asyncpg.connect(database_url)
    try:
        return {
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
