"""An M-Pesa statement as a borrower exports it: a strict reader, and what it comes to in sums.

The file is CSV in UTF-8: at most HEAD_LINES lines about its owner, then a header with at least the
columns of COLUMNS, then a line each move, newest or oldest first. Amounts are shillings with two digits
after the point (`1,250.00`), below nothing or not in Withdrawn; times are Nairobi's. Only completed moves
count. The balances must follow from each other, so a line that was left out or changed is noticed; moves
of one second may stand in any order among themselves.

What is not income is not counted as such: borrowed money, savings that come back, reversals. Names,
numbers and details are read and forgotten: only sums leave this file.
"""

import csv
import hashlib
import io
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

from ussd_engine.errors import UssdError

MAX_BYTES = 20_000_000
MAX_MOVES = 100_000
HEAD_LINES = 30
LEAST_DAYS, MOST_DAYS = 28, 400
MONTH_DAYS = 30
MOST_AT_ONCE = 10  # moves in one second: a payment, its charge, an overdraft …
COLUMNS = (
    "Receipt No.", "Completion Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance",
)  # fmt: skip
TIMES = ("%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")

_AMOUNT = re.compile(r"-?(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})\.[0-9]{2}")
_RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
_NO_INCOME = re.compile(r"\b(loan|overdraft|fuliza|m-shwari|kcb|savings?|revers(al|ed))\b", re.IGNORECASE)


class StatementError(UssdError):
    """The file is no statement that could be believed. The message says which line, and nothing of it."""


@dataclass(slots=True, frozen=True)
class Move:
    """One completed move. cents: into the wallet above nothing, out of it below."""

    line: int
    at: datetime
    cents: int
    balance_cents: int
    income: bool


@dataclass(slots=True, frozen=True)
class Sums:
    """What a statement comes to; spread_percent is None below two whole spans of 30 days."""

    file_sha256: bytes
    from_on: date
    to_on: date
    moves: int
    in_cents: int
    out_cents: int
    weeks: int
    weeks_with_income: int
    spread_percent: int | None


def read_file(file: Path) -> Sums:
    """The sums of a file. Raises StatementError."""
    try:
        with file.open("rb") as opened:
            return read(opened.read(MAX_BYTES + 1))
    except OSError as error:
        raise StatementError(f"Cannot read {file}: {error.strerror}.") from None


def read(raw: bytes) -> Sums:
    """The sums of a statement. Raises StatementError."""
    moves = list(_moves(raw))
    if not moves:
        raise StatementError("The statement has no completed moves.")
    if moves[0].at > moves[-1].at:
        moves.reverse()
    _follow(moves)
    first, last = moves[0].at.date(), moves[-1].at.date()
    days = (last - first).days + 1
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise StatementError(f"The statement covers {days} days; {LEAST_DAYS} to {MOST_DAYS} are taken.")
    weeks = {(move.at.date() - first).days // 7 for move in moves if move.income}
    return Sums(
        file_sha256=hashlib.sha256(raw).digest(),
        from_on=first,
        to_on=last,
        moves=len(moves),
        in_cents=sum(move.cents for move in moves if move.income),
        out_cents=-sum(move.cents for move in moves if move.cents < 0),
        weeks=(days + 6) // 7,
        weeks_with_income=len(weeks),
        spread_percent=_spread(moves, first, days),
    )


def _moves(raw: bytes) -> Iterator[Move]:
    """The completed moves in the file's order."""
    if len(raw) > MAX_BYTES:
        raise StatementError(f"The statement has more than {MAX_BYTES // 1_000_000} MB.")
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise StatementError("The statement is no CSV file in UTF-8.") from None
    header, place = _header(lines)
    if len(lines) - header > MAX_MOVES:
        raise StatementError(f"The statement has more than {MAX_MOVES:,} moves.")
    for number, line in enumerate(lines[header:], header + 1):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) < len(lines[header - 1]):
            raise StatementError(f"Line {number} has {len(line)} cells, the header more.")
        cells = {name: line[place[name]].strip() for name in COLUMNS}
        if cells["Transaction Status"].lower() == "completed":
            yield _move(number, cells)


def _header(lines: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    """Where the moves begin, and which column is which."""
    for number, line in enumerate(lines[:HEAD_LINES], 1):
        names = [cell.strip() for cell in line]
        if all(names.count(name) == 1 for name in COLUMNS):
            return number, {name: names.index(name) for name in COLUMNS}
    raise StatementError(f"The statement has no header with {', '.join(COLUMNS)}, each once.")


def _move(number: int, cells: dict[str, str]) -> Move:
    paid_in, withdrawn = _cents(number, cells["Paid In"]), _cents(number, cells["Withdrawn"])
    if not _RECEIPT.fullmatch(cells["Receipt No."]):
        raise StatementError(f"Line {number} has no receipt number.")
    if (paid_in == 0) == (withdrawn == 0) or paid_in < 0:
        raise StatementError(f"Line {number} must have one amount, Paid In or Withdrawn.")
    return Move(
        line=number,
        at=_time(number, cells["Completion Time"]),
        cents=paid_in - abs(withdrawn),
        balance_cents=_cents(number, cells["Balance"], needed=True),
        income=paid_in > 0 and _NO_INCOME.search(cells["Details"]) is None,
    )


def _cents(number: int, text: str, *, needed: bool = False) -> int:
    if not text and not needed:
        return 0
    if not _AMOUNT.fullmatch(text):
        raise StatementError(f"Line {number} has an amount that is not written like 1,250.00.")
    return int(text.replace(",", "").replace(".", ""))


def _time(number: int, text: str) -> datetime:
    for shape in TIMES:
        try:
            return datetime.strptime(text, shape)  # Nairobi's, as the file says it
        except ValueError:
            continue
    raise StatementError(f"Line {number} has a time that is not written like 2026-11-23 14:05:00.")


def _follow(moves: Sequence[Move]) -> None:
    """The moves are in order, and each balance follows from the one before it."""
    balance: int | None = None
    before = moves[0].at
    for at, together in groupby(moves, key=lambda move: move.at):
        group = list(together)
        if at < before:
            raise StatementError(f"Line {group[0].line} is out of order.")
        if len(group) > MOST_AT_ONCE:
            raise StatementError(f"Line {group[0].line} and more have one time.")
        starts = {move.balance_cents - move.cents for move in group} if balance is None else {balance}
        ends = [end for start in starts for end in [_led(start, group)] if end is not None]
        if not ends:
            raise StatementError(
                f"The balance of line {group[0].line} does not follow from the moves before."
            )
        balance, before = ends[0], at


def _led(start: int, group: Sequence[Move]) -> int | None:
    """The balance that the moves lead to from `start`, each once, in whichever order; None: none does."""
    if not group:
        return start
    for place, move in enumerate(group):
        if start + move.cents == move.balance_cents:
            end = _led(move.balance_cents, [*group[:place], *group[place + 1 :]])
            if end is not None:
                return end
    return None


def _spread(moves: Sequence[Move], first: date, days: int) -> int | None:
    """How much the income of whole spans of 30 days varies: deviation of the mean, in percent."""
    spans = days // MONTH_DAYS
    if spans < 2:
        return None
    income = [0] * spans
    for move in moves:
        span = (move.at.date() - first) // timedelta(days=MONTH_DAYS)
        if move.income and span < spans:
            income[span] += move.cents
    mean = statistics.fmean(income)
    return round(100 * statistics.pstdev(income) / mean) if mean else None
