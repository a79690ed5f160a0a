"""Jobs of analytics: day rows brought up to date, partitions of events made ahead and let go."""

from datetime import date, timedelta
from typing import Any

from celery import shared_task

from services import clock
from services.analytics import rollup
from services.tasks.running import Tools, run

KEEP_MONTHS = 25  # of hour rows: two years beside each other
KEEP_SESSIONS_DAYS = 3  # a gateway tells a session's end within hours, if twice
KEEP_WRITERS_DAYS = 30
BATCH = 20_000

MAKE_PARTITIONS = "select make_event_partitions($1::date)"
DROP_PARTITIONS = "select drop_event_partitions($1::date)"

PRUNE_SESSIONS = """
delete from session_over
where session in (
    select session
    from session_over
    where at < now() - make_interval(days => $1)
    order by at
    limit $2
)
"""

PRUNE_WRITERS = """
delete from event_writer
where at < now() - make_interval(days => $1)
"""


@shared_task(name="services.tasks.figures.count")  # type: ignore[untyped-decorator]
def count() -> bool:
    """Count what was written since the last time; and a month's end that is not kept by vintage, if any."""

    async def work(tools: Tools) -> bool:
        async with tools.pool.acquire() as connection:
            counted = await rollup.catch_up(connection)
            await rollup.keep_month(connection, clock.nairobi_date(clock.now()))
        return counted

    return run(work)


@shared_task(name="services.tasks.figures.months")  # type: ignore[untyped-decorator]
def months() -> dict[str, int]:
    """Make the partitions of this month and the next two, and drop what is old."""

    async def work(tools: Tools) -> dict[str, int]:
        return await keep_months(tools.pool, clock.now().date())

    return run(work)


async def keep_months(pool: Any, today: date) -> dict[str, int]:
    """Partitions made ahead and dropped, sessions' ends and processes forgotten. Gives how many went."""
    month = today.replace(day=1)
    for _ in range(3):
        await pool.execute(MAKE_PARTITIONS, month)
        month = (month + timedelta(days=31)).replace(day=1)
    first = today.year * 12 + today.month - 1 - KEEP_MONTHS
    dropped: int = await pool.fetchval(DROP_PARTITIONS, date(first // 12, first % 12 + 1, 1))
    sessions = 0
    while True:
        done = _rows(await pool.execute(PRUNE_SESSIONS, KEEP_SESSIONS_DAYS, BATCH))
        sessions += done
        if done < BATCH:
            break
    writers = _rows(await pool.execute(PRUNE_WRITERS, KEEP_WRITERS_DAYS))
    return {"partitions": dropped, "sessions": sessions, "writers": writers}


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])
