"""What the scorecard is shown of a borrower: numbers, each missing when nothing is known.

Our own record of their loans, always at hand:

loans_repaid          how many loans were paid back
worst_days_late       of the last six loans paid back, the most days past due; missing when there is none
defaults              how many loans were ever written off
days_overdue          of the open loan, the days past due now; 0 when there is none

The rest of their history with us, read when a scorecard names it:

tenure_days           days since they registered
mean_days_late        of the last six loans paid back, the mean of the days past due
days_since_repaid     days since a loan was last paid back
largest_repaid        the largest loan paid back, in shillings; 0 when there is none
payments_per_loan     payments for each of the last six loans paid back, the mean
utilisation_percent   how much of their limit the last six loans took, the mean
refusals_30d          applications refused in the last 30 days
failed_prompts_30d    prompts to repay that came to nothing in the last 30 days

What their mobile-money statement says, when they agreed to it and it is not older than STATEMENT_DAYS:

mpesa_days            how many days it covers
mpesa_in_month        money in for each 30 days, in shillings
mpesa_out_percent     money out, of money in
mpesa_regular_percent weeks with money in, of all its weeks
mpesa_in_spread       how much the income of its 30 days varies: deviation of the mean, percent
"""

from dataclasses import dataclass

Features = dict[str, float | None]

RECORD = ("loans_repaid", "worst_days_late", "defaults", "days_overdue")
HISTORY = (
    "tenure_days", "mean_days_late", "days_since_repaid", "largest_repaid", "payments_per_loan",
    "utilisation_percent", "refusals_30d", "failed_prompts_30d",
)  # fmt: skip
STATEMENT = (
    "mpesa_days", "mpesa_in_month", "mpesa_out_percent", "mpesa_regular_percent", "mpesa_in_spread",
)  # fmt: skip
NAMES = (*RECORD, *HISTORY, *STATEMENT)
RECENT = 6
STATEMENT_DAYS = 120


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
