"""Figures of collections and costs: what fell due and came, and what a loan costs us."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from services.analytics import queries
from services.analytics.dialogs import cents_of
from services.analytics.period import Figures, Period, share
from services.analytics.rollup import PAYMENTS


class DueDay(BaseModel):
    """Loans that first fell due on a day: what was owed on them, and paid by then and later."""

    due_on: date
    owed_cents: int
    paid_in_time_cents: int
    paid_7_cents: int
    paid_30_cents: int
    paid_cents: int
    in_time: float | None
    within_7: float | None
    within_30: float | None


class CollectedDay(BaseModel):
    """Payments that counted for a day, by what they settled."""

    day: date
    principal_cents: int
    charges_cents: int
    recovered_cents: int


class Promise(BaseModel):
    """What is to come in today by what was agreed, and has."""

    day: date
    promised_cents: int
    kept_cents: int
    kept: float | None


class Collections(Figures):
    """Collections, by due date and by the day they came."""

    due: list[DueDay]
    collected: list[CollectedDay]
    today: Promise


class CostDay(BaseModel):
    """One day, or all together (day is None)."""

    day: date | None
    loans: int
    messages: int
    sms_cents: int
    sessions: int
    ussd_cents: int
    mpesa_cents: int
    total_cents: int
    per_loan_cents: int | None


class Costs(Figures):
    """What lending costs us, day by day and together."""

    days: list[CostDay]
    total: CostDay


async def collections(connection: Any, period: Period, today: date) -> Collections:
    """Collections, from collection_day and money_day, which are counted from the journals of loans.

    due_on   the due date as first agreed (a rollover is not paying in time)
    owed     all that was charged on these loans, principal included, less what was waived
    paid     settled by repayment, suspense_matched or credit_used; within n days: by due_on + n
    promise  of today's: owed less what was paid before today, and what was paid today
    """
    due = await connection.fetch(queries.DUE, period.since, period.until)
    came = await connection.fetch(queries.COLLECTED, period.since, period.until, list(PAYMENTS))
    mine = await connection.fetch(queries.DUE, today, today)
    promised = mine[0]["promised_cents"] - mine[0]["paid_before_cents"] if mine else 0
    kept = mine[0]["paid_on_day_cents"] if mine else 0
    return Collections(
        due=[_due(row) for row in due],
        collected=[CollectedDay(**dict(row)) for row in came],
        today=Promise(day=today, promised_cents=promised, kept_cents=kept, kept=share(kept, promised)),
    )


def _due(row: Any) -> DueDay:
    in_time, owed = row["paid_before_cents"] + row["paid_on_day_cents"], row["owed_cents"]
    return DueDay(
        due_on=row["due_on"],
        owed_cents=owed,
        paid_in_time_cents=in_time,
        paid_7_cents=row["paid_7_cents"],
        paid_30_cents=row["paid_30_cents"],
        paid_cents=row["paid_cents"],
        in_time=share(in_time, owed),
        within_7=share(row["paid_7_cents"], owed),
        within_30=share(row["paid_30_cents"], owed),
    )


async def costs(connection: Any, period: Period) -> Costs:
    """Cost per loan: what messages, USSD sessions and M-Pesa cost on the days, over loans paid out on them.

    SMS: sms.cost_cents of messages the gateway took (message_day). USSD: the cost in the gateway's notices,
    where it is in shillings or names no currency (session_hour). M-Pesa: debits of the account mpesa_charges
    (money_day). All sessions and messages count, also those of people who took no loan.
    """
    rows = await connection.fetch(queries.COSTS, period.begins, period.ends, period.since, period.until)
    names = ("loans", "messages", "sms_cents", "sessions", "ussd_micros", "mpesa_cents")
    total = {name: sum(row[name] for row in rows) for name in names}
    return Costs(days=[_cost(row["day"], row) for row in rows], total=_cost(None, total))


def _cost(day: date | None, row: Any) -> CostDay:
    ussd_cents = cents_of(row["ussd_micros"])
    total = row["sms_cents"] + ussd_cents + row["mpesa_cents"]
    return CostDay(
        day=day,
        loans=row["loans"],
        messages=row["messages"],
        sms_cents=row["sms_cents"],
        sessions=row["sessions"],
        ussd_cents=ussd_cents,
        mpesa_cents=row["mpesa_cents"],
        total_cents=total,
        per_loan_cents=round(total / row["loans"]) if row["loans"] else None,
    )
