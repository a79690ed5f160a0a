"""What the score bench compares with: a plain reading of the YAML, NumPy in two ways, and optbinning.

All score the same people with the same bins and the same points. NumPy gets the categories as whole
numbers with a number for missing, ready made, so that it has nothing to convert; the scorecard and
optbinning get them as the floats they are in a batch.
"""

import copy
import importlib.util
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Card = dict[str, Any]
Columns = NDArray[np.float64]  # features down, people across
Scores = NDArray[np.int32]

BLOCK = 4_096  # people whose values NumPy's temporaries hold in the second cache
FITTED = 50_000  # people optbinning learns its points from
SHARE_MISSING = 0.03


def people(card: Card, count: int, seed: int = 12) -> Columns:
    """Made-up people: about as many in each bin, many of them exactly on an edge, some values missing."""
    rng = np.random.default_rng(seed)
    columns = np.empty((len(card["features"]), count))
    for x, feature in zip(columns, card["features"], strict=True):
        bins = feature["bins"]
        cell = rng.integers(0, len(bins), count)
        if feature["type"] == "category":
            x[:] = cell
        else:
            edges = np.array([item["lt"] for item in bins[:-1]], dtype=float)
            low, high = np.append(edges[0] / 2, edges), np.append(edges, 2 * edges[-1])
            inside = np.where(rng.random(count) < 0.3, 0.0, rng.random(count))
            x[:] = low[cell] + inside * (high - low)[cell]
        x[rng.random(count) < SHARE_MISSING] = np.nan
    return columns


def applicants(card: Card, columns: Columns, count: int) -> list[dict[str, float | str | None]]:
    """The first of the people, each as a service asks for one: a dict, with the categories as text."""
    made: list[dict[str, float | str | None]] = []
    for row in columns[:, :count].T.tolist():
        values: dict[str, float | str | None] = {}
        for feature, value in zip(card["features"], row, strict=True):
            if math.isnan(value):
                values[feature["name"]] = None
            elif feature["type"] == "category":
                values[feature["name"]] = feature["bins"][int(value)].get("in", ["none of these"])[0]
            else:
                values[feature["name"]] = value
        made.append(values)
    return made


def plainly(card: Card, values: dict[str, float | str | None]) -> int:
    """The score as somebody reads it off the YAML."""
    score: int = card["base_points"]
    for feature in card["features"]:
        value = values[feature["name"]]
        cell = feature["missing"]
        if value is not None:
            fits = (c for c in feature["bins"][:-1] if (value in c["in"] if "in" in c else value < c["lt"]))
            cell = next(fits, feature["bins"][-1])
        score += cell["points"]
    return score


class Numpy:
    """The card in well vectorised NumPy, feature by feature."""

    def __init__(self, card: Card, columns: Columns) -> None:
        self.base = card["base_points"]
        self.columns = columns
        self.points: list[Scores] = []
        self.edges: list[NDArray[np.float64] | None] = []
        self.codes: list[NDArray[np.intp]] = []
        for feature, x in zip(card["features"], columns, strict=True):
            bins = feature["bins"]
            cells = [*bins, feature["missing"]]
            self.points.append(np.array([cell["points"] for cell in cells], dtype=np.int32))
            number = feature["type"] == "number"
            # NaN sorts last, so with NaN as the last edge a missing value finds the cell of missing.
            self.edges.append(np.array([*[c["lt"] for c in bins[:-1]], np.nan]) if number else None)
            self.codes.append(np.where(np.isnan(x), 0 if number else len(bins), x).astype(np.intp))

    def search(self) -> Scores:
        """np.searchsorted and take."""
        total = np.full(self.columns.shape[1], self.base, dtype=np.int32)
        for x, points, edges, codes in zip(self.columns, self.points, self.edges, self.codes, strict=True):
            cell = codes if edges is None else np.searchsorted(edges, x, side="right")
            total += points.take(cell)
        return total

    def compare(self) -> Scores:
        """Each edge compared with a block of values, the hits counted, and take: NumPy's own SIMD."""
        out = np.empty(self.columns.shape[1], dtype=np.int32)
        for low in range(0, len(out), BLOCK):
            part = slice(low, low + BLOCK)
            total = np.full(len(out[part]), self.base, dtype=np.int32)
            for column, points, edges, codes in zip(
                self.columns, self.points, self.edges, self.codes, strict=True
            ):
                cell: NDArray[Any] = codes[part]
                if edges is not None:
                    x = column[part]
                    cell = (x >= edges[0]).view(np.int8)
                    for edge in edges[1:-1]:
                        cell = cell + (x >= edge)
                    cell[np.isnan(x)] = len(edges)
                total += points.take(cell)
            out[part] = total
        return out


@dataclass(slots=True)
class Optbinning:
    """The card with the points that optbinning fitted to its bins, and how optbinning scores with it."""

    card: Card
    score: Callable[[], Any]


def optbinning(card: Card, columns: Columns) -> Optbinning | None:
    """None when it is not installed. The points come from people who default as the card expects."""
    if importlib.util.find_spec("optbinning") is None:
        return None
    # Large, and only here when somebody asked for it.
    import pandas  # noqa: PLC0415
    from optbinning import BinningProcess, Scorecard  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    names = [feature["name"] for feature in card["features"]]
    table = pandas.DataFrame(dict(zip(names, columns, strict=True)))
    process = BinningProcess(
        names,
        categorical_variables=[f["name"] for f in card["features"] if f["type"] == "category"],
        binning_fit_params={feature["name"]: _splits(feature) for feature in card["features"]},
    )
    scorecard = Scorecard(
        process,
        LogisticRegression(),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": 40, "odds": 1, "scorecard_points": card["base_points"]},
        intercept_based=True,
        rounding=True,
    )
    learners = columns[:, :FITTED]
    expected = Numpy(card, learners).search() - card["base_points"]
    odds = np.exp((expected - np.median(expected)) / 40 * np.log(2))
    defaulted = np.random.default_rng(7).random(learners.shape[1]) < 1 / (1 + odds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas', about how optbinning uses it
        scorecard.fit(table[:FITTED], defaulted.astype(int), metric_missing="empirical")
    return Optbinning(_fitted(card, scorecard), lambda: scorecard.score(table))


def _splits(feature: Card) -> dict[str, Any]:
    """The bins of the card as optbinning takes them, each to be kept."""
    bins = feature["bins"]
    if feature["type"] == "number":
        edges = [cell["lt"] for cell in bins[:-1]]
        return {"user_splits": edges, "user_splits_fixed": [True] * len(edges)}
    groups = np.empty(len(bins), dtype=object)
    for code in range(len(bins)):
        groups[code] = [float(code)]
    return {"user_splits": groups, "user_splits_fixed": [True] * len(bins)}


def _fitted(card: Card, scorecard: Any) -> Card:
    """The card with optbinning's points."""
    fitted = copy.deepcopy(card)
    fitted["base_points"] = int(scorecard.intercept_)
    table = scorecard.table()
    for feature in fitted["features"]:
        own = table[table.Variable == feature["name"]]
        rows = list(zip(own.Bin, own.Points, strict=True))[: len(feature["bins"])]
        for index, (group, points) in enumerate(rows):
            # Categories come in the order of their risk, with their numbers.
            bin_ = index if feature["type"] == "number" else int(group[0])
            feature["bins"][bin_]["points"] = int(points)
        feature["missing"]["points"] = int(own.Points.iloc[-1])
    return fitted
