"""A list as a file: CSV while it is read, or a workbook for Excel. Memory is that of BATCH rows.

All rows are of one moment: they are read batch by batch in one read-only transaction, each by the statement
of a page. Whoever goes away ends the transaction and gives the connection back. At most AT_ONCE exports of
a process run at the same time, so that there are connections left for everybody else.

CSV is UTF-8 with a byte order mark, because Excel reads it as the machine's old alphabet without one;
programs read it as `utf-8-sig`, or ask for JSON. A text that a spreadsheet would take for a formula (it
begins with = + - @, a tab or a line end) gets an apostrophe in front. Amounts are shillings with cents.
A workbook has as many sheets as its rows need: a sheet of Excel ends at 1,048,576.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
import xlsxwriter
from pydantic import BaseModel

from services import clock
from services.api.calls import Read, Stream
from services.api.lists.listing import Column, Listing, today
from services.api.lists.pages import Finder, asked, fetch, snapshot
from services.api.lists.query import Format, ListQuery
from services.api.operation import Limit
from services.api.problems import INVALID, TOO_MANY

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

AT_ONCE = 2
BATCH = 1_000  # rows read at once, and about 150 kB of CSV
BATCH_MS = 60_000
IDLE = "set local idle_in_transaction_session_timeout = '60s'"  # how long a client may take for a batch
SHEET_ROWS = 1_048_576
CHUNK = 64 * 1024
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
WIDTH = 16

log = structlog.get_logger("umoja.api")
_running = asyncio.Semaphore(AT_ONCE)

Rows = AsyncGenerator[Sequence[dict[str, Any]], None]
ById = Callable[[Any, int, int], Awaitable[Sequence[Any]]]


@dataclass(slots=True, frozen=True)
class Sheet:
    """What a file of a list that is no Listing is called, and its columns."""

    name: str
    columns: Sequence[Column]


async def file(call: Read, listing: Listing, query: ListQuery, finder: Finder | None) -> Stream:
    """The file that `format` asks for. Raises INVALID and TOO_MANY."""
    return await _file(call, listing, query, query.format, read(call, listing, query, finder))


async def file_of(call: Read, sheet: Sheet, query: BaseModel, form: Format, rows: Rows) -> Stream:
    """The file of a list that is read in another way, in batches. Raises INVALID and TOO_MANY."""

    async def in_turn() -> Rows:
        async with _running:
            async for batch in rows:
                yield batch

    return await _file(call, sheet, query, form, in_turn())


async def by_id(call: Read, listed: ById) -> Rows:
    """All rows of a list that is read by number: listed(connection, after, most) gives those behind one."""
    after = 0
    while True:
        async with call.desk.acquire() as connection:
            rows = [dict(row) for row in await listed(connection, after, BATCH)]
        yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1]["id"]


async def _file(call: Read, sheet: "Listing | Sheet", query: BaseModel, form: Format, rows: Rows) -> Stream:
    for name in ("cursor", "after", "skip", "limit", "total"):
        if name in query.model_fields_set:
            what = "is for pages; a file has all rows"
            raise INVALID.of(f"query.{name}: {what}.", [{"where": f"query.{name}", "what": what}])
    await _admit(call)
    name = f"{sheet.name}-{today().isoformat()}.{form}"
    if form == "csv":
        return Stream(CSV, name, as_csv(sheet.columns, rows))
    return Stream(XLSX, name, as_xlsx(sheet, rows))


async def _admit(call: Read) -> None:
    """An export counts as one, beside the list that it is."""
    if call.desk.limiter is None:
        return
    told = await call.desk.limiter.take(Limit.EXPORT, call.who.ref)
    if told.retry_after_s is not None:
        wait = {"Retry-After": str(max(1, round(told.retry_after_s)))}
        raise TOO_MANY.of("Too many exports. Wait a moment.", headers=dict(told.headers) | wait)


async def read(call: Read, listing: Listing, query: ListQuery, finder: Finder | None) -> Rows:
    """All rows as they are told, batch by batch, of one moment."""
    async with _running, snapshot(call, BATCH_MS) as connection:
        await connection.execute(IDLE)
        made = await asked(connection, listing, query, finder)
        after = None
        while not made.none:
            found, after = await fetch(connection, made.wanted, after, BATCH)
            if found:
                yield [listing.shown(row) for row in found]
            if after is None:
                return


async def as_csv(columns: Sequence[Column], rows: Rows) -> AsyncGenerator[bytes, None]:
    """Lines of CSV, a chunk for each batch; the first has the headings."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.heading for column in columns])
    yield b"\xef\xbb\xbf" + text.getvalue().encode()
    try:
        async for batch in rows:
            text.seek(0)
            text.truncate()
            writer.writerows([[_cell(column.kind, row[column.field]) for column in columns] for row in batch])
            yield text.getvalue().encode()
    finally:
        await rows.aclose()


def _cell(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "money":
        return shillings(value)
    if kind == "moment":
        moment: datetime = value
        return moment.astimezone(clock.NAIROBI).isoformat(timespec="seconds")
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if kind == "text" and text.startswith(FORMULA) else text


def shillings(cents: int) -> str:
    """An amount with its cents and without commas, exactly."""
    sign, whole = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{whole // 100}.{whole % 100:02}"


async def as_xlsx(listing: Listing | Sheet, rows: Rows) -> AsyncGenerator[bytes, None]:
    """A workbook, made in a temporary file beside the event loop, then sent from there."""
    with tempfile.TemporaryDirectory(prefix="umoja-export-") as folder:
        path = Path(folder) / "export.xlsx"
        book = await asyncio.to_thread(Book, path, listing)
        try:
            async for batch in rows:
                await asyncio.to_thread(book.write, batch)
        finally:
            await rows.aclose()
            await asyncio.to_thread(book.close)
        with await asyncio.to_thread(path.open, "rb") as made:
            while chunk := await asyncio.to_thread(made.read, CHUNK):
                yield chunk


class Book:
    """A workbook that is written row after row: what is written is on disk, not in memory."""

    def __init__(self, path: Path, listing: Listing | Sheet, sheet_rows: int = SHEET_ROWS) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "tmpdir": str(path.parent),
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._listing = listing
        self._most = sheet_rows
        bold = self._book.add_format({"bold": True})
        self._heading = bold
        formats = {"money": "#,##0.00", "date": "yyyy-mm-dd", "moment": "yyyy-mm-dd hh:mm:ss"}
        self._formats = {
            kind: self._book.add_format({"num_format": shown}) for kind, shown in formats.items()
        }
        self._writers = [self._writer(column.kind) for column in listing.columns]
        self._sheets = 0
        self._begin()

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append these."""
        columns = self._listing.columns
        for row in rows:
            if self._row == self._most:
                self._begin()
            for across, (column, put) in enumerate(zip(columns, self._writers, strict=True)):
                value = row[column.field]
                if value is not None:
                    put(self._row, across, value)
            self._row += 1

    def close(self) -> None:
        """Finish the file."""
        self._book.close()

    def _begin(self) -> None:
        self._sheets += 1
        name = self._listing.name if self._sheets == 1 else f"{self._listing.name} {self._sheets}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._listing.columns) - 1, WIDTH)
        for across, column in enumerate(self._listing.columns):
            self._sheet.write_string(0, across, column.heading, self._heading)
        self._row = 1

    def _writer(self, kind: str) -> Callable[[int, int, Any], None]:
        """How a value of that kind is written. A text is written as text, whatever it begins with."""
        shown = self._formats.get(kind)
        if kind == "number":
            return lambda row, across, value: self._sheet.write_number(row, across, value, None)
        if kind == "money":
            return lambda row, across, value: self._sheet.write_number(row, across, value / 100, shown)
        if kind == "date":
            return lambda row, across, value: self._sheet.write_datetime(row, across, value, shown)
        if kind == "moment":
            return lambda row, across, value: self._sheet.write_datetime(
                row, across, value.astimezone(clock.NAIROBI).replace(tzinfo=None), shown
            )
        return lambda row, across, value: self._sheet.write_string(row, across, str(value)[:32_767])
