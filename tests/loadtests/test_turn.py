"""The turn bench: what it works out from its samples, who is left out and why, and one short real run."""

import argparse
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from loadtests.bench import dialogs, figures, paced, turn
from loadtests.bench.dialogs import Answers
from loadtests.bench.load import Sample
from loadtests.bench.subject import Numbers, Subject
from loadtests.rivals.catalog import RIVALS
from loadtests.rivals.rival import Rival
from ussd_engine.errors import UssdError


def _subject(name: str, key: str, *runs: tuple[float, float]) -> Subject:
    """A subject with these (requests a second, CPU us a request)."""
    samples = [
        Sample(per_s=per_s, p50_ms=1.0, p99_ms=2.0, right=100, wrong=0, example="", server_cpu_us=cpu,
               server_busy=1.0, client_busy=0.3, redis_busy=0.1, noise=0.0)
        for per_s, cpu in runs
    ]  # fmt: skip
    subject = Subject(name, key, name, 1, 1, 1, dialogs.scripts(), paced.run, 1)
    subject.samples = samples
    return subject


EXACT = Answers(right=10, wrong=0, seconds=1.0, p50_ms=1.0, p99_ms=1.0)


def test_ratios_are_of_the_medians_by_rate_and_by_cpu_time() -> None:
    engine = _subject(turn.ENGINE, "turns_per_s", (30_000, 30), (20_000, 40), (10_000, 50))
    go = _subject("go", "go_per_s", (10_000, 80), (10_000, 80), (10_000, 80))
    limit = _subject("limit", "limit_per_s", (90_000, 8), (90_000, 10), (90_000, 12))
    found = figures.values([engine, go, limit], EXACT, [2.0])
    assert found["turns_per_s"] == 20_000
    assert (found["of_go"], found["of_go_by_cpu"]) == (2.0, 2.0)
    assert found["spread"]["of_go"] == {"min": 1.0, "median": 2.0, "max": 3.0}
    assert (found["limit_by_cpu_per_s"], found["of_limit"]) == (100_000, 0.2)
    assert found["client_max_per_s"] == 90_000


def test_a_run_without_the_limit_has_no_ratio_to_it() -> None:
    engine = _subject(turn.ENGINE, "turns_per_s", (20_000, 40))
    found = figures.values([engine, _subject("go", "go_per_s", (10_000, 80))], EXACT, [2.0])
    assert "of_limit" not in found
    assert "of_go" in found


def test_wrong_answers_are_faults_with_the_first_of_them() -> None:
    engine = _subject(turn.ENGINE, "turns_per_s", (20_000, 40))
    wrong = Answers(right=1, wrong=2, seconds=1.0, p50_ms=1.0, p99_ms=1.0, example="wanted A, got B")
    assert figures.faults([engine], EXACT) == []
    assert figures.faults([engine], wrong) == [
        "ussd serve, checked exactly: 2 wrong answers, the first: wanted A, got B"
    ]


def test_who_cannot_run_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Rival("go", "go_per_s", "Go", lambda _: [], tools=lambda: "go is not on PATH.")
    monkeypatch.setitem(RIVALS, "go", lacking)
    names, left_out = turn.able(None, [name for name in turn.NAMES if name not in ("go", "limit")])
    assert names == ["limit"]
    assert left_out == {"go": "go is not on PATH."}


def test_who_was_asked_for_by_name_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Rival("go", "go_per_s", "Go", lambda _: [], tools=lambda: "go is not on PATH.")
    monkeypatch.setitem(RIVALS, "go", lacking)
    with pytest.raises(UssdError, match="go cannot run"):
        turn.able(["go", "limit"], [])


def test_the_engine_runs_alone_when_only_nobody_is_asked_for() -> None:
    parser = argparse.ArgumentParser()
    turn.options(parser)
    chosen = parser.parse_args(["--only"])
    assert turn.able(chosen.only, chosen.without) == ([], {})


def test_no_two_runs_share_a_dialog() -> None:
    numbers = Numbers()
    first, second = numbers.take(2_000_000), numbers.take()
    assert second - first >= 2_000_000
    assert numbers.take() > second


@pytest.mark.slow
@pytest.mark.skipif(paced.missing() is not None, reason=str(paced.missing()))
def test_a_short_run_measures_the_engine_a_rival_latencies_and_memory(repository: Path) -> None:
    bench = [sys.executable, "-m", "loadtests.bench", "turn", "--only", "limit", "--seconds", "1"]
    bench += ["--repeats", "1", "--connections", "16", "--half-rate", "--soak", "0.02", "--json"]
    done = subprocess.run(bench, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert found["turns_per_s"] > 0
    assert found["of_limit"] > 0
    assert found["answers"]["wrong"] == 0
    assert found["half_rate"]["machine_pauses_share"] < 1
    assert set(found["half_rate"]["connections"]) == {"64", "256", "1000", "2000"}
    assert all(waits["wrong"] == 0 < waits["right"] for waits in found["half_rate"]["connections"].values())
    assert found["soak"]["wrong"] == 0 < found["soak"]["right"]
    assert found["soak"]["server_mb_last"] > 10
