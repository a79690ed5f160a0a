"""Reports over HTTP: what there is, one as JSON or as a file, what was made before. What each figure is:
services/reports, docs/reports.md.

A file is made whole by a thread with a connection of its own, then sent: so that a report that fails is a
problem and not half a file, and no phone waits for a workbook. At most AT_ONCE are made at a time.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence
from datetime import date
from typing import Any, BinaryIO, cast

import asyncpg

from services import clock
from services.api import audit
from services.api.calls import Read, Stream
from services.api.operation import Limit, Routes
from services.api.permissions import Permission
from services.api.problems import AWAY, INVALID, NOT_FOUND, TOO_MANY, Problem
from services.api.report_models import (
    MOST_ITEMS,
    MOST_ROWS,
    FileFormat,
    ReconciliationQuery,
    ReconciliationRun,
    ReportAbout,
    ReportCatalog,
    ReportColumn,
    ReportFact,
    ReportMade,
    ReportQuery,
    ReportRun,
    ReportRuns,
    RunsQuery,
    Value,
)
from services.reconciliation import report as reconciliation
from services.reports import Column, Parameters, Ran, Report, ReportError, catalog, get, run, stored, write
from services.reports.running import filled

routes = Routes("Reports")

MAY = Permission.REPORTS_READ
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
FILES = tuple(TYPES.values())
CHUNK = 64 * 1024
AT_ONCE = 1
STATEMENT_S = 300.0

_running = asyncio.Semaphore(AT_ONCE)


@routes.get("/reports", may=MAY)
async def list_reports(call: Read) -> ReportCatalog:  # noqa: ARG001 - every handler takes it
    """List the reports that can be made, and what each is asked."""
    return ReportCatalog(items=[_about(report) for report in catalog()])


# Before /reports/{name}: no report is called runs.
@routes.get("/reports/runs", may=MAY, problems=(AWAY,))
async def list_report_runs(call: Read, query: RunsQuery) -> ReportRuns:
    """List the reports that were made.

    By whom, of what, with the hashes of data and file.
    """
    async with call.desk.acquire() as connection:
        rows = await stored.runs(connection, query.name, query.after or None, query.limit + 1)
    items = [ReportRun(**row) for row in rows[: query.limit]]
    return ReportRuns(items=items, next_after=items[-1].id if len(rows) > query.limit else None)


@routes.get(
    "/reports/runs/{run_id}/file", may=MAY, limit=Limit.EXPORT, streams=FILES, problems=(NOT_FOUND, AWAY)
)
async def get_report_file(call: Read, run_id: int) -> Stream:
    """Fetch the file of a report that was made on schedule."""
    async with call.desk.acquire() as connection:
        found = await stored.file(connection, run_id)
    if found is None:
        raise NOT_FOUND.of(f"No file is kept of the run {run_id}.")
    filename, body = found
    name, _, format_ = filename.rpartition(".")
    await _admit_private(call, get(name[: -len("-2026-11-23")]), "get_report_file")
    return Stream(TYPES[format_], filename, _pieces(body))


@routes.get("/reports/reconciliation/{run_id}", may=MAY, problems=(NOT_FOUND, AWAY))
async def get_reconciliation_run(call: Read, run_id: int, query: ReconciliationQuery) -> ReconciliationRun:
    """Show what one reconciliation found, and its items of one outcome."""
    items: list[dict[str, Any]] = []
    async with call.desk.acquire() as connection, connection.transaction(readonly=True):
        found = await reconciliation.run(connection, run_id)
        if found is None:
            raise NOT_FOUND.of(f"There is no reconciliation {run_id}.")
        if query.outcome is not None:
            async for item in reconciliation.items(connection, run_id, query.outcome):
                items.append(item)
                if len(items) > MOST_ITEMS:
                    break
    return ReconciliationRun(**{**found, "items": items[:MOST_ITEMS], "more": len(items) > MOST_ITEMS})


@routes.get("/reports/{name}", may=MAY, limit=Limit.LIST, streams=FILES, problems=(NOT_FOUND, INVALID, AWAY))
async def run_report(call: Read, name: str, query: ReportQuery) -> ReportMade | Stream:
    """Make a report as of a day or of a period.

    What was made as a file is written down, with the hash of its data. Reports that name people need
    `borrowers:reveal`, and each is a row of the audit.
    """
    report = _known(name)
    asked = _filled(report, query)
    if query.format == "json":
        await _admit_private(call, report, "run_report")
        return await _as_json(call, report, asked)
    if query.format not in formats(report):
        raise INVALID.of(f"Nobody signs the report {name}: ask for it as csv or xlsx.")
    await _admit_file(call)
    await _admit_private(call, report, "run_report")
    last = asked.until or asked.as_of
    filename = f"{name}-{last}.{query.format}"
    return Stream(TYPES[query.format], filename, _file(call, report, asked, query.format))


def formats(report: Report) -> Sequence[FileFormat]:
    """What files it is made as."""
    return ("csv", "xlsx", "pdf") if report.signed else ("csv", "xlsx")


def _about(report: Report) -> ReportAbout:
    return ReportAbout(
        name=report.name,
        title=report.title,
        about=report.about,
        asks=report.asks,
        as_of=report.asks == "as_of" or "as_of" in report.arguments,
        by=list(report.by),
        formats=list(formats(report)),
        private=report.private,
        columns=[_column(column) for column in report.columns],
    )


def _column(column: Column) -> ReportColumn:
    return ReportColumn(name=column.name, title=column.title, kind=column.kind, total=column.total)


def _known(name: str) -> Report:
    try:
        return get(name)
    except ReportError as error:
        raise NOT_FOUND.of(str(error)) from None


def _filled(report: Report, query: ReportQuery) -> Parameters:
    """What it is about. Raises INVALID for what makes no sense."""
    said = query.model_fields_set - {"format"}
    if report.asks == "as_of" and said & {"since", "until"}:
        raise _unfit("from" if "since" in said else "to", f"the report {report.name} is of one day: as_of")
    if "as_of" in said and "as_of" not in report.arguments:
        raise _unfit("as_of", f"the report {report.name} is of a period: from and to")
    asked = Parameters(query.as_of, query.since, query.until, query.by or "")
    try:
        return filled(report, asked, clock.nairobi_date(clock.now()))
    except ReportError as error:
        raise INVALID.of(str(error)) from None


def _unfit(name: str, what: str) -> Problem:
    return INVALID.of(f"query.{name}: {what}.", [{"where": f"query.{name}", "what": what}])


async def _admit_file(call: Read) -> None:
    """A file counts as an export, beside the request that it is."""
    if call.desk.limiter is None:
        return
    told = await call.desk.limiter.take(Limit.EXPORT, call.who.ref)
    if told.retry_after_s is not None:
        wait = {"Retry-After": str(max(1, round(told.retry_after_s)))}
        raise TOO_MANY.of("Too many files. Wait a moment.", headers=dict(told.headers) | wait)


async def _admit_private(call: Read, report: Report, operation: str) -> None:
    """Who sees people's numbers must be allowed to, and is in the audit before they do."""
    if not report.private:
        return
    call.who.require(Permission.BORROWERS_REVEAL)
    by = audit.By(call.who.name, call.who.kind, operation, call.caller, call.request_id)
    looked = audit.Audited(f"report:{report.name}", {}, {"revealed": ["name", "msisdn", "national_id"]})
    async with call.desk.acquire() as connection, connection.transaction():
        await audit.write(connection, by, [looked])


async def _as_json(call: Read, report: Report, asked: Parameters) -> ReportMade:
    rows: list[dict[str, Value]] = []
    names = [column.name for column in report.columns]
    async with call.desk.acquire() as connection, run(connection, report.name, asked) as ran:
        async for row in ran:
            if len(rows) == MOST_ROWS:
                raise INVALID.of(f"It has more than {MOST_ROWS:,} rows: ask for it with format=csv or xlsx.")
            rows.append(dict(zip(names, map(_value, row), strict=True)))
        return _made(ran, rows)


def _made(ran: Ran, rows: list[dict[str, Value]]) -> ReportMade:
    facts = [ReportFact(name=fact.name, title=fact.title, kind=fact.kind, value=_value(fact.value))
             for fact in ran.facts]  # fmt: skip
    return ReportMade(
        name=ran.report.name,
        title=ran.report.title,
        period=ran.period,
        made_at=ran.made_at,
        columns=[_column(column) for column in ran.report.columns],
        rows=rows,
        totals=ran.totals,
        facts=facts,
    )


def _value(value: Any) -> Value:
    if value is None or isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(body), CHUNK):
        yield body[at : at + CHUNK]


async def _file(call: Read, report: Report, asked: Parameters, format_: str) -> AsyncGenerator[bytes, None]:
    """The file, from where a thread made it."""
    async with _running:
        try:
            file = await asyncio.to_thread(_made_apart, call, report.name, asked, format_)
        except ReportError as error:
            raise INVALID.of(str(error)) from None
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def _made_apart(call: Read, name: str, asked: Parameters, format_: str) -> BinaryIO:
    """Make the report beside the event loop, and note it. Gives the file, at its beginning."""
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - whoever sends it closes it
    try:
        asyncio.run(_make(call.desk.settings.database_url, call.who.name, name, asked, format_, file))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _make(
    database_url: str, made_by: str, name: str, asked: Parameters, format_: str, file: BinaryIO
) -> None:
    connection = await asyncpg.connect(database_url, command_timeout=STATEMENT_S)
    try:
        async with run(connection, name, asked) as ran:
            written = await write(ran, format_, file, made_by)
        await stored.note(connection, ran, format_, made_by, written, stored.file_digest(file))
    finally:
        await connection.close()
