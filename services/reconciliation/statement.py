"""The organisation's statement, as M-Pesa's portal exports it, read a line at a time.

What is taken in good part: lines about the account before the header, both sets of columns (with and
without reason, other party and account number), newest or oldest first, thousands separators, brackets
for what is below nothing, UTF-8 with or without a byte order mark, UTF-16, commas, semicolons or tabs,
`="…"` around receipts, a header that comes again on each page, lines that were not completed.

What is not: a line whose amount or time makes no sense. It is named, and nothing is booked.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from services.clock import NAIROBI
from services.reconciliation.lines import ACCOUNTS, Account, Line, kind_of
from ussd_engine.errors import UssdError

HEAD_LINES = 60
DELIMITERS = ",;\t|"
BLOCK = 1 << 20

# Our names of the columns, and how the portal has called them. What is needed comes first.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "receipt": ("receiptno", "receipt", "receiptnumber", "transactionid"),
    "at": ("completiontime", "completedtime", "date", "transactiondate"),
    "in": ("paidin", "credit", "deposit"),
    "out": ("withdrawn", "withdrawal", "debit", "paidout"),
    "balance": ("balance", "runningbalance"),
    "details": ("details", "description", "transactiondetails"),
    "status": ("transactionstatus", "status"),
    "reason": ("reasontype", "type"),
    "other": ("otherpartyinfo", "otherparty"),
    "linked": ("linkedtransactionid", "linkedtransaction"),
    "typed": ("acno", "accountno", "accountnumber", "billreference"),
}
NEEDED = ("receipt", "at", "in", "out", "balance")
TIMES = (
    "%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M",
    "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
)  # fmt: skip
DAYS = ("%d-%m-%Y", "%Y-%m-%d", "%d/%m/%Y")

_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,2})0*)?")
_MOMENT = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_TYPED = re.compile(r"\bacc(?:ount)?\b\.?\s*(?:no\b\.?)?\s*[:#]?\s*(.+)$", re.IGNORECASE)


class StatementError(UssdError):
    """This file is no statement of the organisation. The message says which line, and why."""


@dataclass(slots=True)
class Statement:
    """An open statement. Iterate it once; opening and closing balance and the counts are known then.

    A statement is newest or oldest first, as a whole: its first and last line say which.
    """

    lines_of: Iterator[tuple[int, list[str]]]
    place: Mapping[str, int]
    account: Account
    shortcode: str
    period: tuple[datetime, datetime] | None
    header: Sequence[str] = ()
    skipped: int = 0  # not completed, or moved nothing
    first: Line | None = field(default=None, repr=False)
    last: Line | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Line]:
        for number, cells in self.lines_of:
            line = self._line(number, cells)
            if line is None:
                continue
            self.first = self.first or line
            self.last = line
            yield line

    @property
    def opening_cents(self) -> int | None:
        """What the account held before the oldest line."""
        oldest, _ = self._ends()
        return None if oldest is None or oldest.balance_cents is None else oldest.balance_cents - oldest.cents

    @property
    def closing_cents(self) -> int | None:
        """What it held after the newest one."""
        _, newest = self._ends()
        return None if newest is None else newest.balance_cents

    def missing_cents(self, lines_cents: int) -> int | None:
        """What the balances say and the lines, which come to so much, do not."""
        opening, closing = self.opening_cents, self.closing_cents
        return None if opening is None or closing is None else closing - opening - lines_cents

    def _ends(self) -> tuple[Line | None, Line | None]:
        if self.first is None or self.last is None:
            return None, None
        # Lines of one second stand in the order of the file: the portal's is newest first.
        oldest_first = self.first.at < self.last.at
        return (self.first, self.last) if oldest_first else (self.last, self.first)

    def _line(self, number: int, cells: list[str]) -> Line | None:
        held = {name: plain(cells[at]) if at < len(cells) else "" for name, at in self.place.items()}
        if not held["receipt"] or not held["at"] or [plain(cell) for cell in cells] == list(self.header):
            return None  # a blank line, a sum at the end, the header of another page
        if held.get("status") and held["status"].lower() != "completed":
            self.skipped += 1
            return None
        cents = abs(_cents(number, held["in"])) - abs(_cents(number, held["out"]))
        if cents == 0:
            self.skipped += 1
            return None
        reason, details = held.get("reason", ""), held.get("details", "")
        typed = held.get("typed", "")
        if not typed and (found := _TYPED.search(details)):
            typed = found[1].strip()
        return Line(
            receipt=_receipt(number, held["receipt"]),
            at=_moment(number, held["at"]),
            cents=cents,
            kind=kind_of(self.account, reason, details, cents),
            account_ref=typed[:60],
            payer=held.get("other", "").partition(" - ")[0][:60],
            linked=held.get("linked", "").upper()[:40],
            balance_cents=_cents(number, held["balance"]) if held["balance"] else None,
        )


def digest(file: Path) -> bytes:
    """SHA-256 of the file. Raises StatementError."""
    found = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                found.update(block)
    except OSError as error:
        raise StatementError(f"Cannot read {file}: {error.strerror}.") from None
    return found.digest()


def open_text(file: Path) -> TextIO:
    """The file as text, in the encoding that its first bytes say. The caller closes it."""
    try:
        with file.open("rb") as opened:
            mark = opened.read(2)
        encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return file.open(encoding=encoding, errors="replace", newline="")
    except OSError as error:
        raise StatementError(f"Cannot read {file}: {error.strerror}.") from None


def read(text: Iterable[str], account: Account | None = None) -> Statement:
    """A statement from its lines of text. account: which one it is of, where its head does not say.

    Raises StatementError, also while it is iterated.
    """
    source = iter(text)
    head = list(islice(source, HEAD_LINES))
    for delimiter in DELIMITERS:
        rows = list(_rows(head, delimiter))
        for number, cells in rows:
            place = _places(cells)
            if place is not None:
                told = _about([plain(cell) for cell in row] for _, row in rows[: number - 1])
                named = account or told.account
                if named is None:
                    raise StatementError("The statement does not say of which account it is. Use --account.")
                after = islice(_rows(chain(head, source), delimiter), number, None)
                header = [plain(cell) for cell in cells]
                return Statement(after, place, named, told.shortcode, told.period, header)
    wanted = "Receipt No., Completion Time, Paid In, Withdrawn, Balance"
    raise StatementError(f"No header with {wanted} in the first {HEAD_LINES} lines.")


def plain(cell: str) -> str:
    """A cell as it was meant: without Excel's `="…"` or apostrophe, odd blanks and bytes."""
    text = cell.replace("\x00", "").replace("\xa0", " ").strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


@dataclass(slots=True, frozen=True)
class _About:
    """What the lines before the header say."""

    account: Account | None
    shortcode: str
    period: tuple[datetime, datetime] | None


def _about(rows: Iterable[Sequence[str]]) -> _About:
    account: Account | None = None
    shortcode, period = "", None
    for row in rows:
        name, _, rest = " ".join(cell for cell in row if cell).partition(":")
        key, value = (row[0].rstrip(":"), " ".join(row[1:]).strip()) if len(row) > 1 else (name, rest)
        key = _name(key)
        if key in ("shortcode", "organizationshortcode", "organisationshortcode"):
            shortcode = "".join(char for char in value if char.isdecimal())
        elif key in ("account", "accounttype", "accountname"):
            account = account_named(value) or account
        elif "period" in key or key in ("from", "dates"):
            period = _period(" ".join(row)) or period
    return _About(account, shortcode, period)


def account_named(title: str) -> Account | None:
    """Our word for an account of M-Pesa's: Utility Account, Working Account or MMF, Charges Paid."""
    word = "working" if "mmf" in title.lower() else title.lower()
    return next((each for each in ACCOUNTS if each in word), None)


def _period(text: str) -> tuple[datetime, datetime] | None:
    found = [_maybe(each, whole_day=place == 1) for place, each in enumerate(_MOMENT.findall(text)[:2])]
    if len(found) != 2 or found[0] is None or found[1] is None or found[0] > found[1]:
        return None
    return found[0], found[1]


def _rows(text: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError):
            raise StatementError(f"Line {reader.line_num} is no line of a CSV file.") from None


def _places(cells: Sequence[str]) -> dict[str, int] | None:
    """Which column is which; None when this is not the header."""
    names = [_name(plain(cell)) for cell in cells]
    place = {
        column: names.index(name)
        for column, known in COLUMNS.items()
        for name in [next((each for each in known if each in names), "")]
        if name
    }
    return place if all(column in place for column in NEEDED) else None


def _name(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _receipt(number: int, text: str) -> str:
    receipt = text.upper()
    if not receipt.isascii() or not receipt.isalnum() or len(receipt) > 40:
        raise StatementError(f"Line {number} has no receipt.")
    return receipt


def _cents(number: int, text: str) -> int:
    """An amount such as 1,250.00, -1250, (1,250.00) or KES 1,250; nothing is 0."""
    bare = re.sub(r"(?i)^(kes|kshs?\.?)", "", text.strip()).replace(",", "").replace(" ", "")
    if bare in ("", "-"):
        return 0
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    found = _AMOUNT.fullmatch(bare)
    if found is None or len(found[2]) > 12:
        raise StatementError(f"Line {number} has an amount that is none.")
    cents = int(found[2]) * 100 + int((found[3] or "0").ljust(2, "0"))
    return -cents if found[1] else cents


def _moment(number: int, text: str) -> datetime:
    at = _maybe(text)
    if at is None:
        raise StatementError(f"Line {number} has a time that is not written like 23-11-2026 14:05:00.")
    return at


def _maybe(text: str, *, whole_day: bool = False) -> datetime | None:
    """A time of Nairobi's; a day is its first moment, or its last."""
    for shape in TIMES:
        try:
            return datetime.strptime(text, shape).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
    for shape in DAYS:
        try:
            day = datetime.strptime(text, shape).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
        return day.replace(hour=23, minute=59, second=59) if whole_day else day
    return None
