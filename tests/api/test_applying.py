"""Applying for somebody on the phone, and asking them to pay."""

from datetime import timedelta
from typing import Any

import pytest

from services import published
from services.clock import now
from tests.api.conftest import Api, together
from tests.api.lending import applied, change, fund, joined, key, problem
from tests.services.lending import with_product
from tests.services.world import assert_books_right, count


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    published._read.clear()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loans above KES 3,000 are looked at."""
    real = published._understood

    def understood(name: str | None, stored: str | None) -> Any:
        live = real(name, stored)
        terms = with_product(live.terms, approve_above="3,000")
        return published.Live(live.bundle, terms, live.texts)

    monkeypatch.setattr(published, "_understood", understood)


async def test_an_officer_applies_for_who_is_on_the_phone_and_they_are_told(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    asked = {"borrower_id": borrower_id, "amount_cents": 500_000, "purpose": "business"}
    quote = (await api.as_("officer").get("/loans/quote", params=asked)).json()
    assert (quote["verdict"], quote["limit_cents"]) == ("ok", 500_000)
    assert quote["price"]["total_cents"] == 590_000
    assert quote["price"]["apr_bp"] == 21_900

    body = {**asked, "total_cents": 590_000}
    once = key()
    answers = await together(*(api.as_("officer").post("/loans", json=body, headers=once) for _ in range(3)))
    done = next(each for each in answers if each.status_code == 200)
    assert {each.status_code for each in answers} <= {200, 409}
    again = await api.as_("officer").post("/loans", json=body, headers=once)
    assert again.json() == done.json()
    assert (done.json()["outcome"], await count(api.pool, "loan")) == ("ok", 1)

    loan = await api.pool.fetchrow("select * from loan")
    assert (loan["state"], loan["ref"]) == ("disbursing", done.json()["ref"])
    story = await api.pool.fetch("select move, actor from loan_event order by id")
    assert [tuple(row) for row in story] == [
        ("approve", "officer@example.org"), ("send", "officer@example.org"),
    ]  # fmt: skip
    before, after, who = await change(api, "apply_for_loan", f"loan:{loan['ref']}")
    assert (before, after["total_cents"], who) == ({}, 590_000, "officer@example.org")
    told = await api.pool.fetchrow("select notice, borrower_id from sms")
    assert tuple(told) == ("applied_for", borrower_id)
    topics = {row["topic"] for row in await api.pool.fetch("select topic from outbox")}
    assert topics == {"loans.disburse", "sms.send", "profile.forget"}
    assert await api.pool.fetchval("select outcome from decision") == "ok"
    await assert_books_right(api.pool)

    wrong = await api.as_("officer").post("/loans", json={**body, "total_cents": 1}, headers=once)
    assert problem(wrong) == (422, "key-reused")


async def test_another_price_than_the_one_read_out_is_not_taken(api: Api) -> None:
    _, borrower_id = await joined(api)

    assert problem(await applied(api, borrower_id, total=580_000)) == (409, "conflict")
    assert await count(api.pool, "loan") == 0


async def test_a_refusal_is_kept_with_its_reasons(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    assert (await applied(api, borrower_id)).json()["outcome"] == "ok"
    second = await applied(api, borrower_id)

    assert (second.status_code, second.json()["outcome"]) == (200, "has_loan")
    assert second.json()["reasons"] == ["OPEN_LOAN"]
    kept = await api.pool.fetch("select outcome, reasons from decision order by id")
    assert [tuple(row) for row in kept][1] == ("has_loan", ["OPEN_LOAN"])
    _, after, _ = await change(api, "apply_for_loan", f"borrower:{borrower_id}")
    assert after == {"outcome": "has_loan", "reasons": ["OPEN_LOAN"]}


async def test_a_number_that_never_joined_has_nobody_to_apply_for(api: Api) -> None:
    body = {"amount_cents": 500_000, "purpose": "business", "total_cents": 590_000}
    officer = api.as_("officer")

    unknown = await officer.post("/loans", json={**body, "msisdn": "0712 345 678"}, headers=key())
    assert problem(unknown) == (404, "not-found")
    neither = await officer.post("/loans", json=body, headers=key())
    assert problem(neither) == (422, "invalid")
    strange = {**body, "borrower_id": 1, "purpose": "a boat"}
    assert problem(await officer.post("/loans", json=strange, headers=key())) == (422, "invalid")


async def test_by_number_the_same_person_is_found(api: Api) -> None:
    await fund(api)
    phone, borrower_id = await joined(api)
    body = {"amount_cents": 500_000, "purpose": "business", "total_cents": 590_000}
    written = f"+{phone.msisdn[:3]} {phone.msisdn[3:]}"
    answer = await api.as_("officer").post("/loans", json={**body, "msisdn": written}, headers=key())

    assert answer.json()["outcome"] == "ok"
    assert await api.pool.fetchval("select borrower_id from loan") == borrower_id


async def test_nobody_applies_for_themselves(api: Api) -> None:
    phone, borrower_id = await joined(api)
    staff_id = await api.pool.fetchval("select id from staff where email = 'officer@example.org'")
    numbers = {"msisdns": [phone.msisdn]}
    kept = await api.as_("admin").put(f"/admin/staff/{staff_id}/numbers", json=numbers)
    assert kept.status_code == 200
    assert phone.msisdn not in kept.text

    assert problem(await applied(api, borrower_id)) == (409, "same-person")
    assert await count(api.pool, "loan") == 0


@pytest.mark.usefixtures("looked_at")
async def test_a_large_loan_waits_for_somebody_else_than_the_officer(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    asked = (await applied(api, borrower_id, role="admin")).json()
    assert asked["outcome"] == "review"
    loan = f"/loans/{asked['ref']}"
    assert problem(await api.as_("admin").post(f"{loan}/approve", json={}, headers=key())) == (
        409,
        "same-person",
    )

    one, other = api.as_("approver"), await api.another("approver", "second")
    answers = await together(
        one.post(f"{loan}/approve", json={"note": "income seen"}, headers=key()),
        other.post(f"{loan}/approve", json={}, headers=key()),
    )
    assert sorted(each.status_code for each in answers) == [200, 409]
    done = next(each for each in answers if each.status_code == 200).json()
    assert (done["loan"]["state"], done["proposed_by"]) == ("disbursing", "admin@example.org")
    before, after, who = await change(api, "approve_loan", f"loan:{asked['ref']}")
    assert (before, after, who) == ({"state": "applied"}, {"state": "disbursing"}, done["decided_by"])
    assert await api.pool.fetchval("select count(*) from outbox where topic = 'loans.disburse'") == 1
    await assert_books_right(api.pool)


@pytest.mark.usefixtures("looked_at")
async def test_a_rejected_loan_is_told_and_may_not_be_sent(api: Api) -> None:
    _, borrower_id = await joined(api)
    loan_id = (await applied(api, borrower_id)).json()["loan_id"]
    rejected = await api.as_("approver").post(f"/loans/{loan_id}/reject", json={}, headers=key())

    assert rejected.json()["loan"]["state"] == "rejected"
    notices = {row["notice"] for row in await api.pool.fetch("select notice from sms")}
    assert notices == {"applied_for", "not_lent"}
    sent = await api.as_("approver").post(f"/loans/{loan_id}/disburse", headers=key())
    assert problem(sent) == (409, "conflict")
    assert problem(await api.as_("approver").post("/loans/999/reject", json={}, headers=key())) == (
        404,
        "not-found",
    )


async def test_a_prompt_goes_to_the_borrowers_own_number_and_books_nothing(api: Api) -> None:
    phone, borrower_id = await joined(api)
    officer = api.as_("officer")
    body = {"borrower_id": borrower_id, "amount_cents": 1_000_000}
    assert problem(await officer.post("/loans/repay", json=body, headers=key())) == (409, "conflict")

    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref, now() - timedelta(days=1))
    asked = await officer.post("/loans/repay", json=body, headers=key())
    assert asked.json() == {"ref": ref, "amount_cents": 590_000, "paybill": "400222"}
    await officer.post("/loans/repay", json=body, headers=key())
    request = await api.pool.fetchrow("select amount_cents, state, borrower_id from payment_request")
    assert tuple(request) == (590_000, "queued", borrower_id)
    assert await count(api.pool, "payment_request") == 1
    little = await officer.post("/loans/repay", json={**body, "amount_cents": 100}, headers=key())
    assert problem(little) == (422, "invalid")
    await assert_books_right(api.pool)


async def test_money_that_waits_is_sent_once_and_what_mpesa_has_never_again(api: Api) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    loan_id = await phone.loan_id(ref)
    approver = api.as_("approver")
    asked = await approver.post(f"/loans/{loan_id}/disburse", headers=key())
    assert (asked.json()["waits"], asked.json()["loan"]["state"]) == ("", "disbursing")

    paused = await api.as_("officer").post("/admin/payouts/pause", json=WHY_PAUSE, headers=key())
    assert (paused.json()["paused"], paused.json()["held_by"]) == (True, "officer@example.org")
    asked = await approver.post(f"/loans/{loan_id}/disburse", headers=key())
    assert asked.json()["waits"].startswith("Payouts wait: officer@example.org")

    await api.pool.execute(
        "insert into payout (loan_id, borrower_id, amount_cents, originator_id)"
        " select id, borrower_id, principal_cents, 'UM0123456789' from loan"
    )
    for state in ("submitting", "unknown"):
        await api.pool.execute("update payout set state = $1", state)
        refused = await approver.post(f"/loans/{loan_id}/disburse", headers=key())
        assert problem(refused) == (409, "conflict")
        assert state in refused.json()["detail"]


WHY_PAUSE = {"reason": "The portal shows strange payments"}
