"""Menu versions as pages: what is live, what waits, each version's files, and writing the next one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from difflib import unified_diff
from typing import Any

from services.admin import forms
from services.admin.entering import require_ours
from services.admin.site import ROOT, Handler, Page
from services.admin.visit import Visit, address, named
from services.api.problems import INVALID, UNKNOWN_CALLER, Problem
from ussd_engine.menu.findings import Finding, render

_MOST_DIFF_LINES = 2_000
_CONTEXT = 3


async def menus(visit: Visit) -> Page:
    """The versions of the menus, and proposals that wait for a decision."""
    visit.require("list_menus")
    held = await visit.ask("list_menus")
    rows = [(each, datetime.fromisoformat(each.published_at)) for each in held.versions]
    return Page("menus.html", {"menus": held, "rows": rows})


async def version(visit: Visit) -> Page:
    """A version's files, and what differs from the live one."""
    visit.require("read_menus")
    shown = await visit.ask("read_menus", {"version": visit.request.match_info["version"]})
    held = await visit.ask("list_menus")
    waiting = [each for each in held.waiting if each.version == shown.version]
    differs: list[str] = []
    if not shown.live and held.live:
        before = await visit.ask("read_menus", {"version": held.live})
        differs = difference(_sources(before), _sources(shown))
    return Page("menu_version.html", {
        "shown": shown, "live": held.live, "waiting": waiting, "differs": differs[:_MOST_DIFF_LINES],
        "more": max(len(differs) - _MOST_DIFF_LINES, 0),
    })  # fmt: skip


async def write(visit: Visit) -> Page:
    """The files of a version to change, check and propose. What was typed stays on the page until it is
    proposed."""
    visit.require("propose_menus")
    if visit.request.method == "GET":
        start = visit.request.query.get("from") or (await visit.ask("list_menus")).live
        held = _sources(await visit.ask("read_menus", {"version": start})) if start else {"service.yaml": ""}
        return _page(held, "")
    sent: Any = await visit.request.post()
    require_ours(visit, str(sent.get("_csrf", "")))
    _, body = forms.read(named()["propose_menus"], sent)
    sources, note = _edited(body.get("sources", {}), sent), str(body.get("note", ""))
    if sent.get("_step") != "propose":
        return await _checked(visit, sources, note)
    try:
        proposed = await visit.change(
            "propose_menus", {}, {"sources": sources, "note": note}, str(sent.get("_key", ""))
        )
    except Problem as problem:
        if problem.kind is UNKNOWN_CALLER:
            raise
        return await _checked(visit, sources, note, problem)
    return Page(to=address(f"{ROOT}/menus", {"done": "propose_menus", "number": proposed.approval_id}))


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The lines that differ, file by file, as `diff -u` says them."""
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, ""), after.get(path, "")
        names = (path if path in before else "nothing", path if path in after else "nothing")
        lines += unified_diff(old.splitlines(), new.splitlines(), *names, n=_CONTEXT, lineterm="")
    return lines


def carets(findings: Iterable[Any], sources: Mapping[str, str]) -> list[tuple[str, str]]:
    """(severity, text) of each finding, with its line and a caret, as `ussd check` prints it."""
    return [
        (each.severity, render(Finding(each.file, each.line, each.column, each.severity, each.message,
                                       each.hint, each.code), sources))
        for each in findings
    ]  # fmt: skip


async def _checked(
    visit: Visit, sources: Mapping[str, str], note: str, problem: Problem | None = None
) -> Page:
    """The page again, with what there is to say of the files. Why they were refused comes first."""
    try:
        checked = await visit.change("check_menus", {}, {"sources": sources}, "")
    except Problem as found:
        if found.kind is not INVALID:
            raise
        return _page(sources, note, problem or found)
    return _page(sources, note, problem, checked)


def _page(sources: Mapping[str, str], note: str, problem: Problem | None = None, checked: Any = None) -> Page:
    context = {
        "sources": sorted(sources.items(), key=lambda each: (each[0] != "service.yaml", each[0])),
        "note": note,
        "problem": problem,
        "checked": checked,
        "findings": carets(checked.findings, sources) if checked else [],
        "faulty": {each.file for each in checked.findings} if checked else set(),
    }
    return Page("menu_write.html", context, problem.kind.status if problem else 200)


def _edited(sources: Mapping[str, str], sent: Any) -> dict[str, str]:
    """The files without those that were ticked to go, and with the one that was added."""
    gone = set(sent.getall("_drop", []))
    kept = {path: text for path, text in sources.items() if path not in gone}
    added = str(sent.get("_new_path", "")).strip()
    if added and added not in kept:
        kept[added] = forms.as_file(str(sent.get("_new_text", "")))
    return kept


def _sources(held: Any) -> dict[str, str]:
    return {each.path: each.text for each in held.files}


PAGES: tuple[tuple[str, Handler], ...] = (
    ("/menus", menus),
    ("/menus/new", write),
    ("/menus/{version}", version),
)
POSTED: tuple[tuple[str, Handler], ...] = (("/menus/new", write),)
