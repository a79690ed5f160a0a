"""Complete turns a second through HTTP with Redis, and the rivals in the same run.

Every subject gets the same requests from the same client over as many connections, one after the other
on the server's core, round by round (A B C A B C), so that a change of the machine's speed meets all.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.bench import asyncio_client, dialogs, processes, step
from loadtests.bench.dialogs import Answers, Plan, Script
from loadtests.bench.load import Sample, client_named, measure
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.report import Report, spread
from loadtests.rivals import CONSTANT

ENGINE = "ussd serve"
LABELS = {
    ENGINE: "ussd serve: the whole turn",
    "hello": "aiohttp: constant, form not read",
    "form": "aiohttp: constant, form read",
    "naive": "aiohttp + redis-py: GET, SET",
    "limit": "uvloop + httptools: constant",
}
KEYS = {
    ENGINE: "turns_per_s",
    "hello": "aiohttp_hello_per_s",
    "form": "aiohttp_form_per_s",
    "naive": "naive_per_s",
    "limit": "limit_per_s",
}
RIVALS = [name for name in LABELS if name != ENGINE]
DIALOGS_A_RUN = 500_000  # more than a run can start, so no two runs share a session
NOISE = 0.05
FULL = 0.95


@dataclass(slots=True)
class _Subject:
    """A server under load and what was measured of it."""

    name: str
    port: int
    pid: int
    scripts: tuple[Script, ...]
    samples: list[Sample]

    def middle(self, value: Callable[[Sample], float]) -> float:
        """The median of the repeats."""
        return statistics.median(value(sample) for sample in self.samples)


def run(options: argparse.Namespace) -> Report:
    """Start everything, measure, stop everything."""
    pinned = cores()
    name, client = client_named(options.client)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        redis, subjects = running.enter_context(_subjects(pinned, Path(folder)))
        exact = _check_exactly(subjects[0], pinned, options.connections)
        first = DIALOGS_A_RUN
        for turn in range(options.repeats + 1):
            seconds = options.seconds if turn else 1  # the first round warms up
            for subject in subjects:
                plan = Plan(subject.port, seconds, options.connections, subject.scripts, first)
                first += DIALOGS_A_RUN
                sample = measure(client, plan, pinned, subject.pid, redis)
                if turn:
                    subject.samples.append(sample)
    with pinned.on_server():
        step_us = step.measure(options.repeats)
    values = _values(subjects, exact, step_us) | {
        "client": name,
        "connections": options.connections,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "machine": description(pinned),
    }
    return Report(values, _rows(subjects, values), _notes(values), _faults(subjects, exact))


@contextmanager
def _subjects(pinned: Cores, folder: Path) -> Iterator[tuple[int, list[_Subject]]]:
    """The process id of Redis, and every server, the engine first."""
    with ExitStack() as running:
        redis_url, redis = running.enter_context(processes.redis(pinned, folder))
        port, pid = running.enter_context(processes.engine(pinned, folder, dialogs.MENUS, redis_url))
        subjects = [_Subject(ENGINE, port, pid, dialogs.scripts(), [])]
        for name in RIVALS:
            port, pid = running.enter_context(processes.rival(name, pinned, folder, redis_url))
            subjects.append(_Subject(name, port, pid, dialogs.answered_with(CONSTANT), []))
        yield redis, subjects


def _check_exactly(engine: _Subject, pinned: Cores, connections: int) -> Answers:
    """One second with the client that checks each reply against its own request."""
    with pinned.on_client():
        return asyncio_client.run(Plan(engine.port, 1, connections, engine.scripts))


def _values(subjects: list[_Subject], exact: Answers, step_us: list[float]) -> dict[str, Any]:
    """The medians under their names, and what they were made of."""
    engine = subjects[0]
    rates = {KEYS[subject.name]: round(subject.middle(lambda sample: sample.per_s)) for subject in subjects}
    spreads = {
        KEYS[subject.name]: spread([sample.per_s for sample in subject.samples]) for subject in subjects
    }
    samples = [sample for subject in subjects for sample in subject.samples]
    # What the do-nothing server could answer if the client could ask it: a fairer limit than its rate.
    limit = round(1e6 / subjects[-1].middle(lambda sample: sample.server_cpu_us))
    cpu = {
        KEYS[subject.name]: round(subject.middle(lambda sample: sample.server_cpu_us), 2)
        for subject in subjects
    }
    return {
        **rates,
        "p50_ms": round(engine.middle(lambda sample: sample.p50_ms), 3),
        "p99_ms": round(engine.middle(lambda sample: sample.p99_ms), 3),
        "server_cpu_us_per_turn": cpu["turns_per_s"],
        "step_us": round(statistics.median(step_us), 3),
        "of_hello": round(rates["turns_per_s"] / rates["aiohttp_hello_per_s"], 3),
        "of_naive": round(rates["turns_per_s"] / rates["naive_per_s"], 2),
        "of_limit": round(rates["turns_per_s"] / limit, 3),
        "of_hello_by_cpu": round(cpu["aiohttp_hello_per_s"] / cpu["turns_per_s"], 3),
        "limit_by_cpu_per_s": limit,
        "client_max_per_s": rates["limit_per_s"],
        "cpu_us_per_request": cpu,
        "busy": {KEYS[subject.name]: _busy(subject) for subject in subjects},
        "answers": {
            "right": sum(sample.right for sample in samples),
            "wrong": sum(sample.wrong for sample in samples),
            "checked_exactly": exact.right,
            "checked_exactly_wrong": exact.wrong,
        },
        "spread": {**spreads, "step_us": spread(step_us, 3)},
    }


def _busy(subject: _Subject) -> dict[str, float]:
    """Shares of one core over the run: the server, the client, Redis, and others on the server's core."""
    return {
        "server": round(subject.middle(lambda sample: sample.server_busy), 2),
        "client": round(subject.middle(lambda sample: sample.client_busy), 2),
        "redis": round(subject.middle(lambda sample: sample.redis_busy), 2),
        "noise": round(subject.middle(lambda sample: sample.noise), 2),
    }


def _rows(subjects: list[_Subject], values: dict[str, Any]) -> list[tuple[str, ...]]:
    heading = (
        "",
        "per second",
        "min",
        "max",
        "of it",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "server",
        "client",
        "Redis",
    )
    rows: list[tuple[str, ...]] = [heading]
    for subject in subjects:
        key = KEYS[subject.name]
        found, busy = values["spread"][key], values["busy"][key]
        ratio = values["turns_per_s"] / values[key]
        rows.append(
            (
                LABELS[subject.name],
                f"{values[key]:,}",
                f"{found['min']:,.0f}",
                f"{found['max']:,.0f}",
                f"{ratio:.2f}",
                f"{subject.middle(lambda sample: sample.p50_ms):.2f}",
                f"{subject.middle(lambda sample: sample.p99_ms):.2f}",
                f"{values['cpu_us_per_request'][key]:.1f}",
                *(f"{busy[who]:.0%}" for who in ("server", "client", "redis")),
            )
        )
    return rows


def _notes(values: dict[str, Any]) -> list[str]:
    answers = values["answers"]
    busy = values["busy"]["turns_per_s"]
    notes = [
        "'of it': the engine's rate over the row's. CPU us: of the server for a request. Busy: of one core.",
        f"one step of the menu machine: {values['step_us']} us",
        f"client: {values['client']}, one thread, {values['connections']} connections; its rate against the"
        f" server that does nothing: {values['client_max_per_s']:,}/s",
        f"answers: {answers['right']:,} right, {answers['wrong']} wrong; and each against its own request:"
        f" {answers['checked_exactly']:,} right, {answers['checked_exactly_wrong']} wrong",
    ]
    if busy["server"] + busy["noise"] < FULL:
        notes.append(
            f"The engine's core was {busy['server']:.0%} busy: it waited for the client and Redis, or for"
            " what else ran on their core."
        )
    limit = values["busy"]["limit_per_s"]
    if limit["server"] + limit["noise"] < FULL:
        notes.append(
            "The server that does nothing was not busy all the time: its row is what the client can ask."
            f" By its CPU time it could answer {values['limit_by_cpu_per_s']:,}/s."
        )
    noisy = [key for key, shares in values["busy"].items() if shares["noise"] > NOISE]
    if noisy:
        notes.append(f"Other programs used the server's core during: {', '.join(noisy)}. Run it again alone.")
    return notes


def _faults(subjects: list[_Subject], exact: Answers) -> list[str]:
    faults = [
        f"{subject.name}: {sample.wrong} wrong answers, the first: {sample.example}"
        for subject in subjects
        for sample in subject.samples
        if sample.wrong
    ]
    if exact.wrong:
        faults.append(f"{ENGINE}, checked exactly: {exact.wrong} wrong answers, the first: {exact.example}")
    return faults
