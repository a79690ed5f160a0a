"""As many borrowers as one wants, made by COPY: `python -m tests.scoring.many_borrowers 1_000_000`.

It makes them on a private PostgreSQL, scores everybody again, and prints how long that took, twice: when
nearly everybody changes, and on the next day, when few do. The seed is fixed: the same number of
borrowers is the same borrowers. The triggers that would look at each row are off while rows are copied.
"""

import asyncio
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from migrations import run as migrations
from services.scoring.rescore import rescore
from tests.services import world
from ussd_engine.embedded import Servers

TODAY = date(2026, 11, 23)
BORROWER = ["id", "msisdn", "name", "national_id", "pin_hash", "created_at", "registered_at"]
LOAN = [
    "id", "ref", "borrower_id", "product", "purpose", "state", "principal_cents", "fee_cents", "excise_cents",
    "total_cents", "apr_bp", "term_days", "bundle", "action_key", "applied_at", "disbursed_at", "due_on",
    "closed_at",
]  # fmt: skip


def borrowers(number: int) -> Iterator[tuple[Any, ...]]:
    """All registered, some time in the last three years."""
    chance = random.Random(1)
    for each in range(1, number + 1):
        joined = f"{TODAY - timedelta(days=chance.randrange(1, 1000))} 10:00+03"
        yield each, 254_700_000_000 + each, f"Borrower {each}", 10_000_000 + each, "hash", joined, joined


def loans(number: int) -> Iterator[tuple[Any, ...]]:
    """None to eight loans each, paid back more or less in time; the last may be open or written off."""
    chance = random.Random(2)
    made = 0
    for borrower in range(1, number + 1):
        day = TODAY - timedelta(days=330 + chance.randrange(60))
        for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4, 8))):
            made += 1
            due = day + timedelta(days=30)
            late = chance.choice((-12, -5, -1, 0, 0, 2, 9, 40))
            fate = chance.random()
            closed: date | None = due + timedelta(days=late)
            state = "repaid"
            if closed is None or closed > TODAY or fate > 0.97:
                state, closed = (
                    ("written_off", TODAY) if due < TODAY - timedelta(days=180) else ("active", None)
                )
            principal = chance.choice((50_000, 200_000, 500_000, 900_000))
            fee, excise = principal * 15 // 100, principal * 3 // 100
            yield (
                made, f"L{made:07}", borrower, "umoja30", "business", state, principal, fee, excise,
                principal + fee + excise, 21_900, 30, "bundle", f"key{made}", f"{day} 10:00+03",
                f"{day} 10:00+03", due, None if closed is None else f"{closed} 10:00+03",
            )  # fmt: skip
            if closed is None or state == "written_off":
                break
            day = closed + timedelta(days=chance.randrange(1, 8))
            if day > TODAY:
                break


async def fill(url: str, number: int) -> int:
    """Make them; gives how many loans there are."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")
        await _copy(connection, "borrower", BORROWER, borrowers(number))
        await _copy(connection, "loan", LOAN, loans(number))
        await connection.execute("vacuum analyze borrower")
        await connection.execute("vacuum analyze loan")
        count: int = await connection.fetchval("select count(*) from loan")
        return count
    finally:
        await connection.close()


async def _copy(connection: Any, table: str, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
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


async def measure(url: str) -> None:
    """Score everybody twice and print what it took."""
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        backend = await pool.fetchval("select pg_backend_pid()")
        for day in (TODAY, TODAY + timedelta(days=1)):
            began, own, theirs = time.monotonic(), _cpu_s(), _backend_s(backend)
            done = await rescore(pool, day, world.terms())
            seconds, used = time.monotonic() - began, _cpu_s() - own
            print(
                f"{day}: {done.borrowers:,} scored, {done.changed:,} changed, {seconds:.1f} s, "
                f"busy: this process {used:.1f} s, PostgreSQL's {_backend_s(backend) - theirs:.1f} s; "
                f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
                flush=True,
            )


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _backend_s(pid: int) -> float:
    """What a process of PostgreSQL has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(number: int) -> None:
    """Fill, score, print."""
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder), durable=False) as servers:
        servers.sql("CREATE DATABASE large")
        url = servers.url_of("large")
        migrations.upgrade(url)
        began = datetime.now()
        count = asyncio.run(fill(url, number))
        print(
            f"{number:,} borrowers, {count:,} loans made in {(datetime.now() - began).seconds} s", flush=True
        )
        asyncio.run(measure(url))


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 100_000)
