"""Analytics over HTTP. What each figure is, its formula and what it is counted from: services/analytics,
docs/analytics.md. Every answer is read off day rows, which are brought up to date when they are older than
a minute."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services import clock
from services.analytics import collecting, dialogs, lending, rollup, server
from services.analytics.collecting import Collections, Costs
from services.analytics.dialogs import Conversion, Funnel
from services.analytics.lending import (
    ActiveBorrowers,
    DefaultRates,
    DisbursementTimes,
    LimitUse,
    Portfolio,
    Vintages,
)
from services.analytics.period import MOST_DAYS, Figures, Period
from services.analytics.server import ServiceLevel
from services.api.calls import Read
from services.api.lists.query import Day
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Analytics")

F = TypeVar("F", bound=Figures)
MAY = Permission.ANALYTICS_READ


class Days(BaseModel):
    """So many days, up to one of them."""

    model_config = ConfigDict(extra="forbid")

    until: Day | None = Field(None, description="The last day, in Nairobi; today when it is left out.")
    days: int = Field(30, ge=1, le=MOST_DAYS, description="How many days, with the last one.")

    @property
    def period(self) -> Period:
        """The days that are meant."""
        last = self.until or today()
        return Period(since=last - timedelta(days=self.days - 1), until=last)


class FunnelAsked(Days):
    """Whose funnel."""

    days: int = Field(7, ge=1, le=MOST_DAYS, description="How many days, with the last one.")
    bundle: Annotated[str, Field(pattern="^[0-9a-f]{12}$")] | None = Field(
        None, description="Of one menu version only.", examples=["3f0a1b2c9d8e"]
    )
    by_network: bool = Field(False, description="Tell networks apart.")
    by_language: bool = Field(False, description="Tell languages apart.")


class ServiceAsked(Days):
    """How fine."""

    days: int = Field(2, ge=1, le=92, description="How many days, with the last one.")
    step: Literal["hour", "day"] = Field("hour", description="The length of a row's time.")


class Months(BaseModel):
    """So many months of disbursement."""

    model_config = ConfigDict(extra="forbid")

    months: int = Field(12, ge=1, le=60, description="How many, with the present one.")

    @property
    def first(self) -> date:
        """The first day of the first one."""
        now = today()
        months = now.year * 12 + now.month - self.months
        return date(months // 12, months % 12 + 1, 1)


def today() -> date:
    """In Nairobi."""
    return clock.nairobi_date(clock.now())


@routes.get("/analytics/conversion", may=MAY)
async def analytics_conversion(call: Read, query: Days) -> Conversion:
    """Of the sessions begun, how many came to an application, and to money."""
    return await _read(call, lambda connection: dialogs.conversion(connection, query.period))


@routes.get("/analytics/funnel", may=MAY)
async def analytics_funnel(call: Read, query: FunnelAsked) -> Funnel:
    """Where people stop, by state of each menu version, how long they take, and how sessions end.

    `dropped` is shown − moved_on − ended. Costs and ends are the gateway's."""
    return await _read(
        call,
        lambda connection: dialogs.funnel(
            connection,
            query.period,
            query.bundle,
            by_network=query.by_network,
            by_language=query.by_language,
        ),
    )


@routes.get("/analytics/disbursement-time", may=MAY)
async def analytics_disbursement_time(call: Read, query: Days) -> DisbursementTimes:
    """Seconds from the application to the money, by the day it came."""
    return await _read(call, lambda connection: lending.waits(connection, query.period))


@routes.get("/analytics/portfolio", may=MAY)
async def analytics_portfolio(call: Read, query: Days) -> Portfolio:
    """What is owed, and PAR 1, 30, 60 and 90: now, and at the end of each day."""
    return await _read(call, lambda connection: lending.portfolio(connection, query.period, today()))


@routes.get("/analytics/vintages", may=MAY)
async def analytics_vintages(call: Read, query: Months) -> Vintages:
    """Vintage curves: the loans of a month, month by month on book."""
    return await _read(call, lambda connection: lending.vintages(connection, query.first, today(), today()))


@routes.get("/analytics/defaults", may=MAY)
async def analytics_defaults(call: Read, query: Months) -> DefaultRates:
    """Of the loans of each month, those that stopped performing."""
    return await _read(call, lambda connection: lending.defaults(connection, query.first, today()))


@routes.get("/analytics/collections", may=MAY)
async def analytics_collections(call: Read, query: Days) -> Collections:
    """What fell due and how much of it came by when, what came each day, and today's promise."""
    return await _read(call, lambda connection: collecting.collections(connection, query.period, today()))


@routes.get("/analytics/limits", may=MAY)
async def analytics_limits(call: Read, query: Days) -> LimitUse:
    """Limits granted, and how much of them is drawn."""
    return await _read(call, lambda connection: lending.limits(connection, query.period, today()))


@routes.get("/analytics/active-borrowers", may=MAY)
async def analytics_active_borrowers(call: Read) -> ActiveBorrowers:
    """Borrowers with whom money moved in the last 30 and 90 days."""
    return await _read(call, lambda connection: lending.active(connection, today()))


@routes.get("/analytics/costs", may=MAY)
async def analytics_costs(call: Read, query: Days) -> Costs:
    """What messages, sessions and M-Pesa cost, and what that is for each loan paid out."""
    return await _read(call, lambda connection: collecting.costs(connection, query.period))


@routes.get("/analytics/service", may=MAY)
async def analytics_service(call: Read, query: ServiceAsked) -> ServiceLevel:
    """How long turns and actions take, and how many fail."""
    return await _read(call, lambda connection: server.service(connection, query.period, query.step))


async def _read(call: Read, figure: Callable[[Any], Awaitable[F]]) -> F:
    """The figure as of now, on one connection."""
    async with call.pool.acquire() as connection:
        as_of = await rollup.fresh(connection)
        found = await figure(connection)
    found.as_of = as_of
    return found
