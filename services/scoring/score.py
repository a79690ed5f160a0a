"""From features to a score, a decision, a limit and the reasons, by the scorecard of a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass

from core_ext.scorecard import Scorecard, ScorecardError
from services.documents import Document
from services.scoring.features import NAMES, Features

LEAST_SHOWN, MOST_SHOWN = 0, 850


@dataclass(slots=True, frozen=True)
class Assessment:
    """What the scorecard says, with all that is needed to say why."""

    score: int
    decision: str
    limit_cents: int
    reasons: tuple[str, ...]
    points: Mapping[str, int]
    inputs: Features
    scorecard: str  # version and SHA-256 of its canonical form

    @property
    def approved(self) -> bool:
        """Whether the band lends."""
        return self.decision == "approve"

    @property
    def shown(self) -> int:
        """The score as people see it."""
        return shown(self.score)


def shown(score: int) -> int:
    """A score as people see it."""
    return min(max(score, LEAST_SHOWN), MOST_SHOWN)


def assess(scorecard: Scorecard, inputs: Features) -> Assessment:
    """Score one borrower."""
    score = scorecard.score(inputs)
    decision, band = scorecard.decide(score)
    return Assessment(
        score=score,
        decision=decision,
        limit_cents=scorecard.bands[band].limit_cents,
        reasons=tuple(scorecard.reasons(inputs)),
        points=scorecard.points(inputs),
        inputs=inputs,
        scorecard=f"{scorecard.version}:{scorecard.digest}",
    )


def parse(document: Document) -> Scorecard | None:
    """The scorecard of a parsed file; None when it has problems, which are then in the document."""
    if document.problems:
        return None
    try:
        scorecard = Scorecard.from_dict(document.value)
    except ScorecardError as error:
        for path, message in error.problems:
            document.problem(path, message)
        return None
    for index, name in enumerate(scorecard.names):
        if name not in NAMES:
            document.problem(
                ("features", index, "name"), f"nothing measures {name}", f"There are {', '.join(NAMES)}."
            )
        elif document.value["features"][index]["type"] != "number":
            document.problem(("features", index, "type"), f"{name} is a number")
    for index, band in enumerate(scorecard.bands):
        if band.decision not in ("approve", "decline"):
            document.problem(("bands", index, "decision"), "must be approve or decline")
    return None if document.problems else scorecard
