"""Reports that are made by themselves: when their period is over and its business days are closed.

Each is made once for a period. The first time it is the latest period; afterwards every one that was
missed, in order, as far back as `most` periods.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import structlog

from services import clock
from services.reports import stored
from services.reports.model import Parameters
from services.reports.running import get

Every = Literal["day", "month", "quarter"]
MAKER = "system"

# The last day that a report may be about: what is closed does not change.
CLOSED = """
select max(day)
from business_day
"""

LATEST = """
select max(period_to)
from report_run
where scheduled
and name = $1
and format = $2
"""

log = structlog.get_logger("umoja.reports")


@dataclass(slots=True, frozen=True)
class Plan:
    """A report on schedule. most: how many periods are caught up."""

    name: str
    every: Every
    format: str
    most: int


PLANS: Sequence[Plan] = (
    Plan("portfolio", "day", "xlsx", 31),
    Plan("float", "day", "xlsx", 31),
    Plan("income", "month", "pdf", 12),
    Plan("excise", "month", "pdf", 12),
    Plan("collection", "month", "pdf", 12),
    Plan("regulator", "quarter", "pdf", 4),
)


async def make_due(
    connection: Any, now: datetime | None = None, plans: Sequence[Plan] = PLANS
) -> list[tuple[str, date]]:
    """Make what is due. Gives what was made. The connection is in no transaction."""
    now = now or clock.now()
    closed = await connection.fetchval(CLOSED)
    made: list[tuple[str, date]] = []
    if closed is None:
        return made
    for plan in plans:
        latest = await connection.fetchval(LATEST, plan.name, plan.format)
        for since, until in missing(plan, latest, min(closed, clock.nairobi_date(now))):
            asked = _parameters(plan, since, until)
            if await stored.make(connection, plan.name, asked, plan.format, MAKER, now) is not None:
                made.append((plan.name, until))
                log.info("report_made", name=plan.name, until=until.isoformat())
    return made


def missing(plan: Plan, latest: date | None, closed: date) -> list[tuple[date, date]]:
    """The periods that are over by `closed` and come after the latest that was made, oldest first."""
    found: list[tuple[date, date]] = []
    for since, until in _back_from(plan.every, closed):
        if len(found) == plan.most or (latest is not None and until <= latest):
            break
        found.append((since, until))
        if latest is None:
            break
    return found[::-1]


def _back_from(every: Every, closed: date) -> Iterator[tuple[date, date]]:
    """Periods that are over, the latest first."""
    until = closed
    if every != "day":
        until = _first_of(every, closed + timedelta(days=1)) - timedelta(days=1)
    while True:
        since = until if every == "day" else _first_of(every, until)
        yield since, until
        until = since - timedelta(days=1)


def _first_of(every: Every, day: date) -> date:
    month = day.month if every == "month" else day.month - (day.month - 1) % 3
    return day.replace(month=month, day=1)


def _parameters(plan: Plan, since: date, until: date) -> Parameters:
    report = get(plan.name)
    if report.asks == "as_of":
        return Parameters(as_of=until)
    return Parameters(as_of=until if "as_of" in report.arguments else None, since=since, until=until)
