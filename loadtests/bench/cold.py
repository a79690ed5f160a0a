"""From the start of a process to its first right reply.

`ussd serve` with its servers running, for menus that need only Redis and for the lender's; and `ussd dev`,
which brings its own servers: once with nothing there, once with the data of the time before. A phone dials
from the first moment on, every few milliseconds, until somebody answers; the answer must be right.
"""

import argparse
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from loadtests.bench import borrowers, dialogs, processes
from loadtests.bench.journey import MENUS
from loadtests.bench.machine import Cores, cores, description
from loadtests.bench.report import Report, spread
from loadtests.bench.walker import HOST, Gateway
from migrations import run as migrations
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError
from ussd_engine.launch import ending_with_us

POLL_S = 0.002
LONGEST_S = 120.0
STOP_S = 20.0
LABELS = {
    "serve": "ussd serve, menus only",
    "serve_umoja": "ussd serve, Umoja Loans with PostgreSQL",
    "dev_empty": "ussd dev, nothing there yet",
    "dev": "ussd dev, with the data of before",
}


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--only", choices=LABELS, action="append", help="one of the starts; else all")


def run(options: argparse.Namespace) -> Report:
    """Start each so many times, one after the other."""
    pinned = cores()
    wanted = options.only or list(LABELS)
    took: dict[str, list[float]] = {name: [] for name in wanted}
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with warnings.catch_warnings(), pinned.on_redis():
            warnings.simplefilter("ignore")
            servers = running.enter_context(Servers(folder / "servers"))
        migrations.upgrade(servers.database_url)
        bench = running.enter_context(processes.redis(pinned, folder))[0]
        settings = {
            "serve": processes.settings(dialogs.MENUS, bench),
            "serve_umoja": processes.settings(MENUS, servers.redis_url, servers.database_url),
        }
        for repeat in range(options.repeats + 1):  # the first warms the file cache, and publishes
            for each in [name for name in wanted if name in settings]:
                seconds = _serve(each, settings[each], pinned, folder)
                took[each] += [seconds] if repeat else []
        for repeat in range(options.repeats if {"dev", "dev_empty"} & set(wanted) else 0):
            for each in ("dev_empty", "dev"):  # both, for the second needs the first
                seconds = _dev(folder / f"dev{repeat}", folder / "dev.log")
                if each in took:
                    took[each].append(seconds)
    values: dict[str, Any] = {
        "seconds_to_first_reply": {each: spread(found, 3) for each, found in took.items()},
        "repeats": options.repeats,
        "machine": description(pinned),
    }
    rows: list[tuple[str, ...]] = [("start to first right reply", "seconds", "min", "max")]
    for each, found in values["seconds_to_first_reply"].items():
        rows.append((LABELS[each], *(f"{found[which]:.2f}" for which in ("median", "min", "max"))))
    notes = [
        "`ussd serve` has the server's core alone; `ussd dev` starts PostgreSQL, Redis, the migrations, the"
        " web server and the lender's own processes on all cores."
    ]
    return Report(values, rows, notes)


def _serve(name: str, settings: dict[str, str], pinned: Cores, folder: Path) -> float:
    port = processes.free_port()
    command = [sys.executable, "-m", "ussd_engine.cli", "serve", "--port", str(port)]
    code, screen = (
        (dialogs.SERVICE_CODE, dialogs.scripts()[0][0].expect)
        if name == "serve"
        else (borrowers.SERVICE_CODE, _welcome())
    )
    return _first_reply(command, settings, folder / f"{name}.log", (port, code, screen), pinned)


def _dev(data: Path, log: Path) -> float:
    port = processes.free_port()
    command = [sys.executable, "-m", "ussd_engine.cli", "dev", "--port", str(port), "--data", str(data)]
    settings = {"MENUS_DIR": str(MENUS)}
    return _first_reply(command, settings, log, (port, borrowers.SERVICE_CODE, _welcome()), None)


def _welcome() -> str:
    return borrowers.source("join")[0]["screen"].rstrip("\n")


def _first_reply(
    command: Sequence[str],
    settings: dict[str, str],
    log: Path,
    asked: tuple[int, str, str],
    pinned: Cores | None,
) -> float:
    """Seconds from the start of the process to its first reply. asked: port, code, and the right screen."""
    port, code, screen = asked
    request = Gateway(port, code).request("cold", "254700000001", "").partition(b"\r\n\r\n")[2]
    with log.open("wb") as output, pinned.on_server() if pinned else nullcontext():
        began = time.monotonic()
        process = subprocess.Popen(
            [*ending_with_us(signal.SIGTERM), *command],
            env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        while True:
            said = _dial(port, request)
            if said is not None:
                seconds = time.monotonic() - began
                if said != screen:
                    raise UssdError(f"The first reply was wrong: wanted {screen!r}, got {said!r}")
                return seconds
            if process.poll() is not None or time.monotonic() - began > LONGEST_S:
                raise UssdError(f"It did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(POLL_S)
    finally:
        _stop(process)


def _dial(port: int, request: bytes) -> str | None:
    """What it answers; None while nobody listens."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", dialogs.PATH, request, headers)
        return connection.getresponse().read().decode()
    except ConnectionError:
        return None
    finally:
        connection.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
