"""Lists as files: their cells, their memory, one moment, and that every list can be one."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import openpyxl
import pytest
import pytest_asyncio

from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists import export, messages, users
from services.api.lists.listing import Column, Key, Listing, Sort
from services.api.permissions import ROLES, Role
from tests.api.lists_world import LISTINGS, OPERATIONS
from tests.seeding.worlds import seeded_template, seeded_url  # noqa: F401 - fixtures
from ussd_engine.settings import Settings


@pytest.mark.parametrize("text", ["=1+1", "+254", "-1", "@sum", "\tx", "\rx", "\nx"])
def test_what_a_spreadsheet_would_run_is_a_text(text: str) -> None:
    assert export._cell("text", text) == f"'{text}"


def test_cells_are_exact() -> None:
    assert [export.shillings(cents) for cents in (0, 5, -5, 123_456_789_01, -250)] == [
        "0.00", "0.05", "-0.05", "123456789.01", "-2.50",
    ]  # fmt: skip
    assert export._cell("number", -3) == "-3"
    assert export._cell("moment", datetime(2026, 11, 23, 22, tzinfo=UTC)) == "2026-11-24T01:00:00+03:00"


def test_a_workbook_goes_on_in_another_sheet(tmp_path: Path) -> None:
    listing = Listing("many", "t", Key("t.id", int), "", "", {}, {}, (Column("n", "n", "number"),), dict, ())
    book = export.Book(tmp_path / "many.xlsx", listing, sheet_rows=4)
    for number in range(8):
        book.write([{"n": number}])
    book.close()
    sheets = openpyxl.load_workbook(tmp_path / "many.xlsx").worksheets
    assert [sheet.title for sheet in sheets] == ["many", "many 2", "many 3"]
    assert [[row[0] for row in sheet.values] for sheet in sheets] == [
        ["n", 0, 1, 2],
        ["n", 3, 4, 5],
        ["n", 6, 7],
    ]


ROWS = 200_000
MANY = """
insert into journal (key, kind)
select 'many:' || number, 'many'
from generate_series(1, {rows}) as number
"""
NUMBERS = Listing(
    name="numbers",
    table="journal",
    id=Key("journal.id", int),
    select="journal.id, journal.key",
    joins="join journal on journal.id = page.id",
    sorts={"on": Sort((Key("journal.value_on", date), Key("journal.id", int)))},
    filters={},
    columns=(Column("id", "id", "number"), Column("key", "key")),
    shown=dict,
    tags=(),
)


class NumbersQuery(users.ListQuery):
    """All of it."""

    sort: str = "on"


@pytest_asyncio.fixture
async def many(pg_url: str) -> AsyncIterator[Read]:
    """A list of very many rows, and a desk whose pool has one connection."""
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=1) as pool:
        await pool.execute(f"set session_replication_role = replica; {MANY.format(rows=ROWS)}")
        desk = Desk(Settings(_env_file=None, database_url=pg_url, env="test"), pool)
        yield Read(
            desk, Identity("person", 1, "a@example.org", ROLES[Role.ADMIN], Role.ADMIN), "r", "127.0.0.1"
        )


def resident_kb(*, peak: bool = False) -> int:
    """The memory of this process now, or the most since it was last asked for."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if not peak:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return int(told["VmHWM" if peak else "VmRSS"].split()[0])


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_memory_is_that_of_a_batch_whatever_the_rows(many: Read, format_: str) -> None:
    """All rows at once, as dictionaries, would take some 80 MB; in a workbook, more."""
    stream = await export.file(many, NUMBERS, NumbersQuery(format=format_), None)
    before = resident_kb()
    size = lines = 0
    async for chunk in stream.chunks:
        size += len(chunk)
        lines += chunk.count(b"\n")
    assert resident_kb(peak=True) - before < 24_000
    assert size > 2_000_000
    assert format_ == "xlsx" or lines == ROWS + 1


async def test_who_goes_away_gives_back_transaction_and_connection(many: Read) -> None:
    stream = await export.file(many, NUMBERS, NumbersQuery(format="csv"), None)
    assert await anext(stream.chunks) == b"\xef\xbb\xbfid,key\r\n"
    assert (await anext(stream.chunks)).count(b"\n") == export.BATCH
    assert many.pool.get_idle_size() == 0
    await stream.chunks.aclose()  # type: ignore[attr-defined]
    assert many.pool.get_idle_size() == 1
    assert await many.pool.fetchval("select count(*) from pg_stat_activity where state like 'idle in%'") == 0
    async with asyncio.timeout(5), export._running, export._running:  # both places are free again
        pass


async def test_all_rows_of_a_file_are_of_one_moment(many: Read, pg_url: str) -> None:
    stream = await export.file(many, NUMBERS, NumbersQuery(format="csv"), None)
    chunks = [await anext(stream.chunks), await anext(stream.chunks)]
    other = await asyncpg.connect(pg_url)
    change = "update journal set key = 'changed:' || id where id % 100 = 0"
    await other.execute(f"set session_replication_role = replica; {change}")
    await other.close()
    async for chunk in stream.chunks:
        chunks.append(chunk)
    text = b"".join(chunks).decode("utf-8-sig")
    assert "changed" not in text
    assert text.count("\r\n") == ROWS + 1


async def test_every_list_can_be_a_file_of_its_rows(seeded_url: str) -> None:  # noqa: F811
    async with asyncpg.create_pool(seeded_url, min_size=1, max_size=1) as pool:
        desk = Desk(Settings(_env_file=None, database_url=seeded_url, env="test"), pool)
        who = Identity("person", 1, "a@example.org", ROLES[Role.ADMIN], Role.ADMIN)
        call = Read(desk, who, "r", "127.0.0.1")
        for name, operation in OPERATIONS.items():
            assert operation.query is not None
            more = {"status": ["proposed", "approved", "rejected"]} if name == "approvals" else {}
            for format_ in ("csv", "xlsx"):
                stream = await operation.handler(call, query=operation.query(format=format_, **more))
                data = b"".join([chunk async for chunk in stream.chunks])
                assert stream.content_type in operation.streams
                if format_ == "xlsx":
                    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).active
                    count = sum(1 for _ in sheet.iter_rows()) - 1
                else:
                    text = data.decode("utf-8-sig")
                    count = len(list(csv.DictReader(io.StringIO(text))))
                    assert re.search("2549[0-9]{8}", text) is None
                table = LISTINGS[name].table
                assert count == await pool.fetchval(f"select count(*) from {table}"), name
    assert messages.MESSAGES.name in LISTINGS
