"""A batch gives each row what a plain reading of the dict gives it, and what NumPy gives it: by rows, by
columns, in both builds, whatever the values and however many rows."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.core_ext.builds import Core
from tests.core_ext.scorecards import applicants, cards, plain_points

Matrix = NDArray[np.float64]
Scores = NDArray[np.int32]

# Around the sizes of a block: 32 rows, 64 of a column, vectors of 2, 4 and 8.
COUNTS = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 96, 129, 200])


def by_rows(core: Core, card: dict[str, Any], matrix: Matrix) -> Scores:
    out = np.full(len(matrix), -7, dtype=np.int32)
    core.scorecard.Scorecard.from_dict(card).batch(np.ascontiguousarray(matrix), out)
    return out


def by_columns(core: Core, card: dict[str, Any], matrix: Matrix) -> Scores:
    out = np.full(len(matrix), -7, dtype=np.int32)
    core.scorecard.Scorecard.from_dict(card).batch_columns(np.ascontiguousarray(matrix.T), out)
    return out


def by_numpy(card: dict[str, Any], matrix: Matrix) -> Scores:
    total = np.full(len(matrix), card["base_points"], dtype=np.int32)
    for feature, x in zip(card["features"], matrix.T, strict=True):
        bins = feature["bins"]
        points = np.array([cell["points"] for cell in [*bins, feature["missing"]]], dtype=np.int32)
        if feature["type"] == "number":
            cell = np.searchsorted([item["lt"] for item in bins[:-1]], x, side="right")
        else:
            listed = (x >= 0) & (x < len(bins) - 1)
            cell = np.where(listed, x, len(bins) - 1).astype(np.intp)
        total += points[np.where(np.isnan(x), len(bins), cell)]
    return total


@st.composite
def matrices(draw: st.DrawFn, card: dict[str, Any]) -> Matrix:
    """Rows for the card: edges and category numbers exactly hit, beside them, and anything at all."""
    count = draw(COUNTS)
    columns = []
    for feature in card["features"]:
        if feature["type"] == "number":
            edges = [float(cell["lt"]) for cell in feature["bins"][:-1]]
        else:
            edges = [float(code) for code in range(len(feature["bins"]) + 1)]
        near = [math.nextafter(edge, way) for edge in edges for way in (-math.inf, math.inf)]
        usual = [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, *edges, *near]
        pool = [*usual, *draw(st.lists(st.floats(), max_size=5))]
        picks = draw(st.randoms(use_true_random=False))
        columns.append([picks.choice(pool) for _ in range(count)])
    return np.array(columns).T


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_matrix_scores_as_numpy_does_in_both_builds_by_rows_and_by_columns(
    both: tuple[Core, Core], data: st.DataObject
) -> None:
    card = data.draw(cards())
    matrix = data.draw(matrices(card))
    expected = by_numpy(card, matrix).tolist()
    for core in both:
        assert by_rows(core, card, matrix).tolist() == expected
        assert by_columns(core, card, matrix).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_row_of_a_batch_scores_as_its_applicant_alone_and_as_the_dict_says(
    core: Core, data: st.DataObject
) -> None:
    card = data.draw(cards())
    people = data.draw(st.lists(applicants(card), min_size=1, max_size=40))
    scorecard = core.scorecard.Scorecard.from_dict(card)
    plain = [card["base_points"] + sum(plain_points(card, values).values()) for values in people]
    matrix = np.array([scorecard.encode(values) for values in people])
    assert [scorecard.score(values) for values in people] == plain
    assert by_rows(core, card, matrix).tolist() == plain
    assert by_columns(core, card, matrix).tolist() == plain
    assert by_numpy(card, matrix).tolist() == plain


def test_as_many_features_bins_and_points_as_may_be_are_summed_exactly(core: Core) -> None:
    """200 features of 200 bins with a million points each, the greatest sum there is and the least."""
    bins = [{"lt": edge, "points": (-1) ** edge * 1_000_000} for edge in range(199)]
    feature = {"type": "number", "bins": [*bins, {"points": -1_000_000}], "missing": {"points": 0}}
    card = {
        "version": "large",
        "base_points": 0,
        "features": [{**feature, "name": f"f{index}"} for index in range(200)],
        "bands": [{"decision": "any", "limit_cents": 0}],
    }
    matrix = np.array([[-1.0] * 200, [0.0] * 200, [197.5] * 200, [1e9] * 200, [math.nan] * 200])
    expected = [200_000_000, -200_000_000, 200_000_000, -200_000_000, 0]
    assert by_rows(core, card, matrix).tolist() == expected
    assert by_columns(core, card, matrix).tolist() == expected
    scorecard = core.scorecard.Scorecard.from_dict(card)
    assert [scorecard.score(row) for row in matrix.tolist()] == expected


def test_a_feature_that_gives_everybody_the_same_changes_nothing_but_the_sum(core: Core) -> None:
    feature = {"name": "a", "type": "number", "bins": [{"points": 7}], "missing": {"points": 7}}
    card = {
        "version": "flat",
        "base_points": 1,
        "features": [feature],
        "bands": [{"decision": "any", "limit_cents": 0}],
    }
    matrix = np.array([[math.nan], [-math.inf], [0.0], [math.inf]])
    assert by_rows(core, card, matrix).tolist() == [8, 8, 8, 8]
    assert by_columns(core, card, matrix).tolist() == [8, 8, 8, 8]


TWO = {
    "version": "two",
    "base_points": 0,
    "features": [
        {"name": name, "type": "number", "bins": [{"lt": 0, "points": 1}, {"points": 2}],
         "missing": {"points": 0}} for name in ("a", "b")
    ],
    "bands": [{"decision": "any", "limit_cents": 0}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("matrix", "out"),
    [
        (np.zeros((2, 3), dtype=np.float32), np.zeros(3, dtype=np.int32)),
        (np.zeros((2, 3)), np.zeros(3, dtype=np.int64)),
        (np.zeros((3, 3)), np.zeros(3, dtype=np.int32)),
        (np.zeros((2, 3)), np.zeros(2, dtype=np.int32)),
        (np.zeros((3, 2)), np.zeros(3, dtype=np.int32)),
        (np.asfortranarray(np.zeros((2, 3))), np.zeros(3, dtype=np.int32)),
        (np.zeros((2, 6))[:, ::2], np.zeros(3, dtype=np.int32)),
        (np.zeros(2), np.zeros(1, dtype=np.int32)),
    ],
)
def test_columns_of_another_shape_or_type_are_refused(core: Core, matrix: Any, out: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are NumPy's, Cython's or ours
        core.scorecard.Scorecard.from_dict(TWO).batch_columns(matrix, out)
    assert not out.any()


def test_read_only_columns_are_scored_and_none_are_nothing(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(TWO)
    matrix = np.array([[1.0, -1.0], [1.0, 1.0]])
    matrix.flags.writeable = False
    out = np.zeros(2, dtype=np.int32)
    scorecard.batch_columns(matrix, out)
    scorecard.batch_columns(np.zeros((2, 0)), np.zeros(0, dtype=np.int32))
    assert out.tolist() == [4, 3]


def test_nothing_is_written_outside_of_out(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(TWO)
    around = np.full(100, -7, dtype=np.int32)
    scorecard.batch_columns(np.zeros((2, 70)), around[10:80])
    scorecard.batch(np.zeros((10, 2)), around[85:95])
    assert around.tolist() == [-7] * 10 + [4] * 70 + [-7] * 5 + [4] * 10 + [-7] * 5


@pytest.mark.parametrize("kind", [dict, list, tuple], ids=lambda kind: kind.__name__)
def test_a_value_with_more_digits_than_a_float32_is_compared_with_all_of_them(core: Core, kind: Any) -> None:
    just_below = math.nextafter(0.0, -1.0)
    scorecard = core.scorecard.Scorecard.from_dict(TWO)
    values = [just_below, 16_777_217.0]
    assert scorecard.score(dict(zip("ab", values, strict=True)) if kind is dict else kind(values)) == 3
