"""Latencies at a rate: which repeats count when the host takes cores away, and how long it is tried."""

from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from loadtests.bench import latency, machine, paced, pauses
from loadtests.bench.latency import PATIENCE, Repeat, Waits
from loadtests.bench.machine import Cores
from loadtests.bench.paced import Timed
from loadtests.bench.pauses import Pauses
from loadtests.bench.subject import Numbers, Subject

ALONE, TAKEN = 0.0, 0.01  # seconds
PINNED = Cores(0, 0, 0, apart=False)


def timed(p99_ms: float, wrong: int = 0) -> Timed:
    return Timed(100, wrong, 1000.0, 0.4, 0.6, p99_ms, 6.0, 8.0, 0.2, "the screen before")


def engine() -> Subject:
    return Subject("ussd serve", "turns_per_s", "", 1, 1, 1, [], lambda _plan: None, 10)  # type: ignore[arg-type]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets for how long the host has a core in each run, in turn; counts the runs."""
    ran: list[float] = []
    taken = [0.0]

    def given(*seconds: float) -> list[float]:
        coming = cycle(seconds)

        def run(_plan: Any, rate: float) -> Timed:
            took = next(coming)
            taken[0] += took
            ran.append(rate)
            return timed(40.0 if took else 2.0)

        monkeypatch.setattr(paced, "at_rate", run)
        monkeypatch.setattr(machine, "stolen_s", lambda _pinned: (0.0, taken[0]))
        return ran

    monkeypatch.setattr(paced, "program", lambda: Path("pace"))
    monkeypatch.setattr(pauses, "watch", lambda _pinned, seconds: Pauses(seconds, ()))
    return given


def measured(repeats: int) -> latency.Latency:
    return latency.measure(engine(), 500.0, 3, repeats, Numbers(), PINNED)


def test_a_repeat_that_the_host_disturbed_is_done_again_and_told_beside_the_others(host: Any) -> None:
    ran = host(*[TAKEN] * len(latency.CONNECTIONS), *[ALONE] * 100)
    found = measured(3)
    assert len(ran) == 4 * len(latency.CONNECTIONS)
    for waits in found.runs.values():
        values = waits.values()
        assert (values["undisturbed"], values["repeats"], values["p99_ms"]) == (3, 4, 2.0)
    assert found.rows()[1][-2:] == ("3 of 4", "2.00")


def test_patience_ends_and_then_all_repeats_count(host: Any) -> None:
    ran = host(TAKEN)
    found = measured(2)
    assert len(ran) == 2 * PATIENCE * len(latency.CONNECTIONS)
    assert found.runs[64].values()["p99_ms"] == 40.0
    assert found.notes()[-1] == "The host left no repeat alone over: 64, 256, 1000, 2000 connections."


def test_the_median_with_the_disturbed_ones_stands_beside_the_figure() -> None:
    waits = Waits([Repeat(timed(2.0), ALONE), Repeat(timed(30.0), TAKEN), Repeat(timed(50.0), TAKEN)])
    assert (waits.values()["p99_ms"], waits.values()["p99_of_all_ms"]) == (2.0, 30.0)


def test_a_wrong_answer_counts_in_a_repeat_that_was_set_aside_too() -> None:
    runs = {64: Waits([Repeat(timed(2.0), ALONE), Repeat(timed(30.0, wrong=2), TAKEN)])}
    faults = latency.Latency(500.0, runs, Pauses(1.0, ())).faults()
    assert faults == [
        "at half the rate over 64 connections: 2 wrong answers, the first: the screen before",
    ]


def test_cores_are_asked_to_stay_awake_as_long_as_the_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu_dma_latency"
    file.write_bytes(b"\x00\x94\x35\x77")  # 2,000,000,000 us: nobody has asked
    monkeypatch.setattr(machine, "_LATENCY", file)
    assert machine.description(PINNED)["idle cores"] == "sleep"
    with machine.awake():
        assert machine.description(PINNED)["idle cores"] == "kept awake"


def test_where_the_system_does_not_let_us_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_LATENCY", tmp_path / "none")
    with machine.awake():
        assert "idle cores" not in machine.description(PINNED)
