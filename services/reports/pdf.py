"""A report as PDF, for a person to sign: the lender's name and the period on each page, page numbers, the
totals, who made it and when, the hash of the data, and room for three names.

What is signed is short: a report of more than PDF_ROWS rows is for Excel.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepTogether, LongTable, SimpleDocTemplate, Spacer, Table

from services.reports.model import Kind, Ran, ReportError, Values
from services.reports.settings import reports
from services.reports.writing import Data, cell, time_text

PDF_ROWS = 2000
SIGNERS = ("Prepared by", "Checked by", "Approved by")
FONT, BOLD = "Helvetica", "Helvetica-Bold"
MARGIN = 14 * mm
HEAD, FOOT = 26 * mm, 16 * mm
LARGEST, SMALLEST = 8.0, 4.5  # points of the table's letters
GREY = colors.HexColor("#555555")
LINE = colors.HexColor("#bbbbbb")


async def write(data: Data, out: BinaryIO, made_by: str) -> None:
    """Write the document. Raises ReportError when it is too long to be signed."""
    ran = data.ran
    rows: list[Values] = []
    async for batch, _ in data.batches():
        rows += batch
        if len(rows) > PDF_ROWS:
            raise ReportError(f"More than {PDF_ROWS:,} rows are not signed: make it as xlsx.")
    document = SimpleDocTemplate(
        out, pagesize=landscape(A4), leftMargin=MARGIN, rightMargin=MARGIN, topMargin=HEAD, bottomMargin=FOOT,
        title=f"{ran.report.title}, {ran.period}", author=reports().lender, creator="Umoja",
    )  # fmt: skip
    foot = f"Made at {time_text(ran.made_at)} Nairobi by {made_by}    SHA-256 of the data {data.sha256.hex()}"

    def canvas(*arguments: Any, **named: Any) -> Canvas:
        return _Paged(ran, foot, *arguments, **named)

    story = [_rows(ran, rows, document.width), Spacer(0, 6 * mm)]
    if ran.facts:
        story += [_facts(ran), Spacer(0, 6 * mm)]
    story.append(KeepTogether(_signatures(document.width)))
    document.build(story, canvasmaker=canvas)


class _Paged(Canvas):  # type: ignore[misc]
    """Pages that know how many there are: each is finished when the last one is known."""

    def __init__(self, ran: Ran, foot: str, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._ran = ran
        self._foot = foot
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        """Keep the page."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Head and foot on each, and out."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._around(number, len(self._pages))
            super().showPage()
        super().save()

    def _around(self, number: int, of: int) -> None:
        width, height = landscape(A4)
        self.setFont(BOLD, 12)
        self.drawString(MARGIN, height - 13 * mm, reports().lender)
        self.setFont(FONT, 10)
        self.drawString(MARGIN, height - 19 * mm, f"{self._ran.report.title}, {self._ran.period}")
        self.drawRightString(width - MARGIN, height - 13 * mm, "Amounts in KES")
        self.setFont(FONT, 6.5)
        self.setFillColor(GREY)
        self.drawString(MARGIN, 8 * mm, self._foot)
        self.drawRightString(width - MARGIN, 8 * mm, f"Page {number} of {of}")


def _rows(ran: Ran, rows: Sequence[Values], width: float) -> LongTable:
    """The table, its letters as large as its columns allow."""
    kinds = [column.kind for column in ran.report.columns]
    cells = [[column.title for column in ran.report.columns]]
    cells += [[_shown(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in rows]
    if ran.has_totals:
        total = ran.total_row
        cells.append(
            [value if isinstance(value, str) else _shown(kind, value)
             for kind, value in zip(kinds, total, strict=True)]
        )  # fmt: skip
    natural = [
        max(stringWidth(row[place], BOLD, LARGEST) for row in cells) + 6 for place in range(len(kinds))
    ]
    size = max(SMALLEST, min(LARGEST, LARGEST * width / sum(natural)))
    widths = [each * size / LARGEST for each in natural]
    style = [
        ("FONT", (0, 0), (-1, -1), FONT, size),
        ("FONT", (0, 0), (-1, 0), BOLD, size),
        ("LEADING", (0, 0), (-1, -1), size * 1.25),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]
    style += [
        ("ALIGN", (place, 0), (place, -1), "RIGHT")
        for place, kind in enumerate(kinds)
        if kind in ("cents", "count", "share")
    ]
    if ran.has_totals:
        style += [
            ("FONT", (0, -1), (-1, -1), BOLD, size),
            ("LINEABOVE", (0, -1), (-1, -1), 0.7, colors.black),
        ]
    return LongTable(cells, colWidths=widths, repeatRows=1, hAlign="LEFT", style=style)


def _facts(ran: Ran) -> Table:
    cells = [[fact.title, _shown(fact.kind, fact.value)] for fact in ran.facts]
    style = [
        ("FONT", (0, 0), (-1, -1), FONT, LARGEST),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, LINE),
    ]
    return Table(cells, colWidths=[70 * mm, 40 * mm], hAlign="LEFT", style=style)


def _signatures(width: float) -> list[Any]:
    """Three names with room to sign."""
    cells = [
        [f"{who}:" for who in SIGNERS],
        ["Name:"] * len(SIGNERS),
        ["Signature:"] * len(SIGNERS),
        ["Date:"] * len(SIGNERS),
    ]
    style = [
        ("FONT", (0, 0), (-1, -1), FONT, 8),
        ("FONT", (0, 0), (-1, 0), BOLD, 8),
        ("LINEBELOW", (0, 1), (-1, -1), 0.5, GREY),
        ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
    ]
    heights = [7 * mm, 8 * mm, 11 * mm, 8 * mm]
    columns = [width / len(SIGNERS)] * len(SIGNERS)
    return [Table(cells, colWidths=columns, rowHeights=heights, hAlign="LEFT", style=style)]


def _shown(kind: Kind, value: Any) -> str:
    """A value for reading: with separators, and the sign of a share."""
    if value is None:
        return ""
    if kind == "count":
        return f"{value:,}"
    text = cell(kind, value)
    if kind == "cents":
        whole, _, rest = text.partition(".")
        sign = "-" if whole.startswith("-") else ""
        return f"{sign}{int(whole.lstrip('-')):,}.{rest}"
    return f"{text} %" if kind == "share" else text
