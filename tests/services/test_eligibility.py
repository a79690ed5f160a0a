from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loans.eligibility import Standing, judge
from tests.services import world
from tests.services.lending import with_product

TODAY = date(2026, 11, 23)
TERMS = world.terms()
NEW = Standing(
    borrower_id=1, registered=True, consented=True, blacklisted=False, has_loan=False,
    owes_written_off=False, loans_repaid=0, worst_days_late=None, defaults=0, days_overdue=0,
    largest_repaid_cents=0, last_late_on=None,
)  # fmt: skip


def judged(**record: Any) -> tuple[str, tuple[str, ...], int, int]:
    judgement = judge(TERMS, replace(NEW, **record), TODAY)
    return judgement.verdict, judgement.reasons, judgement.limit_cents, judgement.assessment.shown


def test_somebody_new_starts_with_score_300_and_5000_shillings() -> None:
    verdict, _, limit, score = judged()

    assert (verdict, limit, score) == ("ok", 500_000, 300)


@pytest.mark.parametrize(("repaid", "score", "limit"), [
    (1, 350, 750_000), (2, 400, 1_000_000), (4, 500, 2_000_000), (8, 700, 5_000_000), (40, 850, 5_000_000),
])  # fmt: skip
def test_each_loan_repaid_adds_50_and_the_limit_grows(repaid: int, score: int, limit: int) -> None:
    verdict, _, granted, shown = judged(
        loans_repaid=repaid, worst_days_late=-3, largest_repaid_cents=5_000_000
    )

    assert (verdict, granted, shown) == ("ok", limit, score)


def test_many_tiny_loans_do_not_earn_a_large_one() -> None:
    assert judged(loans_repaid=11, worst_days_late=0, largest_repaid_cents=50_000)[2] == 500_000


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"registered": False}, "NOT_REGISTERED"),
        ({"consented": False}, "NO_CONSENT"),
        ({"blacklisted": True}, "BLACKLISTED"),
        ({"owes_written_off": True, "defaults": 1}, "WRITTEN_OFF_LOAN"),
        ({"defaults": 1}, "LOAN_NOT_REPAID"),
        ({"loans_repaid": 1, "worst_days_late": 45}, "FEW_LOANS_REPAID"),
        ({"owes_claim": True}, "PAYOUT_NOT_SETTLED"),
        ({"last_late_on": TODAY - timedelta(days=13)}, "COOL_OFF"),
    ],
)
def test_who_may_not_borrow_and_why(record: dict[str, Any], reason: str) -> None:
    verdict, reasons, *_ = judged(**record)

    assert verdict == "not_eligible"
    assert reason in reasons


def test_the_cool_off_ends() -> None:
    assert judged(last_late_on=TODAY - timedelta(days=14))[0] == "ok"


def test_an_open_loan_comes_before_everything_else() -> None:
    assert judged(has_loan=True, blacklisted=True)[0] == "has_loan"


@given(st.integers(0, 20), st.one_of(st.none(), st.integers(-30, 400)), st.integers(0, 3))
def test_paying_later_never_earns_more(repaid: int, late: int | None, defaults: int) -> None:
    record = {"loans_repaid": repaid, "defaults": defaults, "largest_repaid_cents": 5_000_000}
    on_time = judged(**record, worst_days_late=0)
    as_it_was = judged(**record, worst_days_late=late)

    assert as_it_was[2] <= on_time[2]
    assert as_it_was[3] <= on_time[3] <= 850
    assert judged(**{**record, "loans_repaid": repaid + 1}, worst_days_late=late)[3] >= as_it_was[3]


def test_the_ladder_lends_more_with_each_loan_paid_back_in_time() -> None:
    steps = [{"repaid": "1", "most": "6,000"}, {"repaid": "3", "most": "20,000"}]
    limit = {"first": "5,000", "most": "50,000", "growth": "1000%", "ladder": steps}
    terms = with_product(TERMS, limit=limit)
    record = replace(NEW, loans_repaid=8, worst_days_late=0, largest_repaid_cents=5_000_000)

    limits = [judge(terms, replace(record, repaid_in_time=n), TODAY).limit_cents for n in range(5)]

    assert limits == [500_000, 600_000, 600_000, 2_000_000, 2_000_000]
