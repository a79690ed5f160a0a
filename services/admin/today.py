"""The first page: what the day came to so far, what waits for somebody, and the last thirty days."""

from typing import Any

from services.admin.drawing import Chart, Series, over
from services.admin.site import NAVIGATION, ROOT, Handler, Page
from services.admin.visit import Visit
from services.api.permissions import Permission

DAYS = {"days": "30"}


async def home(visit: Visit) -> Page:
    """The day, as far as somebody's role shows it."""
    if not visit.who.may(Permission.ANALYTICS_READ):  # every role of ours has it; a new one may not
        first = next(tab for _, tabs in NAVIGATION for tab in tabs if tab.path and visit.may(tab.operation))
        return Page(to=ROOT + first.path)
    conversion = await visit.ask("analytics_conversion", query={"days": "30"})
    portfolio = await visit.ask("analytics_portfolio", query=DAYS)
    collections = await visit.ask("analytics_collections", query=DAYS)
    active = await visit.ask("analytics_active_borrowers")
    shown: dict[str, Any] = {
        "today": next((row for row in conversion.days if row.day == collections.today.day), None),
        "now": _sum(portfolio.now),
        "active": active,
        "promise": collections.today,
        "collected": next((row for row in collections.collected if row.day == collections.today.day), None),
        "waits": await _waits(visit),
        "charts": _charts(conversion, portfolio, collections),
    }
    return Page("home.html", shown)


async def _waits(visit: Visit) -> list[tuple[str, int, str, str]]:
    """What waits for a person: the words, how many (at most 50 are counted), where."""
    asked: tuple[tuple[str, str, dict[str, str], str], ...] = (
        ("approvals to decide", "list_approvals", {"status": "proposed"}, "/approvals?status=proposed"),
        ("payments nobody is known for", "list_suspense", {"status": "open"}, "/suspense?status=open"),
        ("differences with M-Pesa", "list_differences", {}, "/differences"),
        ("payouts that need a person", "list_payouts", {"waits_for_person": "true"},
         "/payouts?waits_for_person=true"),
    )  # fmt: skip
    found = []
    for words, name, query, path in asked:
        if visit.may(name):
            answer = await visit.ask(name, query={**query, "limit": "50"})
            count = len(answer.items)
            found.append((words, count, "50 or more" if count == 50 else str(count), ROOT + path))
    return found


def _charts(conversion: Any, portfolio: Any, collections: Any) -> list[Chart]:
    days = [row for row in conversion.days if row.day is not None]
    book: dict[Any, Any] = {}
    for row in portfolio.days:
        book.setdefault(row.day, []).append(row)
    x, dialled = over(
        days, "day", ("Dialled", "count", "dials"), ("Applied", "count", "applied"),
        ("Paid out", "count", "paid_out"),
    )  # fmt: skip
    collected_on, collected = over(
        collections.collected, "day", ("Principal", "kes", "principal_cents"),
        ("Charges", "kes", "charges_cents"),
    )  # fmt: skip
    closed = sorted(book)
    sums = [_sum(book[day]) for day in closed]
    late = [
        Series(f"PAR {days}", "share", [held[f"par{days}"] for held in sums]) for days in ("1", "30", "90")
    ]
    return [
        Chart("From a dial to money", "Each of the last 30 days.", x, dialled),
        Chart("Collected", "What payments settled, by day, KES.", collected_on, collected, kind="bars"),
        Chart("Portfolio at risk", "Principal so many days late, of all that is owed.", closed, late),
    ]


def _sum(rows: Any) -> dict[str, Any]:
    """The products of a day together."""
    found: dict[str, Any] = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("loans", "principal_cents", "par1_cents", "par30_cents", "par90_cents")
    }
    whole = found["principal_cents"]
    for part in ("par1", "par30", "par90"):
        found[part] = found[f"{part}_cents"] / whole if whole else None
    return found


PAGES: tuple[tuple[str, Handler], ...] = (("", home),)
