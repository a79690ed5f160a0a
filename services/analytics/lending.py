"""Figures of lending: the portfolio and what is at risk, vintages, defaults, limits, borrowers, waits."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from services.analytics import queries
from services.analytics.period import Figures, Period, share
from services.analytics.rollup import PAYMENTS


class PortfolioDay(BaseModel):
    """What was owed at the end of a day, or is owed now. par30 is the principal of loans more than 30 days
    late, par1 of all that are late; the shares are of principal."""

    day: date
    product: str
    loans: int
    principal_cents: int
    charges_cents: int
    par1_cents: int
    par30_cents: int
    par60_cents: int
    par90_cents: int
    par1: float | None
    par30: float | None
    par60: float | None
    par90: float | None


class Portfolio(Figures):
    """The portfolio now, by product, and on the days before."""

    now: list[PortfolioDay]
    days: list[PortfolioDay]


class VintageMonth(BaseModel):
    """A vintage so many months on book: the present month as of now, those before at their end."""

    vintage: date
    on_book: int
    lent_cents: int
    repaid_cents: int
    written_off_cents: int
    principal_cents: int
    par30_cents: int
    par90_cents: int
    repaid: float | None
    par30: float | None
    par90: float | None
    written_off: float | None


class Vintages(Figures):
    """The curves, month by month."""

    months: list[VintageMonth]


class DefaultVintage(BaseModel):
    """Of the loans of one month, those that stopped performing."""

    vintage: date
    loans: int
    lent_cents: int
    defaulted: int
    defaulted_cents: int
    written_off_cents: int
    recovered_cents: int
    rate: float | None
    rate_by_principal: float | None


class DefaultRates(Figures):
    """By vintage, and all together."""

    vintages: list[DefaultVintage]
    rate: float | None
    rate_by_principal: float | None


class LimitDay(BaseModel):
    """What could be borrowed, and how much of it was."""

    day: date
    borrowers: int
    limit_cents: int
    drawn_cents: int
    utilisation: float | None


class LimitUse(Figures):
    """Limits and their use, day by day; the last one is today's."""

    days: list[LimitDay]


class ActiveBorrowers(Figures):
    """Borrowers with whom money moved in the last days, and loans that are owed on."""

    day: date
    within_30: int
    within_90: int
    owing: int


class WaitDay(BaseModel):
    """Seconds from the application to the money, of the loans whose money came that day."""

    day: date
    product: str
    loans: int
    p50_s: float
    p90_s: float
    p99_s: float


class DisbursementTimes(Figures):
    """By day and product."""

    days: list[WaitDay]


async def portfolio(connection: Any, period: Period, today: date) -> Portfolio:
    """PAR 1/30/60/90.

    Principal owed: the balances of loan_principal:* in the ledger. A loan's days past due are the day less
    its due date; PAR n is the principal of loans more than n days late (PAR 1: one day and more), over all
    principal. What is written off is no longer owed. Days: portfolio_day, as the day's end saw it. Now:
    standing, which the rollup keeps.
    """
    rows = await connection.fetch(queries.STANDING, today)
    days = await connection.fetch(queries.PORTFOLIO_DAYS, period.since, period.until)
    return Portfolio(
        now=[_at_risk({**row, "day": today}) for row in rows], days=[_at_risk(dict(row)) for row in days]
    )


def _at_risk(row: dict[str, Any]) -> PortfolioDay:
    shares = {
        name: share(row[f"{name}_cents"], row["principal_cents"])
        for name in ("par1", "par30", "par60", "par90")
    }
    return PortfolioDay(**row, **shares)


async def vintages(connection: Any, first: date, last: date, today: date) -> Vintages:
    """Vintage curves: month of disbursement × months on book.

    lent is the principal paid out (journals disbursement and claim_settled); repaid and written off are
    cumulative principal (repayment, suspense_matched, credit_used; write_off), from money_day. par30 and
    par90 are at the end of the month, from vintage_day; of the present month, now, from standing. Shares are
    of what was lent by then.
    """
    rows = await connection.fetch(queries.VINTAGES, first, last, today, list(PAYMENTS))
    return Vintages(months=[_vintage(row) for row in rows])


def _vintage(row: Any) -> VintageMonth:
    found = dict(row)
    month = found.pop("month")
    vintage, lent = found["vintage"], found["lent_cents"]
    return VintageMonth(
        **found,
        on_book=(month.year - vintage.year) * 12 + month.month - vintage.month,
        repaid=share(found["repaid_cents"], lent),
        par30=share(found["par30_cents"], lent),
        par90=share(found["par90_cents"], lent),
        written_off=share(found["written_off_cents"], lent),
    )


async def defaults(connection: Any, first: date, last: date) -> DefaultRates:
    """Default rate: loans that stopped performing, or were written off before that, over loans paid out, by
    month of disbursement; loan_day. By principal: of what was lent. A loan that is paid after all stays
    one that defaulted; what came back is in recovered (recovery_income)."""
    rows = [
        DefaultVintage(
            **dict(row),
            rate=share(row["defaulted"], row["loans"]),
            rate_by_principal=share(row["defaulted_cents"], row["lent_cents"]),
        )
        for row in await connection.fetch(queries.DEFAULTS, first, last)
    ]
    return DefaultRates(
        vintages=rows,
        rate=share(sum(row.defaulted for row in rows), sum(row.loans for row in rows)),
        rate_by_principal=share(
            sum(row.defaulted_cents for row in rows), sum(row.lent_cents for row in rows)
        ),
    )


async def limits(connection: Any, period: Period, today: date) -> LimitUse:
    """Limits granted to registered borrowers who are not blacklisted (limit_day, counted every ten minutes),
    and the principal owed (portfolio_day; today standing). utilisation is drawn / limit."""
    drawn = {
        row["day"]: row["principal_cents"]
        for row in await connection.fetch(queries.DRAWN_DAYS, period.since, period.until)
    }
    if period.since <= today <= period.until:
        drawn[today] = await connection.fetchval(queries.DRAWN)
    days = [
        LimitDay(
            **dict(row),
            drawn_cents=drawn.get(row["day"], 0),
            utilisation=share(drawn.get(row["day"], 0), row["limit_cents"]),
        )
        for row in await connection.fetch(queries.LIMITS, period.since, period.until)
    ]
    return LimitUse(days=days)


async def active(connection: Any, today: date) -> ActiveBorrowers:
    """Borrowers to or from whom money moved (journals disbursement, repayment, suspense_matched) within the
    last 30 and 90 days, today among them; active_day. owing: loans with something owed; standing."""
    return ActiveBorrowers(day=today, **dict(await connection.fetchrow(queries.ACTIVE, today)))


async def waits(connection: Any, period: Period) -> DisbursementTimes:
    """Disbursement time: from loan.applied_at to loan.disbursed_at, M-Pesa's time of the payment, of loans
    whose money came on a day: the median, the 90th and the 99th percentile; wait_day."""
    rows = await connection.fetch(queries.WAITS, period.since, period.until)
    return DisbursementTimes(days=[WaitDay(**dict(row)) for row in rows])
