"""Regular expressions of `as: {pattern: …}`: they must compile, and must not take for ever.

Python's matcher tries every way to match: `(a+)+` or `(a|aa)+` on thirty letters runs for minutes. So
what can match in several ways may not be repeated, only a few parts may repeat without bound, and the
parts that make a pattern hard to foresee (look-around, references) are left out.
"""

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from ussd_engine.menu.findings import Report
from ussd_engine.menu.source import Scalar

MAX_PATTERN = 200
MAX_LONG_REPEATS = 3
_FEW = 4  # times; up to here what is inside may vary
_LONG = 16
_SLOW = "The pattern repeats something that can vary, such as (a+)+, and can take for ever."
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_PLAIN = (
    _constants.LITERAL,
    _constants.NOT_LITERAL,
    _constants.ANY,
    _constants.IN,
    _constants.AT,
    _constants.CATEGORY,
)


class _Refused(Exception):
    """Why a pattern cannot be used."""


def check_pattern(pattern: Scalar, report: Report) -> bool:
    """Whether a pattern can be used; else it is reported."""
    if len(pattern.value) > MAX_PATTERN:
        report.error(
            pattern.at,
            "bad-pattern",
            f"The pattern is longer than {MAX_PATTERN} characters.",
            "Use a simpler one, and a `check` for the rest.",
        )
        return False
    try:
        re.compile(pattern.value)
        if _long_repeats(_parser.parse(pattern.value), False) > MAX_LONG_REPEATS:
            raise _Refused(f"The pattern has more than {MAX_LONG_REPEATS} parts that repeat without bound.")
    except _Refused as refused:
        report.error(
            pattern.at, "slow-pattern", str(refused), "Say how often: {2} or {1,10} instead of + or *."
        )
        return False
    except (re.error, OverflowError, RecursionError) as error:
        offset = getattr(error, "pos", None) or 0
        report.error(
            pattern.within(offset),
            "bad-pattern",
            f"The pattern does not read: {getattr(error, 'msg', error)}.",
            r"For example: [A-Z]{2}[0-9]{6}",
        )
        return False
    return True


def _long_repeats(items: Any, repeated: bool) -> int:
    """How many parts repeat (almost) without bound. Raises _Refused. items: the standard parser's tree;
    repeated: whether they are inside something that repeats more than a few times."""
    count = 0
    for code, argument in items:
        if code in _REPEATS:
            least, most, inner = argument
            if repeated and least != most:
                raise _Refused(_SLOW)
            count += int(most > _LONG) + _long_repeats(inner, repeated or most > _FEW)
        elif code is _constants.SUBPATTERN:
            count += _long_repeats(argument[3], repeated)
        elif code is _constants.BRANCH:
            if repeated:
                raise _Refused(_SLOW)
            count += max(_long_repeats(branch, repeated) for branch in argument[1])
        elif code not in _PLAIN:
            raise _Refused("The pattern uses look-around or references, which are left out here.")
    return count
