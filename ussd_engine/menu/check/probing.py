"""Conditions run on sample values: what their types cannot show, a division by zero, an item of an
empty list, a number that is too great.
"""

from collections.abc import Mapping
from typing import Any

from ussd_engine.menu.check.names import Names
from ussd_engine.menu.expressions import ExpressionError, compile_expression
from ussd_engine.menu.findings import Report
from ussd_engine.menu.model import Condition, VarType

_STEPS = ("the values are the least possible", "", "the values are the greatest possible")


def probe(condition: Condition, names: Names, extra: Mapping[str, VarType], report: Report) -> bool:
    """Run a condition on the least, a middling and the greatest values; what fails is reported."""
    source = condition.source
    try:
        expression = compile_expression(source.value)
    except ExpressionError as error:
        report.error(source.at, "bad-condition", str(error), error.hint)
        return False
    roots = {**names.roots, **extra}
    for step, when in enumerate(_STEPS):
        scope = {name: sample(roots[name], step) for name in expression.names if name in roots}
        try:
            expression(scope)
        except ExpressionError as error:
            reason = str(error).rpartition(": ")[2]
            report.error(
                source.at,
                "fails",
                f"This cannot be evaluated{' when ' + when if when else ''}: {reason}.",
                "A list may be empty, a number 0 and a text without characters: ask for that first.",
            )
            return False
    return True


def sample(declared: VarType, step: int) -> Any:
    """A value of a type: the least (0), a middling one (1) or the greatest (2)."""
    most = declared.max or 10
    length = most if declared.kind in ("text", "digits") else 0  # else most may be cents: millions
    simple: dict[str, tuple[Any, Any, Any]] = {
        "money": (0, most // 2, most),
        "integer": (0, most // 2, most),
        "text": ("", "Ab", "M" * length),
        "digits": ("", "12", "9" * length),
        "phone": ("254712345678",) * 3,
        "date": ("2000-01-01", "2026-11-23", "2099-12-31"),
        "flag": (False, True, True),
        "pin": ("0000", "1234", "9999"),
    }
    if declared.kind in simple:
        return simple[declared.kind][step]
    fields = {name: sample(field, step) for name, field in declared.fields.items()}
    return [fields] * (0, 1, most)[step] if declared.kind == "list" else fields
