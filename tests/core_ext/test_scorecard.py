"""A scorecard gives the same points as a plain reading of its dict: one by one, in a batch, and in both
builds."""

import math
import threading
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import Core
from tests.core_ext.scorecards import applicants, cards, plain_points, plain_reasons

CARD: dict[str, Any] = {
    "version": "2026-11",
    "base_points": 300,
    "features": [
        {
            "name": "months",
            "type": "number",
            "reason": "NEW_WALLET",
            "bins": [{"lt": 6, "points": -20}, {"lt": 24, "points": 15, "reason": "YOUNG"}, {"points": 40}],
            "missing": {"points": 0},
        },
        {
            "name": "county",
            "type": "category",
            "bins": [{"in": ["nairobi", "kiambu"], "points": 20}, {"points": 5, "reason": "FAR"}],
            "missing": {"points": 0, "reason": "NO_COUNTY"},
        },
    ],
    "bands": [
        {"min_score": 350, "decision": "approve", "limit_cents": 5_000_000},
        {"min_score": 320, "decision": "approve", "limit_cents": 200_000},
        {"decision": "decline", "limit_cents": 0},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**CARD, **changes}


def with_feature(**changes: Any) -> dict[str, Any]:
    return changed(features=[{**CARD["features"][0], **changes}, CARD["features"][1]])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_random_cards_and_applicants_score_as_a_plain_reading_of_the_dict(
    core: Core, data: st.DataObject
) -> None:
    card = data.draw(cards())
    people = [data.draw(applicants(card)) for _ in range(3)]
    scorecard = core.scorecard.Scorecard.from_dict(card)
    expected = []
    for values in people:
        points = plain_points(card, values)
        expected.append(card["base_points"] + sum(points.values()))
        assert scorecard.points(values) == points
        assert scorecard.score(values) == expected[-1]
        assert scorecard.score(dict(zip(scorecard.names, values, strict=True))) == expected[-1]
        assert scorecard.reasons(values, 3) == plain_reasons(card, values, 3)
        assert scorecard.min_score <= expected[-1] <= scorecard.max_score
    out = np.zeros(len(people), dtype=np.int32)
    scorecard.batch(np.array([scorecard.encode(values) for values in people]), out)
    assert out.tolist() == expected


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_dicts_that_are_made_in_any_order_under_any_objects_score_as_a_row_does(
    core: Core, data: st.DataObject
) -> None:
    card = data.draw(cards())
    scorecard = core.scorecard.Scorecard.from_dict(card)
    for _ in range(6):
        values = data.draw(applicants(card))
        entries = [*zip(scorecard.names, values, strict=True), ("nobody_asks", 1.0), ("nor_for_this", "x")]
        entries = data.draw(st.permutations(entries))
        if data.draw(st.booleans()):  # equal names that are other objects
            entries = [("".join([*name]), value) for name, value in entries]
        made = {"goes_again": 0.0, **dict(entries)}
        if data.draw(st.booleans()):
            del made["goes_again"]  # leaves a hole
        assert scorecard.score(made) == scorecard.score(values)
        assert scorecard.points(made) == scorecard.points(values)


def test_after_many_unlike_dicts_those_made_alike_are_still_scored_right(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    months, county = scorecard.names
    for _ in range(100):
        assert scorecard.score({"".join([*county]): "nairobi", "".join([*months]): 30}) == 360
        assert scorecard.score({county: "mombasa", months: 30.0}) == 345
        assert scorecard.score({"else": 1, months: None, county: None}) == 300


def test_a_value_that_changes_its_dict_while_it_is_read_is_no_trouble(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    months, county = scorecard.names
    made: dict[str, Any] = {}

    class Months:
        def __float__(self) -> float:
            made.clear()
            made[county] = "kiambu"
            return 30.0

    made |= {months: Months(), county: "mombasa"}
    assert scorecard.score(made) == 360


def test_as_many_features_as_a_scorecard_may_have_are_read(core: Core) -> None:
    feature = CARD["features"][0]
    many = [{**feature, "name": f"months_{number}"} for number in range(200)]
    scorecard = core.scorecard.Scorecard.from_dict(changed(features=many, bands=CARD["bands"][2:]))
    for values in ([30.0] * 200, dict.fromkeys(scorecard.names, 30.0)):
        assert scorecard.score(values) == 300 + 200 * 40
        assert scorecard.encode(values) == [30.0] * 200
        assert scorecard.reasons(values) == []
        assert set(scorecard.points(values).values()) == {40}


@settings(max_examples=50, deadline=None)
@given(card=cards())
def test_the_least_and_greatest_scores_are_reached(core: Core, card: dict[str, Any]) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(card)
    low = high = card["base_points"]
    for feature in card["features"]:
        points = [cell["points"] for cell in [*feature["bins"], feature["missing"]]]
        low, high = low + min(points), high + max(points)
    assert (scorecard.min_score, scorecard.max_score) == (low, high)


# -- examples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("months", "points"),
    [(5.999999, -20), (6, 15), (6.0, 15), (23.999, 15), (24, 40), (-1e300, -20),
     (math.inf, 40), (-math.inf, -20), (None, 0), (math.nan, 0), (True, -20)],
)  # fmt: skip
def test_a_bin_holds_its_lower_edge_and_not_its_upper_one(core: Core, months: Any, points: int) -> None:
    assert core.scorecard.Scorecard.from_dict(CARD).points([months, None])["months"] == points


@pytest.mark.parametrize(
    ("county", "points"),
    [("nairobi", 20), ("kiambu", 20), ("Nairobi", 5), ("", 5), ("turkana", 5), (None, 0), (math.nan, 0)],
)
def test_a_category_that_nobody_listed_is_any_other(core: Core, county: Any, points: int) -> None:
    assert core.scorecard.Scorecard.from_dict(CARD).points([None, county])["county"] == points


@pytest.mark.parametrize(
    ("code", "points"),
    [
        (0.0, 20),
        (1.0, 5),
        (2.0, 5),
        (-1.0, 5),
        (0.5, 20),
        (1e300, 5),
        (math.inf, 5),
        (-math.inf, 5),
        (math.nan, 0),
    ],
)
def test_in_a_batch_a_number_that_is_no_bin_is_any_other(core: Core, code: float, points: int) -> None:
    out = array("i", [0])
    matrix = memoryview(array("d", [math.nan, code])).cast("B").cast("d", (1, 2))
    core.scorecard.Scorecard.from_dict(CARD).batch(matrix, out)
    assert out[0] == 300 + points


@pytest.mark.parametrize(
    ("months", "county", "row"),
    [(6, "kiambu", [6.0, 0.0]), (True, "unheard of", [1.0, 1.0]), (None, None, [math.nan, math.nan])],
)
def test_an_applicant_is_encoded_as_floats_whatever_was_given(
    core: Core, months: Any, county: Any, row: list[float]
) -> None:
    encoded = core.scorecard.Scorecard.from_dict(CARD).encode([months, county])
    assert [type(value) for value in encoded] == [float, float]
    assert np.array_equal(encoded, row, equal_nan=True)


def test_numbers_may_be_given_as_text_as_the_menu_loader_keeps_them(core: Core) -> None:
    def as_text(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: as_text(item) for key, item in value.items()}
        if isinstance(value, list):
            return [as_text(item) for item in value]
        return str(value)

    plain = core.scorecard.Scorecard.from_dict(CARD)
    text = core.scorecard.Scorecard.from_dict(as_text(CARD))
    assert (text.digest, text.score([6, "kiambu"])) == (plain.digest, 335)


def test_reasons_come_costliest_first_then_in_the_order_of_features(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    assert scorecard.reasons([2, None], 3) == ["NEW_WALLET", "NO_COUNTY"]
    assert scorecard.reasons([2, None], 1) == ["NEW_WALLET"]
    assert scorecard.reasons([7, "x"], 3) == ["YOUNG", "FAR"]
    assert scorecard.reasons([30, "nairobi"], 3) == []
    assert scorecard.reasons([2, None], 0) == scorecard.reasons([2, None], -1) == []


def test_equal_costs_keep_the_order_of_features_and_a_shared_reason_is_told_once(core: Core) -> None:
    def feature(name: str, reason: str) -> dict[str, Any]:
        bins = [{"lt": 0, "points": 0, "reason": reason}, {"points": 10}]
        return {"name": name, "type": "number", "bins": bins, "missing": {"points": 0}}

    card = changed(
        features=[feature("a", "Z"), feature("b", "A"), feature("c", "Z")],
        bands=[{"decision": "any", "limit_cents": 0}],
    )
    assert core.scorecard.Scorecard.from_dict(card).reasons([-1, -1, -1], 3) == ["Z", "A"]


@pytest.mark.parametrize(
    ("score", "decision", "index"),
    [(360, "approve", 0), (350, "approve", 0), (349, "approve", 1), (320, "approve", 1), (319, "decline", 2),
     (-(10**6), "decline", 2)],
)  # fmt: skip
def test_a_score_gets_the_first_band_it_reaches(core: Core, score: int, decision: str, index: int) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    assert scorecard.decide(score) == (decision, index)
    assert scorecard.bands[index].limit_cents == [5_000_000, 200_000, 0][index]


def test_the_digest_names_the_content_and_not_the_order_of_keys(core: Core) -> None:
    digest = core.scorecard.Scorecard.from_dict(CARD).digest
    reordered = dict(reversed(CARD.items()))
    assert core.scorecard.Scorecard.from_dict(reordered).digest == digest
    assert core.scorecard.Scorecard.from_dict(changed(base_points=301)).digest != digest


def test_both_builds_give_the_same_digest(both: tuple[Core, Core]) -> None:
    first, second = (core.scorecard.Scorecard.from_dict(CARD).digest for core in both)
    assert first == second


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ([1], ValueError, "1 values for 2 features"),
        ({"months": 1}, ValueError, "no value for county"),
        ("ab", TypeError, "sequence"),
        (None, TypeError, "sequence"),
        (["6", "nairobi"], TypeError, "months is a number"),
        ([6, 1], TypeError, "county is a category"),
        ([object(), "x"], TypeError, "must be"),
    ],
)
def test_values_that_do_not_fit_are_refused(core: Core, values: Any, error: type, words: str) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    for method in (scorecard.score, scorecard.points, scorecard.reasons, scorecard.encode):
        with pytest.raises(error, match=words):
            method(values)


@pytest.mark.parametrize(
    ("matrix", "out"),
    [
        (np.zeros((3, 2), dtype=np.float32), np.zeros(3, dtype=np.int32)),
        (np.zeros((3, 2)), np.zeros(3, dtype=np.int64)),
        (np.zeros((3, 3)), np.zeros(3, dtype=np.int32)),
        (np.zeros((3, 2)), np.zeros(2, dtype=np.int32)),
        (np.asfortranarray(np.zeros((3, 2))), np.zeros(3, dtype=np.int32)),
        (np.zeros((3, 4))[:, ::2], np.zeros(3, dtype=np.int32)),
        (np.zeros(2), np.zeros(1, dtype=np.int32)),
    ],
)
def test_buffers_of_another_shape_or_type_are_refused(core: Core, matrix: Any, out: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are NumPy's, Cython's or ours
        core.scorecard.Scorecard.from_dict(CARD).batch(matrix, out)
    assert not out.any()


def test_a_read_only_matrix_is_scored_and_an_empty_one_is_nothing(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    matrix = np.array([[6.0, 0.0]])
    matrix.flags.writeable = False
    out = np.zeros(1, dtype=np.int32)
    scorecard.batch(matrix, out)
    scorecard.batch(np.zeros((0, 2)), np.zeros(0, dtype=np.int32))
    assert out.tolist() == [335]


FAULTS = [
    ([], "scorecard: must be a mapping"),
    ({}, "scorecard: needs version"),
    (changed(colour="red"), "colour: is not a field here"),
    (changed(version=""), "version: must be text"),
    (changed(base_points=1.5), "base_points: must be a whole number, not 1.5"),
    (changed(base_points="1.5"), "base_points: must be a whole number"),
    (changed(base_points=True), "base_points: must be a whole number"),
    (changed(base_points=10**7), "base_points: must be from"),
    (changed(features=[]), "features: must be a list of 1 to 200"),
    (changed(features=[CARD["features"][0]] * 2), r"features\[1\].name: there are two features months"),
    (with_feature(name=""), r"features\[0\].name: must be text"),
    (with_feature(type="date"), r"features\[0\].type: must be number or category"),
    (with_feature(bins=[]), r"features\[0\].bins: must be a list"),
    (with_feature(bins=[{"lt": 6, "points": 1}]), r"bins\[0\]: the last bin, which takes the rest, has"),
    (with_feature(bins=[{"points": 1}, {"points": 2}]), r"bins\[0\]: needs lt"),
    (with_feature(bins=[{"lt": 6, "points": 1}, {"lt": 6, "points": 2}, {"points": 3}]),
     r"bins\[1\].lt: 6 must be more than 6 before it"),
    (with_feature(bins=[{"lt": 6, "points": 1}, {"lt": "5", "points": 2}, {"points": 3}]),
     r"bins\[1\].lt: 5 must be more than 6 before it"),
    (with_feature(bins=[{"lt": "nan", "points": 1}, {"points": 3}]), r"bins\[0\].lt: must be a number"),
    (with_feature(bins=[{"lt": math.inf, "points": 1}, {"points": 3}]), r"bins\[0\].lt: must be a number"),
    (with_feature(bins=[{"lt": 6, "points": 1.0}, {"points": 3}]), r"bins\[0\].points: must be a whole"),
    (with_feature(bins=[{"lt": 6}, {"points": 3}]), r"bins\[0\]: needs points"),
    (with_feature(missing={}), r"features\[0\].missing: needs points"),
    (with_feature(missing={"points": 0, "lt": 1}), r"features\[0\].missing: missing has no lt or in"),
    (with_feature(type="category", bins=[{"in": ["a"], "points": 1}, {"in": ["b", "a"], "points": 2},
                                         {"points": 0}]), "a is in two bins"),
    (with_feature(type="category", bins=[{"in": [], "points": 1}, {"points": 0}]), "in: must be a list"),
    ({**CARD, "features": [{k: v for k, v in CARD["features"][0].items() if k != "missing"}]},
     r"features\[0\]: needs missing"),
    (changed(bands=[]), "bands: must be a list"),
    (changed(bands=[{"min_score": 1, "decision": "x", "limit_cents": 0}]), "the last band takes the rest"),
    (changed(bands=[{"min_score": 320, "decision": "a", "limit_cents": 5},
                    {"min_score": 320, "decision": "b", "limit_cents": 5},
                    {"decision": "c", "limit_cents": 0}]), r"bands\[1\].min_score: must be less than 320"),
    (changed(bands=[{"min_score": 320, "decision": "a", "limit_cents": 5},
                    {"decision": "c", "limit_cents": 6}]), r"bands\[1\].limit_cents: must not be more"),
    (changed(bands=[{"min_score": 900, "decision": "a", "limit_cents": 5},
                    {"decision": "c", "limit_cents": 0}]), "nobody can reach 900: the most is 360"),
    (changed(bands=[{"min_score": 100, "decision": "a", "limit_cents": 5},
                    {"decision": "c", "limit_cents": 0}]), "everybody reaches 100: the least is 280"),
    (changed(bands=[{"decision": "c", "limit_cents": "12.50"}]), "limit_cents: must be a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("card", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_fault_is_told_with_its_path(core: Core, card: Any, message: str) -> None:
    with pytest.raises(core.scorecard.ScorecardError, match=message):
        core.scorecard.Scorecard.from_dict(card)


def test_all_faults_are_told_at_once(core: Core) -> None:
    card = changed(version="", base_points="x", bands=[{"decision": "", "limit_cents": -1}])
    with pytest.raises(core.scorecard.ScorecardError) as caught:
        core.scorecard.Scorecard.from_dict(card)
    paths = [path for path, _ in caught.value.problems]
    assert paths == [("version",), ("base_points",), ("bands", 0, "decision"), ("bands", 0, "limit_cents")]


# -- the GIL -------------------------------------------------------------------------------------------


def test_a_batch_lets_other_threads_run(both: tuple[Core, Core]) -> None:
    """This thread sees the first row scored and the last one not yet: it could not, were the GIL held.

    It is tried often because the machine may be busy; with the GIL held it would never be seen.
    """
    scorecard = both[0].scorecard.Scorecard.from_dict(CARD)
    matrix = np.tile(np.array([[6.0, 0.0]]), (4_000_000, 1))  # longer than one turn on a busy core

    def seen_under_way() -> bool:
        out = np.zeros(len(matrix), dtype=np.int32)
        worker = threading.Thread(target=scorecard.batch, args=(matrix, out))
        worker.start()
        while not out[0]:
            pass
        under_way = not out[-1]
        worker.join()
        assert (out == 335).all()
        return bool(under_way)

    assert any(seen_under_way() for _ in range(50))


def test_two_threads_score_at_the_same_time(core: Core) -> None:
    scorecard = core.scorecard.Scorecard.from_dict(CARD)
    rows = np.array([[6.0, 0.0], [np.nan, 1.0]] * 2000)
    outs = [np.zeros(len(rows), dtype=np.int32) for _ in range(2)]
    threads = [threading.Thread(target=scorecard.batch, args=(rows, out)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outs[0].tolist() == outs[1].tolist() == [335, 305] * 2000
