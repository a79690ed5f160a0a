# ruff: noqa: E501  (tables of cases)
import re
import time

import pytest

from ussd_engine.menu.findings import Position, Report
from ussd_engine.menu.reading.patterns import check_pattern
from ussd_engine.menu.source import Scalar


def usable(pattern):
    return check_pattern(Scalar(pattern, Position("a.yaml", 1, 1), pattern), Report())


@pytest.mark.parametrize(
    "pattern",
    ["[A-Z]{2}[0-9]{6}", "(?:07|01)[0-9]{8}", "[a-z]+@[a-z]+", "K[A-Z]{2}[0-9]{3}[A-Z]?", "([0-9]{2}-){2}[0-9]{4}",
     "(a|b)c*", "[^*]{1,30}", "(yes|no)?"],
)  # fmt: skip
def test_what_people_need_is_allowed(pattern):
    assert usable(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|aa)+", "(a{1,2})+", "((ab?)*)*", "(a|a)*b", "a*a*a*a*b", r"(a)\1", "(?=a)a", "(?!a)b", "(a{1,3}){1,16}",
     "(?:(?:a|b)c?){20}", "[a", "(", "a{2,1}", "x" * 201, "(?P<n>a)(?(n)b|c)"],
)  # fmt: skip
def test_what_can_take_for_ever_or_does_not_read_is_refused(pattern):
    assert not usable(pattern)


@pytest.mark.parametrize("pattern", ["[a]+[a]+[a]+b", "(a{1,16}){4}b", "((a?){4}){4}b", "(a|aa){4}b"])
def test_the_worst_that_is_allowed_takes_milliseconds_on_the_longest_answer(pattern):
    if not usable(pattern):
        pytest.skip("refused")
    started = time.process_time()
    re.fullmatch(pattern, "a" * 160)
    assert time.process_time() - started < 0.5
