"""`ussd dev`: one command, everything runs; Ctrl-C, nothing does."""

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtests.bench.processes import free_port
from tests.house.processes import below, gone_within, names
from ussd_engine.embedded import _postgres_bin

pytestmark = pytest.mark.slow

USSD = [sys.executable, "-m", "ussd_engine.cli"]


class Dev:
    """A running `ussd dev` and what it has printed."""

    def __init__(self, data: Path, menus: Path) -> None:
        self.data = data
        self.menus = menus
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*USSD, "dev", "--port", str(self.port), "--data", str(data)],
            env={**os.environ, "MENUS_DIR": str(menus)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
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

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it, which must not take for ever."""
        self.process.send_signal(number)
        self.process.wait(30)


HELLO = """\
service: hello
codes: ["*384*1#"]
languages: [en]
start: hi
session: {timeout: 60s}
states:
  hi:
    end: {en: First}
"""


@pytest.fixture(scope="module")
def menus(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The lender's menus, and one more folder that may be broken."""
    folder = tmp_path_factory.mktemp("menus")
    shutil.copytree(repository / "menus" / "umoja", folder / "umoja")
    (folder / "hello").mkdir()
    (folder / "hello" / "service.yaml").write_text(HELLO)
    return folder


@contextlib.contextmanager
def dev(data: Path, menus: Path) -> Iterator[Dev]:
    running = Dev(data, menus)
    try:
        yield running.started()
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, menus: Path) -> Iterator[Dev]:
    """One that runs while the tests look at it."""
    with dev(tmp_path_factory.mktemp("data"), menus) as running:
        yield running


def psql(running: Dev, statement: str) -> str:
    found = re.search(r"postgresql://\S+", running.output)
    assert found is not None
    command = [str(_postgres_bin(Path()) / "psql"), "-XqAt", "-c", statement, found[0]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_it_serves_and_says_where_to_look(shared: Dev) -> None:
    assert json.loads(shared.get("/ready")[1])["ready"] is True
    assert shared.get("/phone")[0] == 200
    assert shared.dial("first").startswith("CON ")
    for said in (f"{shared.url}/phone", f"{shared.url}/ready", "*384*89598#", "postgresql://", "unix://"):
        assert said in shared.output


def test_a_folder_in_use_is_refused_in_one_line(shared: Dev) -> None:
    command = [*USSD, "dev", "--port", str(free_port()), "--data", str(shared.data)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr.startswith(f"ussd: {shared.data} is in use by process {shared.process.pid}.")
    assert second.stderr.count("\n") == 1


def test_a_taken_port_is_refused_before_anything_starts(shared: Dev, tmp_path: Path) -> None:
    command = [*USSD, "dev", "--port", str(shared.port), "--data", str(tmp_path / "data")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"port {shared.port}: Address already in use" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_saved_menu_is_live_at_once_and_a_broken_one_changes_nothing(shared: Dev) -> None:
    file = shared.menus / "hello" / "service.yaml"
    file.write_text(HELLO.replace("First", "Second"))
    shared.until("is live for new sessions")
    file.write_text(HELLO.replace("hi:", "ho:"))
    shared.until(re.escape(str(file)) + r":\d+:\d+: error")
    shared.until("is not reloaded; the last good version goes on")
    file.write_text(HELLO.replace("First", "Second"))
    shared.until("is live for new sessions")  # also when what was undone is what was live all along
    file.write_bytes(HELLO.replace("First", "Café").encode("latin-1"))
    shared.until("is not saved as UTF-8")
    file.unlink()
    shared.until("There is no service.yaml")
    file.write_text(HELLO)
    shared.until("is live for new sessions")


def test_a_web_server_that_dies_is_started_again_also_while_a_menu_is_broken(shared: Dev) -> None:
    file = shared.menus / "hello" / "service.yaml"
    file.write_text(HELLO.replace("hi:", "ho:"))
    shared.until("is not reloaded")
    (web,) = [process for process in below(shared.process.pid) if "serve" in process.cmdline()]
    web.kill()
    shared.until("starting again")
    shared.until("serving")
    assert shared.dial("again").startswith("CON ")
    file.write_text(HELLO)


def test_another_runs_beside_it_in_a_folder_of_its_own(shared: Dev, menus: Path, tmp_path: Path) -> None:
    psql(shared, "CREATE TABLE only_in_the_first ()")
    with dev(tmp_path, menus) as other:
        assert (shared.get("/ready")[0], other.get("/ready")[0]) == (200, 200)
        assert psql(other, "SELECT to_regclass('only_in_the_first') IS NULL") == "t"


def test_ctrl_c_ends_everything_and_the_next_start_has_the_data(menus: Path, tmp_path: Path) -> None:
    with dev(tmp_path, menus) as running:
        psql(running, "CREATE TABLE kept AS SELECT 7 AS number")
        everything = below(running.process.pid)
        assert {"postgres", "redis-server", "valkey-server"} & names(everything)
        running.stop(signal.SIGINT)
        assert running.process.returncode == 0
        assert gone_within(1, everything)
    with dev(tmp_path, menus) as again:
        assert psql(again, "SELECT number FROM kept") == "7"


def test_a_killed_one_leaves_no_process_and_the_next_start_recovers(menus: Path, tmp_path: Path) -> None:
    with dev(tmp_path, menus) as running:
        everything = below(running.process.pid)
        assert len(everything) > 4
        running.process.kill()
        running.process.wait()
        assert gone_within(15, everything)
    with dev(tmp_path, menus) as again:
        assert again.get("/ready")[0] == 200
        # And a server that dies is told, not run without.
        (redis,) = [
            child
            for child in psutil.Process(again.process.pid).children()
            if re.search("redis|valkey", child.name())
        ]
        redis.kill()
        again.until("Redis ended by itself")
        assert again.process.wait(10) == 1
