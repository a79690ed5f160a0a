"""The ways people take through the menus of Umoja Loans, and where on them they give up.

What happens to loans and borrowers is made elsewhere; a path is the dialog in which it was asked for. So as
many dialogs end in `applied` as there are loans, and whoever gave up on the way comes on top of them. The
states are those of menus/umoja, and a test holds them to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LOOKS_A_DIAL = 0.55  # dials to look at something, for each that does something

# Shares of answers within 2, 5, 10, 20, 60 seconds and later, by what an answer takes.
CHOOSE = (0.10, 0.42, 0.30, 0.12, 0.05, 0.01)
READ = (0.03, 0.15, 0.27, 0.30, 0.22, 0.03)
TYPE = (0.02, 0.18, 0.38, 0.28, 0.12, 0.02)
PIN = (0.05, 0.40, 0.35, 0.14, 0.05, 0.01)


@dataclass(slots=True, frozen=True)
class Place:
    """A state. drops: who gives up there, of all who are shown it. refused: answers that are not taken, of
    as many. language: the only one it is shown in, if there is one: nobody has chosen yet."""

    state: str
    drops: float
    takes: tuple[float, ...] = CHOOSE
    refused: float = 0.0
    language: str = ""


@dataclass(slots=True, frozen=True)
class Path:
    """Places that are left, then the last one. ends: it ends the session; else people hang up there.
    action: what it asks of the lender, for how long that takes."""

    places: tuple[Place, ...]
    last: str
    ends: bool = True
    action: str = ""


MAIN = Place("main", 0.05)
_JOIN = (
    Place("language", 0.06, CHOOSE, 0.02, language="en"),
    Place("consent", 0.09, READ, 0.01),
    Place("full_name", 0.05, TYPE, 0.05),
    Place("national_id", 0.15, TYPE, 0.10),
    Place("choose_pin", 0.07, PIN, 0.11),
    Place("repeat_pin", 0.04, PIN, 0.07),
)
_APPLY = (
    MAIN,
    Place("amount", 0.09, TYPE, 0.12),
    Place("purpose", 0.03),
    Place("offer", 0.16, READ),
    Place("apply_pin", 0.06, PIN, 0.09),
)
_MORE_TIME = (
    MAIN,
    Place("status", 0.30),
    Place("more_time_offer", 0.20, READ),
    Place("more_time_pin", 0.06, PIN, 0.08),
)

PATHS: Mapping[str, Path] = {
    "join": Path(_JOIN, "main", ends=False, action="borrowers.register"),
    "apply": Path(_APPLY, "applied", action="loans.apply"),
    "review": Path(_APPLY, "in_review", action="loans.apply"),
    "refused": Path((MAIN,), "not_eligible", action="loans.limit"),
    "repay": Path((MAIN, Place("repay", 0.08)), "prompted", action="repayments.prompt"),
    "more_time": Path(_MORE_TIME, "more_time_given", action="loans.roll_over"),
}  # fmt: skip

# What is looked at, and by how many of those who look.
LOOKS: tuple[tuple[float, Path], ...] = (
    (0.58, Path((MAIN,), "status", ends=False, action="loans.status")),
    (0.27, Path((MAIN,), "wallet", ends=False, action="accounts.wallet")),
    (0.09, Path((MAIN,), "history", ends=False, action="loans.history")),
    (0.06, Path((MAIN, Place("wallet", 0.4)), "statement", ends=False, action="accounts.statement")),
)
