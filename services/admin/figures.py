"""Analytics and reports as pages. Each figure is an operation of services/api/analytics.py; what it is and
what it is counted from is in docs/analytics.md."""

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Any

from services.admin import reporting
from services.admin.drawing import Chart, Series, apart, over, shown
from services.admin.site import Handler, Page
from services.admin.visit import Visit

PERIODS = ("7", "30", "90")
ALL = "all"
_MOST_LINES = 8


async def analytics(visit: Visit) -> Page:
    """Every figure of a period, and the funnel of a version."""
    visit.require("analytics_funnel")
    asked = visit.request.query
    days = asked.get("days", "")
    period = {"days": days if days in PERIODS else "30"}
    context = {
        "periods": PERIODS,
        "days": period["days"],
        "funnel": await _funnel(visit, period),
        "charts": [
            *await _dials(visit, period),
            *await _lending(visit, period),
            *await _vintages(visit),
            *await _money(visit, period),
            *await _server(visit, period),
        ],
    }
    return Page("analytics.html", context)


async def _funnel(visit: Visit, period: Mapping[str, str]) -> dict[str, Any]:
    """The states of a version (the live one, unless another is asked for), told apart as asked."""
    asked = visit.request.query
    menus = await visit.ask("list_menus") if visit.may("list_menus") else None
    versions = list(dict.fromkeys(each.version for each in menus.versions)) if menus else []
    live = (menus.live or "") if menus else ""
    chosen = asked.get("bundle", "") or live or ALL
    query = {**period, **({} if chosen == ALL else {"bundle": chosen})}
    apart_by = [name for name in ("by_network", "by_language") if asked.get(name) == "true"]
    found = await visit.ask("analytics_funnel", query={**query, **dict.fromkeys(apart_by, "true")})
    groups = []
    for key, rows in groupby(found.states, lambda state: (state.bundle, state.network, state.language)):
        states = list(rows)
        groups.append({"name": " · ".join(part for part in key if part), "states": states,
                       "most": max(state.shown for state in states) or 1})  # fmt: skip
    return {"versions": versions, "live": live, "bundle": chosen, "all": ALL, "groups": groups,
            "ends": found.ends, "apart": apart_by, "as_of": found.as_of}  # fmt: skip


async def _dials(visit: Visit, period: Mapping[str, str]) -> list[Chart]:
    found = await visit.ask("analytics_conversion", query=period)
    total = found.total
    x, series = over(
        found.days, "day", ("Dials", "count", "dials"), ("Applied", "count", "applied"),
        ("Refused", "count", "refused"), ("Paid out", "count", "paid_out"),
    )  # fmt: skip
    dials = Chart(
        "From a dial to money", "Sessions begun, what was applied for, and what was paid out.", x, series,
        figures=(("Dials", shown("count", total.dials)), ("Applied", shown("count", total.applied)),
                 ("Paid out", shown("count", total.paid_out)),
                 ("Applied per dial", shown("share", total.applied_per_dial)),
                 ("Paid out per dial", shown("share", total.paid_out_per_dial))),
    )  # fmt: skip
    active = await visit.ask("analytics_active_borrowers")
    borrowers = Chart(
        "Active borrowers", "With whom money moved; and loans that something is owed on.",
        figures=(("In 30 days", shown("count", active.within_30)),
                 ("In 90 days", shown("count", active.within_90)),
                 ("Loans owed on", shown("count", active.owing))),
    )  # fmt: skip
    return [dials, borrowers]


async def _lending(visit: Visit, period: Mapping[str, str]) -> list[Chart]:
    waits = await visit.ask("analytics_disbursement_time", query=period)
    if len({day.product for day in waits.days}) > 1:
        x, times = apart(waits.days, "day", _product, "seconds", "p90_s")
        says = "90 % of a product's loans had their money within this, from the application on."
    else:
        x, times = over(waits.days, "day", ("Half within", "seconds", "p50_s"),
                        ("90 % within", "seconds", "p90_s"), ("99 % within", "seconds", "p99_s"))  # fmt: skip
        says = "From the application until M-Pesa paid, by the day it paid."
    return [
        Chart("Time to the money", says, x, times),
        await _at_risk(visit, period),
        await _limits(visit, period),
    ]


async def _at_risk(visit: Visit, period: Mapping[str, str]) -> Chart:
    """PAR by day over all products: shares of sums, not sums of shares. Today's is what is owed now."""
    found = await visit.ask("analytics_portfolio", query=period)
    rows = sorted(
        [*(row for row in found.days if not found.now or row.day != found.now[0].day), *found.now],
        key=lambda row: row.day,
    )
    x: list[date] = []
    owed: list[int] = []
    late: dict[str, list[float | None]] = {name: [] for name in ("par1", "par30", "par60", "par90")}
    for day, of_day in groupby(rows, lambda row: row.day):
        products = list(of_day)
        x.append(day)
        owed.append(sum(row.principal_cents for row in products))
        for name, values in late.items():
            cents = sum(getattr(row, f"{name}_cents") for row in products)
            values.append(cents / owed[-1] if owed[-1] else None)
    series = [Series(f"PAR {name[3:]}", "share", values) for name, values in late.items()]
    figures = [("Principal owed", shown("kes", owed[-1]))] if owed else []
    figures += [(each.name, shown("share", each.values[-1])) for each in series if each.values]
    says = "Principal of loans so many days late, of all that is owed. Now, and at the end of each day."
    return Chart("Portfolio at risk", says, x, series, figures=figures)


async def _limits(visit: Visit, period: Mapping[str, str]) -> Chart:
    found = await visit.ask("analytics_limits", query=period)
    x, series = over(found.days, "day", ("Limits", "kes", "limit_cents"), ("Drawn", "kes", "drawn_cents"))
    last = found.days[-1] if found.days else None
    figures = () if last is None else (
        ("Borrowers with a limit", shown("count", last.borrowers)),
        ("Utilisation", shown("share", last.utilisation)),
    )  # fmt: skip
    return Chart("Limits and their use", "What could be borrowed, and what is.", x, series, figures=figures)


async def _vintages(visit: Visit) -> list[Chart]:
    found = await visit.ask("analytics_vintages")
    defaults = await visit.ask("analytics_defaults")
    charts = []
    for title, says, of in (
        (
            "Vintages: paid back",
            "Principal paid back of what was lent in a month, by months on book.",
            "repaid",
        ),
        ("Vintages: 30 days late", "Principal more than 30 days late, of what was lent in a month.", "par30"),
    ):
        x, series = apart(found.months, "on_book", _month, "share", of)
        charts.append(Chart(title, says, [str(months) for months in x], series, of="Months on book"))
    x, series = over(defaults.vintages, "vintage", ("By loans", "share", "rate"),
                     ("By principal", "share", "rate_by_principal"))  # fmt: skip
    charts.append(
        Chart("Default rate", "Loans of each month that stopped performing.",
              [each.strftime("%b %Y") for each in x], series, kind="bars", of="Month",
              figures=(("Of all loans", shown("share", defaults.rate)),
                       ("Of all principal", shown("share", defaults.rate_by_principal))))
    )  # fmt: skip
    return charts


async def _money(visit: Visit, period: Mapping[str, str]) -> list[Chart]:
    collections = await visit.ask("analytics_collections", query=period)
    promise = collections.today
    x, series = over(
        collections.due, "due_on", ("In time", "share", "in_time"), ("Within 7 days", "share", "within_7"),
        ("Within 30 days", "share", "within_30"),
    )  # fmt: skip
    due = Chart(
        "Collections by due date", "Of what fell due on a day, how much was paid by when.", x, series,
        figures=(("Promised today", shown("kes", promise.promised_cents)),
                 ("Kept so far", shown("kes", promise.kept_cents)),
                 ("Share kept", shown("share", promise.kept))),
    )  # fmt: skip
    x, series = over(
        collections.collected, "day", ("Principal", "kes", "principal_cents"),
        ("Charges", "kes", "charges_cents"), ("Recovered", "kes", "recovered_cents"),
    )  # fmt: skip
    came = Chart("Collected", "What came in each day, by what it settled.", x, series, kind="bars")
    costs = await visit.ask("analytics_costs", query=period)
    x, series = over(
        costs.days, "day", ("SMS", "kes", "sms_cents"), ("USSD", "kes", "ussd_cents"),
        ("M-Pesa", "kes", "mpesa_cents"),
    )  # fmt: skip
    cost = Chart(
        "Cost per loan", "What messages, sessions and M-Pesa cost us, over the loans paid out.", x, series,
        kind="bars",
        figures=(("Together", shown("kes", costs.total.total_cents)),
                 ("Loans paid out", shown("count", costs.total.loans)),
                 ("For each loan", shown("kes", costs.total.per_loan_cents))),
    )  # fmt: skip
    return [due, came, cost]


async def _server(visit: Visit, period: Mapping[str, str]) -> list[Chart]:
    step = "hour" if period["days"] == "7" else "day"
    found = await visit.ask("analytics_service", query={**period, "step": step})
    of = "Hour" if step == "hour" else "Day"
    charts = []
    for what, title, says in (
        ("turn", "Response times", "95 % of a gateway's turns were answered within this."),
        ("action", "Times of actions", "95 % of an action's calls took at most this; the most called."),
    ):
        rows = [row for row in found.times if row.what == what]
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.name] = counts.get(row.name, 0) + row.count
        kept = sorted(counts, key=lambda name: -counts[name])[:_MOST_LINES]
        x, series = apart((row for row in rows if row.name in kept), "began", _name, "ms", "p95_ms")
        charts.append(Chart(title, says, x, series, of=of))
    x, series = over(found.errors, "began", ("Turns that failed", "share", "fault_rate"))
    turns = sum(each.turns for each in found.errors)
    faults = sum(each.busy + sum(each.faults.values()) for each in found.errors)
    charts.append(
        Chart("Errors", "Turns answered with an apology, of all.", x, series, of=of,
              figures=(("Turns", shown("count", turns)), ("With an apology", shown("count", faults)),
                       ("Requests refused", shown("count", _sum(found.errors, "rejected"))),
                       ("Actions that failed", shown("count", _sum(found.errors, "failed_actions")))))
    )  # fmt: skip
    return charts


def _product(row: Any) -> str:
    return str(row.product)


def _month(row: Any) -> str:
    return str(row.vintage.strftime("%b %Y"))


def _name(row: Any) -> str:
    return str(row.name)


def _sum(rows: Any, name: str) -> int:
    return sum(sum(getattr(row, name).values()) for row in rows)


PAGES: tuple[tuple[str, Handler], ...] = (("/analytics", analytics), *reporting.PAGES)
