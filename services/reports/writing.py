"""Writing a report: as CSV for programs, as Excel for people, as PDF for who signs it.

The hash of the data is SHA-256 of the CSV, whatever the format: who holds a signed PDF can have the CSV
made again for the same day and compare.

CSV has a header, a line a row, and the totals as its last line if there are any. Amounts are shillings
with two digits, shares percent with two, times Nairobi's. Text that a spreadsheet would take for a formula
has an apostrophe before it.
"""

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO

from services.clock import NAIROBI
from services.reports.model import Kind, Ran, ReportError, Values

FORMATS = ("csv", "xlsx", "pdf")
BATCH = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(slots=True, frozen=True)
class Written:
    """What was written: how many rows, and the hash of the data."""

    rows: int
    data_sha256: bytes


@dataclass(slots=True)
class Data:
    """The rows of a report on their way into a file, and the hash of what went by."""

    ran: Ran
    _digest: Any = field(default_factory=hashlib.sha256)

    async def batches(self) -> AsyncIterator[tuple[list[Values], bytes]]:
        """Rows, and the same as CSV: the header before the first, the totals after the last."""
        columns = self.ran.report.columns
        kinds = [column.kind for column in columns]
        text = io.StringIO(newline="")
        into = csv.writer(text)
        into.writerow(column.title for column in columns)
        rows: list[Values] = []
        async for row in self.ran:
            into.writerow(cell(kind, value) for kind, value in zip(kinds, row, strict=True))
            rows.append(row)
            if len(rows) == BATCH:
                yield rows, self._taken(text)
                rows = []
        if self.ran.has_totals:
            total = self.ran.total_row
            into.writerow(_total_cell(kind, value) for kind, value in zip(kinds, total, strict=True))
        yield rows, self._taken(text)

    @property
    def sha256(self) -> bytes:
        """Of all that went by so far."""
        return bytes(self._digest.digest())

    def _taken(self, text: io.StringIO) -> bytes:
        written = text.getvalue().encode()
        text.seek(0)
        text.truncate()
        self._digest.update(written)
        return written


async def csv_lines(ran: Ran) -> AsyncIterator[bytes]:
    """The report as CSV in pieces, for whoever streams it."""
    async for _, written in Data(ran).batches():
        yield written


async def write(ran: Ran, format_: str, out: BinaryIO, made_by: str) -> Written:
    """Write the report into an open file. Raises ReportError for a format it does not have."""
    if format_ not in FORMATS:
        raise ReportError(f"Reports are made as {', '.join(FORMATS)}.")
    data = Data(ran)
    if format_ == "csv":
        async for _, written in data.batches():
            out.write(written)
    elif format_ == "xlsx":
        from services.reports import excel  # noqa: PLC0415 - quick to start without it

        await excel.write(data, out, made_by)
    else:
        if not ran.report.signed:
            raise ReportError(f"Nobody signs the report {ran.report.name}: make it as csv or xlsx.")
        from services.reports import pdf  # noqa: PLC0415 - the same

        await pdf.write(data, out, made_by)
    return Written(ran.rows, data.sha256)


def cell(kind: Kind, value: Any) -> str:
    """A value as CSV has it."""
    return "" if value is None else _CELLS[kind](value)


def plain_text(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def hundredths(number: int) -> str:
    """Cents as shillings, basis points as percent: 1250.00, by integers alone."""
    sign = "-" if number < 0 else ""
    return f"{sign}{abs(number) // 100}.{abs(number) % 100:02}"


def date_text(day: date) -> str:
    """2026-11-23."""
    return day.isoformat()


def time_text(at: datetime) -> str:
    """A moment by Nairobi's clock."""
    return f"{at.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}"


_CELLS: dict[Kind, Callable[[Any], str]] = {
    "text": plain_text,
    "cents": hundredths,
    "share": hundredths,
    "date": date_text,
    "time": time_text,
    "count": str,
}


def _total_cell(kind: Kind, value: Any) -> str:
    return value if isinstance(value, str) else cell(kind, value)
