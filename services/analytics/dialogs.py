"""Figures of dialogs: how many dials become loans, where people stop, how long they take, what it costs."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from services.analytics import queries
from services.analytics.period import Figures, Period, share

_MICROS_A_CENT = 10_000


class ConversionDay(BaseModel):
    """One day, or all of them together (day is None)."""

    day: date | None
    dials: int
    applied: int
    refused: int
    approved: int
    paid_out: int
    applied_per_dial: float | None
    paid_out_per_dial: float | None


class Conversion(Figures):
    """From a dial to a completed application, and on to money."""

    days: list[ConversionDay]
    total: ConversionDay


class FunnelState(BaseModel):
    """One state of a menu version. network and language are empty when they are not told apart."""

    service: str
    bundle: str
    network: str
    language: str
    state: str
    shown: int
    moved_on: int
    refused: int
    begun: int
    ended: int
    dropped: int
    drop_off: float | None
    answers: int
    dwell_ms: int | None
    within_2s: int
    within_5s: int
    within_10s: int
    within_20s: int
    within_60s: int
    longer: int


class SessionEnd(BaseModel):
    """Sessions that a gateway told the end of, by the state they stood in. bundle, language and state are
    empty where the session was no longer known."""

    bundle: str
    network: str
    language: str
    state: str
    status: str
    currency: str
    sessions: int
    cost_cents: int
    duration_ms: int
    hops: int


class Funnel(Figures):
    """The states of each version, and the ends of its sessions."""

    states: list[FunnelState]
    ends: list[SessionEnd]


async def conversion(connection: Any, period: Period) -> Conversion:
    """Of the sessions begun on a day, how many came to an application, and to money.

    dials     sessions begun: dialog_hour.begun
    applied   loans applied for (a decision with a loan), refused: decisions without one: loan_day
    approved  by the scorecard or a person: moves `approve`
    paid_out  whose money came that day: moves `pay_out` and `pay_out_late`

    applied_per_dial is applied / dials of the same day; paid_out_per_dial likewise.
    """
    rows = await connection.fetch(queries.CONVERSION, period.begins, period.ends)
    days = [_conversion(row["day"], row) for row in rows]
    names = ("dials", "applied", "refused", "approved", "paid_out")
    return Conversion(
        days=days, total=_conversion(None, {name: sum(row[name] for row in rows) for name in names})
    )


def _conversion(day: date | None, row: Any) -> ConversionDay:
    return ConversionDay(
        day=day,
        dials=row["dials"],
        applied=row["applied"],
        refused=row["refused"],
        approved=row["approved"],
        paid_out=row["paid_out"],
        applied_per_dial=share(row["applied"], row["dials"]),
        paid_out_per_dial=share(row["paid_out"], row["dials"]),
    )


async def funnel(
    connection: Any, period: Period, bundle: str | None, *, by_network: bool, by_language: bool
) -> Funnel:
    """Where people stop, by state of each menu version: dialog_hour, and session_hour for the ends.

    dropped   shown − moved_on − ended: who was shown a state and neither left it nor was at the end there.
              Sessions under way just now are among them, until they are answered
    drop_off  dropped / shown
    dwell_ms  the mean time from a screen to its answer; the buckets count answers by how long they took
    """
    asked = (period.begins, period.ends, bundle, by_network, by_language)
    states = [_state(row) for row in await connection.fetch(queries.FUNNEL, *asked)]
    ends = [
        SessionEnd(**{name: value for name, value in row.items() if name != "cost_micros"},
                   cost_cents=cents_of(row["cost_micros"]))
        for row in await connection.fetch(queries.SESSIONS, *asked)
    ]  # fmt: skip
    return Funnel(states=states, ends=ends)


def _state(row: Any) -> FunnelState:
    found = dict(row)
    waited_ms = found.pop("dwell_ms")
    answers = sum(count for name, count in found.items() if name.startswith("within_")) + found["longer"]
    dropped = max(found["shown"] - found["moved_on"] - found["ended"], 0)
    return FunnelState(
        **found,
        dropped=dropped,
        drop_off=share(dropped, found["shown"]),
        answers=answers,
        dwell_ms=round(waited_ms / answers) if answers else None,
    )


def cents_of(micros: int) -> int:
    """Millionths of a shilling as whole cents, rounded once over the whole sum."""
    return (micros + _MICROS_A_CENT // 2) // _MICROS_A_CENT
