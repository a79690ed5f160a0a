"""Making a report: its parameters are filled in and checked, its rows stream from one snapshot."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from services import clock
from services.reports.definitions import REPORTS
from services.reports.model import Fact, Parameters, Ran, Report, ReportError, Values

PREFETCH = 1000
LONGEST = timedelta(days=366)

_BY_NAME = {report.name: report for report in REPORTS}


def catalog() -> Sequence[Report]:
    """Every report there is."""
    return REPORTS


def get(name: str) -> Report:
    """The report of that name. Raises ReportError."""
    found = _BY_NAME.get(name)
    if found is None:
        raise ReportError(f"There is no report {name!r}. Reports: {', '.join(_BY_NAME)}.")
    return found


@asynccontextmanager
async def run(
    connection: Any, name: str, parameters: Parameters, now: datetime | None = None
) -> AsyncIterator[Ran]:
    """A report to iterate, with its facts; its totals are known when it was read. Raises ReportError.

    Rows, totals and facts are of one moment of the database. The connection is in no transaction, or in
    one of the caller's, and then that one's.
    """
    report = get(name)
    made_at = now or clock.now()
    asked = filled(report, parameters, clock.nairobi_date(made_at))
    arguments = {
        "as_of": asked.as_of, "since": asked.since, "until": asked.until, "by": asked.by,
    }  # fmt: skip
    async with _snapshot(connection):
        facts = await _facts(connection, report, arguments)
        yield Ran(report, asked, made_at, facts, _rows(connection, report, arguments))


def filled(report: Report, asked: Parameters, today: date) -> Parameters:
    """The parameters with defaults for what is left out: yesterday, the month so far, now. Raises
    ReportError for what makes no sense."""
    yesterday = today - timedelta(days=1)
    if asked.by and asked.by not in report.by:
        ways = f"Group {report.name} by {' or '.join(report.by)}." if report.by else "It is not grouped."
        raise ReportError(ways)
    by = asked.by or (report.by[0] if report.by else "")
    if report.asks == "as_of":
        if asked.since or asked.until:
            raise ReportError(f"The report {report.name} is of one day: --as-of.")
        return replace(asked, as_of=_not_later(asked.as_of or yesterday, today), by=by)
    if asked.as_of and "as_of" not in report.arguments:
        raise ReportError(f"The report {report.name} is of a period: --from and --to.")
    until = asked.until or max(yesterday, asked.since or yesterday)
    since = asked.since or until.replace(day=1)
    if since > until:
        raise ReportError("A period begins before it ends.")
    if until - since > LONGEST:
        raise ReportError("A period is a year at most.")
    as_of = None
    if "as_of" in report.arguments:
        as_of = _not_later(asked.as_of or today, today)
    return Parameters(as_of, since, until, by)


def _not_later(day: date, today: date) -> date:
    if day > today:
        raise ReportError(f"{day} has not come yet.")
    return day


async def _facts(connection: Any, report: Report, arguments: Mapping[str, Any]) -> tuple[Fact, ...]:
    if not report.facts:
        return ()
    row = await connection.fetchrow(report.facts_sql, *(arguments[name] for name in report.facts_of))
    return tuple(Fact(name, title, kind, row[name]) for name, title, kind in report.facts)


async def _rows(connection: Any, report: Report, arguments: Mapping[str, Any]) -> AsyncIterator[Values]:
    if report.source is not None:
        async for row in report.source(connection, arguments):
            yield row
        return
    values = [arguments[name] for name in report.arguments]
    async for row in connection.cursor(report.sql, *values, prefetch=PREFETCH):
        yield tuple(row)


@asynccontextmanager
async def _snapshot(connection: Any) -> AsyncIterator[None]:
    if connection.is_in_transaction():
        yield
        return
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield
