"""What admin.js draws a chart from."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Literal

Unit = Literal["kes", "share", "count", "seconds", "ms"]


def chart(
    kind: Literal["lines", "bars"],
    of: str,
    x: Sequence[date | datetime | str],
    *series: tuple[str, Unit, Sequence[float | int | None]],
) -> dict[str, Any]:
    """Lines or bars over moments or labels; each series has a name, its unit and a value for each x."""
    return {
        "kind": kind,
        "of": of,
        "x": [_place(each) for each in x],
        "series": [{"name": name, "unit": unit, "values": list(values)} for name, unit, values in series],
    }


def _place(at: date | datetime | str) -> float | str:
    if isinstance(at, str):
        return at
    moment = at if isinstance(at, datetime) else datetime.combine(at, time(9), UTC)  # noon in Nairobi
    return moment.timestamp()
