"""How values are shown: money, moments in Nairobi, states as words with a colour, names of fields."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from markupsafe import Markup, escape

from services import clock

# The colour a state's word has; the word says it all.
_GOOD = {"active", "repaid", "recovered", "approved", "posted", "paid", "accepted", "delivered", "registered",
         "published", "matched", "live", "sent", "ok", "succeeded", "yes"}  # fmt: skip
_BAD = {"overdue", "non_performing", "written_off", "failed", "rejected", "blacklisted", "voided", "refused",
        "unknown", "declined", "not_eligible", "no"}  # fmt: skip
_WAITS = {"applied", "disbursing", "proposed", "queued", "sending", "submitted", "ready", "open", "joining",
          "prompted", "prompting", "submitting", "waiting"}  # fmt: skip

LANGUAGES = {"en": "English", "sw": "Swahili"}
# Fields that hold a word of the program's.
_WORDS = {"notice", "kind", "operation", "purpose"}

# Fields that are no heading as they are called.
_HEADINGS = {
    "msisdn": "Number", "ref": "Reference", "id": "No.", "ours_cents": "In our books",
    "theirs_cents": "At M-Pesa", "theirs_at": "When", "user_id": "Borrower", "account_ref": "Account typed",
    "age_s": "Seconds in it", "idle_s": "Seconds idle", "bundle": "Version", "loan_ref": "Loan",
    "par1_cents": "PAR 1", "par30_cents": "PAR 30", "par60_cents": "PAR 60", "par90_cents": "PAR 90",
    "waits_for_person": "Waits for a person",
}  # fmt: skip


def money(cents: int | None) -> str:
    """1,234.50; nothing for nothing known."""
    if cents is None:
        return ""
    sign = "−" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def moment(at: datetime | None) -> str:
    """Nairobi's day and minute."""
    return at.astimezone(clock.NAIROBI).strftime("%d %b %Y, %H:%M") if at else ""


def day(at: date | None) -> str:
    """A date as people say it."""
    return at.strftime("%d %b %Y") if at else ""


def day_of(at: datetime) -> str:
    """Nairobi's day of a moment, as programs write it."""
    return at.astimezone(clock.NAIROBI).date().isoformat()


def share(part: float | None) -> str:
    """A share in per cent."""
    return "" if part is None else f"{part * 100:.1f} %"


def plain(word: str) -> str:
    """non_performing → non-performing: a program's word for people."""
    return {"non_performing": "non-performing"}.get(word, word.replace("_", " "))


def reason(code: str) -> str:
    """A reason code of a decision for people: LOAN_OVERDUE → loan overdue."""
    return plain(code.lower())


def title(name: str) -> str:
    """A field's name as a heading: total_cents → Total."""
    if name in _HEADINGS:
        return _HEADINGS[name]
    words = name.removesuffix("_cents").removesuffix("_at").removesuffix("_on").replace("_", " ")
    words = re.sub(" (min|max)$", lambda bound: {"min": " from", "max": " to"}[bound[1]], words)
    return words[:1].upper() + words[1:]


def state(word: str | None) -> Markup:
    """A state: its word, in a colour."""
    if not word:
        return Markup("")
    kind = "good" if word in _GOOD else "bad" if word in _BAD else "waits" if word in _WAITS else "plain"
    return Markup('<span class="state {}">{}</span>').format(kind, plain(word))


def value(name: str, held: Any) -> Markup:  # noqa: PLR0911 (a kind each)
    """A field of an answer, by its name and type."""
    if held is None or held in ("", [], {}):
        return Markup('<span class="none">–</span>')
    if isinstance(held, bool):
        return escape("yes" if held else "no")
    if name.endswith("_cents") or name == "cents":
        return Markup('<span class="money">{}</span>').format(money(held))
    if isinstance(held, datetime):
        return Markup('<time datetime="{}">{}</time>').format(held.isoformat(), moment(held))
    if isinstance(held, date):
        return Markup('<time datetime="{}">{}</time>').format(held.isoformat(), day(held))
    if name in ("status", "state", "outcome", "loan_status", "verdict"):
        return state(str(held))
    if isinstance(held, Mapping):
        told = {key: each for key, each in held.items() if each not in ("", [], {})}
        return Markup(", ").join(Markup("{}: {}").format(title(key), value(key, told[key])) for key in told)
    if isinstance(held, list | tuple):
        return Markup(", ").join(value(name, each) for each in held)
    if isinstance(held, float):
        return escape(f"{held:,.2f}".rstrip("0").rstrip("."))
    if isinstance(held, int):
        return escape(f"{held:,}" if name not in ("id", "user_id", "loan_id", "approval_id") else str(held))
    if name == "language":
        return escape(LANGUAGES.get(str(held), str(held)))
    return escape(plain(str(held)) if name in _WORDS else str(held))


def is_number(name: str, held: Any) -> bool:
    """Whether a column of this is set to the right."""
    return name.endswith("_cents") or (isinstance(held, int | float) and not isinstance(held, bool))
