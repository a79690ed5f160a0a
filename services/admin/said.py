"""What people are told once a form was done."""

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


def told(done: str, number: str) -> str:
    """The sentence for an address with `done` in it; nothing for what is no operation of ours."""
    if done in DONE:
        return DONE[done]
    return PROPOSED.format(number=number) if done.startswith("propose") and number.isdigit() else ""
