"""Why somebody may borrow so much: the points of each feature, the reasons, and what the limit comes from.

For a borrower as they stand today, or for features that are typed in, to see what a scorecard would say.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from services import clock, published
from services.api.calls import Read
from services.api.loan_models import Number
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import INVALID, NOT_FOUND
from services.borrowers import standing
from services.loans import eligibility
from services.loans.eligibility import Standing
from services.loans.terms import Terms
from services.published import Live
from services.scoring.features import NAMES, Features
from services.scoring.score import Assessment, assess

routes = Routes("Scoring")

MOST = 1e12


class _Who(BaseModel):
    model_config = ConfigDict(extra="forbid")

    borrower_id: Annotated[Number | None, Field(description="Explain somebody as they stand today …")] = None

    @model_validator(mode="after")
    def one_or_the_other(self) -> "_Who":
        """A borrower, or features, or nothing at all: somebody of whom nothing is known."""
        given = [name for name in NAMES if getattr(self, name, None) is not None]
        if self.borrower_id is not None and given:
            raise ValueError("give borrower_id, or features, not both")
        return self


_FEATURE = Annotated[float | None, Field(ge=0, le=MOST, description="… or these features; missing: unknown.")]
Explained = create_model("Explained", __base__=_Who, **dict.fromkeys(NAMES, (_FEATURE, None)))  # type: ignore[call-overload]
Explained.__doc__ = "Whom to explain: a borrower, or anybody with these features."


class Points(BaseModel):
    """What one feature brought. value: null when it is not known."""

    feature: str
    value: float | None
    points: int


class LadderStep(BaseModel):
    """A step of the product's ladder."""

    repaid_in_time: int
    most_cents: int
    reached: bool


class Limits(BaseModel):
    """What the limit comes from: it is the smallest of them, in whole shillings."""

    band_cents: Annotated[int, Field(description="What the score's band gives.")]
    earned_cents: Annotated[int, Field(description="What the loans paid back have earned, ladder included.")]
    most_cents: Annotated[int, Field(description="The product's most.")]
    ladder: list[LadderStep]


class Explanation(BaseModel):
    """A score explained."""

    scorecard: Annotated[str, Field(description="Version and SHA-256 of its canonical form.")]
    version: Annotated[str, Field(description="Of the menus that are live, which hold it.")]
    base_points: Annotated[int, Field(description="What everybody begins with; points are added to it.")]
    score: int
    shown: Annotated[int, Field(description="The score as people see it: 0 to 850.")]
    decision: Literal["approve", "decline"]
    verdict: Annotated[
        Literal["ok", "has_loan", "not_eligible"] | None,
        Field(description="Whether they may borrow now; of a borrower only."),
    ]
    reasons: Annotated[list[str], Field(description="Codes of what weighed most, or of what bars them.")]
    limit_cents: int
    limits: Limits
    points: list[Points]


@routes.get("/scoring/explain", may=Permission.LOANS_READ, problems=(NOT_FOUND, INVALID))
async def explain_score(call: Read, query: Explained) -> Explanation:
    """Explain a score: of a borrower as they stand today, or of features.

    The scorecard is the one that is live. What counted on a past application is kept with its decision."""
    asked = cast(Any, query)
    async with call.pool.acquire() as connection:
        live = await published.live(connection)
        if asked.borrower_id is None:
            held = {name: getattr(asked, name) for name in NAMES if name in live.terms.scorecard.names}
            return _of_features(live, held)
        row = await connection.fetchrow(standing.FIND, asked.borrower_id)
        if row is None:
            raise NOT_FOUND.of(f"There is no borrower {asked.borrower_id}.")
        today = clock.nairobi_date(clock.now())
        seen = await eligibility.standing(connection, row["msisdn"], live.terms, today)
        assert seen is not None, "there is a row of them"
        judgement = eligibility.judge(live.terms, seen, today)
    limits = _limits(live.terms, judgement.assessment, seen)
    return _said(
        live, judgement.assessment, limits, judgement.limit_cents, judgement.verdict, judgement.reasons
    )


def _of_features(live: Live, inputs: Features) -> Explanation:
    """Of somebody who has paid back so many loans, all in time, the largest of them as said."""
    assessment = assess(live.terms.scorecard, inputs)
    repaid = int(inputs.get("loans_repaid") or 0)
    largest = int(inputs.get("largest_repaid") or 0) * 100
    nobody = Standing(
        0, registered=True, consented=True, blacklisted=False, has_loan=False, owes_written_off=False,
        loans_repaid=repaid, worst_days_late=None, defaults=0, days_overdue=0,
        largest_repaid_cents=largest, last_late_on=None, repaid_in_time=repaid,
    )  # fmt: skip
    limits = _limits(live.terms, assessment, nobody)
    limit = min(limits.band_cents, limits.earned_cents)
    return _said(live, assessment, limits, limit - limit % 100, None, assessment.reasons)


def _limits(terms: Terms, assessment: Assessment, seen: Standing) -> Limits:
    rules = terms.product.limit
    return Limits(
        band_cents=assessment.limit_cents,
        earned_cents=rules.cap_cents(seen.largest_repaid_cents, seen.repaid_in_time),
        most_cents=rules.most_cents,
        ladder=[
            LadderStep(
                repaid_in_time=step.repaid,
                most_cents=step.most_cents,
                reached=step.repaid <= seen.repaid_in_time,
            )
            for step in rules.ladder
        ],
    )


def _said(
    live: Live,
    assessment: Assessment,
    limits: Limits,
    limit_cents: int,
    verdict: str | None,
    reasons: tuple[str, ...],
) -> Explanation:
    return Explanation(
        scorecard=assessment.scorecard,
        version=live.bundle,
        base_points=live.terms.scorecard.base_points,
        score=assessment.score,
        shown=assessment.shown,
        decision=cast(Any, assessment.decision),
        verdict=cast(Any, verdict),
        reasons=list(reasons),
        limit_cents=limit_cents,
        limits=limits,
        points=[
            Points(feature=name, value=assessment.inputs.get(name), points=points)
            for name, points in assessment.points.items()
        ],
    )
