"""What the indexes of lists cost: payments with them and without, in turn, on two equal databases."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import asyncpg

from loadtests.bench.machine import Cores
from migrations import run as migrations
from services import clock
from services.loans import servicing
from services.seeding import loading
from services.seeding.desk import Plan
from ussd_engine.embedded import Servers
from ussd_engine.settings import Settings

BORROWERS = 20_000
PAYMENTS = 150  # in each lap, on each
LAPS = 7
WITH, WITHOUT = "lists_with", "lists_without"
SQL = Path(__file__).parents[2] / "migrations" / "sql"
DOWN = ("0020_quicker_lists.down.sql", "0013_lists.down.sql")

OWED = """
select id, ref, principal_cents
from loan
where state in ('active', 'overdue')
order by id
"""


def measure(servers: Servers, pinned: Cores) -> dict[str, float]:
    """Payments a second: with, without, and the ratio of the medians of laps in turn."""
    for name in (WITH, WITHOUT):
        servers.sql(f"drop database if exists {name} with (force)")
    servers.sql(f"create database {WITH}")
    url = servers.url_of(WITH)
    migrations.upgrade(url)
    settings = Settings(_env_file=None, database_url=url, env="test")
    plan = Plan(BORROWERS, 400, 1, loading.yesterday())
    asyncio.run(loading.seed(settings, plan, lambda _: None, check=False))
    servers.sql(f"create database {WITHOUT} template {WITH}")
    for step in DOWN:
        servers.sql((SQL / step).read_text(encoding="utf-8"), WITHOUT)
    servers.sql("vacuum analyze", WITHOUT)
    try:
        with pinned.on_client():
            return asyncio.run(_laps(servers))
    finally:
        for name in (WITH, WITHOUT):
            servers.sql(f"drop database {name} with (force)")


async def _laps(servers: Servers) -> dict[str, float]:
    connections = {name: await asyncpg.connect(servers.url_of(name)) for name in (WITH, WITHOUT)}
    loans = await connections[WITH].fetch(OWED)
    pids = {name: await each.fetchval("select pg_backend_pid()") for name, each in connections.items()}
    cpu: dict[str, list[float]] = {name: [] for name in connections}
    wall: dict[str, list[float]] = {name: [] for name in connections}
    try:
        for lap in range(LAPS + 1):
            mine = loans[lap * PAYMENTS : (lap + 1) * PAYMENTS]
            for name, connection in connections.items():
                before, began = _cpu_s(pids[name]), time.perf_counter()
                for loan in mine:
                    await _pay(connection, loan, lap)
                if lap:  # the first one warms up
                    cpu[name].append((_cpu_s(pids[name]) - before) / len(mine))
                    wall[name].append((time.perf_counter() - began) / len(mine))
    finally:
        for connection in connections.values():
            await connection.close()
    cost = {name: statistics.median(times) for name, times in cpu.items()}
    return {
        "payments_per_second_with": round(1 / statistics.median(wall[WITH]), 1),
        "payments_per_second_without": round(1 / statistics.median(wall[WITHOUT]), 1),
        "postgresql_ms_with": round(cost[WITH] * 1e3, 3),
        "postgresql_ms_without": round(cost[WITHOUT] * 1e3, 3),
        "ratio": round(cost[WITH] / cost[WITHOUT], 3),
    }


async def _pay(connection: Any, loan: Any, lap: int) -> None:
    """Half of the payments settle a part, half settle all: then the loan's row moves, too."""
    cents = loan["principal_cents"] * 3 if loan["id"] % 2 else 10_000
    async with connection.transaction():
        await servicing.paid_back(
            connection, loan["id"], cents, f"BENCH{lap}{loan['ref']}", clock.now(), None, "bench"
        )


def _cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def said(writes: dict[str, float]) -> str:
    """In a sentence."""
    return (
        f"A payment takes PostgreSQL {writes['postgresql_ms_with']:.2f} ms with the indexes of lists and "
        f"{writes['postgresql_ms_without']:.2f} ms without them: {writes['ratio']:.2f} times as long."
    )
