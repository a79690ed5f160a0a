"""Jobs of the books: the end of business days, everybody scored again, what a credit bureau is told."""

from celery import shared_task

from services import clock, published
from services.crb import listing
from services.loans import dayend
from services.scoring import rescore as scoring
from services.tasks.running import Tools, run


@shared_task(name="services.tasks.lending.close_days")  # type: ignore[untyped-decorator]
def close_days() -> list[str]:
    """Close every business day that is over and is not closed: interest, penalties, overdue, non-performing,
    write-offs proposed, limits, the portfolio. Nothing to do costs one query; a run that was cut off goes
    on where it was with the next one."""

    async def work(tools: Tools) -> list[str]:
        async with tools.pool.acquire() as connection:
            live = await published.live(connection)
            try:
                closed = await dayend.catch_up(connection, terms=live.terms)
            except dayend.BusyError:
                return []
        return [day.isoformat() for day in closed]

    return run(work)


@shared_task(name="services.tasks.lending.rescore")  # type: ignore[untyped-decorator]
def rescore() -> int:
    """Score every borrower again, as of today. A run that was cut off goes on where it was."""

    async def work(tools: Tools) -> int:
        live = await published.live(tools.pool)
        try:
            done = await scoring.rescore(tools.pool, clock.nairobi_date(clock.now()), live.terms)
        except (scoring.BusyError, scoring.StaleError):
            return 0  # another run is at it, or this tick is yesterday's
        return done.borrowers

    return run(work)


@shared_task(name="services.tasks.lending.crb")  # type: ignore[untyped-decorator]
def crb() -> dict[str, int]:
    """Notices before a listing, listings, corrections: what is due today."""

    async def work(tools: Tools) -> dict[str, int]:
        live = await published.live(tools.pool)
        today = clock.nairobi_date(clock.now())
        return dict(await listing.run(tools.pool, live.terms.rules.bureau, today))

    return run(work)
