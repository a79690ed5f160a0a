"""Reports over HTTP: the small lender's, whose figures are known (tests/reports/lender.py)."""

import csv
import hashlib
import io
from datetime import timedelta
from typing import Any

import httpx
import openpyxl
import pytest

from services.api import reports
from services.api.permissions import Permission
from services.client import Client
from services.reports import catalog, scheduled
from services.reports.scheduled import Plan
from tests.api.conftest import Api
from tests.api.lending import problem
from tests.reports.lender import DAY
from tests.services.lending import TODAY, noon

YESTERDAY = TODAY - DAY
A_RUN = """
insert into reconciliation_run (
    source, account, identity, made_by, period_from, period_to, lines, counts, ours, theirs, state
)
values ('statement', 'utility', sha256('a'), 'akinyi', now(), now(), 3, '{"matched": 2, "ours_only": 1}',
    '{"matched": 300, "ours_only": 50}', '{"matched": 300, "ours_only": 0}', 'done')
returning id
"""
ITEMS = """
insert into reconciliation_item (run_id, subject, kind, outcome, ours_cents, theirs_cents)
values ($1, 'RECEIPT1', 'payment', 'matched', 100, 100), ($1, 'RECEIPT2', 'payment', 'matched', 200, 200),
    ($1, 'RECEIPT3', 'payment', 'ours_only', 50, null)
"""


@pytest.fixture
def pg_url(lender_url: str) -> str:
    return lender_url


async def asked(api: Api, name: str, role: str = "viewer", **query: Any) -> httpx.Response:
    return await api.as_(role).get(f"/reports/{name}", params=query)


async def test_the_catalog_says_what_there_is_and_each_can_be_made_as_it_says(api: Api) -> None:
    found = (await api.as_("viewer").get("/reports")).json()["items"]
    assert [each["name"] for each in found] == [report.name for report in catalog()]
    for each in found:
        role = "officer" if each["private"] else "viewer"
        answer = await asked(api, each["name"], role)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert made["columns"] == each["columns"]
        names = [column["name"] for column in each["columns"]]
        assert all(list(row) == names for row in made["rows"]), each["name"]
        assert set(made["totals"]) == {column["name"] for column in each["columns"] if column["total"]}


async def test_as_json_it_has_rows_totals_and_the_figures_beside_them(api: Api) -> None:
    made = (await asked(api, "portfolio", as_of=YESTERDAY)).json()
    assert made["period"] == f"as of {YESTERDAY}"
    assert made["totals"]["outstanding"] == sum(row["outstanding"] for row in made["rows"]) > 0
    facts = {fact["name"]: fact["value"] for fact in made["facts"]}
    assert facts["ledger_cents"] == made["totals"]["outstanding"]
    by_month = (await asked(api, "income", since="2026-01-01")).status_code
    assert by_month == 422  # it is called `from`
    period: dict[str, Any] = {"from": TODAY - 240 * DAY, "to": TODAY, "by": "month"}
    months = await asked(api, "income", **period)
    firsts = [row["day"] for row in months.json()["rows"]]
    assert len(firsts) > 3
    assert all(day.endswith("-01") for day in firsts)


async def test_a_file_is_the_report_and_is_written_down_with_its_hashes(api: Api) -> None:
    answers = {
        format_: await asked(api, "ageing" if format_ == "csv" else "portfolio", as_of=YESTERDAY,
                             format=format_)
        for format_ in ("csv", "xlsx", "pdf")
    }  # fmt: skip
    for format_, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == reports.TYPES[format_]
        assert f'-{YESTERDAY}.{format_}"' in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answers["csv"].text)))
    made = (await asked(api, "ageing", as_of=YESTERDAY)).json()
    assert [line["Loan"] for line in lines] == [row["ref"] for row in made["rows"]] + ["Total"]
    book = openpyxl.load_workbook(io.BytesIO(answers["xlsx"].content))
    assert book["Portfolio"]["A1"].value == "Product"
    assert answers["pdf"].content.startswith(b"%PDF-")

    page = (await api.as_("viewer").get("/reports/runs", params={"limit": 2})).json()
    rest = (
        await api.as_("viewer").get("/reports/runs", params={"limit": 2, "after": page["next_after"]})
    ).json()
    assert rest["next_after"] is None
    runs = {run["format"]: run for run in page["items"] + rest["items"]}
    for format_, answer in answers.items():
        assert runs[format_]["file_sha256"] == hashlib.sha256(answer.content).hexdigest()
        assert (runs[format_]["made_by"], runs[format_]["has_file"]) == ("viewer@example.org", False)
    assert runs["xlsx"]["data_sha256"] == runs["pdf"]["data_sha256"]
    assert problem(await api.as_("viewer").get(f"/reports/runs/{runs['csv']['id']}/file")) == (
        404, "not-found",
    )  # fmt: skip


async def test_what_was_made_on_schedule_can_be_fetched(api: Api) -> None:
    async with api.pool.acquire() as connection:
        await scheduled.make_due(connection, noon(TODAY), [Plan("portfolio", "day", "xlsx", 1)])
    (run,) = (await api.as_("viewer").get("/reports/runs", params={"name": "portfolio"})).json()["items"]
    assert (run["scheduled"], run["has_file"], run["made_by"]) == (True, True, "system")
    answer = await api.as_("viewer").get(f"/reports/runs/{run['id']}/file")
    assert hashlib.sha256(answer.content).hexdigest() == run["file_sha256"]
    assert answer.headers["content-type"] == reports.TYPES["xlsx"]

    with_key = await api.key(Permission.REPORTS_READ)
    secret = with_key.headers["X-API-Key"]
    async with Client(api.url, key=secret) as client:
        assert [each.id async for each in client.each_of_report_runs()] == [run["id"]]
        fetched = b"".join([chunk async for chunk in client.export_report_file(run["id"])])
        assert fetched == answer.content
        totals = (await client.run_report("portfolio", as_of=YESTERDAY)).totals
        written = b"".join([chunk async for chunk in client.export_report("portfolio", format="pdf")])
    assert totals["outstanding"] > 0
    assert written.startswith(b"%PDF-")


async def test_who_sees_people_must_be_allowed_to_and_is_in_the_audit(api: Api) -> None:
    for format_ in ("json", "csv"):
        refused = await asked(api, "crb", "viewer", format=format_)
        assert problem(refused) == (403, "forbidden")
    assert await api.audit("run_report") == []
    for format_ in ("json", "csv"):
        assert (await asked(api, "crb", "officer", format=format_)).status_code == 200
    rows = await api.audit("run_report")
    assert [(row["who"], row["subject"]) for row in rows] == [("officer@example.org", "report:crb")] * 2


@pytest.mark.parametrize(
    ("name", "query", "status", "said"),
    [
        ("treasure", {}, 404, "There is no report"),
        ("ageing", {"format": "pdf"}, 422, "as csv or xlsx"),
        ("ageing", {"from": "2026-01-01"}, 422, "query.from: the report ageing is of one day: as_of."),
        ("income", {"as_of": "2026-01-01"}, 422, "query.as_of: the report income is of a period"),
        ("income", {"from": "2026-02-01", "to": "2026-01-01"}, 422, "begins before it ends"),
        ("income", {"from": "2024-01-01", "to": "2026-01-01"}, 422, "a year at most"),
        ("portfolio", {"as_of": (TODAY + timedelta(days=400)).isoformat()}, 422, "has not come yet"),
        ("portfolio", {"by": "month"}, 422, "not grouped"),
        ("portfolio", {"format": "docx"}, 422, "query.format"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_in_a_sentence(
    api: Api, name: str, query: dict[str, str], status: int, said: str
) -> None:
    answer = await asked(api, name, **query)
    assert problem(answer)[0] == status
    assert said in answer.json()["detail"]


async def test_json_of_too_many_rows_says_to_ask_for_a_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_ROWS", 2)
    answer = await asked(api, "ageing", as_of=YESTERDAY)
    assert problem(answer) == (422, "invalid")
    assert "format=csv" in answer.json()["detail"]
    assert (await asked(api, "ageing", as_of=YESTERDAY, format="csv")).status_code == 200


async def test_a_reconciliation_is_told_with_the_items_that_are_asked_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await api.pool.fetchval(A_RUN)
    await api.pool.execute(ITEMS, number)
    viewer = api.as_("viewer")
    found = (await viewer.get(f"/reports/reconciliation/{number}")).json()
    assert (found["counts"], found["ours"]["ours_only"], found["items"]) == (
        {"matched": 2, "ours_only": 1}, 50, [],
    )  # fmt: skip
    monkeypatch.setattr(reports, "MOST_ITEMS", 1)
    some = (await viewer.get(f"/reports/reconciliation/{number}", params={"outcome": "matched"})).json()
    assert ([item["outcome"] for item in some["items"]], some["more"]) == (["matched"], True)
    assert problem(await viewer.get("/reports/reconciliation/99")) == (404, "not-found")
