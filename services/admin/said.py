"""What people are told once a form was done."""

from typing import Any

# What people are told once it is done, by the operation, or by it and what came of it.
DONE: dict[str, str] = {
    "approve": "Approved.",
    "reject": "Rejected.",
    "approve_menus": "Approved: these menus are being published.",
    "reject_menus": "Rejected: the menus stay as they are.",
    "apply_for_loan.ok": "Applied for them: the money is on its way to their phone.",
    "apply_for_loan.review": "Applied for them. It is a large loan: it waits for a second person.",
    "apply_for_loan.has_loan": "Nothing was lent: they have a loan already.",
    "apply_for_loan.not_eligible": "Nothing was lent: they may not borrow now. The timeline has the reasons.",
    "approve_loan": "Approved: the money is on its way.",
    "reject_loan": "Rejected. They are told by SMS.",
    "resolve_difference": "Closed: nothing is booked.",
    "ask_to_pay": "Asked: the prompt is on its way to their phone.",
    "disburse_loan": "The money is being sent.",
    "set_language": "The language is changed.",
    "blacklist_borrower": "Blacklisted: they cannot borrow.",
    "unblock_borrower": "They may borrow again.",
    "pause_payouts": "Payouts are paused.",
    "resume_payouts": "Payouts go on.",
    "change_person": "Changed.",
    "revoke_key": "The key is worth nothing from now on.",
    "change_setting": "Changed.",
    "choose_password": "Your password is changed.",
    "send_bulk": "On its way. How far it is stands below.",
    "stop_bulk": "Stopped. What was sent is sent.",
}
PROPOSED = "Proposed. It waits for a second person (approval {number})."


MAYBE_PROPOSED = ("change_setting",)  # some of these are done at once


def told(done: str, number: str) -> str:
    """The sentence for an address with `done` in it; nothing for what is no operation of ours."""
    if number.isdigit() and (done.startswith("propose") or done in MAYBE_PROPOSED):
        return PROPOSED.format(number=number)
    return DONE.get(done, "")


def name_of(done: str, answer: Any) -> str:
    """What to be told of an operation: some are told by what came of them."""
    outcome = f"{done}.{getattr(answer, 'outcome', '')}"
    return outcome if outcome in DONE else done
