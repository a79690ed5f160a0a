"""All benches, one after the other: one table of tables, one JSON object.

Each runs in a process of its own, so that one that fails, or is killed, takes nothing of the others with it;
what it said is then its row.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtests.bench.machine import cores, description
from loadtests.bench.report import Report

COMMON = ("seconds", "repeats", "connections", "client")
LAST_WORDS = 2000


def run(options: argparse.Namespace, names: Sequence[str]) -> Report:
    """Run the benches of these names with the options that all have."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    tables: list[str] = []
    rows: list[tuple[str, ...]] = [("bench", "seconds", "")]
    for name in names:
        began = time.monotonic()
        report, words = _one(name, options)
        took = time.monotonic() - began
        print(f"{name}: {took:.0f} s", file=sys.stderr, flush=True)
        if report is None:
            faults.append(f"{name} did not finish: {words}")
            values[name] = {"failed": words}
            rows.append((name, f"{took:.0f}", "failed"))
            continue
        faults += [f"{name}: {fault}" for fault in report.faults]
        values[name] = {each: value for each, value in report.values.items() if each != "machine"}
        tables.append(f"== {name} ==\n{report.body()}\n")
        rows.append((name, f"{took:.0f}", "WRONG ANSWERS" if report.faults else "right"))
    return Report(values | {"machine": description(cores())}, rows, ["", *tables], faults)


def _one(name: str, options: argparse.Namespace) -> tuple[Report | None, str]:
    """What a bench found; else None and its last words."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "loadtests.bench", name, "--report", str(file)]
        for each in COMMON:
            command += [f"--{each}", str(getattr(options, each))]
        if options.let_sleep:
            command.append("--let-sleep")
        if name == "turn":
            command.append("--half-rate")
        result = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            env=os.environ,
        )  # fmt: skip
        if not file.exists():
            return None, result.stderr.strip()[-LAST_WORDS:] or f"exit code {result.returncode}"
        return Report.load(file.read_bytes()), ""
