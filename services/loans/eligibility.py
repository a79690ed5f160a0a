"""Who may borrow, and how much. `standing` reads the record, `judge` decides and touches nothing.

In this order: an open loan means no other; then not registered, no consent to the terms of now,
blacklisted, a written-off loan still owed, a payout not settled, a cool-off after paying late; then the
scorecard; then whether the limit it gives is worth a loan. The limit is the scorecard's, capped by what the
loans repaid have earned.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from services.loans import queries
from services.loans.products import Product
from services.loans.terms import Terms
from services.scoring import history
from services.scoring.features import RECENT, Features, Record, features
from services.scoring.score import Assessment, assess

Verdict = Literal["ok", "has_loan", "not_eligible"]


@dataclass(slots=True, frozen=True)
class Standing:
    """What is on record of a borrower."""

    borrower_id: int
    registered: bool
    consented: bool
    blacklisted: bool
    has_loan: bool
    owes_written_off: bool
    loans_repaid: int
    worst_days_late: int | None
    defaults: int
    days_overdue: int
    largest_repaid_cents: int
    last_late_on: date | None
    repaid_in_time: int = 0
    paused: bool = False  # staff let nobody apply just now: services/runtime_settings.py
    owes_claim: bool = False  # a payout that came after it was given up: see servicing.paid_out_late
    habits: Features = field(default_factory=dict)  # what else the scorecard asks for


@dataclass(slots=True, frozen=True)
class Judgement:
    """Whether they may borrow now, why not, and their limit (also when they may not just now)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    limit_cents: int
    assessment: Assessment


async def standing(connection: Any, msisdn: str, terms: Terms, today: date) -> Standing | None:
    """The record of that number, and what else the scorecard names; None when it was never here."""
    late_days = terms.product.cool_off.late_days
    row = await connection.fetchrow(queries.STANDING, msisdn, today, late_days, RECENT, terms.rules.terms)
    if row is None:
        return None
    names = terms.scorecard.names
    if not history.needs_history(names):
        return Standing(**row)
    return Standing(**row, habits=await history.read(connection, row["borrower_id"], today, names))


def judge(terms: Terms, seen: Standing, today: date) -> Judgement:
    """Decide."""
    record = Record(seen.loans_repaid, seen.worst_days_late, seen.defaults, seen.days_overdue)
    assessment = assess(terms.scorecard, seen.habits | features(record))
    earned = terms.product.limit.cap_cents(seen.largest_repaid_cents, seen.repaid_in_time)
    limit = min(assessment.limit_cents, earned)
    limit -= limit % 100  # M-Pesa moves whole shillings
    if seen.has_loan:
        return Judgement("has_loan", ("OPEN_LOAN",), limit, assessment)
    reason = _bar(terms.product, seen, today)
    if reason is not None:
        return Judgement("not_eligible", (reason,), limit, assessment)
    if not assessment.approved or limit < terms.product.least_cents:
        return Judgement("not_eligible", assessment.reasons, limit, assessment)
    return Judgement("ok", assessment.reasons, limit, assessment)


def _bar(product: Product, seen: Standing, today: date) -> str | None:
    """Why the scorecard need not be asked."""
    wait = timedelta(days=product.cool_off.wait_days)
    bars = (
        (seen.paused, "APPLICATIONS_PAUSED"),
        (not seen.registered, "NOT_REGISTERED"),
        (not seen.consented, "NO_CONSENT"),
        (seen.blacklisted, "BLACKLISTED"),
        (seen.owes_written_off, "WRITTEN_OFF_LOAN"),
        (seen.owes_claim, "PAYOUT_NOT_SETTLED"),
        (seen.last_late_on is not None and today < seen.last_late_on + wait, "COOL_OFF"),
    )
    return next((reason for bars_them, reason in bars if bars_them), None)
