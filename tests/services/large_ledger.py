"""A ledger as large as one wants, made by COPY: `python -m tests.services.large_ledger 10_000_000`.

It makes whole loans with their journals, postings, balances, holds and receipts, on a private PostgreSQL,
then runs `ussd ledger verify` on it and prints how long that took and how much memory it needed: the
command's, and that of the PostgreSQL process that served it.

A loan here is one of three: paid back (five journals), active, or on its way. The triggers that would
look at each row are off while the rows are copied; what they would have done is made the same.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from migrations import run as migrations
from ussd_engine.embedded import Servers

PRINCIPAL, FEE, EXCISE = 500_000, 75_000, 15_000
TOTAL = PRINCIPAL + FEE + EXCISE
TABLES = ("account", "balance", "loan", "journal", "posting", "hold")
POSTINGS_OF_THREE = 14 + 10 + 2

BORROWERS = """
insert into borrower (msisdn)
select (254700000000 + number)::text
from generate_series(1, $1::bigint) as number
"""

BALANCES = """
insert into balance (account_id, debits_cents, credits_cents)
select account_id, sum(greatest(amount_cents, 0)), sum(greatest(-amount_cents, 0))
from posting
group by account_id
"""


class Maker:
    """Rows of loans with their books, for COPY."""

    def __init__(self, loans: int, shared: dict[str, int]) -> None:
        self.loans = loans
        self.shared = shared
        self.first_account = max(shared.values()) + 1

    def loan_rows(self) -> Iterator[tuple[Any, ...]]:
        from datetime import UTC, date, datetime

        arrived, due = datetime(2026, 11, 1, tzinfo=UTC), date(2026, 12, 1)
        for number in range(1, self.loans + 1):
            state = ("repaid", "active", "disbursing")[number % 3]
            money = (None, None) if state == "disbursing" else (arrived, due)
            closed = arrived if state == "repaid" else None
            yield (
                number, ref(number), number, "large", "business", state, PRINCIPAL, FEE, EXCISE, TOTAL,
                21_900, 30, "bundle", f"key{number}", *money, closed,
            )  # fmt: skip

    def account_rows(self) -> Iterator[tuple[Any, ...]]:
        for number in range(1, self.loans + 1):
            for place, part in enumerate(("principal", "fee", "excise")):
                yield self.account(number, place), f"loan_{part}:{ref(number)}", "asset", number

    def account(self, number: int, place: int) -> int:
        return self.first_account + (number - 1) * 3 + place

    def journal_rows(self) -> Iterator[tuple[Any, ...]]:
        for journal_id, key, kind, number, _ in self.journals():
            yield journal_id, key, kind, number, number

    def posting_rows(self) -> Iterator[tuple[Any, ...]]:
        for journal_id, _, _, _, legs in self.journals():
            for account, cents in legs:
                yield journal_id, account, cents

    def hold_rows(self) -> Iterator[tuple[Any, ...]]:
        placed: dict[int, int] = {}
        for journal_id, key, kind, number, _ in self.journals():
            if kind == "hold":
                placed[number] = journal_id
                if number % 3 == 2:
                    yield ref(number), number, PRINCIPAL, "pending", journal_id, None, None, None
            elif kind == "hold_release":
                yield (
                    ref(number), number, PRINCIPAL, "posted", placed.pop(number), journal_id, PRINCIPAL, key
                )  # fmt: skip

    def journals(self) -> Iterator[tuple[int, str, str, int, list[tuple[int, int]]]]:
        """Each journal: id, key, kind, loan, legs."""
        name = self.shared
        pool, pending = name["loans_in_disbursement"], name["mpesa_utility_pending"]
        journal_id = 0
        for number in range(1, self.loans + 1):
            owed = [self.account(number, place) for place in range(3)]
            parts = list(zip(owed, (PRINCIPAL, FEE, EXCISE), strict=True))
            entries: list[tuple[str, str, list[tuple[int, int]]]] = [
                ("hold:", "hold", [(pool, PRINCIPAL), (pending, -PRINCIPAL)])
            ]
            if number % 3 != 2:
                out = [(owed[0], PRINCIPAL), (name["mpesa_utility"], -PRINCIPAL)]
                fee = [*parts[1:], (name["fee_income"], -FEE), (name["excise_payable"], -EXCISE)]
                entries += [
                    ("release:", "hold_release", [(pending, PRINCIPAL), (pool, -PRINCIPAL)]),
                    ("disbursement:", "disbursement", out),
                    ("fee:", "fee", fee),
                ]
            if number % 3 == 0:
                back = [(name["mpesa_paybill"], TOTAL), *((account, -cents) for account, cents in parts)]
                entries.append(("receipt:", "repayment", back))
            for prefix, kind, legs in entries:
                journal_id += 1
                yield journal_id, prefix + ref(number), kind, number, legs


def ref(number: int) -> str:
    return f"L{number:07}"


async def fill(url: str, postings: int) -> int:
    """Make about that many postings; gives how many there are."""
    loans = max(postings // POSTINGS_OF_THREE, 1) * 3
    connection = await asyncpg.connect(url)
    try:
        shared = {row["code"]: row["id"] for row in await connection.fetch("select id, code from account")}
        maker = Maker(loans, shared)
        for table in TABLES:
            await connection.execute(f"alter table {table} disable trigger user")
        await connection.execute(BORROWERS, loans)
        loan_columns = [
            "id", "ref", "borrower_id", "product", "purpose", "state", "principal_cents", "fee_cents",
            "excise_cents", "total_cents", "apr_bp", "term_days", "bundle", "action_key", "disbursed_at",
            "due_on", "closed_at",
        ]  # fmt: skip
        await copy(connection, "loan", loan_columns, maker.loan_rows())
        await connection.execute("set session_replication_role = replica")  # the ids exist: no look-ups
        await connection.execute("alter table account alter id set generated by default")
        await connection.execute("alter table journal alter id set generated by default")
        await copy(connection, "account", ["id", "code", "kind", "loan_id"], maker.account_rows())
        columns = ["id", "key", "kind", "loan_id", "borrower_id"]
        await copy(connection, "journal", columns, maker.journal_rows())
        await copy(connection, "posting", ["journal_id", "account_id", "amount_cents"], maker.posting_rows())
        await connection.execute("create temp table made (like hold)")
        await connection.execute("alter table made alter id drop not null, alter placed_at drop not null")
        hold_columns = ["key", "loan_id", "amount_cents", "state", "placed_by", "settled_by", "posted_cents"]
        rows = (row[:7] for row in maker.hold_rows())
        await copy(connection, "made", hold_columns, rows)
        await connection.execute(
            f"insert into hold ({', '.join(hold_columns)}, settled_at) "
            f"select {', '.join(hold_columns)}, case when state = 'posted' then now() end from made"
        )
        await connection.execute(BALANCES)
        await connection.execute("set session_replication_role = default")
        for table in TABLES:
            await connection.execute(f"alter table {table} enable trigger user")
            serial = f"select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}"
            if table != "balance":
                await connection.execute(serial)  # whoever writes next goes on from here
        await connection.execute("analyze")
        number: int = await connection.fetchval("select count(*) from posting")
        return number
    finally:
        await connection.close()


async def copy(connection: Any, table: str, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Into the table as CSV, a chunk at a time: the rows are never all in memory."""

    async def chunks() -> AsyncIterator[bytes]:
        lines: list[str] = []
        for row in rows:
            lines.append(",".join("" if value is None else str(value) for value in row))
            if len(lines) == 20_000:
                yield ("\n".join(lines) + "\n").encode()
                lines.clear()
        if lines:
            yield ("\n".join(lines) + "\n").encode()

    await connection.copy_to_table(table, source=chunks(), columns=columns, format="csv")


def verify(url: str) -> tuple[int, str, float, int]:
    """`ussd ledger verify` in a process of its own: exit code, what it said, seconds, peak memory in KB."""
    # VmHWM and not ru_maxrss, which a child inherits from whoever started it.
    program = (
        "import sys; from ussd_engine.cli import app\n"
        "try: app(['ledger', 'verify'])\n"
        "except SystemExit as end: code = end.code\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print('peak', status['VmHWM'].split()[0]); sys.exit(code)"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    said, _, peak = (done.stdout).rpartition("peak ")
    return done.returncode, said + done.stderr, time.monotonic() - began, int(peak)


def backend_peak_kb(watched: set[int]) -> int:
    """The most memory of their own (not shared) that PostgreSQL's processes have now."""
    most = 0
    for pid in watched:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        most = max(most, int(fields.get("RssAnon", "0 kB").split()[0]))
    return most


def main(postings: int) -> None:
    """Fill, verify, print."""
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder), durable=False) as servers:
        servers.sql("CREATE DATABASE large")
        url = servers.url_of("large")
        migrations.upgrade(url)
        began = time.monotonic()
        number = asyncio.run(fill(url, postings))
        print(f"{number:,} postings made in {time.monotonic() - began:.0f} s", flush=True)
        peak = asyncio.run(watched(url))
        code, said, seconds, own = peak
        print(said)
        print(f"exit code {code}, {seconds:.1f} s, peak memory of the command {own / 1024:.0f} MB")


async def watched(url: str) -> tuple[int, str, float, int]:
    """Verify, and print the most memory a PostgreSQL process had meanwhile."""
    connection = await asyncpg.connect(url)
    task = asyncio.create_task(asyncio.to_thread(verify, url))
    most = 0
    try:
        while not task.done():
            rows = await connection.fetch("select pid from pg_stat_activity where datname = 'large'")
            most = max(most, backend_peak_kb({row["pid"] for row in rows}))
            await asyncio.wait([task], timeout=0.2)
    finally:
        await connection.close()
    print(f"peak memory of a PostgreSQL process, its shared buffers not counted: {most / 1024:.0f} MB")
    return await task


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000)
