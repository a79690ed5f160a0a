"""The score bench: everyone scores the same people alike, a wrong scorer is found out, and what is not
installed is said."""

import argparse
from typing import Any

import numpy as np
import pytest
import yaml

from core_ext.scorecard import Scorecard
from loadtests.bench import score, scorers
from ussd_engine.errors import UssdError

OPTIONS = argparse.Namespace(rows=1_500, repeats=1)


@pytest.fixture
def card() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(score.CARD.read_text(encoding="utf-8"))
    return read


@pytest.fixture
def without_optbinning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers.importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_optbinning")
def test_a_run_times_everyone_and_finds_no_fault() -> None:
    report = score.run(OPTIONS)
    assert report.faults == []
    assert report.values["one_ns"] > 0
    for name in ("columns", "rows", "numpy", "numpy_compare"):
        assert report.values[f"{name}_rows_per_second"] > 0
        assert report.values["spread_ns"][name]["min"] <= report.values["spread_ns"][name]["max"]
    assert set(report.values["ratios"]) == {"numpy", "numpy_compare"}
    assert "optbinning was left out" in report.table()


@pytest.mark.usefixtures("without_optbinning")
def test_a_scorer_that_is_wrong_about_one_applicant_fails_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    right = scorers.Numpy.search

    def wrong(self: scorers.Numpy) -> scorers.Scores:
        scores = right(self)
        scores[3] += 1
        return scores

    monkeypatch.setattr(scorers.Numpy, "search", wrong)
    faults = score.run(OPTIONS).faults
    assert faults == ["NumPy, searching: 1 of 1500 scores are not those of the batch by columns"]


def test_fewer_rows_than_applicants_are_refused() -> None:
    with pytest.raises(UssdError, match="--rows: the least is 1000"):
        score.run(argparse.Namespace(rows=10, repeats=1))


def test_the_people_fill_every_bin_stand_on_edges_and_lack_values(card: dict[str, Any]) -> None:
    columns = scorers.people(card, 5_000)
    for feature, x in zip(card["features"], columns, strict=True):
        bins, known = feature["bins"], x[~np.isnan(x)]
        assert 0.01 < 1 - len(known) / len(x) < 0.06
        if feature["type"] == "number":
            edges = [cell["lt"] for cell in bins[:-1]]
            assert np.isin(edges, known).all()
            known = np.searchsorted(edges, known, side="right")
        assert set(known) == set(range(len(bins)))


def test_an_applicant_is_the_same_person_as_the_column(card: dict[str, Any]) -> None:
    columns = scorers.people(card, 1_000)
    scorecard = Scorecard.from_dict(card)
    encoded = np.array([scorecard.encode(values) for values in scorers.applicants(card, columns, 1_000)])
    assert np.array_equal(encoded, columns.T, equal_nan=True)


def test_numpy_scores_as_a_plain_reading_does(card: dict[str, Any]) -> None:
    columns = scorers.people(card, 1_000)
    in_numpy = scorers.Numpy(card, columns)
    plain = [scorers.plainly(card, values) for values in scorers.applicants(card, columns, 1_000)]
    assert in_numpy.search().tolist() == plain
    assert in_numpy.compare().tolist() == plain


def test_optbinnings_card_keeps_our_bins_and_scores_as_optbinning(card: dict[str, Any]) -> None:
    pytest.importorskip("optbinning", reason="make install-fit installs it")
    columns = scorers.people(card, 60_000)
    other = scorers.optbinning(card, columns)
    assert other is not None
    out = np.zeros(60_000, dtype=np.int32)
    Scorecard.from_dict(other.card).batch_columns(columns, out)
    assert np.array_equal(other.score(), out)
    for ours, fitted in zip(card["features"], other.card["features"], strict=True):
        assert [cell.get("lt") for cell in ours["bins"]] == [cell.get("lt") for cell in fitted["bins"]]
        assert len({cell["points"] for cell in fitted["bins"]}) > len(ours["bins"]) / 2
