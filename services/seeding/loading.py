"""Seeding a database: refused where there are people or where it is production; all of it or nothing.

Triggers, foreign keys and indexes that look at each row as it comes would take hours for millions. So in
one transaction, by the owner of the tables: our triggers are off, what can be put back is dropped, the rows
come by COPY, and everything is put back by the very definition PostgreSQL gave of it. Putting a key or an
index back checks every row; that is what makes this honest. What triggers would have checked,
`ussd ledger verify` does: it runs at the end.

Memory is that of a block of borrowers, and of `maintenance_work_mem` while indexes are made.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import asyncpg
from argon2 import PasswordHasher

from services import clock, documents
from services.ledger import invariants
from services.loans import terms
from services.seeding import dialogs, lives
from services.seeding.desk import Desk, Plan
from services.seeding.rows import COLUMNS
from services.sms import texts
from ussd_engine.bundle import bundle_name
from ussd_engine.errors import UssdError
from ussd_engine.menu.check import read_sources
from ussd_engine.pool import connect
from ussd_engine.settings import Settings

BLOCK = 2_000  # borrowers in memory at once
DAYS_AT_ONCE = 10  # of dialogs
WORK_MEM = "512MB"
MAY_HOLD = ("account", "audit")  # what every database has; the other tables must be empty

Say = Callable[[str], None]

IN_PRODUCTION = "ENV is production: made-up people do not belong there. Nothing was written."
NOT_EMPTY = "This database has {count} people in it. Seed an empty one: createdb, then ussd migrate."

# What is dropped and put back: constraints first, for some of them own an index. Primary keys stay, because
# foreign keys of other tables need them, and rows come in their order. Checks stay: they look at each row.
CONSTRAINTS = """
select conrelid::regclass::text as "table", quote_ident(conname) as name, pg_get_constraintdef(oid) as made,
    contype = 'f' as is_foreign
from pg_constraint
where conparentid = 0
and (
    (contype in ('u', 'f') and conrelid = any($1::text[]::regclass[]))
    -- Of another table, to a key that is dropped.
    or (contype = 'f' and confrelid = any($1::text[]::regclass[])
        and not (select indisprimary from pg_index where indexrelid = conindid))
)
order by contype = 'f' desc, conrelid, conname
"""

INDEXES = """
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made
from pg_index
where indrelid = any($1::text[]::regclass[])
and not indisprimary
and not exists (select 1 from pg_constraint where conindid = indexrelid and contype = 'u')
order by indrelid, indexrelid
"""

SEQUENCES = """
select table_name, pg_get_serial_sequence(table_name, column_name) as sequence
from information_schema.columns
where table_schema = 'public'
and table_name = any($1)
and column_name = 'id'
and is_identity = 'YES'
"""

# What the trigger borrower_words_follow would have written, in the order of its key.
WORDS = """
insert into borrower_word (word, borrower_id, before, name)
select words.word, borrower.id, words.before, words.whole
from borrower
cross join words_of(borrower.name) as words
where borrower.name is not null
order by words.word collate "C", borrower.id
"""


@dataclass(slots=True)
class Seeded:
    """How many rows there are by table, and seconds by what they were for."""

    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


async def seed(settings: Settings, plan: Plan, say: Say, *, check: bool = True) -> Seeded:
    """Fill the database of the settings. Raises UssdError when it may not be filled."""
    if settings.env == "production":
        raise UssdError(IN_PRODUCTION)
    connection = await connect(settings.database_url)
    done = Seeded()
    try:
        await _require_empty(connection)
        desk = await _desk(connection, settings, plan)
        async with connection.transaction():
            await connection.execute(f"set local maintenance_work_mem = '{WORK_MEM}'")
            async with _bare(connection, done, say):
                await _fill(connection, desk, done, say)
        began = time.monotonic()
        await connection.execute("vacuum (analyze)")
        done.seconds["vacuum and analyze"] = time.monotonic() - began
        if check:
            await _verify(connection, done, say)
    except asyncpg.UndefinedTableError:
        raise UssdError("The database lacks tables of the lender. Run: ussd migrate") from None
    finally:
        await connection.close()
    return done


async def _require_empty(connection: Any) -> None:
    count = await connection.fetchval("select count(*) from (select from borrower limit 1000000) as found")
    if count:
        raise UssdError(NOT_EMPTY.format(count=f"{count:,}"))
    for table in COLUMNS:
        holds = f"select exists (select from {table})"  # noqa: S608 - names of ours
        if table not in MAY_HOLD and await connection.fetchval(holds):
            raise UssdError(f"This database has rows in {table}. Seed an empty one.")


async def _desk(connection: Any, settings: Settings, plan: Plan) -> Desk:
    folder = settings.menus_dir / "umoja"
    sources = read_sources(folder)
    sold, problems = terms.read(sources)
    words, wrong = texts.read(sources, documents.menus(sources))
    if sold is None or words is None:
        first = (*problems, *wrong)[0]
        raise UssdError(f"{folder / first.file}:{first.line}: {first.message}. See: ussd check")
    shared = {row["code"]: row["id"] for row in await connection.fetch("select id, code from account")}
    # No PIN opens it: the hash is of words, and what a PIN is checked by is a digest.
    pin = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("nobody's", salt=b"made-up people")
    return Desk(plan, sold, words, shared, pin, bundle_name(sources))


async def _fill(connection: Any, desk: Desk, done: Seeded, say: Say) -> None:
    began = time.monotonic()
    makers = lives.Lives(desk)
    copying = 0.0
    for first in range(1, desk.plan.borrowers + 1, BLOCK):
        desk.begin_block(first)
        for number in range(first, min(first + BLOCK, desk.plan.borrowers + 1)):
            makers.make(number)
        copying += await _copy(connection, desk, done)
        if first // BLOCK % 25 == 24:
            say(f"{first + BLOCK - 1:,} borrowers, {makers.loans:,} loans")
    desk.begin_block(0)
    lives.nobodys(desk)
    lives.owners(desk)
    lives.days_closed(desk)
    lives.shared_balances(desk)
    copying += await _copy(connection, desk, done)
    copying += await _copy_dialogs(connection, desk, done)
    await connection.execute(WORDS)
    for row in await connection.fetch(SEQUENCES, list(COLUMNS)):
        table = row["table_name"]
        last = f"select setval($1, max(id)) from {table} having max(id) > 0"  # noqa: S608 - as above
        await connection.execute(last, row["sequence"])
    done.seconds["making"] = time.monotonic() - began - copying
    done.seconds["copying"] = copying


async def _copy_dialogs(connection: Any, desk: Desk, done: Seeded) -> float:
    """Hours of dialogs, some days at a time, into partitions of their months."""
    calendar = desk.calendar
    for month in sorted({day.replace(day=1) for day in calendar.dates[: calendar.today]}):
        await connection.execute("select make_event_partitions($1)", month)
    copying = 0.0
    hours = dialogs.write_hours(desk.rows, calendar, desk.dials, desk.bundle, desk.plan.seed)
    for number, _ in enumerate(hours):
        if number % DAYS_AT_ONCE == DAYS_AT_ONCE - 1:
            copying += await _copy(connection, desk, done)
    return copying + await _copy(connection, desk, done)


async def _copy(connection: Any, desk: Desk, done: Seeded) -> float:
    """What is made so far goes into its tables; how many seconds that took."""
    began = time.monotonic()
    for table, columns in COLUMNS.items():
        count = len(getattr(desk.rows, table))
        data = desk.rows.take(table)
        if data:
            await connection.copy_to_table(table, source=_once(data), columns=columns, format="text")
            done.rows[table] = done.rows.get(table, 0) + count
    return time.monotonic() - began


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@asynccontextmanager
async def _bare(connection: Any, done: Seeded, say: Say) -> AsyncIterator[None]:
    """The tables without what looks at each row; afterwards as they were."""
    tables = list(COLUMNS)
    constraints = await connection.fetch(CONSTRAINTS, tables)
    indexes = await connection.fetch(INDEXES, tables)
    for table in tables:
        await connection.execute(f"alter table {table} disable trigger user")
    for each in constraints:
        await connection.execute(f"alter table {each['table']} drop constraint {each['name']}")
    for each in indexes:
        await connection.execute(f"drop index {each['name']}")
    yield
    say("indexes and keys are made again, and every row checked")
    began = time.monotonic()
    for each in indexes:
        await connection.execute(each["made"])
    done.seconds["indexes"] = time.monotonic() - began
    began = time.monotonic()
    for each in reversed(constraints):  # unique before foreign
        await connection.execute(f"alter table {each['table']} add constraint {each['name']} {each['made']}")
    for table in tables:
        await connection.execute(f"alter table {table} enable trigger user")
    done.seconds["keys"] = time.monotonic() - began


async def _verify(connection: Any, done: Seeded, say: Say) -> None:
    """Every invariant of the books. Raises UssdError at the first that does not hold."""
    say("the books are checked, as by: ussd ledger verify")
    began = time.monotonic()
    async for check, broken in invariants.results(connection):
        if broken is not None:
            raise UssdError(
                f"What was made is wrong: {check.name}: {broken.subject}. It must hold that {check.holds}."
            )
    done.seconds["verify"] = time.monotonic() - began


def yesterday() -> date:
    """The last whole day, in Nairobi."""
    return clock.nairobi_date(clock.now()) - timedelta(days=1)
