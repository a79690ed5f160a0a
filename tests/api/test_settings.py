"""Settings that staff change, and that they are honoured where they act."""

from typing import Any

import httpx

from services.mpesa import floats
from services.mpesa.settings import MpesaSettings
from tests.api.conftest import Api, together
from tests.api.lending import WHY, change, decide, fund, joined, key, problem, proposal
from tests.services.world import count


async def put(api: Api, name: str, value: Any, role: str = "admin") -> httpx.Response:
    return await api.as_(role).put(f"/admin/settings/{name}", json={**WHY, "value": value}, headers=key())


async def value_of(api: Api, name: str) -> Any:
    items = (await api.as_("viewer").get("/admin/settings")).json()["items"]
    return next(each["value"] for each in items if each["name"] == name)


async def covers(api: Api, cents: int) -> bool:
    async with api.pool.acquire() as connection, connection.transaction():
        return await floats.covers(connection, cents)


async def test_settings_are_bounded_and_only_who_may_changes_them(api: Api) -> None:
    assert await value_of(api, "bulk_sms_most") == 50_000
    wrong: list[tuple[str, Any]] = [
        ("applications_paused", 1), ("applications_paused", None), ("bulk_sms_most", 0),
        ("bulk_sms_most", 10**9), ("daily_disbursement_cents", -1), ("daily_disbursement_cents", True),
        ("daily_disbursement_cents", 1.5), ("low_float_cents", "1000"),
        ("quiet_hours", {"from": "25:00", "until": "08:00"}),
        ("quiet_hours", {"from": "08:00", "until": "08:00"}), ("quiet_hours", 5),
    ]  # fmt: skip
    for name, value in wrong:
        assert problem(await put(api, name, value)) == (422, "invalid"), (name, value)
    assert problem(await put(api, "no_such_thing", 1)) == (404, "not-found")
    for role in ("viewer", "officer", "approver", "product"):
        assert problem(await put(api, "applications_paused", True, role)) == (403, "forbidden")
    assert await count(api.pool, "setting") == 0


async def test_while_applications_are_paused_nobody_gets_a_loan(api: Api) -> None:
    await fund(api)
    phone, borrower_id = await joined(api)
    changed = await put(api, "applications_paused", True)
    assert (changed.json()["setting"]["value"], changed.json()["approval_id"]) == (True, None)
    before, after, who = await change(api, "change_setting", "setting:applications_paused")
    assert (before["value"], after["value"], who) == (False, True, "admin@example.org")

    assert (await phone.do("loans.limit")).name == "not_eligible"
    assert (await phone.borrow()).name == "not_eligible"
    assert await api.pool.fetchval("select reasons from decision") == ["APPLICATIONS_PAUSED"]
    asked = {"borrower_id": borrower_id, "amount_cents": 500_000, "purpose": "business"}
    quote = (await api.as_("officer").get("/loans/quote", params=asked)).json()
    assert (quote["verdict"], quote["reasons"]) == ("not_eligible", ["APPLICATIONS_PAUSED"])

    await put(api, "applications_paused", False)
    assert (await phone.borrow()).name == "ok"


async def test_what_moves_money_two_people_set(api: Api) -> None:
    number = await proposal(await put(api, "daily_disbursement_cents", 1_000_000))
    assert await value_of(api, "daily_disbursement_cents") is None
    assert problem(await decide(api, number, role="admin")) == (409, "same-person")
    assert problem(await decide(api, number, role="approver")) == (403, "forbidden")
    second = await api.another("admin", "second")
    done = await second.post(f"/admin/approvals/{number}/approve", json={}, headers=key())
    assert done.json()["kind"] == "setting"
    assert await value_of(api, "daily_disbursement_cents") == 1_000_000

    assert await covers(api, 600_000)
    assert not await covers(api, 600_000)
    assert await covers(api, 400_000)
    async with api.pool.acquire() as connection, connection.transaction():
        await floats.never_left(connection, 400_000)
    one_of_four = await together(*(covers(api, 400_000) for _ in range(4)))
    assert one_of_four.count(True) == 1
    assert await api.pool.fetchval("select asked_cents from payout_day") == 1_000_000


async def test_a_setting_that_changed_meanwhile_is_proposed_again(api: Api) -> None:
    number = await proposal(await put(api, "low_float_cents", 5_000_000))
    assert problem(await put(api, "low_float_cents", 6_000_000)) == (409, "conflict")
    await api.pool.execute(
        "insert into setting (name, value, changed_by) values ('low_float_cents', '1', 'x')"
    )
    second = await api.another("admin", "second")

    refused = await second.post(f"/admin/approvals/{number}/approve", json={}, headers=key())
    assert problem(refused) == (409, "conflict")
    assert await value_of(api, "low_float_cents") == 1


async def test_the_low_float_that_staff_set_counts_and_a_person_s_pause_stays(api: Api) -> None:
    settings = MpesaSettings(_env_file=None, low_float_cents=100)
    await api.pool.execute(
        "insert into setting (name, value, changed_by) values ('low_float_cents', '5000000', 'x')"
    )

    async def told(cents: int) -> bool:
        async with api.pool.acquire() as connection, connection.transaction():
            await floats.told(connection, settings, cents)
            return await floats.is_paused(connection)

    assert await told(4_000_000)
    assert not await told(6_000_000)
    await api.as_("officer").post("/admin/payouts/pause", json=WHY, headers=key())
    assert await told(6_000_000)
    await api.as_("approver").post("/admin/payouts/resume", json=WHY, headers=key())
    assert not await told(6_000_000)
