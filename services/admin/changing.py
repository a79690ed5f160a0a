"""Forms: each runs one operation, at /admin/do/<operation>, and goes back to where it was filled in.

A form carries an Idempotency-Key, so that pressing twice does it once. What is shown only once (a password, a
key, somebody's number) is answered with a page instead.
"""

from typing import Any

from services.admin import forms
from services.admin.entering import require_ours
from services.admin.site import ROOT, Page
from services.admin.visit import Visit, address, named
from services.api.problems import NOT_FOUND, UNKNOWN_CALLER, Problem

# What people are told once it is done; {number} is the approval's.
DONE: dict[str, str] = {
    "approve": "Approved.",
    "reject": "Rejected.",
    "approve_menus": "Approved: these menus are being published.",
    "reject_menus": "Rejected: the menus stay as they are.",
    "apply_for_loan": "Applied for them. What came of it is in the timeline.",
    "ask_to_pay": "Asked: the prompt is on its way to their phone.",
    "disburse_loan": "The money is being sent.",
    "set_language": "The language is changed.",
    "blacklist_borrower": "Blacklisted: they cannot borrow.",
    "unblock_borrower": "They may borrow again.",
    "pause_payouts": "Payouts are paused.",
    "resume_payouts": "Payouts go on.",
    "change_person": "Changed.",
    "revoke_key": "The key is worth nothing from now on.",
    "change_setting": "Changed, or proposed when it takes two people.",
    "choose_password": "Your password is changed.",
    "send_bulk": "On its way, or waiting for a second person when it goes to many.",
    "stop_bulk": "Stopped. What was sent is sent.",
}
PROPOSED = "Proposed. It waits for a second person (approval {number})."
SHOWN_ONCE = {"add_person", "add_key", "reveal_user"}
WITH_PASSWORD = {"change_person"}  # only when one was made


def told(done: str, number: str) -> str:
    """The sentence for an address with `done` in it; nothing for what is no operation of ours."""
    if done in DONE:
        return DONE[done]
    return PROPOSED.format(number=number) if done.startswith("propose") and number.isdigit() else ""


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
                 "typed": [(key, text) for key, text in sent.items() if isinstance(text, str)]}  # fmt: skip
        return Page("refused.html", shown, problem.kind.status)
    if name in SHOWN_ONCE or (name in WITH_PASSWORD and getattr(answer, "password", None)):
        return Page("once.html", {"name": name, "answer": answer, "return_to": back})
    bare = back.partition("?")[0] if "done=" in back else back
    number = getattr(answer, "approval_id", None)
    joint = "&" if "?" in bare else "?"
    return Page(to=f"{bare}{joint}{address('', {'done': name, 'number': number})[1:]}")
