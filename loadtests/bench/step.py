"""The menu machine alone, in this process: what one turn costs without HTTP, Redis or JSON."""

import argparse
import statistics
import time

from core_ext import COMPILED
from core_ext.dialog import END, Dialog, Result
from core_ext.program import Program
from loadtests.bench import dialogs
from loadtests.bench.machine import cores, description
from loadtests.bench.report import Report, spread
from ussd_engine.bundles import build
from ussd_engine.menu import read_sources

ROUNDS = 150  # a few milliseconds: short enough to fit between what else the machine does
SLICES = 20
Inputs = tuple[str, ...]


def run(options: argparse.Namespace) -> Report:
    """Time steps, and steps with the dialog restored and dumped around each, as a server does."""
    pinned = cores()
    with pinned.on_server():
        step_us = measure(options.repeats)
        program, walks = _program(), _dialogs()
        kept_us = [_kept(program, walks) for _ in range(options.repeats * SLICES)]
    values = {
        "step_us": round(statistics.median(step_us), 3),
        "step_and_dialog_us": round(statistics.median(kept_us), 3),
        "compiled": COMPILED,
        "spread": {"step_us": spread(step_us, 3), "step_and_dialog_us": spread(kept_us, 3)},
        "repeats": options.repeats,
        "machine": description(pinned),
    }
    rows: list[tuple[str, ...]] = [("", "us a turn", "min", "max")]
    for name, label in [("step_us", "step"), ("step_and_dialog_us", "restore the dialog, step, dump it")]:
        found = spread(step_us if name == "step_us" else kept_us, 3)
        rows.append((label, f"{found['median']:.2f}", f"{found['min']:.2f}", f"{found['max']:.2f}"))
    return Report(values, rows, [] if COMPILED else ["core_ext is not compiled. Run: make install"])


def measure(repeats: int) -> list[float]:
    """Microseconds a step, of many short slices. Each screen is checked once before."""
    program, walks = _program(), _dialogs()
    _check(program, walks)
    return [_steps(program, walks) for _ in range(repeats * SLICES)]


def _program() -> Program:
    return build(read_sources(dialogs.MENUS / "bench")).program


def _dialogs() -> list[Inputs]:
    return [tuple(turn["input"] for turn in turns[1:]) for turns in dialogs.source().values()]


def _steps(program: Program, walks: list[Inputs]) -> float:
    turns = sum(len(inputs) + 1 for inputs in walks) * ROUNDS
    began = time.perf_counter()
    for _ in range(ROUNDS):
        for inputs in walks:
            dialog = Dialog(None, {}, 0)
            program.begin(dialog)
            for text in inputs:
                program.step(dialog, text)
    return (time.perf_counter() - began) / turns * 1e6


def _kept(program: Program, walks: list[Inputs]) -> float:
    turns = sum(len(inputs) + 1 for inputs in walks) * ROUNDS
    began = time.perf_counter()
    for _ in range(ROUNDS):
        for inputs in walks:
            dialog = Dialog(None, {}, 0)
            program.begin(dialog)
            kept = dialog.dump()
            for text in inputs:
                dialog = Dialog(kept, {}, 0)
                program.step(dialog, text)
                kept = dialog.dump()
    return (time.perf_counter() - began) / turns * 1e6


def _check(program: Program, walks: list[Inputs]) -> None:
    """Every screen is the one dialogs.yaml says, or what is timed is something else."""
    for script, inputs in zip(dialogs.scripts(), walks, strict=True):
        dialog = Dialog(None, {}, 0)
        shown = [program.begin(dialog)]
        shown += [program.step(dialog, text) for text in inputs]
        for turn, result in zip(script, shown, strict=True):
            if _body(result) != turn.expect:
                raise RuntimeError(f"after {turn.text!r}: wanted {turn.expect!r}, got {_body(result)!r}")


def _body(result: Result) -> str:
    return f"{'END' if result.kind == END else 'CON'} {result.text}"
