"""The lists of staff, with a million borrowers: every filter with every sort, many times, with random values.

PostgreSQL is private and on one core. It is filled by `ussd seed`, or was: --data names a folder that is
reused. Each question is a whole page as the API gives it (50 rows, the cache left out), so what is timed is
every statement of it. Two times: what PostgreSQL's process computed, which neighbours cannot lengthen, and
what went by until the page was there. --docs writes the figures and the plans into a page of the handbook.

A payment settles a loan with and without the indexes that lists need, in turn, on two small copies: the ratio
is what they cost.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import ValidationError

from loadtests.bench import lists_asked, lists_plans, lists_writes
from loadtests.bench.lists_asked import FILTERS, Samples, Values
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
WANTED_MS = 50.0
SEED = 1


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--data", type=Path, help="a folder to keep, and to use again; else a temporary one")
    parser.add_argument("--borrowers", type=int, default=1_000_000, help="how many people (default 1000000)")
    parser.add_argument("--each", type=int, default=40, help="questions of each kind (default 40)")
    parser.add_argument("--docs", type=Path, help="a Markdown page to write figures and plans into")
    parser.add_argument("--no-writes", action="store_true", help="leave out what the indexes cost a payment")


@dataclass(slots=True)
class Kind:
    """Questions of one kind: a list by its name, filters by theirs, a sort."""

    name: str
    filters: tuple[str, ...]
    sort: str
    more: Values = field(default_factory=dict)
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    slowest: Values = field(default_factory=dict)
    refused: int = 0

    @property
    def label(self) -> str:
        """As the report says it."""
        said = [*self.filters, *(f"{name}={value}" for name, value in self.more.items())]
        return f"{self.name}: {' + '.join(said) or 'all'}, by {self.sort}"

    def at(self, share: float, times: list[float]) -> float:
        """Milliseconds, of so many of them."""
        ordered = sorted(times)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


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
    report = _report(kinds, options, seeding, writes)
    report.values["machine"] = description(pinned)
    if options.docs is not None:
        lists_plans.write(options.docs, report.body(), plans)
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


def kinds_of(name: str, operation: Operation) -> Iterator[Kind]:
    """Every filter with every sort, every pair of filters with every sort; deep pages; totals."""
    assert operation.query is not None
    schema = operation.query.model_json_schema()["properties"]["sort"]
    every, usual = schema["enum"], schema["default"]
    for sort in every:
        yield Kind(name, (), sort)
        for one in FILTERS[name]:
            yield Kind(name, (one,), sort)
    plain = [one for one in FILTERS[name] if not one.startswith("q: ")]
    for place, one in enumerate(plain):
        for other in plain[place + 1 :]:
            for sort in every:
                yield Kind(name, (one, other), sort)
    if name in ("users", "wallets", "loans"):
        for one in plain:
            yield Kind(name, ("q: name", one), usual)
    yield Kind(name, (), usual, {"skip": 10_000})
    yield Kind(name, (), usual, {"limit": 500})
    for one in FILTERS[name]:
        yield Kind(name, (one,), usual, {"total": True})


async def _measure(url: str, each: int) -> list[Kind]:
    """Ask all of it, the kinds in turn, so that a noisy minute falls on all alike."""
    chance = random.Random(SEED)
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        call = reader(pool, url)
        async with pool.acquire() as connection:
            seen = await lists_asked.sample(connection)
            backend = await connection.fetchval("select pg_backend_pid()")
        asked = operations()
        kinds = [kind for name, operation in asked.items() for kind in kinds_of(name, operation)]
        kinds = [kind for kind in kinds if _offered(asked[kind.name], kind, chance, seen)]
        for _ in range(each):
            for kind in kinds:
                await _ask(call, asked[kind.name], kind, chance, seen, backend)
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
    assert operation.query is not None
    return operation.query(sort=kind.sort, **values), values


def _offered(operation: Operation, kind: Kind, chance: random.Random, seen: Samples) -> bool:
    """Whether these filters may be asked together, and in this order."""
    try:
        _query(operation, kind, chance, seen)
    except ValidationError:
        return False
    return True


async def _ask(
    call: Read, operation: Operation, kind: Kind, chance: random.Random, seen: Samples, backend: int
) -> None:
    query, values = _query(operation, kind, chance, seen)
    before, began = _cpu_ns(backend), time.perf_counter()
    try:
        await operation.handler(call, query=query)
    except Problem:  # it took more than five seconds, and was ended
        kind.refused += 1
    wall, cpu = (time.perf_counter() - began) * 1e3, (_cpu_ns(backend) - before) / 1e6
    if not kind.cpu_ms or cpu > max(kind.cpu_ms):
        kind.slowest = values
    kind.cpu_ms.append(cpu)
    kind.wall_ms.append(wall)


def _cpu_ns(pid: int) -> int:
    """What a process has computed so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _report(
    kinds: list[Kind], options: argparse.Namespace, seeding: dict[str, float], writes: dict[str, float] | None
) -> Report:
    rows: list[tuple[str, ...]] = [("list", "kinds", "PostgreSQL, p50", "p95 of the slowest kind", "which")]
    faults = []
    for name in FILTERS:
        mine = [kind for kind in kinds if kind.name == name]
        worst = max(mine, key=lambda kind: kind.at(0.95, kind.cpu_ms))
        middle = sorted(time for kind in mine for time in kind.cpu_ms)
        rows.append((name, str(len(mine)), f"{middle[len(middle) // 2]:.1f} ms",
                     f"{worst.at(0.95, worst.cpu_ms):.1f} ms", worst.label.partition(": ")[2]))  # fmt: skip
    slowest = sorted(kinds, key=lambda kind: -kind.at(0.95, kind.cpu_ms))[:20]
    table: list[tuple[str, ...]] = [("slowest kinds", "p50", "p95", "p95 with the network and Python")]
    table += [(kind.label, *(f"{kind.at(share, times):.1f} ms" for share, times in (
        (0.5, kind.cpu_ms), (0.95, kind.cpu_ms), (0.95, kind.wall_ms)))) for kind in slowest]  # fmt: skip
    for kind in kinds:
        if kind.refused:
            faults.append(f"{kind.label}: took too long {kind.refused} times, such as {kind.slowest}")
        elif kind.at(0.95, kind.cpu_ms) > WANTED_MS:
            faults.append(f"{kind.label}: p95 {kind.at(0.95, kind.cpu_ms):.1f} ms, such as {kind.slowest}")
    values = {
        "borrowers": options.borrowers,
        "kinds": len(kinds),
        "questions": sum(len(kind.cpu_ms) for kind in kinds),
        "p95_ms": round(max(kind.at(0.95, kind.cpu_ms) for kind in kinds), 1),
        "seeding_s": {name: round(seconds, 1) for name, seconds in seeding.items()},
        "writes": writes,
    }
    notes = [f"{values['questions']:,} pages of {len(kinds)} kinds: every filter with every sort, and pairs."]
    if writes:
        notes.append(lists_writes.said(writes))
    return Report(values, rows, notes, faults, [table])
