"""Two people: what is proposed, who may decide it, what it does to the books, and what the audit keeps."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.api.idempotency import REPLAYED
from services.clock import now
from services.ledger import suspense
from services.loans.servicing import owed_cents
from tests.api.conftest import Api, together
from tests.api.lending import WHY, change, decide, fund, joined, key, problem, proposal
from tests.services.lending import TODAY, close_until, noon
from tests.services.world import PIN, Phone, assert_books_right, count

RECEIPT = "SKL5V7NAQ1"


async def lent(api: Api, days_late: int = 0) -> tuple[Phone, int, int, str]:
    """Somebody with a loan so many days past due: phone, borrower, loan, reference."""
    await fund(api)
    phone, borrower_id = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    due = TODAY - timedelta(days=days_late)
    await phone.money_arrives(ref, noon(due - timedelta(days=phone.terms.product.term_days)))
    if days_late:
        await close_until(api.pool, TODAY - timedelta(days=1), phone.terms)
    return phone, borrower_id, await phone.loan_id(ref), ref


async def propose(api: Api, path: str, role: str = "officer", **body: Any) -> httpx.Response:
    return await api.as_(role).post(path, json={**WHY, **body}, headers=key())


async def received(api: Api, cents: int = 590_000, receipt: str = RECEIPT) -> None:
    """Money that nobody is known for."""
    async with api.pool.acquire() as connection, connection.transaction():
        await suspense.receive(connection, receipt, cents, "somebody", "UNKNOWN", now())


async def owed(api: Api, ref: str) -> int:
    loan_id = await api.pool.fetchval("select id from loan where ref = $1", ref)
    return sum((await owed_cents(api.pool, loan_id)).values())


async def test_a_write_off_needs_two_people_and_is_done_once(api: Api) -> None:
    _, _, loan_id, ref = await lent(api, days_late=3)
    number = await proposal(await propose(api, f"/loans/{loan_id}/write-off", "approver"))
    assert problem(await propose(api, f"/loans/{loan_id}/write-off")) == (409, "conflict")
    own = await decide(api, number)
    assert problem(own) == (409, "same-person")
    assert problem(await decide(api, number, role="officer")) == (403, "forbidden")
    assert problem(await decide(api, 999)) == (404, "not-found")
    machine = await api.key("loans:read", "loans:propose")
    forged = await machine.post(f"/admin/approvals/{number}/approve", json={}, headers=key())
    assert problem(forged) == (403, "forbidden")

    one, other = await api.another("approver", "one"), await api.another("approver", "two")
    once, path = key(), f"/admin/approvals/{number}/approve"
    answers = await together(
        one.post(path, json={"note": "gone abroad"}, headers=once), other.post(path, json={}, headers=key())
    )
    assert sorted(each.status_code for each in answers) == [200, 409]
    (done,) = [each for each in answers if each.status_code == 200]
    assert (done.json()["state"], done.json()["loan"]["state"]) == ("approved", "written_off")
    (late,) = [each for each in answers if each.status_code == 409]
    assert late.json()["detail"] == f"{done.json()['decided_by']} has approved this already."
    same = one if done.json()["decided_by"].startswith("one") else other
    again = await same.post(path, json={}, headers=key())
    assert (again.status_code, again.json()["state"]) == (200, "approved")

    before, after, who = await change(api, "approve", f"approval:{number}")
    assert (before["state"], after["state"], who) == ("proposed", "approved", done.json()["decided_by"])
    before, after, _ = await change(api, "approve", f"loan:{ref}")
    assert (before, after) == ({"state": "overdue"}, {"state": "written_off"})
    assert len([row for row in await api.audit("approve") if row["subject"] == f"loan:{ref}"]) == 1
    await assert_books_right(api.pool)


async def test_a_replayed_key_has_one_effect_and_another_body_none(api: Api) -> None:
    _, _, loan_id, _ = await lent(api)
    officer, once = api.as_("officer"), key()
    body = {**WHY, "amount_cents": 10_000}
    first = await officer.post(f"/loans/{loan_id}/waive", json=body, headers=once)
    again = await officer.post(f"/loans/{loan_id}/waive", json=body, headers=once)

    assert first.status_code == 200, first.text
    assert again.content == first.content
    assert again.headers[REPLAYED] == "true"
    assert await count(api.pool, "approval") == 1
    other = await officer.post(f"/loans/{loan_id}/waive", json={**body, "amount_cents": 1}, headers=once)
    assert problem(other) == (422, "key-reused")


async def test_whoever_changes_a_loan_may_say_its_reference(api: Api) -> None:
    _, _, loan_id, ref = await lent(api, days_late=3)
    number = await proposal(await propose(api, f"/loans/{ref.lower()}/waive", amount_cents=1_000))
    assert await api.pool.fetchval("select loan_id from approval where id = $1", number) == loan_id
    assert (await propose(api, f"/loans/{ref}/write-off")).status_code == 200
    for nobodys in ("U222222", "999", "9" * 30, "x"):
        for what in ("write-off", "cancel"):
            assert problem(await propose(api, f"/loans/{nobodys}/{what}")) == (404, "not-found")
        for verdict in ("approve", "reject"):
            refused = await api.as_("approver").post(f"/loans/{nobodys}/{verdict}", json={}, headers=key())
            assert problem(refused) == (404, "not-found")


async def test_charges_are_let_off_when_a_second_person_agrees(api: Api) -> None:
    _, _, loan_id, ref = await lent(api)
    assert problem(await propose(api, f"/loans/{loan_id}/waive", amount_cents=500_000)) == (422, "invalid")
    number = await proposal(await propose(api, f"/loans/{loan_id}/waive", amount_cents=20_000))
    assert await owed(api, ref) == 590_000

    assert (await decide(api, number)).status_code == 200
    assert await owed(api, ref) == 570_000
    await assert_books_right(api.pool)


async def test_what_is_rejected_changes_nothing_and_may_be_proposed_again(api: Api) -> None:
    _, _, loan_id, ref = await lent(api)
    number = await proposal(await propose(api, f"/loans/{loan_id}/waive", amount_cents=20_000))
    done = await decide(api, number, "reject")
    assert (done.json()["state"], await owed(api, ref)) == ("rejected", 590_000)
    late = await decide(api, number, role="admin")
    assert problem(late) == (409, "conflict")

    await proposal(await propose(api, f"/loans/{loan_id}/waive", amount_cents=20_000))


async def test_credit_goes_back_to_its_borrower(api: Api) -> None:
    phone, borrower_id, _, ref = await lent(api)
    await phone.pay(ref, 600_000, "RCPTOVER01")
    path = f"/admin/users/{borrower_id}/refund"
    assert problem(await propose(api, path, amount_cents=20_000)) == (422, "invalid")
    assert problem(await propose(api, path, amount_cents=150)) == (422, "invalid")
    number = await proposal(await propose(api, path, amount_cents=10_000))

    assert (await decide(api, number)).status_code == 200
    assert await api.pool.fetchval("select amount_cents from refund") == 10_000
    assert await api.pool.fetchval("select count(*) from outbox where topic = 'refunds.pay'") == 1
    await assert_books_right(api.pool)


async def test_more_time_is_sold_at_the_fee_that_was_told(api: Api) -> None:
    phone, _, loan_id, ref = await lent(api)
    wrong = await propose(api, f"/loans/{loan_id}/rollover", fee_cents=1)
    assert problem(wrong) == (409, "conflict")
    offer = (await phone.do("loans.more_time")).value
    number = await proposal(await propose(api, f"/loans/{loan_id}/rollover", fee_cents=offer["fee"]))

    assert (await decide(api, number)).status_code == 200
    assert (await api.pool.fetchval("select due_on from loan")).isoformat() == offer["due"]
    assert await owed(api, ref) == 590_000 + offer["fee"] + offer["excise"]
    assert await api.pool.fetchval("select count(*) from sms where notice = 'more_time'") == 1
    await assert_books_right(api.pool)


async def test_a_loan_is_given_up_only_while_mpesa_was_not_asked(api: Api) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    loan_id = await phone.loan_id(ref)
    number = await proposal(await propose(api, f"/loans/{loan_id}/cancel"))
    await api.pool.execute(
        "insert into payout (loan_id, borrower_id, amount_cents, originator_id)"
        " select id, borrower_id, principal_cents, 'UM0123456789' from loan"
    )
    await api.pool.execute("update payout set state = 'submitting'")
    assert problem(await decide(api, number)) == (409, "conflict")

    await api.pool.execute("update payout set state = 'ready'")
    done = await decide(api, number)
    assert (done.json()["loan"]["state"], await api.pool.fetchval("select state from payout")) == (
        "failed",
        "failed",
    )
    assert await api.pool.fetchval("select state from hold") == "voided"
    assert problem(await propose(api, f"/loans/{loan_id}/cancel")) == (409, "conflict")
    assert (await phone.borrow()).name == "ok"
    await assert_books_right(api.pool)


async def test_a_payment_in_suspense_settles_the_loan_it_was_for(api: Api) -> None:
    _, _, loan_id, ref = await lent(api)
    await received(api)
    path = f"/admin/suspense/{RECEIPT.lower()}/match"
    assert problem(await propose(api, "/admin/suspense/NOTHERE000/match", loan_id=loan_id)) == (
        404,
        "not-found",
    )
    assert problem(await propose(api, path, loan_id="U222222")) == (404, "not-found")
    assert problem(await propose(api, path, loan_id="mine")) == (422, "invalid")
    number = await proposal(await propose(api, path, loan_id=ref.lower()))
    back = await proposal(await propose(api, f"/admin/suspense/{RECEIPT}/return"))

    assert (await decide(api, number)).json()["loan"]["state"] == "repaid"
    assert (await decide(api, back)).status_code == 409
    assert await owed(api, ref) == 0
    assert problem(await propose(api, path, loan_id=loan_id)) == (409, "conflict")
    await assert_books_right(api.pool)


async def test_money_that_is_on_its_way_back_is_nobody_elses(api: Api) -> None:
    _, _, loan_id, _ = await lent(api)
    await received(api)
    match = await proposal(await propose(api, f"/admin/suspense/{RECEIPT}/match", loan_id=loan_id))
    back = await proposal(await propose(api, f"/admin/suspense/{RECEIPT}/return"))
    assert (await decide(api, back)).status_code == 200

    refused = await decide(api, match)
    assert problem(refused) == (409, "conflict")
    assert "is being sent back" in refused.json()["detail"]
    assert problem(await propose(api, f"/admin/suspense/{RECEIPT}/return")) == (409, "conflict")
    assert await api.pool.fetchval("select count(*) from outbox where topic = 'suspense.return'") == 1
    await assert_books_right(api.pool)


async def test_what_the_portal_shows_of_a_payout_is_said_by_one_and_confirmed_by_another(api: Api) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    loan_id = await phone.loan_id(ref)
    payout_id = await api.pool.fetchval(
        "insert into payout (loan_id, borrower_id, amount_cents, originator_id)"
        " select id, borrower_id, principal_cents, 'UM0123456789' from loan returning id"
    )
    path = f"/admin/payouts/{payout_id}/sent"
    assert problem(await propose(api, path, receipt=RECEIPT)) == (409, "conflict")
    assert problem(await propose(api, "/admin/payouts/99/not-sent")) == (404, "not-found")
    for state in ("submitting", "unknown"):
        await api.pool.execute("update payout set state = $1, manual_at = now()", state)
    number = await proposal(await propose(api, path, receipt=RECEIPT))

    done = (await decide(api, number)).json()
    assert (done["kind"], done["loan"]["state"]) == ("payout_sent", "active")
    assert await api.pool.fetchval("select receipt from payout where loan_id = $1", loan_id) == RECEIPT
    await assert_books_right(api.pool)


async def test_payouts_that_a_person_holds_go_on_when_a_person_says_so(api: Api) -> None:
    officer, approver = api.as_("officer"), api.as_("approver")
    assert (await officer.post("/admin/payouts/pause", json=WHY, headers=key())).status_code == 200
    assert problem(await approver.post("/admin/payouts/pause", json=WHY, headers=key())) == (409, "conflict")
    assert problem(await officer.post("/admin/payouts/resume", json=WHY, headers=key())) == (403, "forbidden")
    seen = (await api.as_("viewer").get("/admin/payouts/float")).json()
    assert (seen["paused"], seen["held_by"], seen["reason"]) == (
        True, "officer@example.org", f"officer@example.org: {WHY['reason']}",
    )  # fmt: skip
    assert seen["paused_at"] is not None

    resumed = await approver.post("/admin/payouts/resume", json=WHY, headers=key())
    assert (resumed.json()["paused"], resumed.json()["held_by"]) == (False, None)
    before, after, who = await change(api, "resume_payouts", "float")
    assert (before["held_by"], after["held_by"], who) == ("officer@example.org", None, "approver@example.org")
    assert problem(await approver.post("/admin/payouts/resume", json=WHY, headers=key())) == (409, "conflict")


async def test_who_listed_somebody_does_not_take_them_off_again(api: Api) -> None:
    phone, borrower_id = await joined(api)
    path, approver = f"/admin/users/{borrower_id}", api.as_("approver")
    listed = await approver.post(f"{path}/blacklist", json={"reason": "Used another's id"}, headers=key())
    assert listed.json()["blacklisted_by"] == "approver@example.org"
    assert (await phone.do("loans.limit")).name == "not_eligible"
    assert problem(await approver.post(f"{path}/blacklist", json=WHY, headers=key())) == (409, "conflict")
    assert problem(await approver.post(f"{path}/unblock", json=WHY, headers=key())) == (409, "same-person")

    cleared = await api.as_("admin").post(f"{path}/unblock", json=WHY, headers=key())
    assert cleared.json()["blacklisted_at"] is None
    before, after, _ = await change(api, "unblock_borrower", f"borrower:{borrower_id}")
    assert before["blacklist_reason"] == "Used another's id"
    assert (after["blacklisted_at"], after["why"]) == (None, WHY["reason"])
    assert (await phone.do("loans.limit")).name == "ok"
    assert problem(await approver.post("/admin/users/99/blacklist", json=WHY, headers=key())) == (
        404,
        "not-found",
    )

    spoken = await api.as_("officer").post(f"{path}/language", json={"language": "sw"}, headers=key())
    assert (spoken.json()["language"], await count(api.pool, "outbox")) == ("sw", 1)


async def test_a_forgotten_pin_is_chosen_anew_by_its_borrower_and_by_nobody_else(api: Api) -> None:
    phone, borrower_id = await joined(api)
    number = await proposal(await propose(api, f"/admin/users/{borrower_id}/reset-pin"))
    assert (await phone.do("borrowers.reset_pin", national_id=phone.msisdn[3:], pin=PIN)).name == "closed"
    assert (await decide(api, number)).status_code == 200
    assert await api.pool.fetchval("select notice from sms") == "pin_reset"
    assert (await phone.borrow()).name == "locked"

    await phone.do("borrowers.choose_pin", pin="7392")
    assert (await phone.do("borrowers.reset_pin", national_id="99999", pin="7392")).name == "wrong_id"
    assert (await phone.do("borrowers.reset_pin", national_id=phone.msisdn[3:], pin="7392")).name == "ok"
    assert (await phone.do("borrowers.reset_pin", national_id=phone.msisdn[3:], pin="7392")).name == "closed"
    assert (await phone.borrow(pin=PIN)).name == "wrong_pin"
    assert (await phone.borrow(pin="7392")).name == "ok"


async def test_three_wrong_ids_end_a_reset_and_the_old_pin_counts_again(api: Api) -> None:
    phone, borrower_id = await joined(api)
    number = await proposal(await propose(api, f"/admin/users/{borrower_id}/reset-pin"))
    await decide(api, number)
    await phone.do("borrowers.choose_pin", pin="7392")
    names = [(await phone.do("borrowers.reset_pin", national_id="99999", pin="7392")).name for _ in range(3)]

    assert names == ["wrong_id", "wrong_id", "closed"]
    assert (await phone.do("borrowers.reset_pin", national_id=phone.msisdn[3:], pin="7392")).name == "closed"
    assert (await phone.borrow(pin=PIN)).name == "ok"


async def test_nobody_decides_about_themselves(api: Api) -> None:
    phone, _, loan_id, _ = await lent(api)
    number = await proposal(await propose(api, f"/loans/{loan_id}/waive", amount_cents=10_000))
    await api.pool.execute("insert into staff_number values ('approver@example.org', $1)", phone.msisdn)

    assert problem(await decide(api, number)) == (409, "same-person")
    with pytest.raises(asyncpg.CheckViolationError, match=r"it is about approver@example\.org themselves"):
        await api.pool.execute(
            "update approval set state = 'approved', decided_by = 'approver@example.org', decided_at = now()"
        )
    assert (await decide(api, number, role="admin")).status_code == 200
