"""How many lines call when, whether a run was good enough, and who calls."""

import itertools
import random
from pathlib import Path

import pytest

from loadtests import people, shape, verdict
from loadtests.shape import Phase
from services.borrowers import pins
from ussd_engine.numbers import msisdn_of

DAY = [
    Phase("morning", 10, 5, 5),
    Phase("rush", 10, 5, 25),
    Phase("spike", 5, 100, 100),
    Phase("out", 10, 20, 0),
]
GOOD = verdict.Measured(turns=1000, failed=0, p95_ms=200, p99_ms=400, turns_per_s=50)
LIMITS = verdict.Limits(failed=0.001, p95_ms=200, p99_ms=400, turns_per_s=50)


@pytest.mark.parametrize(
    ("seconds", "phase", "lines"),
    [
        (0, "morning", 5), (9.99, "morning", 5), (10, "rush", 5), (15, "rush", 15), (19.99, "rush", 25),
        (20, "spike", 100), (24.9, "spike", 100), (25, "out", 20), (30, "out", 10), (34.99, "out", 0),
    ],
)  # fmt: skip
def test_lines_follow_the_phases(seconds: float, phase: str, lines: int) -> None:
    found = shape.at(DAY, seconds)
    assert found is not None
    assert (found[0].name, found[1]) == (phase, lines)


def test_after_the_last_phase_it_is_over() -> None:
    assert shape.at(DAY, 35) is None
    assert shape.at([], 0) is None


def test_a_phase_with_callers_keeps_one_however_small_it_is_made() -> None:
    assert Phase("a", 10, 0, 3).scaled(0.01, 0.5) == Phase("a", 5, 0, 1)


def test_a_run_at_its_limits_passes() -> None:
    assert verdict.passed(verdict.judge(LIMITS, GOOD))


@pytest.mark.parametrize(
    ("worse", "what"),
    [
        ({"failed": 2}, "failed turns"),
        ({"p95_ms": 201}, "95 of 100 within"),
        ({"p99_ms": 401}, "99 of 100 within"),
        ({"turns_per_s": 49.9}, "turns a second"),
        ({"crashes": 1}, "faults of the load test"),
    ],
)
def test_a_run_past_one_limit_fails_by_that_one(worse: dict[str, float], what: str) -> None:
    values = {name: getattr(GOOD, name) for name in GOOD.__slots__} | worse
    findings = verdict.judge(LIMITS, verdict.Measured(**values))
    assert [finding.what for finding in findings if not finding.ok] == [what]


def test_a_run_without_a_turn_keeps_no_limit() -> None:
    nothing = verdict.Measured(0, 0, 0, 0, 0)
    assert not any(finding.ok for finding in verdict.judge(verdict.Limits(1, 1e9, 1e9), nothing))


def test_the_processes_of_a_run_share_no_person_and_every_number_is_one_of_the_plan() -> None:
    chance = random.Random(1)
    several = [
        list(itertools.islice(people.Strangers(people.NUMBERS - 60, place, 3, chance), 40))
        for place in range(3)
    ]
    everybody = [person for persons in several for person in persons]
    assert len({person.msisdn for person in everybody}) == 120
    assert len({person.national_id for person in everybody}) == 120
    for person in everybody:
        assert msisdn_of(f"+{person.msisdn}", "KE") == person.msisdn
        assert len(person.national_id) == 9
        assert not pins.is_weak(person.pin)
        assert person.pin not in repr(person).replace(person.msisdn, "").replace(person.national_id, "")
        assert person.msisdn not in person.masked


def test_a_run_begins_at_the_clock_or_where_the_last_one_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "loadtest" / "next-person"
    monkeypatch.setattr(people.time, "time", lambda: 1_800_000_000.0)
    by_clock = people.first_now(file)
    people.leave(by_clock + 500, file)  # fifty seconds' worth of people, in no time
    assert people.first_now(file) == by_clock + 500
    monkeypatch.setattr(people.time, "time", lambda: 1_800_000_051.0)
    assert people.first_now(file) == by_clock + 510
    file.write_text("nonsense")
    assert people.first_now(file) == by_clock + 510


def test_where_the_last_run_ended_is_understood_when_the_numbers_come_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "next-person"
    monkeypatch.setattr(people.time, "time", lambda: (people.NUMBERS - 10) / people.PER_SECOND)
    people.leave(people.NUMBERS + 30, file)
    assert people.first_now(file) == 30
