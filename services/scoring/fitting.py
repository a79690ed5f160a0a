"""A scorecard made from data: `ussd scorecard fit`. optbinning bins and weighs, we write its points.

The data is split first, so that what is held out has no part in a bin, a choice or a weight. Each feature
is binned by optbinning (numbers monotonically, unless asked otherwise), those that tell too little (IV)
are left out, a logistic regression weighs the rest, and one whose weight contradicts its bins is left
out, the worst first, until none does. Points are optbinning's, each rounded to the nearest integer
(half to even; by an integer program with --min and --max) before they are summed: the sum of a row is the
same by optbinning, by our compiled scorer and by a plain reading of the YAML. An applicant's category
that the data did not have gets the points of missing, as in optbinning.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from core_ext.scorecard import Scorecard, ScorecardError
from services.scoring import quality
from services.scoring.dataset import Dataset, Row, split, target
from services.scoring.quality import Quality
from ussd_engine.errors import UssdError

LEAST_OF_A_KIND = 20  # good and bad rows, each, in either half


@dataclass(slots=True, frozen=True)
class Points:
    """How weights become points. A score of `points` means `odds` good ones to a bad one, and each `pdo`
    more double them; or scores run from `least` to `most`."""

    pdo: float = 50
    odds: float = 19
    points: float = 600
    least: int | None = None
    most: int | None = None

    def method(self) -> tuple[str, dict[str, float]]:
        """In optbinning's words."""
        if self.least is None or self.most is None:
            return "pdo_odds", {"pdo": self.pdo, "odds": self.odds, "scorecard_points": self.points}
        return "min_max", {"min": self.least, "max": self.most}


@dataclass(slots=True, frozen=True)
class Choices:
    """What is asked for. bad: the target's value that means a bad borrower; shares are from 0 to 1."""

    target: str
    bad: str
    test_share: float = 0.3
    seed: int = 1
    least_iv: float = 0.02
    most_bins: int = 8
    monotone: bool = True
    points: Points = field(default_factory=Points)
    accept: float = 0.7
    first_limit_cents: int = 500_000
    most_limit_cents: int = 5_000_000


@dataclass(slots=True, frozen=True)
class Weighed:
    """One feature of the result: its information value, its weight, and PSI from train to test."""

    name: str
    iv: float
    weight: float
    bins: int
    psi: float


@dataclass(slots=True, frozen=True)
class Fitted:
    """The scorecard as a dict, how good it is, and what it was measured on."""

    definition: dict[str, Any]
    features: tuple[Weighed, ...]
    left_out: tuple[str, ...]
    train: Quality
    test: Quality
    psi: float
    scores: tuple[list[int], list[int]]  # of train and test
    bad: tuple[list[bool], list[bool]]
    theirs: Any  # optbinning's own Scorecard


def require(name: str) -> Any:
    """A module of the extra `fit`. Raises UssdError when it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise UssdError(
            "This needs optbinning and matplotlib, which are not installed here. Install the extra: "
            "pip install 'umoja-ussd[fit]', or in a checkout: make install-fit"
        ) from None


def fit(data: Dataset, choices: Choices) -> Fitted:
    """Fit a scorecard. Raises UssdError when the data cannot carry one."""
    bad = target(data, choices.target, choices.bad)
    halves = split(bad, choices.test_share, choices.seed)
    outcomes = tuple([bad[place] for place in half] for half in halves)
    for half, name in zip(outcomes, ("to fit to", "held out"), strict=True):
        if min(sum(half), len(half) - sum(half)) < LEAST_OF_A_KIND:
            raise UssdError(
                f"The rows {name} have {sum(half)} bad ones and {len(half) - sum(half)} good ones: "
                f"{LEAST_OF_A_KIND} of each are the least."
            )
    names = [name for name, cells in data.columns.items() if name != choices.target and set(cells) != {None}]
    theirs = _weigh(data, names, halves[0], outcomes[0], choices)
    definition = _definition(theirs, f"fit-{data.sha256[:12]}-{choices.seed}")
    used = [feature["name"] for feature in definition["features"]]
    train, test = (data.rows(used, half) for half in halves)
    definition["bands"] = [{"decision": "decline", "limit_cents": 0}]
    scores = _scores(definition, train)
    definition["bands"] = _bands(definition, scores, choices)
    held_out = _scores(definition, test)
    return Fitted(
        definition=definition,
        features=_weighed(theirs, definition, train, test),
        left_out=tuple(name for name in names if name not in used),
        train=quality.quality(scores, outcomes[0]),
        test=quality.quality(held_out, outcomes[1]),
        psi=quality.score_psi(scores, held_out),
        scores=(scores, held_out),
        bad=(outcomes[0], outcomes[1]),
        theirs=theirs,
    )


def frame(data: Dataset, names: Sequence[str], places: Sequence[int]) -> Any:
    """Rows as the data frame that optbinning reads."""
    pandas = require("pandas")
    columns = {name: [data.columns[name][place] for place in places] for name in names}
    return pandas.DataFrame(
        {
            name: pandas.Series(cells, dtype=object if name in data.categories else float)
            for name, cells in columns.items()
        }
    )


def _weigh(
    data: Dataset, names: list[str], places: Sequence[int], bad: Sequence[bool], choices: Choices
) -> Any:
    """optbinning's scorecard, without the features that tell nothing or contradict themselves."""
    optbinning, linear = require("optbinning"), require("sklearn.linear_model")
    outcome = require("numpy").array([int(each) for each in bad])
    scaling, scale = choices.points.method()
    trend = "auto_asc_desc" if choices.monotone else "auto"
    left = list(names)
    while left:
        process = optbinning.BinningProcess(
            left,
            categorical_variables=[name for name in left if name in data.categories],
            max_n_bins=choices.most_bins,
            selection_criteria={"iv": {"min": choices.least_iv}},
            binning_fit_params={n: {"monotonic_trend": trend} for n in left if n not in data.categories},
        )
        model = optbinning.Scorecard(
            process,
            linear.LogisticRegression(max_iter=1000),
            scaling_method=scaling,
            scaling_method_params=scale,
            rounding=True,
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # theirs, about versions of each other
                model.fit(frame(data, left, places), outcome)
        except ValueError as error:
            raise UssdError(f"optbinning found no scorecard in this data: {error}") from None
        kept = [str(name) for name in model.binning_process_.get_support(names=True)]
        weights = dict(zip(kept, model.estimator_.coef_[0].tolist(), strict=True))
        # WoE is ln(good / bad), and what is predicted is bad: a weight above nothing turns a bin upside down.
        worst = max(weights, key=lambda name: weights[name])
        if weights[worst] < 0:
            return model
        left = [name for name in kept if name != worst]
    raise UssdError("No feature is left that tells good from bad. Try a lower --least-iv, or other data.")


def _definition(theirs: Any, version: str) -> dict[str, Any]:
    """optbinning's table in our form."""
    table = theirs.table(style="detailed")
    features = []
    for name in theirs.binning_process_.get_support(names=True):
        points = [int(each) for each in table[table["Variable"] == name]["Points"]]
        binned = theirs.binning_process_.get_binned_variable(name)
        missing = points[-1]  # the rows are the bins, Special, Missing
        if binned.dtype == "categorical":
            groups = [[str(category) for category in group] for group in binned.splits]
            bins = [{"in": group, "points": given} for group, given in zip(groups, points, strict=False)]
            bins.append({"points": missing})
        else:
            edges = [float(edge) for edge in binned.splits]
            bins = [{"lt": edge, "points": given} for edge, given in zip(edges, points, strict=False)]
            bins.append({"points": points[len(edges)]})
        features.append(
            {
                "name": str(name),
                "type": "category" if binned.dtype == "categorical" else "number",
                "reason": re.sub(r"[^A-Z0-9]+", "_", str(name).upper()).strip("_")[:60] or "FEATURE",
                "bins": bins,
                "missing": {"points": missing},
            }
        )
    return {"version": version, "base_points": 0, "features": features}


def _bands(definition: dict[str, Any], scores: Sequence[int], choices: Choices) -> list[dict[str, Any]]:
    """Three bands to begin with: the best third of the accepted, the others accepted, the rest."""
    card = _card(definition)
    ordered = sorted(scores, reverse=True)
    bands: list[dict[str, Any]] = []
    wanted = ((choices.accept / 3, choices.most_limit_cents), (choices.accept, choices.first_limit_cents))
    for share, limit_cents in wanted:
        edge = ordered[max(round(len(ordered) * share) - 1, 0)]
        if edge > card.min_score and (not bands or edge < bands[-1]["min_score"]):
            bands.append({"min_score": edge, "decision": "approve", "limit_cents": limit_cents})
    return [*bands, {"decision": "decline", "limit_cents": 0}]


def _card(definition: dict[str, Any]) -> Scorecard:
    try:
        return Scorecard.from_dict(definition)
    except ScorecardError as error:
        raise UssdError(f"The data gives no sound scorecard: {error}") from None


def _scores(definition: dict[str, Any], rows: Sequence[Row]) -> list[int]:
    card = _card(definition)
    return [card.score(row) for row in rows]


def _weighed(
    theirs: Any, definition: dict[str, Any], train: Sequence[Row], test: Sequence[Row]
) -> tuple[Weighed, ...]:
    card = _card(definition)
    before, after = ([card.points(row) for row in rows] for rows in (train, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        summary = theirs.binning_process_.summary()
    ivs = dict(zip(summary["name"], summary["iv"], strict=True))
    return tuple(
        Weighed(
            feature["name"],
            float(ivs[feature["name"]]),
            float(weight),
            len(feature["bins"]),
            quality.psi([row[feature["name"]] for row in before], [row[feature["name"]] for row in after]),
        )
        for feature, weight in zip(definition["features"], theirs.estimator_.coef_[0], strict=True)
    )
