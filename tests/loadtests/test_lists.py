"""The bench of the lists: it asks every filter and sort there is, tells a slow one, and writes its page."""

import argparse
import contextlib
import dataclasses
import random
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from loadtests.bench import lists, lists_asked, lists_kinds, lists_page, lists_plans
from loadtests.bench.lists_kinds import Kind
from services.api.calls import Read
from services.api.lists.listing import Listing
from services.api.problems import AWAY

PAGE = f"# Lists\n\n{lists_page.BEGINS}\nWHAT WAS HERE\n{lists_page.ENDS}\n\nThe end.\n"


def options(folder: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(
        **{"data": folder, "borrowers": 40, "each": 1, "docs": None, "no_writes": True, **more}
    )


def test_a_run_asks_everything_and_writes_figures_and_plans(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "lists.md"
    page.write_text(PAGE)
    monkeypatch.setattr(lists_kinds, "WANTED_MS", 10_000.0)
    report = lists.run(options(tmp_path / "data", docs=page))
    assert report.faults == []
    assert report.values["questions"] == report.values["kinds"] > 500
    assert "making" in report.values["seeding_s"]
    text = page.read_text()
    assert text.startswith("# Lists\n")
    assert text.endswith("The end.\n")
    assert "WHAT WAS HERE" not in text
    assert "None is over it" in text
    plans = (tmp_path / lists_page.PLANS).read_text()
    for name in lists_asked.FILTERS:
        assert f"\n| {name} | " in text
        assert f"\n## {name}: all\n" in plans
    assert "loan_by_" in plans

    monkeypatch.setattr(
        lists_kinds, "WANTED_MS", 0.0
    )  # what is there is used again, and nothing is quick enough
    again = lists.run(options(tmp_path / "data", docs=page))
    assert again.values["seeding_s"] == {}
    assert len(again.faults) == again.values["kinds"]
    assert "| loans: status, by due | " in page.read_text()
    capfd.readouterr()


async def test_a_process_of_postgresql_that_ends_with_its_question_does_not_end_the_bench(
    pg_url: str,
) -> None:
    kind = Kind("days", (), lists_kinds.USUAL)
    usual = lists.operations()["days"]
    answers = [_ended, usual.handler, _ended, usual.handler]

    async def handler(call: Read, query: Any) -> Any:
        return await answers.pop(0)(call, query=query)

    operation = dataclasses.replace(usual, handler=handler)
    seen = lists_asked.Samples({}, date(2026, 1, 1), date(2026, 1, 2), [], [], [])
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=1) as pool:
        for _ in range(4):
            await lists.ask(lists.reader(pool, pg_url), operation, kind, random.Random(1), seen)
    assert answers == []
    assert kind.refused == 2
    assert len(kind.cpu_ms) == len(kind.wall_ms) == 4
    assert min(kind.cpu_ms) > 0


async def _ended(call: Read, query: Any) -> Any:
    async with call.desk.acquire() as connection:
        with contextlib.suppress(asyncpg.PostgresError):
            await connection.execute("select pg_terminate_backend(pg_backend_pid())")
    raise AWAY.of("This took too long.")


def test_a_95th_percentile_is_by_nearest_rank() -> None:
    kind = Kind("loans", (), "applied", cpu_ms=[float(each) for each in range(20, 0, -1)])
    assert kind.p95_ms == 19.0
    assert Kind("loans", (), "applied", cpu_ms=[3.0]).p95_ms == 3.0


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


def test_of_branches_that_end_at_the_page_two_are_shown() -> None:
    branch = [
        "  ->  Limit  (actual time=0.1..0.2 rows=3 loops=1)",
        "        ->  Index Only Scan using {} on loan (actual time=0.1..0.2 rows=3 loops=1)",
    ]
    names = ("loan_by_due", "loan_by_amount", "loan_by_applied", "loan_pkey")
    text = lists_plans.shortened(
        [line.format(name) for name in names for line in branch] + ["Planning Time: 1 ms"]
    )
    assert [name for name in names if name in text] == ["loan_by_due", "loan_by_amount"]
    assert "2 more like these" in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("# Other\n")
    with pytest.raises(ValueError, match="has no <!-- measured"):
        lists_page.write(page, "", [])
    assert page.read_text() == "# Other\n"
