"""Lists over HTTP: who may, what is kept and forgotten, files, the pages of a person and of a loan."""

import asyncio
import csv
import io
import re
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import openpyxl
import pytest
import pytest_asyncio

from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists import export, loans, messages, users
from services.api.lists.listing import Column, Key, Listing, Sort, today
from services.api.permissions import ROLES, Permission, Role
from services.loans import approvals
from tests.api.conftest import Api
from tests.seeding.worlds import seeded_template, seeded_url  # noqa: F401 - fixtures
from tests.services.world import Phone
from ussd_engine.settings import Settings


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


@pytest.mark.parametrize("text", ["=1+1", "+254", "-1", "@sum", "\tx", "\rx", "\nx"])
def test_what_a_spreadsheet_would_run_is_a_text(text: str) -> None:
    assert export._cell("text", text) == f"'{text}"


def test_cells_are_exact() -> None:
    assert [export.shillings(cents) for cents in (0, 5, -5, 123_456_789_01, -250)] == [
        "0.00", "0.05", "-0.05", "123456789.01", "-2.50",
    ]  # fmt: skip
    assert export._cell("number", -3) == "-3"
    assert export._cell("moment", datetime(2026, 11, 23, 22, tzinfo=UTC)) == "2026-11-24T01:00:00+03:00"


def test_a_workbook_goes_on_in_another_sheet(tmp_path: Path) -> None:
    listing = Listing("many", "t", Key("t.id", int), "", "", {}, {}, (Column("n", "n", "number"),), dict, ())
    book = export.Book(tmp_path / "many.xlsx", listing, sheet_rows=4)
    for number in range(8):
        book.write([{"n": number}])
    book.close()
    sheets = openpyxl.load_workbook(tmp_path / "many.xlsx").worksheets
    assert [sheet.title for sheet in sheets] == ["many", "many 2", "many 3"]
    assert [[row[0] for row in sheet.values] for sheet in sheets] == [
        ["n", 0, 1, 2],
        ["n", 3, 4, 5],
        ["n", 6, 7],
    ]


ROWS = 200_000
MANY = """
insert into journal (key, kind)
select 'many:' || number, 'many'
from generate_series(1, {rows}) as number
"""
NUMBERS = Listing(
    name="numbers",
    table="journal",
    id=Key("journal.id", int),
    select="journal.id, journal.key",
    joins="join journal on journal.id = page.id",
    sorts={"on": Sort((Key("journal.value_on", date), Key("journal.id", int)))},
    filters={},
    columns=(Column("id", "id", "number"), Column("key", "key")),
    shown=dict,
    tags=(),
)


class NumbersQuery(users.ListQuery):
    """All of it."""

    sort: str = "on"


@pytest_asyncio.fixture
async def many(pg_url: str) -> AsyncIterator[Read]:
    """A list of very many rows, and a desk whose pool has one connection."""
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=1) as pool:
        await pool.execute(f"set session_replication_role = replica; {MANY.format(rows=ROWS)}")
        desk = Desk(Settings(_env_file=None, database_url=pg_url, env="test"), pool)
        yield Read(
            desk, Identity("person", 1, "a@example.org", ROLES[Role.ADMIN], Role.ADMIN), "r", "127.0.0.1"
        )


def resident_kb(*, peak: bool = False) -> int:
    """The memory of this process now, or the most since it was last asked for."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if not peak:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return int(told["VmHWM" if peak else "VmRSS"].split()[0])


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_memory_is_that_of_a_batch_whatever_the_rows(many: Read, format_: str) -> None:
    """All rows at once, as dictionaries, would take some 80 MB; in a workbook, more."""
    stream = await export.file(many, NUMBERS, NumbersQuery(format=format_), None)
    before = resident_kb()
    size = lines = 0
    async for chunk in stream.chunks:
        size += len(chunk)
        lines += chunk.count(b"\n")
    assert resident_kb(peak=True) - before < 24_000
    assert size > 2_000_000
    assert format_ == "xlsx" or lines == ROWS + 1


async def test_who_goes_away_gives_back_transaction_and_connection(many: Read) -> None:
    stream = await export.file(many, NUMBERS, NumbersQuery(format="csv"), None)
    assert await anext(stream.chunks) == b"\xef\xbb\xbfid,key\r\n"
    assert (await anext(stream.chunks)).count(b"\n") == export.BATCH
    assert many.pool.get_idle_size() == 0
    await stream.chunks.aclose()  # type: ignore[attr-defined]
    assert many.pool.get_idle_size() == 1
    assert await many.pool.fetchval("select count(*) from pg_stat_activity where state like 'idle in%'") == 0
    async with asyncio.timeout(5), export._running, export._running:  # both places are free again
        pass


async def test_all_rows_of_a_file_are_of_one_moment(many: Read, pg_url: str) -> None:
    stream = await export.file(many, NUMBERS, NumbersQuery(format="csv"), None)
    chunks = [await anext(stream.chunks), await anext(stream.chunks)]
    other = await asyncpg.connect(pg_url)
    change = "update journal set key = 'changed:' || id where id % 100 = 0"
    await other.execute(f"set session_replication_role = replica; {change}")
    await other.close()
    async for chunk in stream.chunks:
        chunks.append(chunk)
    text = b"".join(chunks).decode("utf-8-sig")
    assert "changed" not in text
    assert text.count("\r\n") == ROWS + 1


async def test_every_list_can_be_a_file_of_its_rows(seeded_url: str) -> None:  # noqa: F811
    from tests.api.test_lists import LISTINGS, OPERATIONS

    async with asyncpg.create_pool(seeded_url, min_size=1, max_size=1) as pool:
        desk = Desk(Settings(_env_file=None, database_url=seeded_url, env="test"), pool)
        who = Identity("person", 1, "a@example.org", ROLES[Role.ADMIN], Role.ADMIN)
        call = Read(desk, who, "r", "127.0.0.1")
        for name, operation in OPERATIONS.items():
            assert operation.query is not None
            more = {"status": ["proposed", "approved", "rejected"]} if name == "approvals" else {}
            for format_ in ("csv", "xlsx"):
                stream = await operation.handler(call, query=operation.query(format=format_, **more))
                data = b"".join([chunk async for chunk in stream.chunks])
                assert stream.content_type in operation.streams
                if format_ == "xlsx":
                    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).active
                    count = sum(1 for _ in sheet.iter_rows()) - 1
                else:
                    text = data.decode("utf-8-sig")
                    count = len(list(csv.DictReader(io.StringIO(text))))
                    assert re.search("2549[0-9]{8}", text) is None
                table = LISTINGS[name].table
                assert count == await pool.fetchval(f"select count(*) from {table}"), name
    assert messages.MESSAGES.name in LISTINGS
