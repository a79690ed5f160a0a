"""What the scorecard is shown beside the record: read from the books, the decisions and a statement."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core_ext.scorecard import Scorecard
from services import clock
from services.documents import read as read_document
from services.loans.eligibility import judge, standing
from services.loans.terms import Terms
from services.scoring import history, score
from services.scoring.features import NAMES, RECORD, STATEMENT, features
from services.scoring.rescore import rescore, score_columns
from tests.scoring import many_borrowers
from tests.services.lending import TODAY
from tests.services.world import Phone

BANDS = [
    {"min_score": 10, "decision": "approve", "limit_cents": 900_000},
    {"decision": "decline", "limit_cents": 0},
]


def scored_by(terms: Terms, name: str, edge: float) -> Terms:
    """Terms whose scorecard looks at one feature: 20 points from `edge` on, 5 below it, 1 if missing."""
    bins = [{"lt": edge, "points": 5, "reason": "LOW"}, {"points": 20}]
    feature = {"name": name, "type": "number", "bins": bins, "missing": {"points": 1, "reason": "UNKNOWN"}}
    card = {"version": "one", "base_points": 0, "features": [feature], "bands": BANDS}
    return replace(terms, scorecard=Scorecard.from_dict(card))


async def seen(phone: Phone) -> dict[str, float | None]:
    async with phone.pool.acquire() as connection:
        number = await connection.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
        return await history.read(connection, number, TODAY)


async def test_somebody_new_has_a_tenure_and_nothing_else(borrower: Phone) -> None:
    found = await seen(borrower)

    assert tuple(found) == NAMES
    known = {name: value for name, value in found.items() if value is not None}
    assert known == dict.fromkeys(known, 0.0)
    assert set(known) == {
        "loans_repaid", "defaults", "days_overdue", "tenure_days", "largest_repaid", "refusals_30d",
        "failed_prompts_30d",
    }  # fmt: skip


async def test_a_history_is_measured(borrower: Phone) -> None:
    await borrower.borrow_and_repay(500_000, days=20, ago=400)  # ten days early
    await borrower.borrow_and_repay(600_000, days=34, ago=300)  # four days late
    ref = (await borrower.borrow(300_000)).value["ref"]
    await borrower.money_arrives(ref)
    await borrower.pool.execute("update borrower set registered_at = now() - interval '410 days'")
    for state in ("failed", "paid", "failed"):
        await borrower.pool.execute(
            "insert into payment_request (loan_id, borrower_id, amount_cents, state, action_key) "
            "select id, borrower_id, 1000, $1, gen_random_uuid() from loan order by id desc limit 1",
            state,
        )
    found = await seen(borrower)

    assert found["tenure_days"] == 410
    assert (found["loans_repaid"], found["worst_days_late"], found["mean_days_late"]) == (2, 4, 2)
    assert (found["days_since_repaid"], found["largest_repaid"]) == (266, 6_000)
    assert found["payments_per_loan"] == 1
    assert found["failed_prompts_30d"] == 2
    # 5,000 of 5,000, 6,000 of 7,500, 3,000 of what the third decision gave
    limit = await borrower.pool.fetchval("select limit_cents from decision order by id desc limit 1")
    assert found["utilisation_percent"] == pytest.approx((100 + 80 + 100 * 300_000 / limit) / 3)


async def test_refusals_of_the_last_30_days_count(borrower: Phone) -> None:
    await borrower.pool.execute("update borrower set blacklisted_at = now()")
    for _ in range(3):
        assert (await borrower.borrow()).name == "not_eligible"
    await borrower.pool.execute("alter table decision disable trigger decision_append_only")
    await borrower.pool.execute(
        "update decision set at = now() - interval '40 days' where id = (select min(id) from decision)"
    )

    assert (await seen(borrower))["refusals_30d"] == 2


async def test_the_record_is_the_one_that_eligibility_has(pool: Any, pg_url: str, terms: Terms) -> None:
    await many_borrowers.fill(pg_url, 200)
    async with pool.acquire() as connection:
        for row in await connection.fetch("select id, msisdn from borrower"):
            found = await history.read(connection, row["id"], many_borrowers.TODAY, RECORD)
            known = await standing(connection, row["msisdn"], terms, many_borrowers.TODAY)
            assert known is not None
            assert found == features(known), row["id"]


@pytest.mark.parametrize(
    ("name", "edge", "score", "limit", "reasons"),
    [
        ("tenure_days", 30, 20, 500_000, ()),
        ("tenure_days", 500, 5, 0, ("LOW",)),
        ("mpesa_in_month", 20_000, 1, 0, ("UNKNOWN",)),
    ],
)
async def test_an_application_and_a_rescoring_see_what_the_scorecard_names(
    borrower: Phone, terms: Terms, name: str, edge: float, score: int, limit: int, reasons: tuple[str, ...]
) -> None:
    await borrower.pool.execute("update borrower set registered_at = now() - interval '100 days'")
    borrower.terms = scored_by(terms, name, edge)
    today = clock.nairobi_date(clock.now())
    async with borrower.pool.acquire() as connection:
        known = await standing(connection, borrower.msisdn, borrower.terms, today)
    assert known is not None
    judgement = judge(borrower.terms, known, today)
    await rescore(borrower.pool, today, borrower.terms)
    kept = await borrower.pool.fetchrow("select score, limit_cents from borrower")

    assert (judgement.assessment.score, judgement.limit_cents) == (score, limit) == tuple(kept)
    assert judgement.assessment.reasons == reasons
    assert name in judgement.assessment.inputs


async def test_every_feature_can_be_asked_for_by_many_and_alone(pool: Any, pg_url: str, terms: Terms) -> None:
    await many_borrowers.fill(pg_url, 300)
    bins = [{"lt": 30, "points": 5}, {"lt": 300, "points": 9}, {"points": 20}]
    for names in (*[(name,) for name in NAMES], NAMES):
        listed = [{"name": n, "type": "number", "bins": bins, "missing": {"points": 1}} for n in names]
        card = Scorecard.from_dict(
            {"version": "all", "base_points": 0, "features": listed, "bands": BANDS[1:]}
        )
        many = await pool.fetch(
            history.query_of_many(names), 1, 300, many_borrowers.TODAY + timedelta(days=9), 7
        )
        columns = [list(column) for column in zip(*many, strict=True)]
        scores = score_columns(card, columns[5:])
        for place in (0, 150, 299):
            number = columns[0][place]
            alone = await history.read(pool, number, many_borrowers.TODAY + timedelta(days=9), names)
            assert card.score(alone) == scores[place]
            shared = [math.nan if value is None else value for value in alone.values()]
            assert shared == pytest.approx([column[place] for column in columns[5:]], nan_ok=True)


def test_a_scorecard_that_takes_a_number_for_a_category_is_refused() -> None:
    document = read_document(
        "scorecard.yaml",
        "version: x\nbase_points: 0\nfeatures:\n  - name: tenure_days\n    type: category\n"
        "    bins: [{points: 1}]\n    missing: {points: 0}\nbands: [{decision: decline, limit_cents: 0}]\n",
    )

    assert score.parse(document) is None
    assert [(p.line, p.message) for p in document.problems] == [(5, "tenure_days is a number")]


def test_only_what_is_named_is_looked_for() -> None:
    assert not history.needs_history(RECORD)
    assert all(history.needs_history([name]) for name in NAMES if name not in RECORD)
    assert set(STATEMENT) < set(NAMES)
