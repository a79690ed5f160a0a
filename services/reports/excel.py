"""A report as an Excel workbook, row by row: XlsxWriter keeps one row in memory.

Every value is written as what it is, so that no text becomes a formula. An amount goes in as a decimal with
two digits, which a spreadsheet's numbers hold exactly up to 15 digits. A sheet takes a million rows, the
next ones go on another.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

import xlsxwriter

from services.clock import NAIROBI
from services.reports.model import Kind, Ran, Values
from services.reports.settings import reports
from services.reports.writing import Data, cell, time_text

ROWS_A_SHEET = 1_000_000
WIDTHS: dict[Kind, int] = {"text": 18, "date": 12, "time": 20, "cents": 16, "count": 10, "share": 10}
FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {},
    "date": {"num_format": "yyyy-mm-dd"},
    "time": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "cents": {"num_format": "#,##0.00"},
    "count": {"num_format": "#,##0"},
    "share": {"num_format": "0.00%"},
}


async def write(data: Data, out: BinaryIO, made_by: str) -> None:
    """Write the workbook: the rows, and a sheet about them."""
    ran = data.ran
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False})
    into = _Sheets(book, ran)
    async for rows, _ in data.batches():
        for row in rows:
            into.row(row)
    if ran.has_totals:
        into.total(ran.total_row)
    _about(book, data, made_by)
    book.close()


class _Sheets:
    """The sheets of rows, one after another."""

    def __init__(self, book: Any, ran: Ran) -> None:
        self.book = book
        self.ran = ran
        self.kinds = [column.kind for column in ran.report.columns]
        self.formats = {kind: book.add_format(said) for kind, said in FORMATS.items()}
        self.bold = {kind: book.add_format({**said, "bold": True}) for kind, said in FORMATS.items()}
        self.sheets = 0
        self._next()

    def row(self, row: Values) -> None:
        """One more row."""
        if self.place > ROWS_A_SHEET:
            self._next()
        self._write(row, self.formats)

    def total(self, row: Values) -> None:
        """The totals, under the last row."""
        self._write(row, self.bold)

    def _next(self) -> None:
        self.sheets += 1
        name = self.ran.report.title[:25]
        self.sheet = self.book.add_worksheet(name if self.sheets == 1 else f"{name} {self.sheets}")
        self.sheet.freeze_panes(1, 0)
        for place, column in enumerate(self.ran.report.columns):
            self.sheet.set_column(place, place, max(WIDTHS[column.kind], len(column.title) + 2))
            self.sheet.write_string(0, place, column.title, self.bold["text"])
        self.place = 1

    def _write(self, row: Values, formats: dict[Kind, Any]) -> None:
        for place, (kind, value) in enumerate(zip(self.kinds, row, strict=True)):
            if value is None:
                continue
            if isinstance(value, str):
                self.sheet.write_string(self.place, place, value, formats["text"])
            elif kind == "date":
                self.sheet.write_datetime(self.place, place, value, formats[kind])
            elif kind == "time":
                at = value.astimezone(NAIROBI).replace(tzinfo=None)
                self.sheet.write_datetime(self.place, place, at, formats[kind])
            else:
                self.sheet.write_number(self.place, place, _number(kind, value), formats[kind])
        self.place += 1


def _number(kind: Kind, value: int) -> Decimal:
    """Cents as shillings, basis points as a fraction."""
    return Decimal(value).scaleb({"cents": -2, "share": -4}.get(kind, 0))


def _about(book: Any, data: Data, made_by: str) -> None:
    """Whose report it is, of when, by whom, the figures beside the rows, and the hash of the data."""
    ran = data.ran
    sheet = book.add_worksheet("About")
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 70)
    lines = [
        ("Lender", reports().lender),
        ("Report", ran.report.title),
        ("Period", ran.period),
        ("Made at", f"{time_text(ran.made_at)} Nairobi"),
        ("Made by", made_by),
        ("Rows", str(ran.rows)),
        ("SHA-256 of the CSV", data.sha256.hex()),
        *((fact.title, _shown(fact.kind, fact.value)) for fact in ran.facts),
    ]
    for place, (name, value) in enumerate(lines):
        sheet.write_string(place, 0, name)
        sheet.write_string(place, 1, value)


def _shown(kind: Kind, value: int | datetime | None) -> str:
    text = cell(kind, value)
    return {"cents": f"KES {text}", "share": f"{text} %"}.get(kind, text)
