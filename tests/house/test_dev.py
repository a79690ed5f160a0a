"""`ussd dev`: one command, everything runs; Ctrl-C, nothing does."""

import contextlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.house.processes import below, gone_within
from ussd_engine.embedded import _postgres_bin

pytestmark = pytest.mark.slow

USSD = [sys.executable, "-m", "ussd_engine.cli"]


class Dev:
    """A running `ussd dev` and what it has printed."""

    def __init__(self, data: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [*USSD, "dev", "--port", str(self.port), "--data", str(data), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.output = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait for a line."""
        deadline = time.monotonic() + seconds
        while True:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if line is None:
                pytest.fail(f"ussd dev ended before it printed {pattern!r}:\n{self.output}")
            self.output += line
            if found := re.search(pattern, line):
                return found

    def started(self) -> "Dev":
        self.until("Ctrl-C stops everything")
        return self

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.status, answer.read().decode()

    def dial(self, session: str, text: str = "") -> str:
        form = (
            f"sessionId={session}&phoneNumber=%2B254711000001&networkCode=63902"
            f"&serviceCode=*384*89598%23&text={text}"
        )
        with urllib.request.urlopen(f"{self.url}/api/v1/ussd", data=form.encode(), timeout=10) as answer:
            return str(answer.read(), "utf-8")

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def dev(data: Path, *options: str) -> Iterator[Dev]:
    running = Dev(data, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGTERM)


def test_it_serves_and_says_where_to_look_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.started()
        assert json.loads(running.get("/ready")[1])["ready"] is True
        assert running.get("/phone")[0] == 200
        assert running.dial("first").startswith("CON ")
        for said in (
            f"{running.url}/phone",
            "*384*89598#",
            f"{running.url}/ready",
            "postgresql://",
        ):
            assert said in running.output
        everything = below(running.process.pid)
        assert {"postgres", "redis-server"} & {process.name() for process in everything}
        assert running.stop() < 3
        assert running.process.returncode == 0
        assert gone_within(1, everything)


def test_the_second_start_has_the_data_of_the_first(tmp_path: Path) -> None:
    for statement, answer in (
        ("CREATE TABLE kept AS SELECT 7 AS number", ""),
        ("SELECT number FROM kept", "7"),
    ):
        with dev(tmp_path, "--no-reload") as running:
            running.started()
            assert psql(running, statement) == answer


def psql(running: Dev, statement: str) -> str:
    found = re.search(r"postgresql://\S+", running.output)
    assert found is not None
    command = [str(_postgres_bin(Path()) / "psql"), "-XqAt", "-c", statement, found[0]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_two_run_at_once_in_different_folders(tmp_path: Path) -> None:
    with dev(tmp_path / "one") as one, dev(tmp_path / "two") as two:
        for running in (one, two):
            running.started()
            assert running.get("/ready")[0] == 200


def test_a_killed_one_leaves_no_process_and_the_next_recovers(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.started()
        everything = below(running.process.pid)
        assert len(everything) > 4
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        assert gone_within(15, everything)
    with dev(tmp_path) as again:
        assert again.started().get("/ready")[0] == 200


def test_a_folder_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.started()
        second = subprocess.run(
            [*USSD, "dev", "--port", str(free_port()), "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert second.stderr.startswith(f"ussd: {tmp_path} is in use by process {running.process.pid}.")
        assert second.stderr.count("\n") == 1


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [*USSD, "dev", "--port", port, "--data", str(tmp_path / "data")]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"port {port}: Address already in use" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_web_server_that_dies_is_started_again(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.started()
        (web,) = [p for p in below(running.process.pid) if "serve" in p.cmdline()]
        web.kill()
        running.until("starting again")
        running.until("serving")
        assert running.dial("again").startswith("CON ")


def test_a_database_that_dies_stops_it_with_the_reason(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.started()
        (redis,) = [
            p for p in psutil.Process(running.process.pid).children() if re.search("redis|valkey", p.name())
        ]
        redis.kill()
        running.until("Redis ended by itself")
        assert running.process.wait(10) == 1


def test_a_saved_menu_is_live_at_once_and_a_broken_one_changes_nothing(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    menus = tmp_path / "menus" / "hello"
    menus.mkdir(parents=True)
    file = menus / "service.yaml"
    good = (
        'service: hello\ncodes: ["*384*1#"]\nlanguages: [en]\nstart: hi\n'
        "session: {timeout: 60s}\nstates:\n  hi:\n    end: {en: First}\n"
    )
    file.write_text(good)
    monkeypatch.setenv("MENUS_DIR", str(menus.parent))
    with dev(tmp_path / "data") as running:
        running.started()
        file.write_text(good.replace("First", "Second"))
        running.until("is live for new sessions")
        file.write_text(good.replace("hi:", "ho:"))
        running.until("is not published, the last good version goes on")
        running.until(r"service\.yaml:\d+:\d+: error")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has this difficulty")
def test_root_can_run_it_in_a_folder_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with dev(closed / "data") as running:
        assert running.started().get("/ready")[0] == 200
