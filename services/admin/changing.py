"""Forms: each runs one operation, at /admin/do/<operation>, and goes back to where it was filled in.

A form carries an Idempotency-Key, so that pressing twice does it once. What is shown only once (a password, a
key, somebody's number) is answered with a page instead.
"""

from typing import Any

from services.admin import forms
from services.admin.entering import require_ours
from services.admin.said import name_of
from services.admin.site import ROOT, Page, typed
from services.admin.visit import Visit, address, named
from services.api.problems import NOT_FOUND, UNKNOWN_CALLER, Problem

SHOWN_ONCE = {"add_person", "add_key", "reveal_user"}
WITH_PASSWORD = {"change_person"}  # only when one was made


async def do(visit: Visit) -> Page:
    """Run an operation with what a form sent."""
    name = visit.request.match_info["name"]
    operation = named().get(name)
    if operation is None or operation.method == "GET":
        raise NOT_FOUND.of("There is nothing at this address.")
    sent: Any = await visit.request.post()
    require_ours(visit, str(sent.get("_csrf", "")))
    back = str(sent.get("_back", ""))
    back = back if back.startswith(ROOT) and "//" not in back and "\\" not in back else ROOT
    try:
        path, body = forms.read(operation, sent)
        answer = await visit.change(name, path, body, str(sent.get("_key", "")))
    except Problem as problem:
        if problem.kind is UNKNOWN_CALLER:
            raise
        shown = {"problem": problem, "sentence": problem.detail, "return_to": back, "name": name,
                 "typed": typed(sent)}  # fmt: skip
        return Page("refused.html", shown, problem.kind.status)
    if name in SHOWN_ONCE or (name in WITH_PASSWORD and getattr(answer, "password", None)):
        return Page("once.html", {"name": name, "answer": answer, "return_to": back})
    bare = back.partition("?")[0] if "done=" in back else back
    number = getattr(answer, "approval_id", None)
    joint = "&" if "?" in bare else "?"
    return Page(to=f"{bare}{joint}{address('', {'done': name_of(name, answer), 'number': number})[1:]}")
