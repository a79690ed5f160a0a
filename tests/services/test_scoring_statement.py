"""A mobile-money statement: read strictly, believed only when its balances follow, kept only in sums."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from services.commands import app
from services.scoring import history, statement
from services.scoring.consented import ConsentError, Form, give_consent, take_in
from services.scoring.statement import COLUMNS, Sums, read
from tests.services.world import Phone
from ussd_engine.errors import UssdError
from ussd_engine.settings import settings

Rows = list[list[str]]
BEGIN = datetime(2026, 8, 1, 9, 30)
HEAD = [["MPESA FULL STATEMENT"], ["Customer Name:", "Wanjiru Kamau"], ["Mobile Number:", "254712345678"], []]


def moves(weeks: int = 13) -> Rows:
    """Each week: wages in on Friday, rent and food out, once some borrowed money; oldest first."""
    rows: Rows = []
    balance = 120_000
    for week in range(weeks):
        plan = [
            (0, "Funds received from 254700***001 - JUMA OTIENO", 250_000),
            (0, "Customer Transfer of Funds Charge", -1_300),
            (1, "Customer Transfer to 254711***222 - LANDLORD", -150_000),
            (2, "Pay Bill to 888880 - KPLC", -50_050),
        ]
        if week == 3:
            plan.append((3, "M-Shwari Loan Disburse", 400_000))
            plan.append((4, "OverDraft of Credit Party", 10_000))
        for number, (day, details, cents) in enumerate(plan):
            balance += cents
            at = BEGIN + timedelta(weeks=week, days=day)
            paid = [shillings(cents), ""] if cents > 0 else ["", shillings(cents)]
            rows.append([
                f"TH{week:03}{number:05}", f"{at:%Y-%m-%d %H:%M:%S}", details, "Completed", *paid,
                shillings(balance),
            ])  # fmt: skip
    return rows


def shillings(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def text(rows: Rows, columns: tuple[str, ...] = COLUMNS, head: Rows = HEAD) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([*head, columns, *rows])
    return written.getvalue().encode()


def test_a_statement_comes_to_its_sums() -> None:
    found = read(text(moves()))

    assert (found.from_on, found.to_on, found.moves) == (date(2026, 8, 1), date(2026, 10, 26), 54)
    assert (found.in_cents, found.out_cents) == (13 * 250_000, 13 * 201_350)  # what was borrowed is no income
    assert (found.weeks, found.weeks_with_income) == (13, 13)
    assert found.spread_percent == 11  # five, four Saturdays in the two spans of thirty days


def test_newest_first_another_date_and_other_columns_are_the_same_statement() -> None:
    rows = [
        [f"{datetime.fromisoformat(row[1]):%d-%m-%Y %H:%M:%S}", "x", *row[2:], row[0], "more"]
        for row in reversed(moves())
    ]
    columns = ("Completion Time", "Initiation Time", *COLUMNS[2:], COLUMNS[0], "A/C No.")

    found = read(b"\xef\xbb\xbf" + text(rows, columns))

    assert replace(found, file_sha256=b"") == replace(read(text(moves())), file_sha256=b"")


def test_what_did_not_complete_does_not_count() -> None:
    rows = moves()
    failed = ["TH99900001", rows[5][1], "Customer Transfer", "Failed", "", "-9,000.00", ""]

    assert read(text([*rows[:5], failed, *rows[5:]])).out_cents == 13 * 201_350


def changed(row: int, column: int, value: str) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[row][column] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(8, 4, "25,000.00"), "balance of line 14 does not follow"),
        (changed(8, 6, "9,999,999.00"), "does not follow"),
        (lambda rows: rows[:10] + rows[11:], "does not follow"),
        (lambda rows: [*rows[:6], rows[20], *rows[6:]], "line"),
        (lambda rows: rows[:6] + rows[8:2:-1] + rows[9:], "line"),
        (changed(3, 5, "nan"), "Line 9 has an amount that is not written like 1,250.00"),
        (changed(3, 5, "-1e9"), "not written like"),
        (changed(3, 5, "0.001"), "not written like"),
        (changed(3, 5, "-1,2345.00"), "not written like"),
        (changed(3, 4, "10.00"), "must have one amount"),
        (changed(3, 5, ""), "must have one amount"),
        (changed(0, 4, "-2,500.00"), "must have one amount"),
        (changed(3, 6, ""), "not written like"),
        (changed(3, 0, "?"), "has no receipt number"),
        (changed(3, 1, "2026-02-30 10:00:00"), "has a time"),
        (changed(3, 1, "yesterday"), "has a time"),
        (lambda rows: [*rows[:4], rows[4][:5], *rows[5:]], "Line 10 has 5 cells"),
        (lambda rows: rows[:5], "covers 8 days"),
        (lambda rows: [], "no completed moves"),
        (lambda rows: [[*row[:3], "Failed", *row[4:]] for row in rows], "no completed moves"),
    ],
)
def test_what_cannot_be_believed_is_refused_with_its_line(
    change: Callable[[Rows], Rows], message: str
) -> None:
    with pytest.raises(UssdError, match="(?i)" + message):
        read(text(change(moves())))


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff\xfe", b"PK\x03\x04", text(moves(), head=HEAD * 10), b'"' + b"x" * 200_000,
     text(moves(), (*COLUMNS[:-1], "Paid In")), b",".join([b"Receipt No."] * 9)],
)  # fmt: skip
def test_rubbish_is_a_sentence_and_never_a_traceback(raw: bytes) -> None:
    with pytest.raises(statement.StatementError):
        read(raw)


@pytest.mark.parametrize("column", [0, 1, 4, 5, 6])
def test_no_error_repeats_what_the_statement_says(column: int) -> None:
    rows = changed(3, column, "JUMA 254700000001")(moves())
    with pytest.raises(statement.StatementError) as error:
        read(text(rows))

    assert "JUMA" not in str(error.value)
    assert "254700" not in str(error.value)


def test_a_charge_may_stand_before_its_payment() -> None:
    rows = moves()
    for place in range(len(rows)):
        if rows[place][2].endswith("Charge"):
            rows[place - 1], rows[place] = rows[place], rows[place - 1]

    assert replace(read(text(rows)), file_sha256=b"") == replace(read(text(moves())), file_sha256=b"")


async def take(phone: Phone, sums: Sums, form: Form | None = None) -> bool:
    async with phone.pool.acquire() as connection, connection.transaction():
        if form is not None:
            await give_consent(connection, phone.msisdn, form)
        return await take_in(connection, phone.msisdn, sums, "akinyi")


async def test_without_consent_nothing_is_kept(borrower: Phone) -> None:
    with pytest.raises(ConsentError):
        await take(borrower, read(text(moves())))

    assert await borrower.pool.fetchval("select count(*) from money_statement") == 0


async def test_with_consent_its_features_are_known_until_it_is_too_old(borrower: Phone) -> None:
    assert await take(borrower, read(text(moves())), Form("F-17", "2026-11"))
    number = await borrower.pool.fetchval("select id from borrower")
    names = ("mpesa_days", "mpesa_in_month", "mpesa_out_percent", "mpesa_regular_percent", "mpesa_in_spread")

    found = await history.read(borrower.pool, number, date(2026, 11, 23), names)

    assert list(found.values()) == [
        87, pytest.approx(32_500 * 30 / 87), pytest.approx(80.54), 100, 11,
    ]  # fmt: skip
    for day in (date(2026, 10, 25), date(2027, 2, 24)):  # before it ends; 121 days after
        late = await history.read(borrower.pool, number, day, names)
        assert set(late.values()) == {None}


async def test_a_file_is_taken_once_and_a_form_is_one_borrowers(borrower: Phone, pool: Any) -> None:
    sums, form = read(text(moves())), Form("F-17", "2026-11")

    assert [await take(borrower, sums, form), await take(borrower, sums, form)] == [True, False]
    other = await Phone(pool, borrower.terms).join()
    with pytest.raises(ConsentError, match="another borrower's"):
        await take(other, sums, form)
    assert await pool.fetchval("select count(*) from consent where purpose = 'statement'") == 1
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("update money_statement set in_cents = 1")


async def test_the_command_takes_a_file_in_and_tells_its_sums_only(
    borrower: Phone, pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", pg_url)
    settings.cache_clear()
    file = tmp_path / "statement.csv"
    file.write_bytes(text(moves()))
    command = ["scorecard", "statement", str(file), "--msisdn", borrower.msisdn, "--by", "akinyi"]

    refused = await in_thread(command)
    taken = await in_thread([*command, "--form", "F-9"])
    long = await in_thread([*command, "--form", "F" * 41])
    settings.cache_clear()

    assert isinstance(long.exception, UssdError)
    assert isinstance(refused.exception, ConsentError)
    assert borrower.msisdn not in str(refused.exception)
    assert taken.exit_code == 0, taken.exception
    assert "54 moves from 2026-08-01 to 2026-10-26, in KES 32,500.00, out KES 26,175.50" in taken.output
    assert borrower.msisdn not in taken.output
    assert await borrower.pool.fetchval("select imported_by from money_statement") == "akinyi"


async def test_a_database_without_tables_is_a_sentence(
    empty_pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_pg_url)
    settings.cache_clear()
    file = tmp_path / "statement.csv"
    file.write_bytes(text(moves()))
    done = await in_thread(["scorecard", "statement", str(file), "--msisdn", "254700000000"])
    settings.cache_clear()

    assert isinstance(done.exception, UssdError)
    assert "ussd migrate" in str(done.exception)


async def in_thread(command: list[str]) -> Any:
    import asyncio

    return await asyncio.to_thread(CliRunner().invoke, app, command)
