"""Figures of the server: how long turns and actions take, and how many fail."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from services import clock
from services.analytics import queries
from services.analytics.period import Figures, Period, share

Step = Literal["hour", "day"]


class ResponseTime(BaseModel):
    """Turns of a gateway, or calls of an action. A percentile is the end of the bucket it falls in: at most
    so long. None: longer than any bucket, or nothing to say it of."""

    began: datetime
    what: Literal["turn", "action"]
    name: str
    count: int
    mean_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class ErrorCounts(BaseModel):
    """What was answered, and what of it was an apology or a refusal."""

    began: datetime
    turns: int
    busy: int
    faults: dict[str, int]
    rejected: dict[str, int]
    failed_actions: dict[str, int]
    fault_rate: float | None


class ServiceLevel(Figures):
    """Response times and errors, by hour or day."""

    times: list[ResponseTime]
    errors: list[ErrorCounts]


async def service(connection: Any, period: Period, step: Step) -> ServiceLevel:
    """From the histograms and counters of every web process, which its recorder adds to server_hour.

    mean       the sum of the seconds over how many there were
    p50 …      the end of the bucket in which that share is reached
    fault_rate turns answered with an apology (faults: store, program, late, server; and busy), over all
    """
    rows = await connection.fetch(queries.SERVER, period.begins, period.ends, step)
    values: dict[datetime, dict[tuple[str, str, str], dict[float, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for row in rows:
        began = row["began"].replace(tzinfo=clock.NAIROBI)
        values[began][row["metric"], row["label"], row["other"]][row["bound"]] = row["value"]
    return ServiceLevel(
        times=[time for began, found in values.items() for time in _times(began, found)],
        errors=[_errors(began, found) for began, found in values.items()],
    )


Found = Mapping[tuple[str, str, str], Mapping[float, float]]


def _times(began: datetime, found: Found) -> list[ResponseTime]:
    times = []
    for (metric, name, _), buckets in found.items():
        what: Literal["turn", "action"] = "turn" if metric == "turn_seconds" else "action"
        if metric not in ("turn_seconds", "action_seconds"):
            continue
        count = round(sum(buckets.values()))
        total_s = found.get((f"{metric}_sum", name, ""), {}).get(0.0, 0.0)
        times.append(
            ResponseTime(
                began=began,
                what=what,
                name=name,
                count=count,
                mean_ms=round(total_s / count * 1000, 3) if count else 0.0,
                p50_ms=percentile_ms(buckets, 0.5),
                p95_ms=percentile_ms(buckets, 0.95),
                p99_ms=percentile_ms(buckets, 0.99),
            )
        )
    return times


def percentile_ms(buckets: Mapping[float, float], wanted: float) -> float | None:
    """The end, in milliseconds, of the bucket in which that share of all is reached."""
    left = wanted * sum(buckets.values())
    if not left:
        return None
    for bound in sorted(buckets):
        left -= buckets[bound]
        if left <= 1e-9:
            return None if bound == float("inf") else bound * 1000
    return None


def _errors(began: datetime, found: Found) -> ErrorCounts:
    def of(metric: str, at: int) -> dict[str, int]:
        """Counts of a metric, by its first or second label."""
        sums: dict[str, int] = defaultdict(int)
        for key, values in found.items():
            if key[0] == metric:
                sums[key[1 + at]] += round(sum(values.values()))
        return dict(sums)

    outcomes = of("turns", 1)
    turns, faults = sum(outcomes.values()), of("faults", 0)
    failed = {
        f"{name}:{outcome}": round(sum(values.values()))
        for (metric, name, outcome), values in found.items()
        if metric == "actions" and outcome in ("late", "failed")
    }
    return ErrorCounts(
        began=began,
        turns=turns,
        busy=outcomes.get("busy", 0),
        faults=faults,
        rejected=of("rejected", 1),
        failed_actions=failed,
        fault_rate=share(sum(faults.values()) + outcomes.get("busy", 0), turns),
    )
