"""Reports as pages: what there is with what each is asked, one as a table, and those that were made."""

from datetime import date, datetime, timedelta
from typing import Any

from services import clock
from services.admin import words
from services.admin.site import ROOT, Handler, Page
from services.admin.visit import Visit, address
from services.api.operation import BASE
from services.api.permissions import Permission

_ASKED = ("from", "to", "as_of", "by")
_FORMATS = {"csv": "CSV", "xlsx": "Excel", "pdf": "PDF"}
_BASIS_POINTS = 10_000


async def reports(visit: Visit) -> Page:
    """Every report with its form, and those that were made."""
    visit.require("list_reports")
    catalog = await visit.ask("list_reports")
    after = visit.request.query.get("after", "")
    runs = await visit.ask("list_report_runs", query={"after": after} if after.isdecimal() else {})
    yesterday = clock.nairobi_date(clock.now()) - timedelta(days=1)
    context = {
        "reports": [each for each in catalog.items if _allowed(visit, each)],
        "hidden": [each.title for each in catalog.items if not _allowed(visit, each)],
        "runs": runs.items,
        "next": address(visit.request.path, {"after": runs.next_after}) if runs.next_after else "",
        "asked": {"as_of": yesterday, "from": yesterday.replace(day=1), "to": yesterday},
        "api": f"{BASE}/reports",
        "formats": _FORMATS,
    }
    return Page("reports.html", context)


async def report(visit: Visit) -> Page:
    """One report as a table."""
    visit.require("run_report")
    name = visit.request.match_info["name"]
    given = visit.request.query
    query = {key: given[key] for key in _ASKED if given.get(key)}
    made = await visit.ask("run_report", {"name": name}, query)
    about = next(each for each in (await visit.ask("list_reports")).items if each.name == name)
    files = {_FORMATS[kind]: address(f"{BASE}/reports/{name}", {**query, "format": kind})
             for kind in about.formats}  # fmt: skip
    context = {
        "made": made,
        "about": about,
        "rows": [[(column, shown(column.kind, row[column.name])) for column in made.columns]
                 for row in made.rows],
        "totals": [shown(column.kind, made.totals.get(column.name)) for column in made.columns],
        "facts": [(fact.title, shown(fact.kind, fact.value)) for fact in made.facts],
        "files": files,
        "all": f"{ROOT}/reports",
    }  # fmt: skip
    return Page("report.html", context)


def shown(kind: str, value: Any) -> str:
    """A report's value for people; shares are basis points there."""
    if value is None:
        return ""
    if kind == "cents":
        return words.money(int(value))
    if kind == "share":
        return words.share(int(value) / _BASIS_POINTS)
    if kind == "date":
        return words.day(date.fromisoformat(value))
    if kind == "time":
        return words.moment(datetime.fromisoformat(value))
    return f"{value:,}" if kind == "count" else str(value)


def _allowed(visit: Visit, about: Any) -> bool:
    """Reports that name people need to be allowed to see who they are."""
    return not about.private or visit.who.may(Permission.BORROWERS_REVEAL)


PAGES: tuple[tuple[str, Handler], ...] = (("/reports", reports), ("/reports/{name}", report))
