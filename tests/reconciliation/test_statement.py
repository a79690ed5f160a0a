"""The portal's file as it comes: whichever columns, order, separators, encoding and quoting."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from services.reconciliation import running, statement
from services.reconciliation.lines import Line, kind_of
from services.reconciliation.statement import StatementError
from tests.reconciliation.conftest import Portal, lent_and_rich
from ussd_engine import cli

LONG = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n"
)
SHORT = "Receipt No,Completion Time,Details,Status,Paid In,Withdrawal,Balance\n"
HEAD = "Account Holder:,UMOJA LOANS LIMITED\nShort Code:,400222\nAccount:,Working Account\n"
PAY = "Pay Bill from 2547******12 - JANE DOE Acc. U4K7QXN"


def lines(text: str) -> list[Line]:
    return list(statement.read(text.splitlines(keepends=True)))


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time of 22 November 2026, said by Nairobi's clock."""
    return datetime(2026, 11, 22, hour - 3, minute, second, tzinfo=UTC)


PAID = Line("SG632NMUAB", at(14, 5, 9), 125_000, "payment", "U4K7QXN", "", "", 325_000)


def test_the_long_columns_newest_first() -> None:
    found = statement.read(
        (
            f"{HEAD}{LONG}"
            'SG632NMUAC,22-11-2026 14:06:00,,Charge,Completed,,"-1,005.50","2,244.50",true,Fee,Safaricom,,\n'
            f'SG632NMUAB,22-11-2026 14:05:09,,{PAY},Completed,"1,250.00",,"3,250.00",true,'
            "Pay Bill Online,2547****112 - JANE DOE,,U4K7QXN\n"
            f"SG632NMUAA,22-11-2026 14:05:01,,{PAY},Failed,9.00,,,,Pay Bill Online,,,\n"
        ).splitlines(keepends=True)
    )
    assert (found.account, found.shortcode, found.period) == ("working", "400222", None)
    charge, paid = found
    assert (charge.kind, charge.cents) == ("charge", -100_550)
    assert paid == Line("SG632NMUAB", at(14, 5, 9), 125_000, "payment", "U4K7QXN", "2547****112", "", 325_000)
    assert (found.opening_cents, found.closing_cents, found.skipped) == (200_000, 224_450, 1)


def test_the_short_columns_oldest_first_name_the_account_in_the_details() -> None:
    found = statement.read(
        f"{HEAD}{SHORT}SG632NMUAB,2026-11-22 14:05:09,{PAY},Completed,1250.00,,3250.00\n"
        "SG632NMUAD,2026-11-22 15:00:00,Organization Settlement,Completed,,1000.00,2250.00\n"
        "Total,,,,1250.00,1000.00,\n".splitlines(keepends=True)
    )
    paid, settled = found
    assert paid == PAID
    assert (settled.kind, settled.cents, found.closing_cents) == ("own", -100_000, 225_000)


ROW = f"SG632NMUAB,22-11-2026 14:05:09,{PAY},Completed,{{amount}},,3250\n"


@pytest.mark.parametrize(
    "amount", ["1250", "1250.0", '"1,250.00"', "KES 1250.00", "'1250.00", '"=""1,250.00"""', " 1250.00 "]
)
def test_an_amount_however_a_spreadsheet_left_it(amount: str) -> None:
    assert lines(HEAD + SHORT + ROW.format(amount=amount)) == [PAID]


@pytest.mark.parametrize("amount", ["nan", "1e9", "12.345", "12.50.00", "one", "1250000000000000"])
def test_an_amount_that_is_none_is_named_by_its_line(amount: str) -> None:
    with pytest.raises(StatementError, match=r"Line 5 has an amount that is none\."):
        lines(HEAD + SHORT + ROW.format(amount=amount))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("22/11/2026 14:05", at(14, 5)),
        ("2026-11-22 14:05:09", at(14, 5, 9)),
        ("2026-11-22T14:05:09", at(14, 5, 9)),
        ("22.11.2026 14:05:09", at(14, 5, 9)),
    ],
)
def test_times_are_nairobis_however_they_are_written(written: str, meant: datetime) -> None:
    row = ROW.format(amount="1250").replace("22-11-2026 14:05:09", written)
    assert lines(HEAD + SHORT + row)[0].at == meant


@pytest.mark.parametrize("written", ["11/22/2026 14:05:09", "yesterday", "45983.58"])
def test_a_time_that_could_be_another_one_is_refused(written: str) -> None:
    with pytest.raises(StatementError, match="Line 5 has a time"):
        lines(HEAD + SHORT + ROW.format(amount="1250").replace("22-11-2026 14:05:09", written))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_noticed(delimiter: str) -> None:
    text = (HEAD + SHORT + ROW.format(amount="1250")).replace(",", delimiter)
    assert lines(f"sep={delimiter}\n{text}") == [PAID]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_the_first_bytes_say_the_encoding(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    path = tmp_path / "statement.csv"
    path.write_text(mark + HEAD + SHORT + ROW.format(amount="1250"), encoding=encoding)
    with statement.open_text(path) as text:
        assert list(statement.read(text)) == [PAID]


def test_receipts_as_excel_quotes_them_and_the_header_of_every_page() -> None:
    row = ROW.format(amount="1250").replace("SG632NMUAB", '"=""SG632NMUAB"""')
    assert lines(f"{HEAD}{SHORT}{row}\n,,,,,,\n{SHORT}{row}") == [PAID, PAID]


def test_the_head_may_say_a_period_and_a_receipt_must_be_one() -> None:
    head = "Time Period,From 01-11-2026 00:00:00 To 22-11-2026\nAccount: M-PESA MMF Account\n"
    found = statement.read((head + SHORT).splitlines(keepends=True))
    assert found.account == "working"
    assert found.period is not None
    assert [moment.isoformat() for moment in found.period] == [
        "2026-11-01T00:00:00+03:00", "2026-11-22T23:59:59+03:00",
    ]  # fmt: skip
    with pytest.raises(StatementError, match="Line 5 has no receipt"):
        lines(HEAD + SHORT + ROW.format(amount="1250").replace("SG632NMUAB", "?!"))


@pytest.mark.parametrize(
    ("account", "reason", "cents", "kind"),
    [
        ("utility", "Business Payment to Customer", -1, "payout"),
        ("utility", "Salary Payment to Customer", -1, "payout"),
        ("utility", "Business Payment Charge", -1, "charge"),
        ("utility", "Organization Transfer", 1, "own"),
        ("working", "Pay Bill Online", 1, "payment"),
        ("working", "Customer Payment to Small Business", 1, "payment"),
        ("working", "Pay Bill", -1, "own"),  # we paid somebody
        ("working", "Transaction Reversal", -1, "reversal"),
        ("charges", "Business Payment to Customer", -1, "charge"),
        ("charges", "Organization Settlement", 1, "own"),
    ],
)
def test_the_words_say_what_a_line_is(account: str, reason: str, cents: int, kind: str) -> None:
    assert kind_of(account, reason, "", cents) == kind  # type: ignore[arg-type]


MANY = 10_000


def many(path: Path, rows: int) -> None:
    """A statement of so many payments for nobody, a second apart."""
    with path.open("w") as file:
        file.write(f"{HEAD}{LONG}")
        for number in range(rows):
            when = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
            file.write(
                f"SG6{number:07},22-11-2026 {when},,Pay Bill Online,Completed,10.00,,"
                f"{(number + 1) * 10}.00,true,Pay Bill Online,2547****{number % 1000:03} - A,,nobody\n"
            )


def known(rows: int) -> Iterator[tuple[str, str]]:
    for number in range(rows):
        yield f"receipt:SG6{number:07}", "repayment"


async def test_ten_thousand_lines_stream_in_constant_memory(pg_url: str, tmp_path: Path) -> None:
    """What is held of the file is a batch, whatever its size; and the last line is found like the first.
    A batch or two is in the making, so half as many lines take a little less."""
    connection = await asyncpg.connect(pg_url)
    peaks = []
    try:
        await connection.execute("set session_replication_role = replica")  # a million rows, no triggers
        await connection.copy_records_to_table(
            "journal", records=[(*each, datetime(2026, 11, 22)) for each in known(MANY)],
            columns=("key", "kind", "value_on"),
        )  # fmt: skip
        await connection.execute(
            "insert into posting (journal_id, account_id, amount_cents)"
            " select journal.id, account.id, 1000 from journal, account where code = 'mpesa_paybill'"
        )
        await connection.execute("set session_replication_role = origin")
        await connection.execute("analyze journal; analyze posting")
        for rows in (MANY // 2, MANY):
            path = tmp_path / f"{rows}.csv"
            many(path, rows)
            tracemalloc.start()
            run = await running.of_statement(connection, path, "400222", "test")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            counts = await connection.fetchval(
                "select counts ->> 'matched' from reconciliation_run where id = $1", run
            )
            assert counts == str(rows)
    finally:
        await connection.close()
    assert peaks[1] < 1.5 * peaks[0], peaks


def ussd(pg_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    from ussd_engine.settings import settings

    monkeypatch.setenv("DATABASE_URL", pg_url)
    settings.cache_clear()
    try:
        result = CliRunner().invoke(cli.app, ["reconcile", *arguments])
    finally:
        settings.cache_clear()
    return result.exit_code, result.output + str(result.exception or "")


async def test_the_command_prints_a_report_and_its_exit_code_says_whether_all_is_well(
    portal: Portal, pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    till = portal.till
    await lent_and_rich(till)
    file = str(portal.file(portal.text("utility")))
    code = till.sandbox.settings.payout_shortcode
    status, said = await asyncio.to_thread(
        ussd, pg_url, monkeypatch, "--csv", file, "--shortcode", code, "--by", "akinyi"
    )
    assert status == 0, said
    assert f"statement, utility account of {code}" in said
    assert "matched                     2   ours KES 995,000.00   theirs KES 995,000.00" in said
    assert "closing balance KES 995,000.00, our books KES 995,000.00: the same" in said
    assert await till.pool.fetchval("select made_by from reconciliation_run") == "akinyi"

    till.sandbox.set_balance("utility", 1)
    file = str(portal.file(portal.text("utility")))
    status, said = await asyncio.to_thread(ussd, pg_url, monkeypatch, "--csv", file, "--shortcode", code)
    assert (status, "only at M-Pesa" in said, "1 open" in said) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Choose one of --csv FILE, --pull and --status."),
        (("--pull", "--status"), "Choose one of"),
        (("--csv", "x.csv"), "Say with --shortcode"),
        (("--csv", "nowhere.csv", "--shortcode", "1"), "Cannot read nowhere.csv"),
        (("--csv", "x", "--shortcode", "1", "--account", "savings"), "--account is utility"),
        (("--pull", "--from", "tomorrow"), "'tomorrow' is not a date"),
        (("--status", "--from", "2026-11-23", "--to", "2026-11-01"), "--from must not be after --to"),
    ],
)
async def test_a_mistake_is_said_in_a_sentence(
    pg_url: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    import asyncio

    status, said = await asyncio.to_thread(ussd, pg_url, monkeypatch, *arguments)
    assert (status, says in said) == (1, True), said
    connection = await asyncpg.connect(pg_url)
    assert await connection.fetchval("select count(*) from reconciliation_run") == 0
    await connection.close()
