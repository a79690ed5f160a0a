"""Coming in and going out: login, the first password, logout."""

from typing import Any

from services.admin.site import ROOT, Page
from services.admin.visit import Visit, address, named
from services.api import csrf
from services.api.calls import NOBODY
from services.api.problems import NOT_FROM_HERE, Problem

NO_FORM: dict[str, Any] = {"form": "", "typed": []}


def _inside(path: str) -> str:
    """Where to go after the login: a page of ours, whatever the address says."""
    return path if path.startswith(f"{ROOT}/") and "\\" not in path and "//" not in path else ROOT


async def login_page(visit: Visit) -> Page:
    """Ask who it is."""
    if visit.who is not NOBODY:
        return Page(to=ROOT)
    return Page(
        "login.html", {"next": visit.request.query.get("next", ""), "email": "", "fault": "", **NO_FORM}
    )


async def login(visit: Visit) -> Page:
    """Take an e-mail address and a password."""
    sent: Any = await visit.request.post()
    going, email = str(sent.get("next", "")), str(sent.get("email", ""))[:200]
    if not csrf.from_here(visit.request.headers):
        raise NOT_FROM_HERE.of("This came from another site's page.")
    visit.who = NOBODY
    kept = {
        "form": str(sent.get("form", "")),
        "typed": [(name[6:], text) for name, text in sent.items() if name.startswith("typed.")],
    }
    body = {"email": email, "password": str(sent.get("password", "")), "cookie": True}
    try:
        answer = await visit.change("login", {}, body, "")
    except Problem as problem:
        shown = {"next": going, "email": email, "fault": problem.detail, **kept}
        return Page("login.html", shown, problem.kind.status)
    if kept["form"] in named() and not answer.new_password_needed:
        visit.login_csrf = answer.csrf_token
        said = "You are logged in again. Look at what you typed, and send it."
        return Page("refused.html", {"problem": None, "sentence": said, "name": kept["form"],
                                     "typed": kept["typed"], "return_to": ROOT})  # fmt: skip
    return Page(to=f"{ROOT}/password" if answer.new_password_needed else _inside(going))


async def password_page(visit: Visit) -> Page:
    """Ask for a new password."""
    return Page("password.html", {"fault": "", "forced": visit.who.new_password})


async def password(visit: Visit) -> Page:
    """Take the new password. Other logins end by it, and so may this one."""
    sent: Any = await visit.request.post()
    require_ours(visit, str(sent.get("_csrf", "")))
    fault = "The two new passwords are not the same." if sent.get("new") != sent.get("again") else ""
    if not fault:
        try:
            body = {"current": str(sent.get("current", "")), "new": str(sent.get("new", ""))}
            await visit.change("choose_password", {}, body, "")
            return Page(to=address(ROOT, {"done": "choose_password"}))
        except Problem as problem:
            fault = problem.detail
    return Page("password.html", {"fault": fault, "forced": visit.who.new_password}, 422)


async def logout(visit: Visit) -> Page:
    """End this login."""
    sent: Any = await visit.request.post()
    require_ours(visit, str(sent.get("_csrf", "")))
    await visit.change("logout", {}, {}, "")
    return Page(to=f"{ROOT}/login")


def require_ours(visit: Visit, offered: str) -> None:
    """Raise NOT_FROM_HERE unless a form came from a page of this login."""
    csrf.require(visit.desk.secret, visit.who.session_id or 0, offered, visit.request.headers)
