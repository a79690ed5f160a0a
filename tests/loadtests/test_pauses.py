from collections.abc import Iterator
from unittest.mock import patch

import pytest

from loadtests.bench import pauses
from loadtests.bench.machine import cores
from loadtests.bench.pauses import Pauses


def test_a_gap_between_two_readings_of_the_clock_is_a_pause() -> None:
    readings: Iterator[float] = iter([10.0, 10.0002, 10.0092, 10.0093, 10.4, 11.1])
    with patch.object(pauses.time, "perf_counter", lambda: next(readings)):
        found = pauses.spin(None, 1.0)
    assert found == pytest.approx([0.009, 0.3907, 0.7])


def test_watches_are_said_together() -> None:
    found = pauses.together([Pauses(1.0, (0.009, 0.003)), Pauses(1.0, ()), Pauses(2.0, (0.012,))])
    assert found.a_second == 0.75
    assert found.share == pytest.approx(0.006)
    assert "0.8 times a second, 0.60% of the time, 12.0 ms" in found.said()


def test_both_cores_are_watched() -> None:
    found = pauses.watch(cores(), 0.05)
    assert found.watched_s == 0.05
    assert all(gap >= pauses.LEAST_S for gap in found.gaps)
