"""Complete turns a second through HTTP with Redis, and the rivals in the same run.

Every subject gets the same requests from the same client over as many connections, one after the other
on the server's core, round by round (A B C A B C), so that a change of the machine's speed meets all.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtests.bench import (
    asyncio_client,
    dialogs,
    figures,
    latency,
    load,
    machine,
    paced,
    processes,
    soak,
    step,
)
from loadtests.bench.dialogs import Answers, Plan
from loadtests.bench.machine import Cores
from loadtests.bench.report import Report
from loadtests.bench.subject import Numbers, Subject, ask
from loadtests.rivals import CONSTANT
from loadtests.rivals.catalog import RIVALS
from ussd_engine.errors import UssdError

ENGINE = "ussd serve"
NO_LANE = "no-lane"
NAMES = (NO_LANE, *RIVALS)
_OPEN_FILES = 4096


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--only", nargs="*", choices=NAMES, metavar="NAME", help="the engine and these alone")
    chosen.add_argument("--without", nargs="+", choices=NAMES, metavar="NAME", default=[], help="not these")
    parser.add_argument("--half-rate", action="store_true", help="then latencies at half the top rate")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="then half the top rate for so long")


def run(chosen: argparse.Namespace) -> Report:
    """Start everything, measure, stop everything."""
    pinned = machine.cores()
    name, client = load.client_named(chosen.client)
    names, left_out = able(chosen.only, chosen.without)
    if chosen.half_rate or chosen.soak:
        paced.program()  # so that a missing compiler is said at once
        machine.allow_open_files(_OPEN_FILES)
    numbers = Numbers()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        subjects = running.enter_context(_subjects(names, client, pinned, Path(folder)))
        exact = _check_exactly(subjects[0], pinned, chosen.connections)
        for turn in range(chosen.repeats + 1):
            seconds = chosen.seconds if turn else 1  # the first round warms up
            for subject in subjects:
                sample = ask(subject, seconds, chosen.connections, numbers, pinned)
                if turn:
                    subject.samples.append(sample)
        for subject in subjects:
            subject.memory_mb = load.memory_mb(subject.pid)
        with pinned.on_server():
            step_us = step.measure(chosen.repeats)
        values = figures.values(subjects, exact, step_us) | {
            "left_out": left_out,
            "client": name,
            "connections": chosen.connections,
            "seconds": chosen.seconds,
            "repeats": chosen.repeats,
            "machine": machine.description(pinned),
        }
        rows, notes = figures.rows(subjects, values), figures.notes(subjects, values)
        report = Report(values, rows, notes, figures.faults(subjects, exact))
        _at_half_the_rate(report, subjects[0], chosen, numbers, pinned)
    return report


def able(only: list[str] | None, without: list[str]) -> tuple[list[str], dict[str, str]]:
    """Who runs, and why others do not. Raises UssdError when one that was named cannot."""
    wanted = [name for name in NAMES if (name in only if only is not None else name not in without)]
    missing = {name: RIVALS[name].missing() for name in wanted if name in RIVALS}
    left_out = {name: reason for name, reason in missing.items() if reason is not None}
    if only and left_out:
        raise UssdError("\n".join(f"{name} cannot run. {reason}" for name, reason in left_out.items()))
    return [name for name in wanted if name not in left_out], left_out


@contextmanager
def _subjects(
    names: list[str], client: Callable[[Plan], Answers], pinned: Cores, folder: Path
) -> Iterator[list[Subject]]:
    """Every server, started; the engine first."""
    with ExitStack() as running:
        redis_url, redis = running.enter_context(processes.redis(pinned, folder))
        database_url, database = "", 0
        if any(name in RIVALS and RIVALS[name].database for name in names):
            database_url, database = running.enter_context(processes.postgres(pinned, folder))
        engines = [(ENGINE, "turns_per_s", "ussd serve: the whole turn")]
        if NO_LANE in names:
            engines.append((NO_LANE, "no_lane_per_s", "ussd serve --no-lane: by aiohttp"))
        subjects, scripts = [], dialogs.scripts()
        for name, key, label in engines:
            started = processes.engine(pinned, folder, dialogs.MENUS, redis_url, lane=name == ENGINE)
            port, pid = running.enter_context(started)
            subjects.append(Subject(name, key, label, port, pid, redis, scripts, client, dialogs.WAITING))
        for name in names:
            if name in RIVALS:
                place = processes.rival(name, pinned, folder, redis_url, database_url)
                port, pid = running.enter_context(place)
                store = database if RIVALS[name].database else redis
                subjects.append(_rival(name, port, pid, store, client))
        yield subjects


def _rival(name: str, port: int, pid: int, store: int, client: Callable[[Plan], Answers]) -> Subject:
    """One with menus is slow: it gets whole dialogs from the first second, and a client that knows which."""
    rival = RIVALS[name]
    scripts = dialogs.scripts() if rival.menus else dialogs.answered_with(CONSTANT)
    if rival.menus and client is load.CLIENTS["wrk"]:
        client = asyncio_client.run
    waiting = 1 if rival.menus else dialogs.WAITING
    return Subject(name, rival.key, rival.label, port, pid, store, scripts, client, waiting)


def _check_exactly(engine: Subject, pinned: Cores, connections: int) -> Answers:
    """One second with the client in Python, which checks each reply against its own request."""
    with pinned.on_client():
        return asyncio_client.run(Plan(engine.port, 1, connections, engine.scripts))


def _at_half_the_rate(
    report: Report, engine: Subject, chosen: argparse.Namespace, numbers: Numbers, pinned: Cores
) -> None:
    """Add what is measured at half of the top rate that this run has found."""
    half: float = report.values["turns_per_s"] / 2
    if chosen.half_rate:
        waits = latency.measure(engine, half, chosen.seconds, chosen.repeats, numbers, pinned)
        report.values["half_rate"] = waits.values()
        report.tables.append(waits.rows())
        report.notes += waits.notes()
        report.faults += waits.faults()
    if chosen.soak:
        soaked = soak.measure(engine, half, chosen.soak, numbers, pinned)
        report.values["soak"] = soaked.values()
        report.tables.append(soaked.rows())
        report.faults += soaked.faults()
