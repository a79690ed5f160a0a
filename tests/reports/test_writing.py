"""Reports as files: CSV for programs, Excel for people, PDF for who signs."""

import base64
import csv
import hashlib
import io
import re
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from services.reports import Column, Parameters, Ran, Report, ReportError, csv_lines, run, running, write
from tests.reports.lender import Lender
from tests.services.lending import TODAY

COLUMNS = (
    Column("name", "Name", "text"),
    Column("on", "On", "date"),
    Column("at", "At", "time"),
    Column("number", "Number", "count", total=True),
    Column("money", "Money", "cents", total=True),
    Column("part", "Part", "cents", total=True),
    Column("rate", "Rate", "share", total=True, of=("part", "money")),
)
MADE_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = date(2026, 11, 22)
ROWS = [
    ("one", DAY, datetime(2026, 11, 22, 21, 30, 5, tzinfo=UTC), 3, 125_050, 25_010, 2_000),
    ("=cmd()", DAY, None, 4, -5, 0, 0),
    ("last", DAY, None, 1_000, 10_000_000_000_099, 5, 0),
]
TOTALS = ("Total", None, None, 1_007, 10_000_000_125_144, 25_015, 0)


def ran(rows: Any, **changes: Any) -> Ran:
    """A report of these rows."""
    settled = {"signed": True, "sql": "", **changes}
    report = Report("toy", "A toy", "For tests.", "as_of", COLUMNS, ("as_of",), **settled)

    async def given() -> AsyncIterator[Any]:
        for row in rows:
            yield row

    return Ran(report, Parameters(as_of=DAY), MADE_AT, (), given())


async def made(found: Ran, format_: str) -> tuple[bytes, Any]:
    out = io.BytesIO()
    written = await write(found, format_, out, "akinyi")
    return out.getvalue(), written


async def test_csv_is_exact_and_harmless_and_hashed_as_it_is() -> None:
    body, written = await made(ran(ROWS), "csv")
    assert list(csv.reader(io.StringIO(body.decode()))) == [
        ["Name", "On", "At", "Number", "Money", "Part", "Rate"],
        ["one", "2026-11-22", "2026-11-23 00:30:05", "3", "1250.50", "250.10", "20.00"],
        ["'=cmd()", "2026-11-22", "", "4", "-0.05", "0.00", "0.00"],
        ["last", "2026-11-22", "", "1000", "100000000000.99", "0.05", "0.00"],
        ["Total", "", "", "1007", "100000001251.44", "250.15", "0.00"],
    ]
    assert (written.rows, written.data_sha256) == (3, hashlib.sha256(body).digest())
    assert b"".join([part async for part in csv_lines(ran(ROWS))]) == body


async def test_the_total_of_a_share_is_the_share_of_the_totals() -> None:
    rows = [("a", DAY, None, 1, 300, 100, 3_333), ("b", DAY, None, 1, 100, 100, 10_000)]
    found = ran(rows)
    assert [row async for row in found] == rows
    assert found.totals == {"number": 2, "money": 400, "part": 200, "rate": 5_000}


async def test_excel_has_numbers_dates_totals_and_says_what_it_is() -> None:
    body, written = await made(ran(ROWS), "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(body))
    lines = list(book["A toy"].iter_rows(values_only=True))
    assert lines[0] == ("Name", "On", "At", "Number", "Money", "Part", "Rate")
    assert lines[1] == (
        "one",
        datetime(2026, 11, 22),
        datetime(2026, 11, 23, 0, 30, 5),
        3,
        1250.5,
        250.1,
        0.2,
    )
    assert lines[2][0] == "=cmd()"
    assert book["A toy"]["A3"].data_type == "s"  # a text, and no formula
    assert lines[3][4] == 100_000_000_000.99
    assert lines[4] == ("Total", None, None, 1_007, 100_000_001_251.44, 250.15, 0)
    about = dict(book["About"].iter_rows(values_only=True))
    assert about == {
        "Lender": "Umoja Loans",
        "Report": "A toy",
        "Period": "as of 2026-11-22",
        "Made at": "2026-11-23 12:30:00 Nairobi",
        "Made by": "akinyi",
        "Rows": "3",
        "SHA-256 of the CSV": written.data_sha256.hex(),
    }
    assert written.data_sha256 == (await made(ran(ROWS), "csv"))[1].data_sha256


def words(pdf: bytes) -> list[list[str]]:
    """The texts of a PDF's pages, in the order they are drawn."""
    pages = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        drawn = zlib.decompress(base64.a85decode(stream.strip(), adobe=False) if b"~>" not in stream else
                                base64.a85decode(b"<~" + stream.strip(), adobe=True))  # fmt: skip
        if b" Tj" in drawn:
            pages.append([text.decode("latin-1") for text in re.findall(rb"\((.*?)\) Tj", drawn)])
    return pages


async def test_pdf_has_head_foot_pages_totals_and_room_to_sign() -> None:
    rows = [(f"row {number}", DAY, None, 1, 100_000, 50_000, 5_000) for number in range(100)]
    body, written = await made(ran(rows), "pdf")
    assert body.startswith(b"%PDF-")
    pages = words(body)
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert "Umoja Loans" in page
        assert "A toy, as of 2026-11-22" in page
        assert f"Page {number} of {len(pages)}" in page
        assert any(
            text.startswith("Made at 2026-11-23 12:30:00 Nairobi by akinyi")
            and text.endswith(written.data_sha256.hex())
            for text in page
        )
    last = pages[-1]
    assert {"Prepared by:", "Checked by:", "Approved by:", "Signature:"} <= set(last)
    assert {"Total", "100,000.00", "50,000.00", "50.00 %"} <= {text for page in pages for text in page}


async def test_what_nobody_signs_and_what_is_too_long_are_no_pdf() -> None:
    with pytest.raises(ReportError, match="Nobody signs"):
        await made(ran(ROWS, signed=False), "pdf")
    with pytest.raises(ReportError, match="2,000 rows are not signed"):
        await made(ran(ROWS[:1] * 2_001), "pdf")
    with pytest.raises(ReportError, match="csv, xlsx, pdf"):
        await made(ran(ROWS), "doc")


async def test_every_report_is_made_in_each_of_its_formats(lender: Lender) -> None:
    for report in running.catalog():
        asked = Parameters(as_of=TODAY) if report.asks == "as_of" else Parameters(since=TODAY, until=TODAY)
        digests = set()
        for format_ in ("csv", "xlsx", "pdf") if report.signed else ("csv", "xlsx"):
            async with lender.pool.acquire() as connection, run(connection, report.name, asked) as found:
                body, written = await made(found, format_)
                digests.add(written.data_sha256)
                assert body
        assert len(digests) == 1


class Nowhere(io.RawIOBase):
    """Takes all and keeps nothing, as a slow reader's socket would."""

    size = 0

    def write(self, data: Any) -> int:
        self.size += len(data)
        return len(data)


SQL = """
select 'row ' || number, date '2026-11-22', now(), number, number * 100, number, 100::bigint
from generate_series(1::bigint, $1::bigint) as number
"""


async def test_ten_times_the_rows_take_no_more_memory(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From PostgreSQL's cursor to the file a batch at a time."""
    peaks, sizes = [], []
    for rows in (2_000, 20_000):
        many = Report("many", "Many", "For tests.", "as_of", COLUMNS, ("rows",), sql=SQL)
        async with pool.acquire() as connection, connection.transaction():
            source = running._rows(connection, many, {"rows": rows})
            found = Ran(many, Parameters(as_of=DAY), MADE_AT, (), source)
            out = Nowhere()
            tracemalloc.start()
            written = await write(found, "csv", out, "akinyi")  # type: ignore[arg-type]
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert written.rows == rows
        assert found.totals["money"] == 100 * rows * (rows + 1) // 2
        sizes.append(out.size)
    assert sizes[1] > 9 * sizes[0]
    assert peaks[1] < 1.2 * peaks[0] + 100_000, peaks
