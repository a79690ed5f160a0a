"""What a turn costs when a service has ten states or thousands.

The menus are made (see ladder.py), checked and compiled like any, and all served by one `ussd serve`, each
size under a code of its own: so nothing differs between the rows but the number of states. The load goes
round the sizes (A B C D A B C D). What one bundle takes to check, to compile and to keep is measured in a
process of its own.
"""

import argparse
import gc
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from core_ext.dialog import Dialog
from core_ext.program import Program
from loadtests.bench import laps, processes
from loadtests.bench.ladder import LEAST, Climbers, Ladder
from loadtests.bench.laps import Lap
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.report import Report, counts, spread
from loadtests.bench.walker import Walker, walking
from ussd_engine.bundles import build
from ussd_engine.errors import UssdError
from ussd_engine.menu import check_sources

SIZES = (10, 50, 500, 5_000)
ALLOWED = 1.10  # CPU a turn, and a step, at any size over those at the smallest
WALKS = 2_000
SLICES = 20


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--states", type=counts, default=SIZES, help="of the services: 10,50,500,5000")


@dataclass(slots=True, frozen=True)
class Made:
    """What a bundle takes: seconds to check, to check and compile, and of `ussd check`; megabytes kept."""

    check_s: float
    build_s: float
    megabytes: float
    command_s: float


@dataclass(slots=True)
class _Size:
    """A service and what was measured of it."""

    ladder: Ladder
    made: Made
    walker: Walker
    program: Program
    laps: list[Lap] = field(default_factory=list)
    step_us: list[float] = field(default_factory=list)


def run(options: argparse.Namespace) -> Report:
    """Make the services, serve them, measure."""
    if min(options.states) < LEAST:
        raise UssdError(f"--states: the least is {LEAST}.")
    pinned = cores()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        sizes, pids = _served(options, Path(name), pinned, running)
        for repeat in range(options.repeats + 1):
            for size in sizes:
                lap = laps.lap(size.walker, options.seconds if repeat else 1, pinned, pids)
                faults += laps.wrong(f"{size.ladder.states:,} states", [lap])
                if repeat:
                    size.laps.append(lap)
        with pinned.on_server():
            _steps(sizes, options.repeats)
    values = _values(sizes) | {
        "connections": options.connections,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "machine": description(pinned),
    }
    return Report(values, _rows(values), _notes(values), faults)


def _served(
    options: argparse.Namespace, folder: Path, pinned: Cores, running: ExitStack
) -> tuple[list[_Size], dict[str, int]]:
    ladders = [Ladder(states) for states in options.states]
    with pinned.on_server():
        made = [_made(ladder, ladder.write(folder / "menus")) for ladder in ladders]
    url, redis_pid = running.enter_context(processes.redis(pinned, folder))
    port, pid = running.enter_context(processes.engine(pinned, folder, folder / "menus", url))
    sizes = [
        _Size(
            ladder,
            each,
            running.enter_context(walking(pinned, port, options.connections, Climbers(port, ladder))),
            build(ladder.sources()).program,
        )
        for ladder, each in zip(ladders, made, strict=True)
    ]
    return sizes, {"server": pid, "redis": redis_pid}


# -- a bundle ----------------------------------------------------------------------------------------


def _made(ladder: Ladder, folder: Path) -> Made:
    """Check, compile and weigh it, in a process that has done nothing else; then the command people use."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        check_s, build_s, megabytes = pool.apply(weighed, (ladder,))
    began = time.perf_counter()
    command = [sys.executable, "-m", "ussd_engine.cli", "check", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    command_s = time.perf_counter() - began
    if result.returncode != 0:
        raise UssdError(f"ussd check refuses {ladder.states} states:\n{result.stdout[-2000:]}")
    return Made(check_s, build_s, megabytes, command_s)


def weighed(ladder: Ladder) -> tuple[float, float, float]:
    """Seconds to check, seconds to check and compile, and the memory that the compiled bundle keeps."""
    build(Ladder(LEAST).sources())  # what is loaded late is loaded now
    sources = ladder.sources()
    began = time.perf_counter()
    check_sources(sources)
    checked = time.perf_counter()
    gc.collect()
    before = psutil.Process().memory_info().rss
    again = time.perf_counter()
    bundle = build(sources)
    built = time.perf_counter()
    gc.collect()
    kept = psutil.Process().memory_info().rss - before
    del bundle
    return checked - began, built - again, kept / 1e6


def _steps(sizes: list[_Size], repeats: int) -> None:
    """Microseconds a step of the menu machine alone, over many dialogs, size after size and again."""
    walks = []
    for size in sizes:
        chance = random.Random(1)
        walks.append([size.ladder.walk(chance) for _ in range(WALKS)])
        _check(size.program, walks[-1])
    for _ in range(repeats * SLICES):
        for size, walked in zip(sizes, walks, strict=True):
            size.step_us.append(_step_us(size.program, walked))


def _step_us(program: Program, walks: list[list[tuple[str, str]]]) -> float:
    inputs = [[typed for typed, _ in walked[1:]] for walked in walks]
    began = time.perf_counter()
    for typed in inputs:
        dialog = Dialog(None, {}, 0)
        program.begin(dialog)
        for text in typed:
            program.step(dialog, text)
    return (time.perf_counter() - began) / sum(map(len, walks)) * 1e6


def _check(program: Program, walks: list[list[tuple[str, str]]]) -> None:
    for walked in walks:
        dialog = Dialog(None, {}, 0)
        shown = [program.begin(dialog), *(program.step(dialog, typed) for typed, _ in walked[1:])]
        for (typed, wanted), result in zip(walked, shown, strict=True):
            if result.text != wanted.partition(" ")[2]:
                raise RuntimeError(f"after {typed!r}: wanted {wanted!r}, got {result.text!r}")


# -- saying it ---------------------------------------------------------------------------------------


def _values(sizes: list[_Size]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for size in sizes:
        found[str(size.ladder.states)] = {
            "turns_per_s": round(laps.middle(size.laps, lambda lap: lap.walked.per_s)),
            "server_cpu_us_per_turn": round(laps.middle(size.laps, lambda lap: lap.cpu_us("server")), 2),
            "step_us": round(statistics.median(size.step_us), 3),
            "p99_ms": round(laps.middle(size.laps, lambda lap: lap.walked.p99_ms), 3),
            "check_s": round(size.made.check_s, 3),
            "check_and_compile_s": round(size.made.build_s, 3),
            "ussd_check_s": round(size.made.command_s, 3),
            "bundle_mb": round(size.made.megabytes, 2),
            "busy": laps.busy(size.laps),
            "answers": sum(lap.walked.right for lap in size.laps),
            "spread": {
                "turns_per_s": spread([lap.walked.per_s for lap in size.laps]),
                "server_cpu_us_per_turn": spread([lap.cpu_us("server") for lap in size.laps], 2),
                "step_us": spread(size.step_us, 3),
            },
        }
    first, last = found[str(sizes[0].ladder.states)], found[str(sizes[-1].ladder.states)]
    cpu = last["server_cpu_us_per_turn"] / first["server_cpu_us_per_turn"]
    step = last["step_us"] / first["step_us"]
    return {
        "states": found,
        "cpu_growth": round(cpu, 3),
        "cpu_growth_met": cpu <= ALLOWED,
        "step_growth": round(step, 3),
    }


def _rows(values: dict[str, Any]) -> list[tuple[str, ...]]:
    heading = ("states", "turns/s", "min", "max", "p99 ms", "CPU us", "min", "max", "step us", "min", "max")
    rows: list[tuple[str, ...]] = [(*heading, "check s", "compiled s", "ussd check s", "bundle MB", "server")]
    for states, found in values["states"].items():
        rate, cpu, step = (
            found["spread"][each] for each in ("turns_per_s", "server_cpu_us_per_turn", "step_us")
        )
        rows.append(
            (
                f"{int(states):,}",
                *(f"{rate[each]:,.0f}" for each in ("median", "min", "max")),
                f"{found['p99_ms']:.2f}",
                *(f"{cpu[each]:.1f}" for each in ("median", "min", "max")),
                *(f"{step[each]:.2f}" for each in ("median", "min", "max")),
                f"{found['check_s']:.2f}",
                f"{found['check_and_compile_s']:.2f}",
                f"{found['ussd_check_s']:.2f}",
                f"{found['bundle_mb']:.1f}",
                f"{found['busy']['server']:.0%}",
            )
        )
    return rows


def _notes(values: dict[str, Any]) -> list[str]:
    shares = {f"{int(states):,} states": found["busy"] for states, found in values["states"].items()}
    return [
        f"From the smallest to the largest, CPU a turn grows by a factor of {values['cpu_growth']} (wanted:"
        f" {ALLOWED} or less), a step by {values['step_growth']}.",
        "CPU us: of the server for a turn. Step: the menu machine alone. Compiled: checked and compiled, as a"
        " publication does. Bundle: what the process grew by.",
        *laps.remarks(shares),
    ]
