"""Regular expressions of `as: {pattern: …}`: they must compile, and must not take for ever.

Python's matcher backtracks: `(a+)+` on thirty letters runs for minutes. A repeat without bound inside
another is therefore refused.
"""

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from ussd_engine.menu.findings import Report
from ussd_engine.menu.source import Scalar

MAX_PATTERN = 200
_MANY = 16  # repeats of at most so many cost little, even inside each other
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


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
        slow = _nested(_parser.parse(pattern.value), False)
    except (re.error, OverflowError, RecursionError) as error:
        at = pattern.at
        offset = getattr(error, "pos", None)
        if offset is not None and offset < len(pattern.value):
            at = pattern.within(offset)
        report.error(
            at,
            "bad-pattern",
            f"The pattern does not read: {getattr(error, 'msg', error)}.",
            r"For example: [A-Z]{2}[0-9]{6}",
        )
        return False
    if slow:
        report.error(
            pattern.at,
            "slow-pattern",
            "The pattern repeats a repeat, such as (a+)+, and can take for ever.",
            "Say how often: {1,10} instead of + or *.",
        )
    return not slow


def _nested(items: Any, inside: bool) -> bool:
    """Whether a repeat of many is inside another. items: what the standard parser gives."""
    for code, argument in items:
        if code in _REPEATS:
            many = int(argument[1]) > _MANY
            if (inside and many) or _nested(argument[2], inside or many):
                return True
        elif isinstance(argument, tuple | list) and any(
            _nested(part, inside) for part in _subpatterns(argument)
        ):
            return True
    return False


def _subpatterns(argument: Any) -> list[Any]:
    found = []
    for part in argument:
        if isinstance(part, _parser.SubPattern):
            found.append(part)
        elif isinstance(part, list):
            found += [inner for inner in part if isinstance(inner, _parser.SubPattern)]
    return found
