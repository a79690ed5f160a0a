"""What happened with somebody, as the staff say it: one heading and one line of the rest.

The API tells what is written down, in the program's words (services/api/lists/person_queries.py); whoever is
on the phone with a borrower reads this.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.admin import words

# By source and what happened. What is not here is said as it is called.
_TITLES: dict[tuple[str, str], str] = {
    ("person", "met"): "First dial",
    ("person", "registered"): "Joined",
    ("consent", "agreed"): "Agreed",
    ("decision", "ok"): "Scored: may borrow",
    ("decision", "not_eligible"): "Scored: may not borrow",
    ("decision", "has_loan"): "Asked for a loan, and has one",
    ("loan", "apply"): "Applied",
    ("loan", "approve"): "Approved",
    ("loan", "reject"): "Rejected",
    ("loan", "cancel"): "Given up",
    ("loan", "send"): "The money was sent for",
    ("loan", "pay_out"): "The money arrived",
    ("loan", "pay_out_late"): "The money arrived after all",
    ("loan", "fail"): "The money did not arrive",
    ("loan", "fall_due"): "Fell due",
    ("loan", "roll_over"): "Was given more time",
    ("loan", "stop_performing"): "Stopped performing",
    ("loan", "repay"): "Paid back",
    ("loan", "write_off"): "Written off",
    ("loan", "recover"): "Recovered",
}
_SOURCES = {
    "prompt": "Asked to pay: {}",
    "payout": "Payout {}",
    "message": "SMS: {}",
    "approval": "{}, proposed",
}


@dataclass(slots=True, frozen=True)
class Said:
    """A heading, and what else there is to say."""

    title: str
    rest: tuple[str, ...]


def tell(happened: Any) -> Said:
    """One thing that happened."""
    source, what, more = happened.source, happened.what, happened.more
    title = _TITLES.get((source, what)) or _SOURCES.get(source, "{}").format(words.plain(what)).capitalize()
    if source == "message":
        title = f"SMS: {words.plain(what)}"
    told = {"loan": _loan, "money": _money, "message": _message, "decision": _decision, "approval": _approval}
    rest = told.get(source, _anything)(happened.at, more)
    return Said(title, tuple(each for each in rest if each))


def _loan(_: Any, more: dict[str, Any]) -> list[str]:
    if "purpose" in more:
        return [f"for {words.plain(more['purpose'])}", words.plain(more.get("product") or "")]
    return [f"by {more['by']}"] if more.get("by") else []


def _money(at: Any, more: dict[str, Any]) -> list[str]:
    kind, _, number = str(more.get("key", "")).partition(":")
    on = str(more.get("on") or "")
    counts_on = f"counts for {words.day(date.fromisoformat(on))}" if on and words.day_of(at) != on else ""
    return [f"receipt {number}" if kind == "receipt" else "", counts_on]


def _message(_: Any, more: dict[str, Any]) -> list[str]:
    return [words.plain(more.get("status") or ""), f"“{more['words']}”" if more.get("words") else ""]


def _decision(_: Any, more: dict[str, Any]) -> list[str]:
    return [f"score {more['score']}", ", ".join(map(words.reason, more.get("reasons") or ()))]


def _approval(_: Any, more: dict[str, Any]) -> list[str]:
    decided = f"{words.plain(more['status'])} by {more['decided_by']}" if more.get("decided_by") else "waits"
    return [f"by {more['proposed_by']}", decided, f"“{more['reason']}”" if more.get("reason") else ""]


def _anything(_: Any, more: dict[str, Any]) -> list[str]:
    told = {name: held for name, held in more.items() if held not in (None, "", [])}
    if told.get("result_code") == "0":  # M-Pesa's word for success
        del told["result_code"]
    return [f"{words.title(name).lower()} {held}" for name, held in told.items()]
