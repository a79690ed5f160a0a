"""What reconciliation found, over HTTP: one person explains it, or two book it."""

import csv
import io
from typing import Any

import openpyxl

from services.api.lists.export import XLSX
from services.ledger.accounts import FUNDING, MPESA_UTILITY, WRITE_OFF_LOSS
from tests.api.conftest import Api
from tests.api.lending import WHY, change, decide, key, problem, proposal
from tests.services.differences import found
from tests.services.world import assert_books_right

PATH = "/admin/differences"


async def balance(api: Api, account: Any) -> int:
    query = (
        "select coalesce(sum(balance_cents), 0)::bigint from balance join account on account.id = account_id"
    )
    cents: int = await api.pool.fetchval(f"{query} where code = $1 and borrower_id is null", account.code)
    return cents


async def waiting(api: Api, **query: Any) -> dict[str, Any]:
    answer = await api.as_("officer").get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def book(api: Api, number: int, how: str, role: str = "officer", **more: Any) -> Any:
    return await api.as_(role).post(f"{PATH}/{number}/book", json={"how": how, **WHY, **more}, headers=key())


async def test_what_is_open_is_listed_with_how_it_may_be_booked(api: Api) -> None:
    numbers = await found(api.pool, ("utility", "QK1AB2CD3E", 700_000), ("utility", "QK1AB2CD3F", -50_000))
    page = await waiting(api)
    assert [item["id"] for item in page["items"]] == numbers
    assert [item["ways"] for item in page["items"]] == [
        ["move", "funding"],
        ["payout", "move", "funding", "loss"],
    ]
    first = await waiting(api, limit=1)
    assert (len(first["items"]), first["next_after"]) == (1, numbers[0])
    rest = await waiting(api, limit=1, after=numbers[0])
    assert [item["id"] for item in rest["items"]] == numbers[1:]
    assert (await waiting(api, account="working"))["items"] == []


async def test_a_difference_is_booked_by_two_people_once(api: Api) -> None:
    (number,) = await found(api.pool, ("utility", "QK1AB2CD3E", 700_000))
    assert problem(await book(api, number, "loss")) == (409, "conflict")
    assert problem(await book(api, number + 1, "funding")) == (404, "not-found")
    approval = await proposal(await book(api, number, "funding", "approver"))
    assert problem(await decide(api, approval)) == (409, "same-person")
    other = await api.another("approver", "other")
    done = await other.post(f"/admin/approvals/{approval}/approve", json={"note": "seen"}, headers=key())
    assert (done.status_code, done.json()["kind"]) == (200, "reconciliation")
    assert await balance(api, MPESA_UTILITY) == 700_000
    assert await balance(api, FUNDING) == -700_000  # credit
    assert (await waiting(api))["items"] == []
    assert problem(await book(api, number, "funding")) == (409, "conflict")
    await assert_books_right(api.pool)


async def test_the_lenders_loss_is_booked_and_what_is_rejected_stays_open(api: Api) -> None:
    (number,) = await found(api.pool, ("utility", "QK1AB2CD3F", -50_000))
    rejected = await proposal(await book(api, number, "funding"))
    assert (await decide(api, rejected, "reject")).status_code == 200
    assert [item["id"] for item in (await waiting(api))["items"]] == [number]
    assert (await decide(api, await proposal(await book(api, number, "loss")))).status_code == 200
    assert await balance(api, WRITE_OFF_LOSS) == 50_000
    assert (await waiting(api))["items"] == []


async def test_one_person_says_why_nothing_is_to_be_booked(api: Api) -> None:
    (number,) = await found(api.pool, ("utility", "QK1AB2CD3E", 700_000))
    path = f"{PATH}/{number}/resolve"
    assert problem(await api.as_("viewer").post(path, json=WHY, headers=key())) == (403, "forbidden")
    done = await api.as_("officer").post(path, json=WHY, headers=key())
    assert (done.status_code, done.json()) == (200, {"id": number, **WHY})
    assert problem(await api.as_("officer").post(path, json=WHY, headers=key())) == (409, "conflict")
    before, after, _ = await change(api, "resolve_difference", f"difference:{number}")
    assert (before["state"], after) == ("open", {"state": "resolved", **WHY})
    assert (await waiting(api))["items"] == []


async def test_what_is_open_is_a_file_too(api: Api) -> None:
    await found(api.pool, ("utility", "QK1AB2CD3E", 700_000), ("utility", "QK1AB2CD3F", -50_000))
    answer = await api.as_("officer").get(PATH, params={"format": "csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["subject"], row["theirs_kes"]) for row in rows] == [
        ("QK1AB2CD3E", "7000.00"), ("QK1AB2CD3F", "-500.00"),
    ]  # fmt: skip
    book = await api.as_("officer").get(PATH, headers={"Accept": XLSX})
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert [row[2] for row in sheet.values] == ["subject", "QK1AB2CD3E", "QK1AB2CD3F"]
    paged = await api.as_("officer").get(PATH, params={"format": "csv", "after": 1})
    assert problem(paged)[0] == 422
    assert "is for pages; a file has all rows" in paged.text
