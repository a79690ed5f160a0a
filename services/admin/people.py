"""Somebody's page, open while they are on the phone, and a loan's."""

from collections.abc import Sequence
from typing import Any

from services.admin.forms import cents
from services.admin.site import Handler, Page
from services.admin.visit import Visit, address
from services.api.problems import AWAY, NOT_FOUND, Problem

PURPOSES = ("emergency", "business", "education", "personal", "other")
_MOST_DIGITS = 18


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        raise NOT_FOUND.of(f"There is no {what} {text[:20]}.")
    return int(text)


async def borrower(visit: Visit) -> Page:
    """Who they are, what they owe, what happened, and what may be done for them."""
    given = visit.request.query
    user = {"user_id": _number(visit.request.match_info["user_id"], "borrower")}
    person = await visit.ask("get_user", user)
    query = {"limit": "50"} | ({"cursor": given["cursor"]} if "cursor" in given else {})
    timeline = await visit.ask("get_user_timeline", user, query)
    explained = None
    if visit.may("explain_score") and person.status != "joining":
        explained = await visit.ask("explain_score", query={"borrower_id": str(person.id)})
    shown: dict[str, Any] = {
        "person": person,
        "timeline": timeline.items,
        "older": address(visit.request.path, {"cursor": timeline.next}) if timeline.next else "",
        "explained": explained,
        "user_id": person.id,
        "dialogs": await _dialogs(visit, user),
        "may_borrow": _may_borrow(person, explained),
        "purposes": PURPOSES,
        "quote": None,
        "quote_fault": "",
        "amount": given.get("amount", "")[:20],
        "purpose": given.get("purpose", "")[:40],
        "open_loan": next((loan for loan in person.loans or () if loan.owed_cents), None),
    }
    if visit.may("quote_loan") and shown["amount"]:
        try:
            asked = {
                "borrower_id": str(person.id),
                "amount_cents": str(cents("amount_cents", shown["amount"])),
                "purpose": shown["purpose"],
            }
            shown["quote"] = await visit.ask("quote_loan", query=asked)
        except Problem as problem:
            shown["quote_fault"] = problem.detail
    return Page("borrower.html", shown)


async def dialog(visit: Visit) -> Page:
    """The part of somebody's page that is asked for again and again: what they are in just now."""
    user = {"user_id": _number(visit.request.match_info["user_id"], "borrower")}
    return Page("dialog.html", {**user, "dialogs": await _dialogs(visit, user)})


async def _dialogs(visit: Visit, user: dict[str, int]) -> list[Any]:
    """What they are in just now. With Redis away the page is there without it."""
    try:
        return list((await visit.ask("get_user_dialogs", user)).items)
    except Problem as problem:
        if problem.kind is AWAY:
            return []
        raise


def _may_borrow(person: Any, explained: Any) -> int:
    """What a quote would allow. The limit that is kept with them is from the last time they were scored, at
    night or in a dialog, and knows of no open loan."""
    if explained is None:
        return int(person.limit_cents)
    return int(explained.limit_cents) if explained.verdict == "ok" else 0


async def loan(visit: Visit) -> Page:
    """A loan: its schedule, its movements, its moves, and what may be proposed."""
    which = {"loan_id": visit.request.match_info["loan_id"][:20]}
    shown = {
        "loan": await visit.ask("get_loan", which),
        "schedule": await visit.ask("get_schedule", which),
        "statement": await visit.ask("get_loan_statement", which),
    }
    return Page("loan.html", shown | {"payments": _payments(shown["statement"].movements)})


def _payments(movements: Sequence[Any]) -> dict[str, str]:
    """The receipts that are booked for the loan now, by the movement that booked each: one that was taken off
    may have come back."""
    booked: dict[str, str] = {}
    for each in movements:
        kind, _, rest = each.key.partition(":")
        receipt = rest.partition(":")[0]
        if kind in ("receipt", "match"):
            booked[receipt] = each.key
        elif kind == "undone":
            booked.pop(receipt, None)
    return {key: receipt for receipt, key in booked.items()}


PAGES: tuple[tuple[str, Handler], ...] = (
    ("/borrowers/{user_id}", borrower),
    ("/borrowers/{user_id}/dialog", dialog),
    ("/loans/{loan_id}", loan),
)
