"""Umoja's own scorecard, by the compiled scorer and by a plain reading; and the commands that look at one."""

import random
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from core_ext.scorecard import Scorecard
from services.commands import app
from services.scoring import making
from services.scoring.fitting import Choices
from services.scoring.rescore import score_columns
from tests.core_ext.scorecards import plain_points
from tests.services.world import FOLDER
from ussd_engine.errors import UssdError

FILE = FOLDER / "scorecard.yaml"
PLAIN: dict[str, Any] = yaml.safe_load(FILE.read_text())
CARD = Scorecard.from_dict(PLAIN)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["scorecard", *map(str, arguments)])


def test_a_million_rows_in_small_agree_with_a_plain_reading_of_the_yaml() -> None:
    chance = random.Random(8)
    edges = [cell["lt"] for feature in PLAIN["features"] for cell in feature["bins"][:-1]]
    values = [*edges, *(edge - 1 for edge in edges), 0.5, 7.999, 500.0, float("nan")]
    rows = [[float(chance.choice(values)) for _ in CARD.names] for _ in range(5_000)]
    read = [PLAIN["base_points"] + sum(plain_points(PLAIN, row).values()) for row in rows]

    assert score_columns(CARD, list(zip(*rows, strict=True))) == array("i", read)
    assert [CARD.score(row) for row in rows] == read
    assert len(set(read)) > 50


def test_check_tells_the_range_and_the_hash() -> None:
    done = run("check", FILE)

    assert done.exit_code == 0
    assert f"4 features, scores from {CARD.min_score} to {CARD.max_score}" in done.output
    assert CARD.digest in done.output


def test_check_tells_line_and_column_of_each_fault(tmp_path: Path) -> None:
    file = tmp_path / "scorecard.yaml"
    file.write_text(FILE.read_text().replace("{lt: 31, points: -100}", "{lt: 31, points: x}", 1))
    done = run("check", file)

    assert done.exit_code == 1
    assert "scorecard.yaml:31:18: must be a whole number, not 'x'" in done.output


@pytest.mark.parametrize("text", ["", "[", "a: 1", "\t", "version: 1\nversion: 2"])
def test_check_of_rubbish_is_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scorecard.yaml"
    file.write_text(text)
    done = run("check", file)

    assert (done.exit_code, "scorecard.yaml:" in done.output) == (1, True)


def test_explain_gives_points_score_decision_and_reasons() -> None:
    done = run("explain", FILE, "--data", "loans_repaid=3", "--data", "worst_days_late=9")

    assert done.exit_code == 0
    assert "loans_repaid       +150" in done.output
    assert "worst_days_late    -100" in done.output
    assert "approve, limit KES 7,500; reasons: FEW_LOANS_REPAID, PAID_LATE" in done.output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("loans_repaid", "--data is name=value"),
        ("loans=3", "the names are loans_repaid"),
        ("loans_repaid=nan", "is a number, not 'nan'"),
        ("loans_repaid=three", "is a number, not 'three'"),
    ],
)
def test_explain_refuses_what_is_no_value(data: str, message: str) -> None:
    done = run("explain", FILE, "--data", data)

    assert isinstance(done.exception, UssdError)
    assert message in str(done.exception)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    for command in (["check"], ["explain", "--data", "a=1"]):
        assert isinstance(run(command[0], tmp_path / "none.yaml", *command[1:]).exception, UssdError)


def test_without_the_extra_fit_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optbinning", None)

    with pytest.raises(UssdError, match="make install-fit"):
        making.make(
            tmp_path / "x.csv", tmp_path / "x.yaml", tmp_path / "x.png", Choices("a", "1"), making.Columns()
        )
