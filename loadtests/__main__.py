"""python -m loadtests MIX: look whether everything is there, then become Locust.

What a user can get wrong is told in a line or two before Locust starts. Exit code: 0 when the mix's
limits were kept, 1 when not, 2 when the run could not begin.
"""

import argparse
import os
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

from loadtests.gateways import Gateway
from loadtests.journeys import read_journeys
from loadtests.mix import Mix, file_of, read_mix, shipped
from loadtests.reading import LONGEST_S, LoadTestError, duration
from ussd_engine.errors import UssdError
from ussd_engine.menu.findings import Position, Report
from ussd_engine.menu.source import Scalar

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
PROBE_S = 5.0


def main() -> int:
    """Check the mix and the servers, then run Locust in place of this process."""
    options, rest = command_line().parse_known_args()
    try:
        _require_locust()
        command = _worker(options) if options.worker_of else _run(options)
    except UssdError as error:
        print(error, file=sys.stderr)
        return 2
    sys.stdout.flush()
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--loglevel", "WARNING"]
    return os.execv(
        sys.executable, [*locust, *command, *rest]
    )  # so that signals and the exit code are its own


def command_line() -> argparse.ArgumentParser:
    """What may be written after `python -m loadtests`."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests", description="A load test of a running server. See docs/load-testing.md.",
        epilog="Whatever else is given goes to Locust; write it as --option=value.",
    )  # fmt: skip
    add = parser.add_argument
    add(
        "mix",
        nargs="?",
        default="quick",
        help=f"one of {', '.join(shipped())}, or the path of a .yaml file",
    )
    add("--host", default="http://127.0.0.1:8000", help="the server; several by commas")
    add("--users", type=_count, help="phone lines at the peak; the whole shape is scaled to it")
    add("--time", type=_seconds, help="how long in all, such as 90s or 5m; the phases are scaled to it")
    add(
        "--processes",
        type=_count,
        default=1,
        help="how many run the lines",
    )
    add("--web", action="store_true", help="start and watch it in the browser")
    add("--web-port", type=_port, default=8089, help="where, on 127.0.0.1; 8089 if left out")
    add("--report", type=Path, help="folder for the report; a new one under build/loadtest")
    add("--expect", type=_count, help="wait for this many workers on other machines")
    add("--listen", default="127.0.0.1", help="with --expect: the address they reach this one at")
    add("--worker-of", metavar="ADDRESS", help="be one of those workers, of the run at that address")
    add("--port", type=_port, default=5557, help="with both: where they meet; 5557 if left out")
    return parser


def _worker(options: argparse.Namespace) -> list[str]:
    """Locust's arguments for a worker: all it has to know comes from the run."""
    return ["--worker", "--master-host", options.worker_of, "--master-port", str(options.port)]


def _run(options: argparse.Namespace) -> list[str]:
    """Locust's arguments for a run of ours."""
    file = file_of(options.mix)
    mix = read_mix(file, list(read_journeys().by_name)).scaled(options.users, options.time)
    hosts = [host.strip() for host in options.host.split(",") if host.strip()]
    for host in hosts:
        _require_server(host)
        for gateway in mix.gateways:
            _require_gateway(host, gateway)
    report = options.report or Path("build", "loadtest", f"{file.stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    report.mkdir(parents=True, exist_ok=True)
    command = ["--mix", options.mix, "--host", ",".join(hosts), "--report", str(report)]
    command += ["--csv", str(report / "turns"), "--html", str(report / "report.html")]
    command += ["--peak", str(options.users)] if options.users else []
    command += ["--length", str(options.time)] if options.time else []
    command += _processes(options)
    if options.web:
        command += ["--web-host", "127.0.0.1", "--web-port", str(options.web_port)]
        print(f"Start and watch it on http://127.0.0.1:{options.web_port}; Ctrl-C ends it, with the verdict.")
    else:
        command += ["--headless", "--only-summary"]
    print(_about(mix, hosts, report))
    if options.expect:
        print(
            f"It waits for {options.expect} workers. On each of them: "
            f"python -m loadtests --worker-of {options.listen}"
        )
    return command


def _processes(options: argparse.Namespace) -> list[str]:
    if options.expect:
        where = ["--master-bind-host", options.listen, "--master-bind-port", str(options.port)]
        return ["--master", *where, "--expect-workers", str(options.expect)]
    if options.processes > 1:
        return ["--processes", str(options.processes), "--master-bind-host", "127.0.0.1"]
    return []


def _about(mix: Mix, hosts: list[str], report: Path) -> str:
    return (
        f"{mix.name}: {mix.seconds:.0f} s, {mix.peak} lines at the peak, each dials about every "
        f"{mix.pace_s:g} s, at {' and '.join(hosts)}.\nThe report: {report}"
    )


def _require_server(host: str) -> None:
    """A server that says it is ready. Raises LoadTestError."""
    if not host.startswith(("http://", "https://")):
        raise LoadTestError(f"{host} is not an address. It looks like http://127.0.0.1:8000")
    try:
        with urllib.request.urlopen(f"{host.rstrip('/')}/ready", timeout=PROBE_S):
            return
    except urllib.error.HTTPError as error:
        words = error.read(300).decode(errors="replace").strip()
        raise LoadTestError(f"{host} is not ready (HTTP {error.code}): {words}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise LoadTestError(
            f"No server answers at {host} ({reason}).\n"
            "Start one in another terminal: make run   (or docker compose up), or name another: HOST=http://…"
        ) from None


def _require_gateway(host: str, gateway: Gateway) -> None:
    """A server that knows the gateway's path: no gateway sends a DELETE, so it says so. Raises
    LoadTestError."""
    asked = urllib.request.Request(f"{host.rstrip('/')}{gateway.path}", method="DELETE")
    try:
        with urllib.request.urlopen(asked, timeout=PROBE_S):
            return
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            return
    except OSError:
        return  # it was ready a moment ago; the run will show it
    raise LoadTestError(
        f"{host} has no gateway {gateway.name}: nothing is at {gateway.path}.\n"
        "Start it with USSD_GATEWAYS_DIR naming the folder of the gateway's map, or leave the gateway out."
    )


def _require_locust() -> None:
    if find_spec("locust") is None:
        raise LoadTestError("Locust is not installed. It comes with: make install")


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a whole number from 1 to 100,000")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 65_535:
        raise argparse.ArgumentTypeError("a port from 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    seconds = duration(Scalar(text, Position("", 1, 1), text), "--time", Report())
    if not 0 < seconds <= LONGEST_S:
        raise argparse.ArgumentTypeError("such as 90s or 5m")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
