"""Lists over HTTP: who may, what is kept and forgotten, files, the pages of a person and of a loan."""

import asyncio
import csv
import io
import warnings
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import openpyxl
import pytest
import pytest_asyncio

from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists import export, loans
from services.api.lists.listing import today
from services.api.permissions import ROLES, Permission, Role
from services.loans import approvals
from tests.api.conftest import Api
from tests.seeding.worlds import seeded_template, seeded_url  # noqa: F401 - fixtures
from tests.services.world import Phone


@pytest_asyncio.fixture
async def phone(api: Api) -> Phone:
    """Somebody with a loan that is half paid back, and one before it."""
    made = await api.phone().join()
    await made.borrow_and_repay()
    outcome = await made.borrow()
    await made.money_arrives(outcome.value["ref"])
    await made.pay(outcome.value["ref"], 100_000, "QK1AB2CD3E")
    return made


async def id_of(phone: Phone) -> int:
    number: int = await phone.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
    return number


async def found(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_person_is_found_and_their_page_tells_everything_but_the_number(
    api: Api, phone: Phone
) -> None:
    viewer = api.as_("viewer")
    listed = await found(viewer, "/admin/users", q="wanjiru kam", total="true")
    assert (listed["total"], listed["total_is_exact"], listed["next"]) == (1, True, None)
    item = listed["items"][0]
    assert item["msisdn"] == f"{phone.msisdn[:4]}***{phone.msisdn[-3:]}"
    assert (item["loan_status"], item["days_late"]) == ("active", 0)

    shown = await found(viewer, f"/admin/users/{item['id']}")
    assert [loan["status"] for loan in shown["loans"]] == ["active", "repaid"]
    assert shown["owed_cents"] == shown["loans"][0]["owed_cents"] == 490_000
    assert [each["outcome"] for each in shown["decisions"]] == ["ok", "ok"]
    assert "FEW_LOANS_REPAID" in shown["decisions"][-1]["reasons"]
    assert shown["payments"][0]["key"] == "receipt:QK1AB2CD3E"
    assert {each["notice"] for each in shown["messages"]} >= {"money_sent", "payment", "loan_repaid"}
    assert [each["purpose"] for each in shown["consents"]] == ["terms"]
    assert phone.msisdn not in str(shown)
    assert (await viewer.get("/admin/users/999999")).status_code == 404


async def test_the_timeline_has_everything_once_the_latest_first(api: Api, phone: Phone) -> None:
    path = f"/admin/users/{await id_of(phone)}/timeline"
    whole = (await found(api.as_("viewer"), path, limit=200))["items"]
    walked: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        part = await found(api.as_("viewer"), path, limit=3, **cursor)
        walked += part["items"]
        if part["next"] is None:
            break
        cursor = {"cursor": part["next"]}
    assert walked == whole
    times = [datetime.fromisoformat(each["at"]) for each in whole]
    assert times == sorted(times, reverse=True)
    assert {each["source"] for each in whole} == {"person", "consent", "decision", "loan", "money", "message"}
    moves = [each["what"] for each in reversed(whole) if each["source"] == "loan"]
    assert moves.count("repay") == 1
    assert moves.count("apply") == moves.count("pay_out") == 2
    for forged in ("x", cursor["cursor"][:-3] + "AAA"):
        assert (await api.as_("viewer").get(path, params={"cursor": forged})).status_code == 422


async def test_who_may_see_less_is_shown_less(api: Api, phone: Phone) -> None:
    number = await id_of(phone)
    machine = await api.key(Permission.BORROWERS_READ)
    shown = await found(machine, f"/admin/users/{number}")
    assert [shown[part] for part in ("loans", "decisions", "payments", "messages")] == [None] * 4
    timeline = (await found(machine, f"/admin/users/{number}/timeline"))["items"]
    assert {each["source"] for each in timeline} == {"person", "consent"}
    assert (await found(api.as_("viewer"), f"/admin/users/{number}"))["loans"]  # what is kept is not mixed up
    assert (await found(machine, f"/admin/users/{number}"))["loans"] is None
    for path in ("/admin/loans", "/admin/wallets", "/admin/messages", f"/loans/user/{number}"):
        assert (await machine.get(path)).status_code == 403


async def test_a_number_is_revealed_to_who_may_and_it_is_in_the_audit(api: Api, phone: Phone) -> None:
    number = await id_of(phone)
    path = f"/admin/users/{number}/reveal"
    assert (await api.as_("viewer").post(path)).status_code == 403
    assert await api.audit("reveal_user") == []
    answer = await api.as_("officer").post(path)
    assert answer.json() == {
        "id": number, "name": "Wanjiru Kamau", "msisdn": phone.msisdn, "national_id": phone.msisdn[3:],
    }  # fmt: skip
    (row,) = await api.audit("reveal_user")
    assert (row["who"], row["subject"]) == ("officer@example.org", f"borrower:{number}")
    assert phone.msisdn not in str(row)
    seen = await found(api.as_("approver"), "/admin/audit", subject=f"borrower:{number}")
    assert [each["operation"] for each in seen["items"]] == ["reveal_user"]
    assert (await api.as_("officer").post("/admin/users/999999/reveal")).status_code == 404


async def test_a_loan_by_id_or_reference_with_its_schedule_and_statement(api: Api, phone: Phone) -> None:
    viewer = api.as_("viewer")
    listed = await found(viewer, f"/loans/user/{await id_of(phone)}")
    loan, first = listed["items"]
    for given in (loan["id"], loan["ref"], loan["ref"].lower()):
        shown = await found(viewer, f"/loans/{given}")
        assert (shown["ref"], shown["owed_cents"], shown["payout_status"]) == (loan["ref"], 490_000, None)
        assert [each["move"] for each in shown["events"]] == ["approve", "send", "pay_out"]
        assert sum(shown["owed"].values()) == shown["owed_cents"]
    schedule = await found(viewer, f"/loans/{loan['ref']}/schedule")
    assert (schedule["total_cents"], schedule["settled_cents"], schedule["left_cents"]) == (
        590_000,
        100_000,
        490_000,
    )
    assert date.fromisoformat(schedule["due_on"]) == today() + timedelta(days=30)
    statement = await found(viewer, f"/loans/{first['ref']}/statement")
    assert [each["kind"] for each in statement["movements"]] == ["disbursement", "fee", "repayment"]
    assert [each["balance_cents"] for each in statement["movements"]] == [500_000, 590_000, 0]
    for path in ("/loans/0", "/loans/NOTHERE", "/loans/99999999999999999999", "/loans/U0'--/schedule"):
        assert (await viewer.get(path)).status_code == 404, path


async def test_a_loan_that_waits_is_shown_as_agreed_and_is_in_the_queue(api: Api) -> None:
    phone = await api.phone().join()
    await api.pool.execute("alter table loan disable trigger loan_guard")
    outcome = await phone.borrow()
    loan_id = await phone.loan_id(outcome.value["ref"])
    schedule = await found(api.as_("viewer"), f"/loans/{loan_id}/schedule")
    assert (schedule["due_on"], schedule["left_cents"], schedule["term_days"]) == (None, 590_000, 30)
    async with api.pool.acquire() as connection, connection.transaction():
        request = approvals.Request(approvals.WAIVER, outcome.value["ref"], 1_000, "ill", loan_id)
        await approvals.propose(connection, request, "akinyi@example.org")
    (waiting,) = (await found(api.as_("viewer"), "/admin/approvals", q=phone.msisdn))["items"]
    assert (waiting["kind"], waiting["loan_ref"], waiting["status"]) == (
        "waiver",
        outcome.value["ref"],
        "proposed",
    )
    assert waiting["msisdn"] == f"{phone.msisdn[:4]}***{phone.msisdn[-3:]}"


async def test_what_is_kept_is_forgotten_by_the_change_itself(api: Api, phone: Phone) -> None:
    """Each list and page is asked twice, so that it is kept; then a payment, and it tells of it."""
    viewer, number = api.as_("viewer"), await id_of(phone)
    paths = {
        "/admin/loans": lambda body: body["items"][0]["owed_cents"],
        f"/admin/users/{number}": lambda body: body["owed_cents"],
        "/admin/wallets": lambda body: body["items"][0]["owed_cents"],
        "/admin/transactions": lambda body: body["items"][0]["key"],
        "/admin/messages": lambda body: len(body["items"]),
    }
    before = {path: read(await found(viewer, path)) for path, read in paths.items() for _ in range(2)}
    loan = (await found(viewer, "/admin/loans"))["items"][0]
    await phone.pay(loan["ref"], 50_000, "QK1AB2CD3F")
    async with asyncio.timeout(10):
        while True:
            after = {path: read(await found(viewer, path)) for path, read in paths.items()}
            if all(after[path] != before[path] for path in paths):
                break
            await asyncio.sleep(0.01)
    assert after["/admin/loans"] == after[f"/admin/users/{number}"] == 440_000
    assert after["/admin/transactions"] == "receipt:QK1AB2CD3F"


TOLD = {"msisdn", "code", "gateway", "bundle", "state", "language", "turns", "started_at", "seen_at",
        "age_s", "idle_s"}  # fmt: skip


async def test_live_dialogs_are_masked_and_tell_where_they_are_and_nothing_they_said(api: Api) -> None:
    phones = [f"2547{10_000_000 + number}" for number in range(5)]
    async with httpx.AsyncClient(base_url=api.url) as client:
        for number, msisdn in enumerate(phones):
            form = {"sessionId": f"ATUid_{number}", "phoneNumber": f"+{msisdn}", "networkCode": "63902",
                    "serviceCode": "*384*89598#", "text": ""}  # fmt: skip
            answer = await client.post("/api/v1/ussd", data=form)
            assert answer.text.startswith("CON"), answer.text
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        part = await found(api.as_("product"), "/admin/sessions", limit=2, **cursor)
        seen += part["items"]
        if part["next"] is None:
            break
        cursor = {"cursor": part["next"]}
    assert {each["msisdn"] for each in seen} == {f"{each[:4]}***{each[-3:]}" for each in phones}
    for each in seen:
        assert set(each) == TOLD
        assert (each["code"], each["gateway"], each["turns"]) == ("*384*89598#", "africastalking", 1)
        assert 0 <= each["age_s"] < 60
    for forged in ("x", "WyIiLC0xXQ", "WzEsMl0", "bnVsbA"):
        assert (await api.as_("product").get("/admin/sessions", params={"cursor": forged})).status_code == 422


# -- files -------------------------------------------------------------------------------------


async def test_a_file_has_every_row_of_the_list_in_its_order(api: Api, phone: Phone) -> None:
    await api.pool.execute(
        "update borrower set name = '=HYPERLINK(\"http://evil\")' where msisdn = $1", phone.msisdn
    )
    answer = await api.as_("viewer").get("/admin/loans", params={"format": "csv", "sort": "applied"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="loans-{today()}.csv"' in answer.headers["Content-Disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["repaid", "active"]
    assert [row["owed_kes"] for row in rows] == ["0.00", "4900.00"]
    assert rows[0]["name"] == '\'=HYPERLINK("http://evil")'
    assert rows[0]["phone"] == f"{phone.msisdn[:4]}***{phone.msisdn[-3:]}"
    assert rows[1]["money_sent"].endswith("+03:00")
    assert rows[1]["closed"] == ""

    answer = await api.as_("viewer").get("/admin/loans", params={"format": "xlsx", "sort": "applied"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    heading, *cells = sheet.iter_rows()
    assert [cell.value for cell in heading] == [column.heading for column in loans.LOANS.columns]
    by_heading = {cell.value: place for place, cell in enumerate(heading)}
    name = cells[0][by_heading["name"]]
    assert (name.data_type, name.value) == ("s", '=HYPERLINK("http://evil")')  # a text, not a formula
    assert [row[by_heading["owed_kes"]].value for row in cells] == [0, 4900]
    assert cells[1][by_heading["due"]].value == datetime.combine(
        today() + timedelta(days=30), datetime.min.time()
    )
    assert "=" not in "".join(str(cell.data_type) for row in cells for cell in row)


async def test_accept_asks_for_a_file_too(api: Api, phone: Phone) -> None:
    for accept, kind in (
        ("text/csv", "text/csv"),
        (f"{export.XLSX}, application/json;q=0.5", "application/vnd"),
        ("application/json, text/csv", "application/json"),
        ("text/html, */*, text/csv", "application/json"),
        ("image/png", "application/json"),
    ):
        answer = await api.as_("viewer").get("/admin/loans", headers={"Accept": accept})
        assert answer.headers["Content-Type"].startswith(kind), accept
    answer = await api.as_("viewer").get("/admin/loans?format=json", headers={"Accept": "text/csv"})
    assert answer.json()["items"]


async def test_a_file_counts_as_an_export_and_is_refused_like_a_list(api: Api) -> None:
    class Full:
        async def take(self, limit: str, who: str) -> Any:
            assert limit == "export"
            assert who
            return type("Told", (), {"headers": {"RateLimit": "full"}, "retry_after_s": 7.0})()

    query = loans.LoanQuery(format="csv")
    desk = Desk(api.settings, api.pool, limiter=Full())
    call = Read(
        desk, Identity("person", 1, "a@example.org", ROLES[Role.VIEWER], Role.VIEWER), "r", "127.0.0.1"
    )
    with pytest.raises(Exception, match="Too many exports") as refused:
        await export.file(call, loans.LOANS, query, None)
    assert refused.value.headers["Retry-After"] == "7"  # type: ignore[attr-defined]
    answer = await api.as_("product").get("/admin/loans", params={"format": "csv"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    answer = await api.as_("viewer").get("/admin/loans", params={"format": "csv", "skip": 5})
    assert "a file has all rows" in answer.json()["detail"]


def test_loans_of_some_due_dates_come_by_due_date_however_the_query_is_made() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loans.LoanQuery(days_late_min=0).sort == "-due"
        assert loans.LoanQuery.model_validate({"due_to": "2026-11-23"}).sort == "-due"
        assert loans.LoanQuery(due_to=date(2026, 11, 23), sort="due").sort == "due"
        assert loans.LoanQuery().sort == "-applied"
