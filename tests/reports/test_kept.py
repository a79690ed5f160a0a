"""Reports that are kept: on schedule once each, what was missed caught up; and `ussd report`."""

import asyncio
import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from services.reports import catalog, scheduled, stored
from services.reports.scheduled import PLANS, Plan, missing
from tests.reports.lender import DAY, Lender
from tests.services.lending import TODAY, noon
from tests.services.world import count
from ussd_engine import cli
from ussd_engine.settings import settings

DAILY = Plan("portfolio", "day", "csv", 31)
MONTHLY = Plan("excise", "month", "pdf", 12)
QUARTERLY = Plan("regulator", "quarter", "pdf", 4)


@pytest.mark.parametrize(
    ("plan", "latest", "closed", "due"),
    [
        (DAILY, None, date(2026, 11, 22), [(date(2026, 11, 22), date(2026, 11, 22))]),
        (DAILY, date(2026, 11, 22), date(2026, 11, 22), []),
        (DAILY, date(2026, 11, 20), date(2026, 11, 22),
         [(date(2026, 11, 21), date(2026, 11, 21)), (date(2026, 11, 22), date(2026, 11, 22))]),
        (MONTHLY, None, date(2026, 11, 22), [(date(2026, 10, 1), date(2026, 10, 31))]),
        (MONTHLY, None, date(2026, 11, 30), [(date(2026, 11, 1), date(2026, 11, 30))]),
        (MONTHLY, date(2026, 8, 31), date(2026, 11, 29),
         [(date(2026, 9, 1), date(2026, 9, 30)), (date(2026, 10, 1), date(2026, 10, 31))]),
        (MONTHLY, date(2026, 12, 31), date(2027, 2, 28),
         [(date(2027, 1, 1), date(2027, 1, 31)), (date(2027, 2, 1), date(2027, 2, 28))]),
        (QUARTERLY, None, date(2026, 11, 22), [(date(2026, 7, 1), date(2026, 9, 30))]),
        (QUARTERLY, date(2026, 9, 30), date(2026, 12, 31), [(date(2026, 10, 1), date(2026, 12, 31))]),
        (QUARTERLY, date(2026, 6, 30), date(2026, 9, 29), []),
    ],
)  # fmt: skip
def test_what_is_over_and_was_not_made_is_due(
    plan: Plan, latest: date | None, closed: date, due: list[tuple[date, date]]
) -> None:
    assert missing(plan, latest, closed) == due


def test_no_more_is_caught_up_than_the_plan_says() -> None:
    due = missing(DAILY, date(2026, 1, 1), date(2026, 11, 22))
    assert (len(due), due[0][1], due[-1][1]) == (31, date(2026, 10, 23), date(2026, 11, 22))


async def test_on_schedule_each_is_made_once_and_missed_days_are_caught_up(lender: Lender) -> None:
    async def tick(days: int) -> list[tuple[str, date]]:
        async with lender.pool.acquire() as connection:
            return await scheduled.make_due(connection, noon(TODAY + days * DAY))

    first = await tick(0)
    assert [name for name, _ in first] == [plan.name for plan in PLANS]
    assert dict(first)["portfolio"] == TODAY - DAY
    assert await tick(0) == []

    await lender.pool.execute("insert into business_day (day, counts) values ($1, '{}')", TODAY)
    await lender.pool.execute("insert into business_day (day, counts) values ($1, '{}')", TODAY + DAY)
    later = await tick(2)
    assert [made for made in later if made[0] in ("portfolio", "float")] == [
        ("portfolio", TODAY), ("portfolio", TODAY + DAY), ("float", TODAY), ("float", TODAY + DAY),
    ]  # fmt: skip

    rows = await stored.runs(lender.pool, "portfolio")
    assert [row["period_to"] for row in rows] == [TODAY + DAY, TODAY, TODAY - DAY]
    assert rows[-1]["parameters"] == {"as_of": (TODAY - DAY).isoformat()}
    kept = await stored.file(lender.pool, rows[-1]["id"])
    assert kept is not None
    name, body = kept
    assert name == f"portfolio-{TODAY - DAY}.xlsx"
    assert hashlib.sha256(body).hexdigest() == rows[-1]["file_sha256"]
    with pytest.raises(asyncpg.RestrictViolationError):
        await lender.pool.execute("update report_run set made_by = 'somebody else'")


async def test_two_that_make_the_same_at_once_keep_one(lender: Lender) -> None:
    async def tick() -> int:
        async with lender.pool.acquire() as connection:
            return len(await scheduled.make_due(connection, noon(TODAY), [DAILY]))

    assert sum(await asyncio.gather(tick(), tick(), tick())) == 1
    assert await count(lender.pool, "report_run") == 1


async def test_nothing_is_made_of_days_that_are_not_closed(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await scheduled.make_due(connection, noon(TODAY)) == []


async def ussd(pg_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setenv("DATABASE_URL", pg_url)
    settings.cache_clear()
    try:
        result = await asyncio.to_thread(CliRunner().invoke, cli.app, ["report", *arguments])
    finally:
        settings.cache_clear()
    return result.exit_code, result.output + str(result.exception or "")


async def test_the_command_lists_writes_and_notes_who_did(
    lender: Lender, lender_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said = await ussd(lender_url, monkeypatch, "list")
    assert status == 0
    for report in catalog():
        assert f"\n{report.name} " in f"\n{said}"
        assert report.about in said

    day = TODAY.isoformat()
    status, printed = await ussd(lender_url, monkeypatch, "portfolio", "--as-of", day, "--made-by", "akinyi")
    assert status == 0
    assert "umoja30,overdue,1-30,1,1,3600.00,0.00,0.00,36.00,180.00,3816.00,0.00" in printed

    out = tmp_path / "excise.pdf"
    status, said = await ussd(
        lender_url, monkeypatch, "excise", "--from", (TODAY - timedelta(days=240)).isoformat(), "--to", day,
        "--out", str(out),
    )  # fmt: skip
    assert (status, out.read_bytes()[:5]) == (0, b"%PDF-")
    assert f"Excise duty, {TODAY - timedelta(days=240)} to {TODAY}: 3 rows in {out}" in said
    noted = await stored.runs(lender.pool)
    assert [(row["name"], row["format"], row["has_file"]) for row in noted] == [
        ("excise", "pdf", False), ("portfolio", "csv", False),
    ]  # fmt: skip
    assert noted[1]["made_by"] == "akinyi"
    assert noted[0]["file_sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert noted[0]["data_sha256"] in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "There is no report 'nothing'"),
        (("portfolio", "--as-of", "yesterday"), "'yesterday' is not a day such as"),
        (("portfolio", "--format", "doc"), "Reports are made as csv, xlsx, pdf."),
        (("portfolio", "--format", "pdf"), "Say with --out"),
        (("ageing", "--out", "{folder}/x.pdf"), "Nobody signs the report ageing"),
        (("portfolio", "--out", "{folder}/none/x.csv"), "Cannot write"),
        (("portfolio", "--from", "2026-11-01"), "of one day"),
    ],
)
async def test_a_mistake_is_a_sentence_and_leaves_no_file(
    pool: Any,
    pg_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    given = [word.format(folder=tmp_path) for word in arguments]
    status, said = await ussd(pg_url, monkeypatch, *given)
    assert (status, says in said) == (1, True), said
    assert list(tmp_path.iterdir()) == []
    assert await count(pool, "report_run") == 0
