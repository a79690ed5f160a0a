"""The bench of the lists: it asks every filter and sort there is, tells a slow one, and writes its page."""

import argparse
from pathlib import Path

import pytest

from loadtests.bench import lists, lists_asked, lists_plans
from services.api.lists.listing import Listing

PAGE = f"# Lists\n\n{lists_plans.BEGINS}\nWHAT WAS HERE\n{lists_plans.ENDS}\n\nThe end.\n"


def options(folder: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(
        **{"data": folder, "borrowers": 40, "each": 1, "docs": None, "no_writes": True, **more}
    )


def test_a_run_asks_everything_and_writes_figures_and_plans(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "lists.md"
    page.write_text(PAGE)
    monkeypatch.setattr(lists, "WANTED_MS", 10_000.0)
    report = lists.run(options(tmp_path / "data", docs=page))
    assert report.faults == []
    assert report.values["questions"] == report.values["kinds"] > 500
    assert "making" in report.values["seeding_s"]
    text = page.read_text()
    assert text.startswith("# Lists\n")
    assert text.endswith("The end.\n")
    assert "WHAT WAS HERE" not in text
    for name in lists_asked.FILTERS:
        assert f"### {name}: all\n" in text
    assert "loan_by_" in text

    monkeypatch.setattr(lists, "WANTED_MS", 0.0)  # what is there is used again, and nothing is quick enough
    again = lists.run(options(tmp_path / "data"))
    assert again.values["seeding_s"] == {}
    assert len(again.faults) == again.values["kinds"]
    capfd.readouterr()


@pytest.mark.parametrize("name", lists_asked.FILTERS)
def test_every_filter_of_a_list_is_asked(name: str) -> None:
    listing: Listing = lists.listing_of(lists.operations()[name])
    asked = {filter_name.partition(":")[0] for filter_name in lists_asked.FILTERS[name]} - {"q"}
    known = {each.removesuffix("_from").removesuffix("_to") for each in listing.filters}
    known = {each.replace("_min", "").replace("_max", "").removesuffix("_cents") for each in known}
    assert asked == known


def test_a_plan_is_shortened_to_what_a_reader_needs() -> None:
    branch = " " * 8 + "->  Index Only Scan using loan_by_due on loan (cost=0..9 rows=3) "
    branch += "(actual time={}..{} rows=2 loops=1)"
    lines = [
        "Limit  (cost=1.2..3.4 rows=51 width=8) (actual time=0.1..0.25 rows=51.00 loops=1)",
        "  ->  Merge Append  (cost=1.2..3.4 rows=51 width=8) (actual time=0.1..0.2 rows=51 loops=1)",
        *(line for number in range(5) for line in (
            branch.format("0.1", f"0.{number}"), f"              Index Cond: (state = '{number}'::text)")),
        "        ->  Seq Scan on loan (cost=0.4..9 rows=3) (never executed)",
        "              Filter: (a = 1)",
        "Planning Time: 1.5 ms",
        "Execution Time: 0.9 ms",
    ]  # fmt: skip
    text = lists_plans.shortened(lines)
    assert "cost=" not in text
    assert text.count("Index Only Scan") == text.count("Index Cond") == lists_plans.MOST_ALIKE
    assert "never executed" not in text
    assert "Filter" not in text
    assert "Limit  (0.25 ms, 51 rows, 1 times)" in text
    assert "3 more like these" in text
    assert text.endswith("Execution Time: 0.9 ms")


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("# Other\n")
    with pytest.raises(ValueError, match="has no <!-- measured"):
        lists_plans.write(page, "", [])
    assert page.read_text() == "# Other\n"
