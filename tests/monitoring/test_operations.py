"""Dashboard, alert rules and the page about them name metrics that there are, and all of the lender's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.monitoring.families import ApiFamilies
from services.monitoring.page import Page
from ussd_engine.observe.board import Board
from ussd_engine.observe.workers import WorkerCells

METRIC = re.compile(r"\b(?:umoja|ussd)_[a-z0-9_]+")


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Every name that a sample of ours can have."""
    board = Board()
    ApiFamilies(board)
    families = [held.family() for held in (*board.families, *WorkerCells().families)]
    families += Page(None, None).describe()
    found: set[str] = set()
    for family in families:
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {family.name + ending for ending in endings}
    return found


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    folder = Path(__file__).parents[2] / "docs" / "operations"
    held = yaml.safe_load((folder / "alerts.yml").read_text())
    return [rule for group in held["groups"] for rule in group["rules"]]


def test_every_alert_rule_is_about_metrics_that_there_are(
    names: set[str], rules: list[dict[str, Any]]
) -> None:
    assert len({rule["alert"] for rule in rules}) == len(rules) > 15
    for rule in rules:
        used = set(METRIC.findall(rule["expr"]))
        assert used, rule
        assert used <= names, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert {"summary", "description"} == set(rule["annotations"])
        assert re.fullmatch(r"[0-9]+[mh]", rule["for"])


def test_every_panel_of_the_dashboard_is_about_metrics_that_there_are(
    names: set[str], repository: Path
) -> None:
    held = json.loads((repository / "docs/operations/dashboard.json").read_text())
    panels = [panel for panel in held["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in held["panels"]}) == len(held["panels"])
    for panel in panels:
        for target in panel["targets"]:
            used = set(METRIC.findall(target["expr"]))
            assert used, panel["title"]
            assert used <= names, panel["title"]
    places = [tuple(panel["gridPos"].values()) for panel in held["panels"]]
    assert all(x + w <= 24 for x, _, w, _ in places)


def test_the_page_names_every_metric_and_none_that_there_is_not(names: set[str], repository: Path) -> None:
    text = (repository / "docs/operations/monitoring.md").read_text()
    written = {name for name in METRIC.findall(text) if not name.endswith("_")}
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert written <= bare | {"ussd_worker"}
    ours = {name for name in bare if name.startswith("umoja_")}
    assert ours <= written
