"""The lists of staff, with a million borrowers: every filter with every sort, many times, with random values.

PostgreSQL is private and on one core. It is filled by `ussd seed`, or was: --data names a folder that is
reused. Each question is a whole page as the API gives it (50 rows, the cache left out), so what is timed is
every statement of it. Two times: what PostgreSQL's process computed, which neighbours cannot lengthen, and
what went by until the page was there. --docs writes the figures into a page of the handbook, and the plans
into the one beside it.

A payment settles a loan with and without the indexes that lists need, in turn, on two small copies: the ratio
is what they cost.
"""

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import ValidationError

from loadtests.bench import lists_asked, lists_kinds, lists_page, lists_plans, lists_writes
from loadtests.bench.lists_asked import FILTERS, Samples, Values
from loadtests.bench.lists_kinds import USUAL, Kind, kinds_of
from loadtests.bench.machine import cores, description
from loadtests.bench.report import Report
from migrations import run as migrations
from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists import rooms
from services.api.lists.listing import Listing
from services.api.operation import Operation
from services.api.permissions import ROLES, Role
from services.api.problems import Problem
from services.seeding import loading
from services.seeding.desk import Plan
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError
from ussd_engine.settings import Settings

DATABASE = "lists"
SEED = 1
COUNTED = {
    "borrowers": "select count(*) from borrower",
    "loans": "select count(*) from loan",
    "messages": "select count(*) from sms",
}


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--data", type=Path, help="a folder to keep, and to use again; else a temporary one")
    parser.add_argument("--borrowers", type=int, default=1_000_000, help="how many people (default 1000000)")
    parser.add_argument("--each", type=int, default=40, help="questions of each kind (default 40)")
    parser.add_argument("--docs", type=Path, help="a Markdown page for the figures; plans go beside it")
    parser.add_argument("--no-writes", action="store_true", help="leave out what the indexes cost a payment")


def run(options: argparse.Namespace) -> Report:
    """Seed or reuse, ask, time, explain."""
    pinned = cores()
    with ExitStack() as held:
        folder = options.data or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ussd-lists-")))
        with pinned.on_server():
            servers = held.enter_context(Servers(folder, durable=False))
        seeding = _prepare(servers, options.borrowers)
        kinds = asyncio.run(_measure(servers.url_of(DATABASE), options.each))
        writes = None if options.no_writes else lists_writes.measure(servers, pinned)
        plans = asyncio.run(lists_plans.explain(servers.url_of(DATABASE)))
        there = {what: int(servers.sql(count, DATABASE)) for what, count in COUNTED.items()}
    report = _report(kinds, options, seeding, writes)
    report.values["machine"] = machine = description(pinned)
    if options.docs is not None:
        said = lists_writes.said(writes) if writes else ""
        lists_page.write(options.docs, lists_page.figures(kinds, there, machine, said), plans)
    return report


def _prepare(servers: Servers, borrowers: int) -> dict[str, float]:
    """The seeded database; how long that took, or nothing when it is there."""
    url = servers.url_of(DATABASE)
    if servers.sql(f"select count(*) from pg_database where datname = '{DATABASE}'") == "1":
        migrations.upgrade(url)
        if not int(servers.sql("select count(*) from (select from borrower limit 1) as found", DATABASE)):
            raise UssdError(f"The folder has a database {DATABASE} without people. Remove it.")
        return {}
    servers.sql(f"create database {DATABASE}")
    migrations.upgrade(url)
    settings = Settings(_env_file=None, database_url=url, env="test")
    plan = Plan(borrowers, 730, SEED, loading.yesterday())
    return asyncio.run(loading.seed(settings, plan, print)).seconds


def operations() -> dict[str, Operation]:
    """The operations of the lists, by the lists' names."""
    found = [operation for room in rooms() for operation in room.operations]
    return {
        each.path.removeprefix("/admin/"): each
        for each in found
        if each.path.removeprefix("/admin/") in FILTERS
    }


def listing_of(operation: Operation) -> Listing:
    """The list an operation answers with."""
    module = __import__(operation.handler.__module__, fromlist=["routes"])
    return next(
        held
        for held in vars(module).values()
        if isinstance(held, Listing) and f"/{held.name}" in operation.path
    )


async def _measure(url: str, each: int) -> list[Kind]:
    """Ask all of it, the kinds in turn, so that a noisy minute falls on all alike."""
    chance = random.Random(SEED)
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        call = reader(pool, url)
        async with pool.acquire() as connection:
            seen = await lists_asked.sample(connection)
        asked = operations()
        kinds = [kind for name, operation in asked.items() for kind in kinds_of(name, operation)]
        kinds = [kind for kind in kinds if _offered(asked[kind.name], kind, chance, seen)]
        for _ in range(each):
            for kind in kinds:
                await ask(call, asked[kind.name], kind, chance, seen)
    return kinds


def reader(pool: Any, url: str) -> Read:
    """Somebody who may see everything."""
    desk = Desk(Settings(_env_file=None, database_url=url, env="test"), pool)
    return Read(
        desk, Identity("person", 1, "bench@example.org", ROLES[Role.ADMIN], Role.ADMIN), "bench", "127.0.0.1"
    )


def _query(operation: Operation, kind: Kind, chance: random.Random, seen: Samples) -> tuple[Any, Values]:
    values: Values = dict(kind.more)
    for name in kind.filters:
        values |= FILTERS[kind.name][name](chance, seen)
    if kind.sort != USUAL:
        values["sort"] = kind.sort
    assert operation.query is not None
    return operation.query.model_validate(values), values


def _offered(operation: Operation, kind: Kind, chance: random.Random, seen: Samples) -> bool:
    """Whether these filters may be asked together, and in this order."""
    try:
        _query(operation, kind, chance, seen)
    except ValidationError:
        return False
    return True


async def ask(call: Read, operation: Operation, kind: Kind, chance: random.Random, seen: Samples) -> None:
    """One question, timed."""
    query, values = _query(operation, kind, chance, seen)
    # Asked each time: a pool gives another process after so many statements, or after a lost one.
    async with call.desk.acquire() as connection:
        backend = connection.get_server_pid()
    before, began = _cpu_ms(backend), time.perf_counter()
    try:
        await operation.handler(call, query=query)
    except Problem:  # it took more than five seconds, and was ended
        kind.refused += 1
    wall = (time.perf_counter() - began) * 1e3
    try:
        cpu = _cpu_ms(backend) - before
    except OSError:  # the process ended with its question: it computed no longer than that took
        cpu = wall
    if not kind.cpu_ms or cpu > max(kind.cpu_ms):
        kind.slowest = values
    kind.cpu_ms.append(cpu)
    kind.wall_ms.append(wall)


def _cpu_ms(pid: int) -> float:
    """What a process has computed so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def _report(
    kinds: list[Kind], options: argparse.Namespace, seeding: dict[str, float], writes: dict[str, float] | None
) -> Report:
    rows = lists_page.by_list(kinds)
    slowest = sorted(kinds, key=lambda kind: -kind.p95_ms)[:20]
    table: list[tuple[str, ...]] = [("slowest kinds", "p50", "p95", "p95 with the network and Python")]
    table += [(kind.label, *(f"{kind.at(share, times):.1f} ms" for share, times in (
        (0.5, kind.cpu_ms), (0.95, kind.cpu_ms), (0.95, kind.wall_ms)))) for kind in slowest]  # fmt: skip
    faults = []
    for kind in kinds:
        if kind.refused:
            faults.append(f"{kind.label}: took too long {kind.refused} times, such as {kind.slowest}")
        elif kind.p95_ms > lists_kinds.WANTED_MS:
            faults.append(f"{kind.label}: p95 {kind.p95_ms:.1f} ms, such as {kind.slowest}")
    values = {
        "borrowers": options.borrowers,
        "kinds": len(kinds),
        "questions": sum(len(kind.cpu_ms) for kind in kinds),
        "p95_ms": round(max(kind.p95_ms for kind in kinds), 1),
        "seeding_s": {name: round(seconds, 1) for name, seconds in seeding.items()},
        "writes": writes,
    }
    notes = [f"{values['questions']:,} pages of {len(kinds)} kinds: every filter with every sort, and pairs."]
    if writes:
        notes.append(lists_writes.said(writes))
    return Report(values, rows, notes, faults, [table])
