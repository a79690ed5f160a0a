"""The admin page's frame: who comes in, what every answer carries, and the way from a handler to HTML.

A handler is `async (visit) → Page`, or it raises a Problem, which becomes a page with its sentence. Whoever
is not logged in goes to the login first, and then to where they were going.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.admin import telling, words
from services.admin.said import told
from services.admin.visit import Visit, address, new_key
from services.api import dispatch, headers
from services.api.calls import NOBODY
from services.api.csrf import from_here
from services.api.desk import Desk
from services.api.faults import problem_of
from services.api.identity import proven
from services.api.performing import IDS
from services.api.permissions import NOT_FOR_KEYS, Permission
from services.api.problems import BROKEN, INVALID, NEW_PASSWORD, NOT_FROM_HERE, UNKNOWN_CALLER, Problem

log = structlog.get_logger("umoja.admin")

ROOT = "/admin"
HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(slots=True)
class Page:
    """A template and what it shows; or a redirect when `to` is there."""

    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    to: str = ""


@dataclass(slots=True, frozen=True)
class Tab:
    """A line of the navigation: shown to whoever may run the operation."""

    path: str
    title: str
    operation: str


NAVIGATION: tuple[tuple[str, tuple[Tab, ...]], ...] = (
    ("", (Tab("", "Today", "analytics_portfolio"),)),
    ("People", (
        Tab("/borrowers", "Borrowers", "list_users"),
        Tab("/loans", "Loans", "list_loans"),
        Tab("/approvals", "Approvals", "list_approvals"),
    )),
    ("Money", (
        Tab("/suspense", "Suspense", "list_suspense"),
        Tab("/differences", "Differences", "list_differences"),
        Tab("/payouts", "Payouts", "list_payouts"),
        Tab("/wallets", "Wallets", "list_wallets"),
        Tab("/transactions", "Transactions", "list_transactions"),
        Tab("/days", "Business days", "list_days"),
    )),
    ("Messages", (
        Tab("/messages", "Messages", "list_messages"),
        Tab("/bulk", "Write to many", "send_bulk"),
        Tab("/many", "Written to many", "list_bulk_messages"),
    )),
    ("Dialogs", (
        Tab("/sessions", "Live now", "list_sessions"),
        Tab("/menus", "Menus", "list_menus"),
    )),
    ("Figures", (
        Tab("/analytics", "Analytics", "analytics_funnel"),
        Tab("/reports", "Reports", "list_reports"),
    )),
    ("House", (
        Tab("/audit", "Audit", "list_audit"),
        Tab("/staff", "Staff", "list_staff"),
        Tab("/keys", "API keys", "list_keys"),
        Tab("/settings", "Settings", "list_settings"),
    )),
)  # fmt: skip

Handler = Callable[[Visit], Awaitable[Page]]


def scopes() -> list[str]:
    """What an API key may be allowed."""
    return [str(each) for each in Permission if each not in NOT_FOR_KEYS]


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "money": words.money, "moment": words.moment, "day": words.day, "share": words.share,
        "state": words.state, "plain": words.plain, "title_of": words.title,
        "reason": words.reason, "told_of": telling.tell,
    }  # fmt: skip
    made.globals |= {
        "value": words.value,
        "is_number": words.is_number,
        "address": address,
        "scopes": scopes,
        "new_key": new_key,
        "root": ROOT,
    }
    return made


_templates = _environment()


class Site:
    """Pages over one desk. desk is asked at each request."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk

    def page(self, handler: Handler, *, known: bool = True) -> Callable[[web.Request], Any]:
        """What aiohttp calls. known: only for who is logged in."""

        async def handle(request: web.Request) -> web.StreamResponse:
            desk = self._desk()
            visit = Visit(desk, request, dispatch.address_of(request, desk), next(IDS))
            started = time.perf_counter()
            with structlog.contextvars.bound_contextvars(request_id=visit.request_id):
                response = await self._answer(visit, handler, known=known)
                resource = request.match_info.route.resource
                log.info("page", method=request.method, route=resource.canonical if resource else "",
                         status=response.status, ms=round((time.perf_counter() - started) * 1000, 1),
                         who=visit.who.name, **dispatch.about(request))  # fmt: skip
            return response

        return handle

    async def _answer(self, visit: Visit, handler: Handler, *, known: bool) -> web.StreamResponse:
        try:
            proof = await proven(visit.desk, {}, visit.request.cookies)
            if proof is not None:
                visit.who = proof.identity
            if known and proof is None:
                raise UNKNOWN_CALLER.of("Log in.")
            return self._respond(visit, await handler(visit))
        except web.HTTPException:
            raise
        except Exception as error:
            problem = problem_of(error)
            if problem.kind is UNKNOWN_CALLER and visit.request.match_info.get("name"):
                return self._respond(visit, await _log_in_first(visit))
            return self._refused(visit, problem)

    def _refused(self, visit: Visit, problem: Problem) -> web.Response:
        request = visit.request
        if problem.kind is UNKNOWN_CALLER and request.method == "GET":
            going = {"next": str(request.rel_url)} if str(request.rel_url) != ROOT else {}
            return self._respond(visit, Page(to=address(f"{ROOT}/login", going)))
        if problem.kind is NEW_PASSWORD:
            return self._respond(visit, Page(to=f"{ROOT}/password"))
        sentence = problem.detail
        if problem.kind is BROKEN:
            sentence = f"Something went wrong on our side. Ask about it with the id {visit.request_id}."
        if problem.kind is INVALID and problem.errors:
            sentence = " ".join(f"{_field(each['where'])}: {each['what']}." for each in problem.errors)
        if problem.kind in (UNKNOWN_CALLER, NOT_FROM_HERE):
            sentence = (
                "This did not come from a page of this login, so nothing was done. Open the page again."
            )
        asked = request.path if request.query_string and request.method == "GET" else ""
        shown = {"problem": problem, "sentence": sentence, "bare": asked}
        return self._respond(visit, Page("problem.html", shown, problem.kind.status))

    def _respond(self, visit: Visit, page: Page) -> web.Response:
        if page.to:
            response = web.Response(status=303, headers={"Location": page.to})
        else:
            html = _templates.get_template(page.template).render(**page.context, **_frame(visit))
            response = web.Response(text=html, status=page.status, content_type="text/html")
        # Without a referrer a browser says `Origin: null` of a form, and nothing would come from here.
        common = {
            **headers.common(visit.desk.settings.env),
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "same-origin",
        }
        response.headers.extend([*common.items(), *visit.headers])
        return response


def _field(where: str) -> str:
    """What a field is called on the page that has it: query.days_late_min → Days late from."""
    return words.title(where.rpartition(".")[2])


async def _log_in_first(visit: Visit) -> Page:
    """The login ended while somebody filled in a form: what they typed goes through the login with them."""
    sent: Any = await visit.request.post() if from_here(visit.request.headers) else {}
    fault = "Your login has ended, and nothing was done yet. Log in: what you typed is kept."
    shown = {"next": "", "email": "", "fault": fault, "form": visit.request.match_info["name"],
             "typed": typed(sent)}  # fmt: skip
    return Page("login.html", shown, UNKNOWN_CALLER.status)


def typed(sent: Any) -> list[tuple[str, str]]:
    """The fields of a form, as another page takes them along: no password, and nothing of the old login."""
    return [
        (name, text)
        for name, text in sent.items()
        if isinstance(text, str) and "password" not in name and name not in ("_csrf", "_key")
    ]


def _frame(visit: Visit) -> dict[str, Any]:
    """What every template may use."""
    known = visit.who is not NOBODY
    navigation = [
        (heading, shown)
        for heading, tabs in NAVIGATION
        if known and (shown := [tab for tab in tabs if visit.may(tab.operation)])
    ]
    return {
        "navigation": navigation,
        "here": visit.request.path,
        "who": visit.who if known else None,
        "csrf": visit.csrf if known or visit.login_csrf else "",
        "may": visit.may,
        "back": str(visit.request.rel_url),
        "done": visit.request.query.get("done", ""),
        "number": visit.request.query.get("number", ""),
        "told": told,
        "part": visit.request.headers.get("HX-Request") == "true",
    }
