"""A whole loan application through the real menus, with PostgreSQL's durable commit, against pgbench.

`ussd serve` has one core; PostgreSQL, Redis and the client share the other. pgbench then gets the server's
core and as many connections as the server's pool, and runs the very statements an application asks for, in
the same transactions, prepared, with the same values (see recording.py). It cannot hash a PIN. So the journey
is measured twice: with PINs hashed as in production, and with hashes that cost next to nothing to check; the
second is what compares with pgbench. Every answer is checked, and at the end the books: as many loans as
borrowers were told of, and a ledger without a break.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from loadtests.bench import borrowers, laps, pgbench, processes, recording
from loadtests.bench.borrowers import Borrowers
from loadtests.bench.laps import Clock, Lap
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.pgbench import Benched
from loadtests.bench.recording import Script
from loadtests.bench.report import Report, spread
from loadtests.bench.walker import Walker, walking
from migrations import run as migrations
from services.borrowers import pins
from services.ledger import invariants
from ussd_engine.embedded import DATABASE, Servers
from ussd_engine.errors import UssdError
from ussd_engine.settings import Settings

MENUS = Path(__file__).parents[2] / "menus"
PHONES = 32
POOL = int(Settings.model_fields["pg_pool"].default)
WANTED = 0.6

# Where the numbers of each kind begin, and how many of them a second are written before.
JOINED, RECORDED = 0, 900_000
CHEAP, REAL, BENCHED = 1_000_000, 4_000_000, 7_000_000
CHEAP_MOST, REAL_MOST, BENCHED_MOST = 1_500, 400, 4_000
APART = """
select setval(
    format('%I.%I', schemaname, sequencename)::regclass,
    coalesce(last_value, 0) + 10000 * row_number() over (order by sequencename)
)
from pg_sequences
"""
LABELS = {
    "cheap": "application, a PIN's hash that costs nothing",
    "real": "application, PIN hashed as in production",
    "pgbench": "pgbench, the same statements",
}


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--phones", type=int, default=PHONES, help=f"dialogs at once (default {PHONES})")
    parser.add_argument("--data", type=Path, help="a folder on the disk to measure; else a temporary one")


@dataclass(slots=True)
class _Subject:
    """One kind of journey and its measured laps."""

    name: str
    walker: Walker
    laps: list[Lap] = field(default_factory=list)

    @property
    def per_s(self) -> list[float]:
        return [lap.walked.counts["dialogs"] / lap.walked.seconds for lap in self.laps]

    def last_ms(self, share: float) -> float:
        """The milliseconds of the last answer, with the PIN and the commit."""
        return statistics.median(_at(sorted(lap.walked.told[1]), share) * 1e3 for lap in self.laps)

    def cpu_ms(self, process: str) -> float:
        """Milliseconds of that process for each application."""
        return laps.middle(self.laps, lambda lap: lap.cpu_s[process] / lap.walked.counts["dialogs"] * 1e3)


@dataclass(slots=True)
class _Pgbench:
    """What pgbench did, and the CPU of PostgreSQL for it, in milliseconds a script."""

    runs: list[Benched] = field(default_factory=list)
    postgres_ms: list[float] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Bank:
    """The servers, and how many loans must be in the books."""

    servers: Servers
    pids: dict[str, int]
    pinned: Cores
    loans: int = 0
    faults: list[str] = field(default_factory=list)

    def count(self, what: str) -> int:
        return int(self.servers.sql(f"select count(*) from {what}", DATABASE))

    def settle(self) -> None:
        """Bring the database to rest. Analyzed, too: or connections that are open go on with plans that were
        made when the tables were empty, and which a day in production would have seen replaced."""
        self.servers.sql("vacuum analyze", DATABASE)
        self.servers.sql("checkpoint")

    def audit(self) -> None:
        """A fault when the books are not what was answered."""
        found = self.count("loan")
        if found != self.loans:
            self.faults.append(f"{self.loans:,} loans were answered for, and {found:,} are there")
        for each in asyncio.run(self._breaks()):
            self.faults.append(f"the ledger has a break: {each}")

    async def _breaks(self) -> list[invariants.Break]:
        connection = await asyncpg.connect(self.servers.database_url)
        try:
            return await invariants.breaks(connection)
        finally:
            await connection.close()


def run(options: argparse.Namespace) -> Report:
    """Set the lender up, let borrowers join, record, measure, audit."""
    pinned = cores()
    with tempfile.TemporaryDirectory(dir=options.data) as name, ExitStack() as running:
        folder = Path(name)
        with warnings.catch_warnings(), pinned.on_redis():
            warnings.simplefilter("ignore")
            servers = running.enter_context(Servers(folder / "servers"))
        migrations.upgrade(servers.database_url)
        pids = {"postgres": servers.processes()["PostgreSQL"], "redis": servers.processes()["Redis"]}
        port, pids["server"] = running.enter_context(
            processes.engine(pinned, folder, MENUS, servers.redis_url, servers.database_url)
        )
        bank = _Bank(servers, pids, pinned)
        joins = _join(bank, port, options.phones)
        script = _recorded(bank)
        path = recording.write(script, folder)
        subjects, benched = _measured(bank, port, path, script, options, running)
        bank.audit()
        disk = _disk(folder)
        version = servers.sql("show server_version")
    hash_ms = _hash_ms(pinned)
    machine = description(pinned) | {"postgresql": version, "disk": disk}
    values = _values(subjects, benched, script, hash_ms) | {
        "joins_per_s": round(joins, 1),
        "phones": options.phones,
        "pool": POOL,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "machine": machine,
    }
    return Report(values, _rows(subjects, values), _notes(values), bank.faults)


def _join(bank: _Bank, port: int, phones: int) -> float:
    """As many as there are phones join through the menus, at once: how many a second."""
    traffic = Borrowers(port, "join", JOINED, JOINED + phones - 1)
    with walking(bank.pinned, port, phones, traffic) as walker:
        walked = walker.walk(120)
    if walked.wrong or not walked.ended or bank.count("borrower") != phones:
        raise UssdError(f"Borrowers could not join: {walked.example or 'it takes too long'}")
    return phones / walked.seconds


def _recorded(bank: _Bank) -> Script:
    """Two applications as statements. First the counters of ids are set far apart, so that an id says whose
    it is."""
    bank.servers.sql(APART, DATABASE)
    one, two = RECORDED, RECORDED + 1
    borrowers.copies(bank.servers, JOINED, one, 2)
    environment = processes.settings(MENUS, bank.servers.redis_url, bank.servers.database_url)
    first, second = asyncio.run(recording.record(environment, (one, two)))
    bank.loans += 2
    return recording.script(first, second, (one, two))


def _measured(
    bank: _Bank, port: int, path: Path, script: Script, options: argparse.Namespace, running: ExitStack
) -> tuple[list[_Subject], _Pgbench]:
    """All laps: cheap, real, pgbench, and again."""
    seconds = options.seconds * options.repeats + 1
    cheap_hash = borrowers.cheap_hash(processes.settings(MENUS, "")["USSD_SECRET"])
    subjects = []
    for name, first, most, pin_hash in (
        ("cheap", CHEAP, CHEAP_MOST, cheap_hash),
        ("real", REAL, REAL_MOST, None),
    ):
        borrowers.copies(bank.servers, JOINED, first, seconds * most, pin_hash)
        traffic = Borrowers(port, "apply", first, first + seconds * most - 1)
        walker = running.enter_context(walking(bank.pinned, port, options.phones, traffic))
        subjects.append(_Subject(name, walker))
    borrowers.copies(bank.servers, JOINED, BENCHED, seconds * BENCHED_MOST)
    benched = _Pgbench()
    first = BENCHED
    for repeat in range(options.repeats + 1):
        took = options.seconds if repeat else 1
        for subject in subjects:
            lap = _lap(bank, subject, took)
            if repeat:
                subject.laps.append(lap)
        _bench(bank, path, script, first, took, benched if repeat else _Pgbench())
        first += took * BENCHED_MOST
    return subjects, benched


def _lap(bank: _Bank, subject: _Subject, seconds: int) -> Lap:
    bank.settle()
    lap = laps.lap(subject.walker, seconds, bank.pinned, bank.pids)
    bank.loans += lap.walked.told[0]
    bank.faults += laps.wrong(subject.name, [lap])
    if lap.walked.ended:
        bank.faults.append(f"{subject.name}: all borrowers had their loan before the time was over")
    return lap


def _bench(bank: _Bank, path: Path, script: Script, first: int, seconds: int, into: _Pgbench) -> None:
    bank.settle()
    variables = script.constants | {"first": str(first), "turn": "-1", "clients": str(POOL)}
    clock = Clock(bank.pinned, {"postgres": bank.pids["postgres"]})
    before = os.times()
    done = pgbench.run(bank.pinned, bank.servers.database_url, path, variables, clients=POOL, seconds=seconds)
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    bank.loans += done.done
    into.runs.append(done)
    into.postgres_ms.append(clock.since()[1]["postgres"] / done.done * 1e3)
    into.own_ms.append(own / done.done * 1e3)


def _hash_ms(pinned: Cores) -> float:
    """Checking one PIN, on the server's core."""

    async def check() -> list[float]:
        kept = await pins.hashed(borrowers.PIN, b"secret")
        took = []
        for _ in range(20):
            began = time.perf_counter()
            if not await pins.matches(borrowers.PIN, kept, b"secret"):
                raise UssdError("A PIN does not match its own hash.")
            took.append((time.perf_counter() - began) * 1e3)
        return took

    with pinned.on_server():
        return statistics.median(asyncio.run(check()))


def _disk(folder: Path) -> str:
    """The file system under the data, and how long it takes to write 8 KB so that they stay."""
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"
    took = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    return f"{kind}, 8 KB kept in {statistics.median(took):.2f} ms"


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


# -- saying it ---------------------------------------------------------------------------------------


def _values(subjects: list[_Subject], benched: _Pgbench, script: Script, hash_ms: float) -> dict[str, Any]:
    bench = [each.per_s for each in benched.runs]
    middle: Callable[[list[float]], float] = statistics.median
    found: dict[str, Any] = {
        subject.name: {
            "per_s": round(middle(subject.per_s), 1),
            "of_pgbench": round(middle(subject.per_s) / middle(bench), 3),
            "server_cpu_ms": round(subject.cpu_ms("server"), 3),
            "postgres_cpu_ms": round(subject.cpu_ms("postgres"), 3),
            "last_answer_p50_ms": round(subject.last_ms(0.5), 2),
            "last_answer_p99_ms": round(subject.last_ms(0.99), 2),
            "busy": laps.busy(subject.laps),
            "answers": sum(lap.walked.right for lap in subject.laps),
            "spread": spread(subject.per_s, 1),
        }
        for subject in subjects
    }
    found["pgbench"] = {
        "per_s": round(middle(bench), 1),
        "cpu_ms": round(middle(benched.own_ms), 3),
        "postgres_cpu_ms": round(middle(benched.postgres_ms), 3),
        "latency_ms": round(middle([each.latency_ms for each in benched.runs]), 2),
        "spread": spread(bench, 1),
    }
    return found | {
        "of_pgbench": found["cheap"]["of_pgbench"],
        "of_pgbench_met": found["cheap"]["of_pgbench"] >= WANTED,
        "pin_check_ms": round(hash_ms, 2),
        "statements": script.statements,
        "transactions": script.transactions,
    }


def _rows(subjects: list[_Subject], values: dict[str, Any]) -> list[tuple[str, ...]]:
    heading = (
        "",
        "per second",
        "min",
        "max",
        "of pgbench",
        "own CPU ms",
        "PostgreSQL ms",
        "p50 ms",
        "p99 ms",
    )
    rows: list[tuple[str, ...]] = [(*heading, "server", "PostgreSQL", "client")]
    for subject in subjects:
        found = values[subject.name]
        rows.append(
            (
                LABELS[subject.name],
                *(f"{found['spread'][each]:,.0f}" for each in ("median", "min", "max")),
                f"{found['of_pgbench']:.2f}",
                f"{found['server_cpu_ms']:.2f}",
                f"{found['postgres_cpu_ms']:.2f}",
                f"{found['last_answer_p50_ms']:.1f}",
                f"{found['last_answer_p99_ms']:.1f}",
                *(f"{found['busy'][who]:.0%}" for who in ("server", "postgres", "client")),
            )
        )
    return [*rows, _pgbench_row(values["pgbench"])]


def _pgbench_row(found: dict[str, Any]) -> tuple[str, ...]:
    return (
        LABELS["pgbench"],
        *(f"{found['spread'][each]:,.0f}" for each in ("median", "min", "max")),
        "1.00",
        f"{found['cpu_ms']:.2f}",
        f"{found['postgres_cpu_ms']:.2f}",
        f"{found['latency_ms']:.1f}",
        "",
        f"{found['cpu_ms'] * found['per_s'] / 1e3:.0%}",
        f"{found['postgres_cpu_ms'] * found['per_s'] / 1e3:.0%}",
        "",
    )


def _notes(values: dict[str, Any]) -> list[str]:
    pin_ms = values["pin_check_ms"]
    return [
        f"An application is {len(borrowers.source('apply'))} turns; {values['statements']} statements in"
        f" {values['transactions']} transactions, begin and commit counted; {values['pool']} connections.",
        f"Without the PIN's hash it runs at {values['of_pgbench']:.0%} of pgbench (wanted: {WANTED:.0%}).",
        f"Checking a PIN takes {pin_ms} ms of a core: at most {1000 / pin_ms:,.0f} applications a second"
        " and core, whatever else is made faster.",
        "p50 and p99: of the answer to the PIN, which is sent when the loan is on disk; of pgbench, the mean"
        " of the whole script. Borrowers join at"
        f" {values['joins_per_s']:.0f} a second (two PIN hashes each).",
        *laps.remarks({LABELS[name]: values[name]["busy"] for name in ("cheap", "real")}),
    ]
