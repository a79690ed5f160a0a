"""The list of business days that were closed."""

from datetime import date, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Column, Key, Listing, Sort, at_least, at_most
from services.api.lists.query import Day, ListQuery, Page
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Reports")

SUMS = (
    "principal_cents", "charges_cents", "par1_cents", "par30_cents", "par60_cents", "par90_cents",
    "disbursed_cents", "repaid_cents", "written_off_cents", "recovered_cents",
)  # fmt: skip


class DayQuery(ListQuery):
    """Which days."""

    day_from: Day | None = None
    day_to: Day | None = None
    sort: Literal["day", "-day"] = Field("-day", description="`-` is the latest first.")


class BusinessDay(BaseModel):
    """A day and the portfolio at its end, over all products."""

    day: date
    closed_at: datetime
    counts: dict[str, int] = Field(description="What closing it did.", examples=[{"overdue": 14}])
    loans: int = Field(description="Loans with something owed.", examples=[4821])
    principal_cents: int
    charges_cents: int
    par1_cents: int = Field(description="Principal of loans a day or more past due.")
    par30_cents: int = Field(description="More than 30 days past due.")
    par60_cents: int
    par90_cents: int
    disbursed_cents: int
    repaid_cents: int
    written_off_cents: int
    recovered_cents: int


class BusinessDays(Page[BusinessDay]):
    """A page of days."""


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "day": row["day"],
        "closed_at": row["closed_at"],
        "counts": orjson.loads(row["counts"]),
        "loans": row["loans"],
        **{name: row[name] for name in SUMS},
    }


DAYS = Listing(
    name="days",
    table="business_day",
    id=Key("business_day.day", date),
    select=f"business_day.*, stock.loans, {', '.join(f'stock.{name}' for name in SUMS)}",
    joins=f"""join business_day on business_day.day = page.id
cross join lateral (
    select
        coalesce(sum(portfolio_day.loans), 0)::bigint as loans,
        {", ".join(f"coalesce(sum(portfolio_day.{name}), 0)::bigint as {name}" for name in SUMS)}
    from portfolio_day
    where portfolio_day.day = business_day.day
) as stock""",  # noqa: S608 - names of ours
    sorts={"day": Sort((Key("business_day.day", date),))},
    filters={"day_from": at_least("business_day.day"), "day_to": at_most("business_day.day")},
    columns=(
        Column("day", "day", "date"),
        Column("closed", "closed_at", "moment"),
        Column("loans", "loans", "number"),
        *(Column(name.replace("_cents", "_kes"), name, "money") for name in SUMS),
    ),
    shown=shown,
    tags=("business_day",),
)


@routes.get("/admin/days", may=Permission.REPORTS_READ, **LISTED)
async def list_days(call: Read, query: DayQuery) -> BusinessDays | Stream:
    """List closed business days.

    With the portfolio at the end of each.
    """
    return await answer(call, DAYS, query, BusinessDays)
