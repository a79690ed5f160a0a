"""Money: applications, M-Pesa's callbacks stored and processed, and repayments, a second on one core.

PostgreSQL, with its disk, has the other core. Each repeat makes some loans (the last press of an
application, as the server has it done), has M-Pesa's results of their payouts posted to the real web server,
processes them as a worker does, has the callbacks of prompts posted, and processes those: so each loan is
lent and paid back. Every answer is checked, and at the end the books: each loan is repaid, and the ledger has
no break.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from loadtests.bench import borrowers, money_work, processes
from loadtests.bench.borrowers import Borrowers
from loadtests.bench.laps import Clock, used_s
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.money_work import MENUS, Posts, Told
from loadtests.bench.report import Report, spread
from loadtests.bench.walker import walking
from migrations import run as migrations
from services.actions import lender
from services.ledger import invariants
from services.mpesa import inbox
from services.mpesa.settings import MpesaSettings
from ussd_engine.embedded import DATABASE, Servers
from ussd_engine.errors import UssdError
from ussd_engine.settings import Settings

ITEMS, WORKERS, CONNECTIONS = 600, 4, 16
POOL = int(Settings.model_fields["pg_pool"].default)
FIRST = 1_000_000  # the number of the first borrower; 0 is who the others are copied from
FULL = 0.9  # a core that is busy so much is what limits
LABELS = {
    "apply": "application, a PIN's hash that costs nothing",
    "stored": "callback stored and answered",
    "result": "payout's result processed: lent",
    "repaid": "prompt's callback processed: repaid",
}


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--items", type=int, default=ITEMS, help=f"loans of a repeat (default {ITEMS})")
    parser.add_argument(
        "--workers", type=int, default=WORKERS, help=f"callbacks processed at once (default {WORKERS})"
    )
    parser.add_argument("--data", type=Path, help="a folder on the disk to measure; else a temporary one")


@dataclass(slots=True)
class Stage:
    """One kind of work: how many a second, milliseconds of CPU for each, and how busy each core was."""

    per_s: list[float] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)
    postgres_ms: list[float] = field(default_factory=list)
    own_busy: list[float] = field(default_factory=list)
    postgres_busy: list[float] = field(default_factory=list)
    statements: int = 0

    def add(self, done: int, wall_s: float, own_s: float, postgres_s: float) -> None:
        """A measured run."""
        self.per_s.append(done / wall_s)
        self.own_ms.append(own_s / done * 1e3)
        self.postgres_ms.append(postgres_s / done * 1e3)
        self.own_busy.append(own_s / wall_s)
        self.postgres_busy.append(postgres_s / wall_s)


@dataclass(slots=True)
class Bench:
    """What the stages work with. counted: statements since it was last set to nothing."""

    pool: Any
    servers: Servers
    pinned: Cores
    server: int
    port: int
    settings: MpesaSettings
    token: str
    workers: int
    terms: Any = field(default_factory=money_work.terms)
    borrower: int = FIRST
    stages: dict[str, Stage] = field(default_factory=lambda: {name: Stage() for name in LABELS})
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def measured(self, name: str, done: int, *, by_server: bool = False, keep: bool = True) -> Iterator[None]:
        """What happens inside is that stage, so many times."""
        clock = Clock(self.pinned, {"postgres": self.servers.processes()["PostgreSQL"]})
        pid = self.server if by_server else os.getpid()
        before = used_s(self.server) if by_server else _own_s()
        yield
        wall_s, used, _ = clock.since()
        own_s = (used_s(pid) if by_server else _own_s()) - before
        if keep:
            self.stages[name].add(done, wall_s, own_s, used["postgres"])


def run(options: argparse.Namespace) -> Report:
    """Set a lender up, let everything happen so many times, audit."""
    pinned = cores()
    os.environ["MPESA_CALLBACK_NETWORKS"] = "127.0.0.0/8"
    with tempfile.TemporaryDirectory(dir=options.data) as name, ExitStack() as running:
        folder = Path(name)
        with warnings.catch_warnings(), pinned.on_redis():
            warnings.simplefilter("ignore")
            servers = running.enter_context(Servers(folder / "servers"))
        migrations.upgrade(servers.database_url)
        port, server = running.enter_context(
            processes.engine(pinned, folder, MENUS, servers.redis_url, servers.database_url)
        )
        secret = processes.settings(MENUS, "")["USSD_SECRET"]
        _people(servers, pinned, port, secret, options.items * (options.repeats + 1) + 1)
        with pinned.on_server():
            bench = asyncio.run(_measure(options, servers, pinned, server, port, secret))
        version = servers.sql("show server_version")
    values: dict[str, Any] = {name: _value(stage) for name, stage in bench.stages.items()}
    notes = _notes(values, options)
    values |= {"items": options.items, "workers": options.workers, "repeats": options.repeats, "pool": POOL}
    values["machine"] = description(pinned) | {"postgresql": version}
    return Report(values, _rows(values), notes, bench.faults)


def _people(servers: Servers, pinned: Cores, port: int, secret: str, count: int) -> None:
    """One joins through the menus; the others are copied, with PINs that cost nothing to check."""
    with walking(pinned, port, 1, Borrowers(port, "join", 0, 0)) as walker:
        walked = walker.walk(60)
    if walked.wrong or int(servers.sql("select count(*) from borrower", DATABASE)) != 1:
        raise UssdError(f"A borrower could not join: {walked.example or 'it takes too long'}")
    borrowers.copies(servers, 0, FIRST, count, borrowers.cheap_hash(secret))


async def _measure(
    options: argparse.Namespace, servers: Servers, pinned: Cores, server: int, port: int, secret: str
) -> Bench:
    settings = MpesaSettings()
    token = settings.token(secret.encode())
    async with _opened(servers, secret) as pool:
        bench = Bench(pool, servers, pinned, server, port, settings, token, options.workers)
        await _count_statements(bench)
        for repeat in range(options.repeats + 1):
            await pool.execute("vacuum analyze")
            await pool.execute("checkpoint")
            await _repeat(bench, options.items if repeat else min(options.items, 100), keep=repeat > 0)
        await _audit(bench)
    return bench


@asynccontextmanager
async def _opened(servers: Servers, secret: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(servers.database_url, min_size=POOL, max_size=POOL) as pool:
        lender.pool, lender.secret = pool, secret.encode()
        yield pool
        lender.pool = None


async def _repeat(bench: Bench, items: int, *, keep: bool) -> None:
    """So many loans, from the application to the last shilling."""
    numbers = iter(range(bench.borrower, bench.borrower + items))
    bench.borrower += items
    with bench.measured("apply", items, keep=keep):
        wrong = await asyncio.gather(*(money_work.apply_all(bench.terms, numbers) for _ in range(POOL)))
    bench.faults += [each for some in wrong for each in some]
    await _told(bench, "result", await _payouts(bench), keep=keep)
    await _told(bench, "repaid", await _prompts(bench), keep=keep)


async def _payouts(bench: Bench) -> list[Told]:
    for statement in money_work.PAYOUTS:
        await bench.pool.execute(statement)
    return [money_work.result(row) for row in await bench.pool.fetch(money_work.SUBMITTED)]


async def _prompts(bench: Bench) -> list[Told]:
    for statement in money_work.PROMPTS:
        await bench.pool.execute(statement)
    return [money_work.paid(row) for row in await bench.pool.fetch(money_work.PROMPTED)]


async def _told(bench: Bench, name: str, told: Sequence[Told], *, keep: bool) -> None:
    """Post the callbacks to the web server, then process them."""
    count = len(told)
    posts = Posts(bench.port, bench.token, list(told))
    with (
        walking(bench.pinned, bench.port, CONNECTIONS, posts) as walker,
        bench.measured("stored", count, by_server=True, keep=keep),
    ):
        walked = await asyncio.to_thread(walker.walk, 300.0)
    if walked.wrong or walked.counts["callbacks"] != count:
        bench.faults.append(f"{name}: {walked.counts['callbacks']} of {count} stored. {walked.example}")
    with bench.measured(name, count, keep=keep):
        workers = (inbox.process_inbox(bench.pool, bench.settings, most=count) for _ in range(bench.workers))
        done = sum(await asyncio.gather(*workers))
    if done != count:
        bench.faults.append(f"{name}: {done} of {count} processed")


async def _count_statements(bench: Bench) -> None:
    """What one of each asks of PostgreSQL, begin and commit counted."""
    number, bench.borrower = bench.borrower, bench.borrower + 1
    await _counted(bench, "apply", lambda: money_work.apply(bench.terms, number))
    for name, made in (("result", _payouts), ("repaid", _prompts)):
        (callback,) = await made(bench)
        await _counted(bench, "stored", partial(_store, bench.pool, callback))
        await _counted(bench, name, lambda: inbox.process_inbox(bench.pool, bench.settings, most=1))
    await bench.pool.expire_connections()  # and with them what counts


async def _store(pool: Any, callback: Told) -> None:
    async with pool.acquire() as connection:
        await inbox.store(connection, *callback)


async def _counted(bench: Bench, name: str, work: Callable[[], Awaitable[Any]]) -> None:
    """Do it once, on connections that count."""
    done: list[Any] = []
    held = [await bench.pool.acquire() for _ in range(POOL)]
    for connection in held:
        connection.add_query_logger(done.append)
    for connection in held:
        await bench.pool.release(connection)
    await work()
    bench.stages[name].statements = len(done)


async def _audit(bench: Bench) -> None:
    """A fault for each loan that is not repaid, and each break of the books."""
    unpaid = await bench.pool.fetchval("select count(*) from loan where state <> 'repaid'")
    if unpaid:
        bench.faults.append(f"{unpaid} loans were not lent and repaid")
    async with bench.pool.acquire() as connection:
        bench.faults += [f"the ledger has a break: {each}" for each in await invariants.breaks(connection)]


def _own_s() -> float:
    """CPU seconds of this process, of which all threads are on the server's core."""
    times = os.times()
    return times.user + times.system


def _value(stage: Stage) -> dict[str, Any]:
    middle = statistics.median
    own_busy, postgres_busy = middle(stage.own_busy), middle(stage.postgres_busy)
    return {
        "per_s": round(middle(stage.per_s), 1),
        "spread": spread(stage.per_s, 1),
        "statements": stage.statements,
        "own_cpu_ms": round(middle(stage.own_ms), 3),
        "postgres_cpu_ms": round(middle(stage.postgres_ms), 3),
        "own_busy": round(own_busy, 2),
        "postgres_busy": round(postgres_busy, 2),
        "limit": _limit(own_busy, postgres_busy),
    }


def _limit(own_busy: float, postgres_busy: float) -> str:
    if own_busy >= FULL:
        return "its own core"
    if postgres_busy >= FULL:
        return "PostgreSQL's core"
    return "waiting: for the disk, and for rows that others hold until their commit"


def _rows(values: dict[str, Any]) -> list[tuple[str, ...]]:
    heading = (
        "",
        "per second",
        "min",
        "max",
        "statements",
        "own CPU ms",
        "PostgreSQL ms",
        "own",
        "PostgreSQL",
    )
    rows: list[tuple[str, ...]] = [heading]
    for name, label in LABELS.items():
        found = values[name]
        rows.append(
            (
                label,
                *(f"{found['spread'][each]:,.0f}" for each in ("median", "min", "max")),
                str(found["statements"]),
                f"{found['own_cpu_ms']:.2f}",
                f"{found['postgres_cpu_ms']:.2f}",
                f"{found['own_busy']:.0%}",
                f"{found['postgres_busy']:.0%}",
            )
        )
    return rows


def _notes(values: dict[str, Any], options: argparse.Namespace) -> list[str]:
    limits = "; ".join(f"{LABELS[name]}: {values[name]['limit']}" for name in LABELS)
    return [
        f"{options.items} loans a repeat; applications on {POOL} connections, callbacks posted over"
        f" {CONNECTIONS} and processed {options.workers} at a time in one process.",
        f"What limits: {limits}.",
        "A PIN's hash is left out: see the journey. What leaves (payouts, prompts, messages) waits for"
        " Safaricom.",
    ]
