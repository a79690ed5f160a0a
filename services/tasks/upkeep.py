"""Jobs that keep the database small. Each may run twice, or not at all for a day, without harm."""

import asyncio
from typing import Any

import asyncpg
from celery import shared_task

from ussd_engine.settings import settings

# A press is never retried after so long, and nobody reads its answer.
KEEP_RESULTS_DAYS = 30
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

PRUNE_STAGED_PINS = """
delete from pin_stage
where expires_at < now()
"""


@shared_task(name="services.tasks.upkeep.prune")  # type: ignore[untyped-decorator]
def prune() -> dict[str, int]:
    """Delete old answers to presses and PINs that were never entered a second time."""
    return asyncio.run(prune_database(settings().database_url))


async def prune_database(database_url: str) -> dict[str, int]:
    """Prune, in batches so that no lock lasts. Gives how many rows went, by table."""
    connection = await asyncpg.connect(database_url)
    try:
        results = 0
        while True:
            gone = _count(await connection.execute(PRUNE_RESULTS, KEEP_RESULTS_DAYS, BATCH))
            results += gone
            if gone < BATCH:
                break
        pins = _count(await connection.execute(PRUNE_STAGED_PINS))
        return {"action_result": results, "pin_stage": pins}
    finally:
        await connection.close()


def _count(status: Any) -> int:
    """The number in a command tag such as `DELETE 17`."""
    return int(status.rpartition(" ")[2])
