"""Writing to many: chosen and written, counted and priced, then sent; and how far a message is."""

import hashlib
from typing import Any, get_args

import orjson

from services import published
from services.admin import forms
from services.admin.entering import require_ours
from services.admin.site import ROOT, Handler, Page
from services.admin.visit import Visit, address, named
from services.api.messages import STATES
from services.api.problems import CONFLICT, INVALID, UNKNOWN_CALLER, Problem
from services.sms import bulk

CHANGED = "Something was changed since it was counted. This is what it comes to now: look, then send."


async def write(visit: Visit) -> Page:
    """The form; what it comes to, once it is counted; and on its way with it, as it was counted."""
    visit.require("send_bulk")
    if visit.request.method == "GET":
        return await _page(visit, {}, ())
    sent: Any = await visit.request.post()
    require_ours(visit, str(sent.get("_csrf", "")))
    try:
        _, body = forms.read(named()["send_bulk"], sent)
        body = _asked(body)
        if sent.get("_step") == "send" and sent.get("_counted") == digest(body):
            made = await visit.change("send_bulk", {}, body, str(sent.get("_key", "")))
            return Page(
                to=address(
                    f"{ROOT}/bulk/{made.id}", {"done": "send_bulk" if made.approval_id is None else ""}
                )
            )
        planned = await visit.change("send_bulk", {}, {**body, "dry_run": True}, "")
    except Problem as problem:
        if problem.kind is UNKNOWN_CALLER:
            raise
        return await _page(visit, sent, sent.getall("many.to.states", []), problem=problem)
    note = CHANGED if sent.get("_step") == "send" else ""
    return await _page(
        visit, sent, sent.getall("many.to.states", []), planned=planned, counted=digest(body), note=note
    )


async def progress(visit: Visit) -> Page:
    """How far a message has come, and stopping it."""
    visit.require("read_bulk")
    text = visit.request.match_info["bulk_id"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise INVALID.of("This page's address is not right.")
    return Page("bulk_one.html", {"bulk": await visit.ask("read_bulk", {"bulk_id": int(text)})})


def digest(body: dict[str, Any]) -> str:
    """Of what was counted, so that nothing else is sent."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """As the operation takes it: a notice has its own words; an empty choice of people is everybody."""
    body.setdefault("to", {})
    if body.get("notice"):
        body.pop("words", None)
    return body


async def _page(
    visit: Visit, typed: Any, states: Any, *, problem: Problem | None = None, **more: Any
) -> Page:
    async with visit.desk.acquire() as connection:
        try:
            live = await published.live(connection)
        except published.NotPublishedError as error:
            raise CONFLICT.of(str(error)) from None
    context = {
        "planned": None, "counted": "", "note": "", **more,
        "typed": {name: typed[name] for name in typed if isinstance(typed[name], str)},
        "ticked": list(states),
        "problem": problem,
        "states": get_args(STATES),
        "languages": live.texts.languages,
        "notices": [name for name in bulk.able() if name in live.texts.messages],
        "products": sorted(live.terms.products.products),
    }  # fmt: skip
    return Page("bulk.html", context, problem.kind.status if problem else 200)


PAGES: tuple[tuple[str, Handler], ...] = (("/bulk", write), ("/bulk/{bulk_id}", progress))
POSTED: tuple[tuple[str, Handler], ...] = (("/bulk", write),)
