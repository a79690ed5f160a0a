"""Load tests run otherwise than by one command: from the browser, from two machines, by several gateways."""

import csv
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from loadtests.bench.processes import free_port
from tests.journeys.test_served import served

LINES = 4
MIX = f"""\
mix: A test
journeys: {{join: 2, turn_away: 1, borrow: 5, borrow_by_shortcut: 2, status: 2, wallet: 1}}
think: 1ms..20ms
pace: 300ms
faults: {{mistype: 8%, back: 8%, give_up: 4%, copy: 8%, copies_at_once: 8%, late_copy: 8%, other_server: 30%}}
shape: [{{phase: all, for: 2s, users: {LINES}}}]
pass: {{failed: 0%, p95: 10s, p99: 20s}}
"""
PATIENCE_S = 100.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    file = tmp_path / "mix.yaml"
    file.write_text(MIX)
    return file


@contextmanager
def begun(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """A load test that goes on beside; killed when the test is over before it."""
    command = [sys.executable, "-m", "loadtests", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


class Ready(BaseHTTPRequestHandler):
    """A server that is ready, and has no gateway."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_DELETE(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


def until(found: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Ask again until it is so. The process that is asked lives meanwhile."""
    for _ in range(int(PATIENCE_S / 0.1)):
        with suppress(httpx.TransportError):
            if found():
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            raise AssertionError(process.communicate())
    raise AssertionError(f"not so after {PATIENCE_S:.0f} s")


def test_a_run_is_begun_watched_and_stopped_in_the_browser_and_begun_again(
    mix: Path, tmp_path: Path, pg_url: str, redis_url: str
) -> None:
    report, port = tmp_path / "report", free_port()
    arguments = [mix, "--web", "--web-port", port, "--time", "10m", "--report", report]

    with (
        served(pg_url, redis_url) as server,
        begun(*arguments, "--host", server.base_url) as run,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as browser,
    ):

        def seen() -> dict[str, float]:
            """Requests of each kind, as the page shows them."""
            page = browser.get("/stats/requests").json()
            return {f"{row['method']} {row['name']}": row["num_requests"] for row in page["stats"]}

        def calls_are_made() -> bool:
            return seen().get("dial the code", 0) > LINES

        until(lambda: "Locust" in browser.get("/").text, run)
        assert "dial the code" not in seen()  # nothing is sent before somebody says so
        for _ in range(2):
            assert browser.post("/swarm", data={"user_count": 1, "spawn_rate": 1}).json()["success"]
            until(calls_are_made, run)
            assert browser.post("/stop").json()["success"]
        run.send_signal(signal.SIGINT)
        said, complained = run.communicate(timeout=PATIENCE_S)

    assert f"Start and watch it on http://127.0.0.1:{port};" in said
    assert "A test: PASSED" in said, said + complained
    assert run.returncode == 0
    assert "A test: PASSED" in (report / "verdict.txt").read_text()
    assert "A test: PASSED" in (report / "report.html").read_text()


def test_what_a_worker_of_another_machine_sent_is_in_the_verdict(
    mix: Path, tmp_path: Path, pg_url: str, redis_url: str
) -> None:
    report, port = tmp_path / "report", free_port()
    with (
        served(pg_url, redis_url) as server,
        begun(mix, "--host", server.base_url, "--report", report, "--expect", 1, "--port", port) as first,
        begun("--worker-of", "127.0.0.1", "--port", port) as worker,
    ):
        said, complained = first.communicate(timeout=PATIENCE_S)
        worked, worker_complained = worker.communicate(timeout=PATIENCE_S)
        counted = re.findall(r"^ussd_turns_total\{.*\} (\d+)", server.get("/metrics").text, re.MULTILINE)

    assert (complained, worker_complained) == ("", "")
    assert "It waits for 1 workers." in said
    assert "A test: PASSED" in said
    assert first.returncode == 0
    assert worker.returncode == 0
    assert "PASSED" not in worked  # one verdict for all
    # The first sends nothing itself. A turn that was cut off at the end is known to the server only.
    (found,) = re.findall(r"turns +1 at least +([\d,]+)", said)
    turns = int(found.replace(",", ""))
    assert 0 < turns <= sum(map(int, counted)) <= turns + 2 * LINES


def test_other_gateways_take_calls_over_and_every_screen_is_known(
    mix: Path, tmp_path: Path, pg_url: str, redis_url: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = repository / "tests" / "gateways" / "maps"
    gateways = f"gateways: [{maps / 'safaricom.yaml'}, {maps / 'airtel.yaml'}]"
    mix.write_text(f"{gateways}\n{MIX.replace('other_server: 30%', 'other_server: 30%, other_gateway: 30%')}")
    monkeypatch.setenv("USSD_GATEWAYS_DIR", str(maps))
    report = tmp_path / "report"
    with (
        served(pg_url, redis_url, workers=2) as server,
        begun(mix, "--host", server.base_url, "--time", "4s", "--report", report) as run,
    ):
        said, complained = run.communicate(timeout=PATIENCE_S)
        assert server.delete("/gateways/none").status_code == 404  # how a missing gateway is known
    assert complained == ""
    assert "A test: PASSED" in said
    rows = list(csv.DictReader((report / "turns_stats.csv").open()))
    moves = {row["Name"]: int(row["Request Count"]) for row in rows if row["Type"] == "move"}
    assert set(moves) == {"to safaricom", "to airtel"}


def test_a_server_without_the_gateway_is_told_before_anything_is_sent(mix: Path, tmp_path: Path) -> None:
    mix.write_text(f"gateways: [tests/gateways/maps/airtel.yaml]\n{MIX}")
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        with begun(mix, "--host", host, "--report", tmp_path / "report") as run:
            _, complained = run.communicate(timeout=PATIENCE_S)
        server.shutdown()
    assert run.returncode == 2
    assert f"{host} has no gateway airtel: nothing is at /gateways/airtel." in complained
    assert "USSD_GATEWAYS_DIR" in complained
