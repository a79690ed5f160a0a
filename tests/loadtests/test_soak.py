"""A soak says how fast the memory grows, once it has settled."""

import os

import pytest

from loadtests.bench import soak
from loadtests.bench.paced import Timed
from loadtests.bench.soak import Reading, Soak

TIMED = Timed(right=100, wrong=0, per_s=50.0, p50_ms=1.0, p90_ms=1.0, p99_ms=2.0, p999_ms=3.0, max_ms=4.0,
              lag_ms=0.1, example="")  # fmt: skip


def _soaked(*server_mb: float) -> Soak:
    """A reading a minute."""
    readings = [Reading(60.0 * minute, mb, 10.0) for minute, mb in enumerate(server_mb, 1)]
    return Soak(float(len(server_mb)), 100.0, TIMED, readings)


def test_the_slope_is_megabytes_an_hour() -> None:
    found = _soaked(*(50 + minute / 10 for minute in range(20))).values()
    assert found["server_mb_grew_an_hour"] == pytest.approx(6.0)
    assert (found["server_mb_first"], found["server_mb_last"]) == (50.1, 51.9)


def test_what_grows_before_it_has_settled_is_not_counted() -> None:
    found = _soaked(20, *[60] * 19).values()
    assert (found["server_mb_grew_an_hour"], found["server_mb_first"]) == (0.0, 60)
    assert len(found["readings"]) == 20


def test_memory_is_read_of_the_process_and_its_children() -> None:
    assert soak.rss_mb(os.getpid()) > 5
