"""Reports on schedule."""

from celery import shared_task

from services.reports import scheduled
from services.tasks.running import Tools, run


@shared_task(name="services.tasks.reporting.scheduled")  # type: ignore[untyped-decorator]
def make_scheduled() -> list[str]:
    """Make the reports whose period is over and whose business days are closed, and those that were
    missed. Each is made once; a later tick finds nothing to do."""

    async def work(tools: Tools) -> list[str]:
        async with tools.pool.acquire() as connection:
            made = await scheduled.make_due(connection)
        return [f"{name} {until.isoformat()}" for name, until in made]

    return run(work)
