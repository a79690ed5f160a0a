"""Reading the YAML of load tests: strict, and each fault with its file, line and what to do.

The files are read as menus are, so quotes, line numbers and `Did you mean …?` work the same.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from ussd_engine.errors import UssdError
from ussd_engine.menu.findings import Report, render, shown
from ussd_engine.menu.reading.shape import Fields, as_mapping, as_scalar
from ussd_engine.menu.source import Mapping, Node, Scalar, parse

T = TypeVar("T")

_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")
_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/s")
LONGEST_S = 7 * 24 * 3600.0


class LoadTestError(UssdError):
    """A file of the load test cannot be read; the message has every fault in it."""


def read(file: Path, what: str, reader: Callable[[Mapping, Report], T | None]) -> T:
    """What `reader` makes of a file. Raises LoadTestError with all faults."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not saved as UTF-8"
        raise LoadTestError(f"{file}: {reason}") from None
    report = Report()
    tree, _ = parse(str(file), text, report)
    node = as_mapping(tree, what, report) if tree is not None else None
    if tree is None and not report.errors:
        raise LoadTestError(f"{file} is empty.")
    value = reader(node, report) if node is not None and not report.errors else None
    if report.errors or value is None:
        raise LoadTestError("\n\n".join(render(finding, {str(file): text}) for finding in report.in_order()))
    return value


def duration(node: Node | None, what: str, report: Report, default: float = 0.0) -> float:
    """Seconds from 250ms, 30s, 2m or 1h."""
    return _number(
        node, what, report, _DURATION, "Write a number and ms, s, m or h: for example 250ms.", default
    )


def percent(node: Node | None, what: str, report: Report, default: float = 0.0) -> float:
    """A share of 1 from 5% or 0.5%."""
    value = _number(node, what, report, _PERCENT, "Write it with its sign: for example 5% or 0.5%.", default)
    if value > 1 and node is not None:
        report.error(node.at, "bad-value", f"{what} cannot be more than 100%.", "")
        return default
    return value


def rate(node: Node | None, what: str, report: Report, default: float = 0.0) -> float:
    """So many a second, from 20/s."""
    return _number(node, what, report, _RATE, "Write so many a second: for example 20/s.", default)


def span(text: Scalar, one: Callable[[Scalar], float]) -> tuple[float, float]:
    """Both ends of `1s..4s`; of a single value, that twice."""
    least, dots, most = text.value.partition("..")
    return one(_part(text, least)), one(_part(text, most if dots else least))


def _part(whole: Scalar, part: str) -> Scalar:
    return Scalar(part.strip(), whole.at, whole.raw)


def _number(
    node: Node | None, what: str, report: Report, pattern: re.Pattern[str], hint: str, default: float
) -> float:
    text = as_scalar(node, what, report) if node is not None else None
    if text is None:
        return default
    found = pattern.fullmatch(text.value)
    value = _scaled(found) if found else -1.0
    if 0 <= value <= LONGEST_S:
        return value
    report.error(text.at, "bad-value", f"{what} cannot be {shown(text.value)}.", hint)
    return default


def _scaled(found: re.Match[str]) -> float:
    if found.re is _PERCENT:
        return float(found[1]) / 100
    return float(found[1]) * (_SECONDS[found[2]] if found.re is _DURATION else 1)


def fields(node: Node, what: str, known: Iterable[str], report: Report) -> Fields | None:
    """The keys of an entry; None, reported, when it is not one."""
    mapping = as_mapping(node, what, report)
    return None if mapping is None else Fields(mapping, what, known, report)
