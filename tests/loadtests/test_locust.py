"""Locust as a load tester runs it: a process of its own, against a real `ussd serve`, for a few seconds."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.bench.processes import free_port
from tests.journeys.test_served import served

MIX = """\
mix: A test
journeys: {join: 2, turn_away: 1, borrow: 5, borrow_by_shortcut: 2, status: 2, repay: 1, wallet: 1}
think: 1ms..20ms
pace: 300ms
faults: {mistype: 8%, back: 8%, give_up: 4%, wrong_pin: 8%, copy: 8%, copies_at_once: 8%, late_copy: 8%,
  other_server: 30%}
shape: [{phase: all, for: 5s, users: 5}]
pass: {failed: 0%, p95: 5s, p99: 10s}
"""

pytestmark = pytest.mark.slow


def loadtest(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "loadtests", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    file = tmp_path / "mix.yaml"
    file.write_text(MIX)
    return file


@pytest.mark.timeout(180)
def test_a_right_server_passes_twice_on_one_database_and_a_limit_too_tight_fails(
    mix: Path, tmp_path: Path, pg_url: str, redis_url: str
) -> None:
    with served(pg_url, redis_url, workers=2) as one, served(pg_url, redis_url) as two:
        hosts = f"{one.base_url},{two.base_url}"
        run = loadtest(str(mix), "--host", hosts, "--report", str(tmp_path / "report"))
        assert run.returncode == 0, run.stdout + run.stderr
        mix.write_text(MIX.replace("p95: 5s", "p95: 0ms"))
        again = loadtest(
            str(mix), "--host", hosts, "--time", "3s", "--processes", "2", "--report", str(tmp_path / "again")
        )
    assert "A test: PASSED" in run.stdout
    assert "reached" in run.stdout
    assert run.stderr == ""
    report = tmp_path / "report"
    assert {"report.html", "turns_stats.csv", "turns_failures.csv", "verdict.txt"} <= {
        p.name for p in report.iterdir()
    }
    rows = list(csv.DictReader((report / "turns_stats.csv").open()))
    assert int(rows[-1]["Request Count"]) > 50
    assert int(rows[-1]["Failure Count"]) == 0
    assert {"copy", "dial", "press"} <= {row["Type"] for row in rows}
    assert {"the same again", "two at once", "a late one"} <= {row["Name"] for row in rows}

    assert again.returncode == 1, again.stdout + again.stderr
    assert "A test: FAILED" in again.stdout
    assert "failed turns      0.00% at most  0 (0.00%)" in again.stdout  # slow, and nothing else
    assert not (tmp_path / "again" / "wrong-screens.txt").exists()


@pytest.mark.timeout(120)
def test_a_changed_word_on_one_screen_fails_the_run_and_is_shown(
    mix: Path, tmp_path: Path, pg_url: str, redis_url: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    menus = tmp_path / "menus"
    shutil.copytree(repository / "menus", menus)
    screen = menus / "umoja" / "apply.yaml"
    changed = screen.read_text().replace("What is the loan for?", "What is this loan for?")
    assert changed != screen.read_text()
    screen.write_text(changed.replace("Mkopo ni wa nini?", "Mkopo huu ni wa nini?"))
    monkeypatch.setenv("MENUS_DIR", str(menus))
    report = tmp_path / "report"
    with served(pg_url, redis_url) as client:
        run = loadtest(str(mix), "--host", str(client.base_url), "--report", str(report))
    assert run.returncode == 1, run.stdout + run.stderr
    assert "A test: FAILED" in run.stdout
    assert "not the screen 'purpose'" in run.stdout
    wrong = (report / "wrong-screens.txt").read_text()
    assert "The phone must show\n    | CON " in wrong
    assert "this loan for?" in wrong or "Mkopo huu" in wrong
    assert "2547" not in wrong.replace("2547…", "")


def test_without_a_server_it_says_how_to_start_one() -> None:
    run = loadtest("quick", "--host", f"http://127.0.0.1:{free_port()}")
    assert run.returncode == 2
    assert "No server answers at http://127.0.0.1:" in run.stderr
    assert "make run" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_mistake_is_told_in_a_line(tmp_path: Path) -> None:
    for arguments, said in [
        (["quikc"], "Did you mean quick?"),
        (["quick", "--host", "localhost:8000"], "is not an address"),
        (["quick", "--time", "soon"], "such as 90s or 5m"),
        (["quick", "--users", "0"], "a whole number from 1"),
    ]:
        run = loadtest(*arguments)
        assert run.returncode == 2
        assert said in run.stderr
        assert "Traceback" not in run.stderr
