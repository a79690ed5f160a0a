"""What the scorecard is shown of a borrower. All of it is our own record of their loans with us.

loans_repaid      how many loans were paid back
worst_days_late   of the last six loans paid back, the most days past due; missing when there is none
defaults          how many loans were ever written off
days_overdue      of the open loan, the days past due now; 0 when there is none
"""

from dataclasses import dataclass

Features = dict[str, float | None]

NAMES = ("loans_repaid", "worst_days_late", "defaults", "days_overdue")
RECENT = 6


@dataclass(slots=True, frozen=True)
class Record:
    """A borrower's record with us."""

    loans_repaid: int
    worst_days_late: int | None
    defaults: int
    days_overdue: int


def features(record: Record) -> Features:
    """The record as the scorecard's inputs."""
    worst = record.worst_days_late
    return {
        "loans_repaid": float(record.loans_repaid),
        "worst_days_late": None if worst is None else float(max(worst, 0)),
        "defaults": float(record.defaults),
        "days_overdue": float(record.days_overdue),
    }
