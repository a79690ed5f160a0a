"""Somebody is on the phone: what their page says of them, and what becomes of what is done for them there."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from services import clock, published
from services.admin import telling
from services.admin.telling import Said
from services.ledger import suspense
from tests.admin.visiting import Visitor, visitor
from tests.api.conftest import Api, api, api_environment, terms
from tests.api.lending import fund, joined
from tests.api.test_applying import looked_at
from tests.services.differences import found

__all__ = ["api", "api_environment", "looked_at", "terms"]

DO = "/admin/do/"


@pytest.fixture(autouse=True)
def read_anew() -> None:
    """A test may have other terms than the one before."""
    published._read.clear()


async def quoted(who: Visitor, borrower_id: int, amount: str = "5,000") -> Any:
    return await who.get(f"/borrowers/{borrower_id}?amount={amount}&purpose=business")


async def test_who_never_borrowed_is_shown_what_they_may_borrow_and_not_the_nothing_on_record(
    api: Api,
) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    officer = await visitor(api, "officer")
    page = await quoted(officer, borrower_id)
    assert "May borrow now 5,000.00" in page.text
    assert "They may borrow up to KES 5,000.00." in page.text
    assert "Read it to them" in page.text

    lent = await officer.send(page.form(f"{DO}apply_for_loan"))
    assert "Applied for them: the money is on its way to their phone." in lent.text
    assert "May borrow now 0.00" in lent.text
    assert "They may not borrow now: open loan." in lent.text
    again = await officer.send(page.form(f"{DO}apply_for_loan"), _key="another")
    assert "Nothing was lent: they have a loan already." in again.text
    refused = await quoted(officer, borrower_id)
    assert "They have a loan already." in refused.text
    assert "They may borrow KES" not in refused.text


@pytest.mark.usefixtures("looked_at")
async def test_a_large_loan_is_said_to_wait_and_is_approved_on_its_own_page(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    officer, approver = await visitor(api, "officer"), await visitor(api, "approver")
    page = await quoted(officer, borrower_id)
    asked = await officer.send(page.form(f"{DO}apply_for_loan"))
    assert "It is a large loan: it waits for a second person." in asked.text
    ref = await api.pool.fetchval("select ref from loan")

    mine = await officer.get(f"/loans/{ref}")
    assert "It waits for a second person" in mine.text
    assert not mine.goes_to(f"{DO}approve_loan")
    theirs = await approver.get(f"/loans/{ref}")
    done = await approver.send(theirs.form(f"{DO}approve_loan"), note="Seen her payslip")
    assert "Approved: the money is on its way." in done.text
    assert await api.pool.fetchval("select note from approval") == "Seen her payslip"
    assert "It waits for a second person" not in done.text


async def test_who_dials_is_seen_on_their_page_and_nothing_they_typed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, borrower_id = await joined(api)
    viewer = await visitor(api, "viewer")
    assert "In a dialog now" not in (await viewer.get(f"/borrowers/{borrower_id}")).text
    form = {"sessionId": "ATUid_1", "phoneNumber": f"+{phone.msisdn}", "networkCode": "63902",
            "serviceCode": "*384*89598#"}  # fmt: skip
    for text in ("", "2"):
        await api.nobody.post(f"{api.url}/api/v1/ussd", data={**form, "text": text})
    page = await viewer.get(f"/borrowers/{borrower_id}")
    assert re.search(
        r"In a dialog now: at no_loan , 2 screens in \d+ s, the last press \d+ s ago\.", page.text
    )

    part = await viewer.get(f"/borrowers/{borrower_id}/dialog")
    assert "In a dialog now: at no_loan" in part.text
    assert "<html" not in part.html

    (told,) = (await api.as_("viewer").get(f"/admin/users/{borrower_id}/dialogs")).json()["items"]
    assert (told["state"], told["code"], told["msisdn"]) == (
        "no_loan", "*384*89598#", f"{phone.msisdn[:4]}***{phone.msisdn[-3:]}",
    )  # fmt: skip
    assert (await api.as_("viewer").get("/admin/users/999/dialogs")).status_code == 404
    monkeypatch.setattr(api.desk, "redis", None)
    assert (await api.as_("viewer").get(f"/admin/users/{borrower_id}/dialogs")).status_code == 503
    assert (await viewer.get(f"/borrowers/{borrower_id}")).status == 200


async def test_money_in_suspense_is_matched_by_the_reference_that_people_say(api: Api) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref)
    async with api.pool.acquire() as connection, connection.transaction():
        await suspense.receive(connection, "SKL5V7NAQ9", 100_000, "somebody", "UNKNOWN", clock.now())
    officer = await visitor(api, "officer")
    page = await officer.get("/suspense")
    matched = await officer.send(
        page.form(f"{DO}propose_match"), loan_id=ref.lower(), reason="She sent the SMS"
    )
    assert "It waits for a second person (approval " in matched.text
    assert f"To match it with {ref} is proposed: it waits for a second person" in matched.text
    assert not matched.goes_to(f"{DO}propose_match")
    assert await api.pool.fetchval("select loan.ref from approval join loan on loan.id = loan_id") == ref


async def test_a_payment_that_was_for_another_loan_is_taken_off_by_two_people(api: Api) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref)
    await phone.pay(ref, 100_000, "SKL5V7NAQ9")
    officer = await visitor(api, "officer")
    page = await officer.get(f"/loans/{ref}")
    assert not (await (await visitor(api, "viewer")).get(f"/loans/{ref}")).goes_to(f"{DO}propose_undo")
    proposed = await officer.send(page.form(f"{DO}propose_undo"), reason="Her sister's, by the same name")
    assert "It waits for a second person (approval " in proposed.text
    approver = await visitor(api, "approver")
    queue = await approver.get("/approvals")
    assert "SKL5V7NAQ9" in queue.text
    await approver.send(queue.form(f"{DO}approve"))
    after = await officer.get(f"/loans/{ref}")
    assert "Payment undone" in after.text
    assert not after.goes_to(f"{DO}propose_undo")
    assert "SKL5V7NAQ9" in (await officer.get("/suspense")).text


async def test_whether_payouts_leave_is_said_and_only_what_can_be_done_is_offered(api: Api) -> None:
    approver = await visitor(api, "approver")
    page = await approver.get("/payouts")
    assert "Payouts leave as they are approved." in page.text
    assert not page.goes_to(f"{DO}resume_payouts")
    held = await approver.send(page.form(f"{DO}pause_payouts"), reason="The portal shows doubles")
    assert re.search(r"Payouts wait since .*\. approver@page.example: The portal shows doubles\.", held.text)
    assert not held.goes_to(f"{DO}pause_payouts")
    again = await approver.send(held.form(f"{DO}resume_payouts"), reason="Was one payment twice in a list")
    assert "Payouts leave as they are approved." in again.text


async def test_the_queue_says_which_decisions_it_shows_and_kinds_are_chosen_not_typed(api: Api) -> None:
    approver = await visitor(api, "approver")
    asked = (await approver.get("/approvals")).form("/admin/approvals")
    assert asked.fields["status"] == ["proposed"]
    html = (await approver.get("/approvals?kind=write_off")).html
    assert '<option value="write_off" selected>write off</option>' in html
    assert '<option value="bulk_message">bulk message</option>' in html
    assert '<option value="repayment">repayment</option>' in (await approver.get("/transactions")).html


async def test_a_choice_that_cannot_be_is_said_by_the_name_it_has_on_the_page(api: Api) -> None:
    viewer = await visitor(api, "viewer")
    wrong = await viewer.get("/loans?days_late_min=soon&status=active")
    assert wrong.status == 422
    assert "Days late from: Input should be a valid integer" in wrong.text
    assert '<a href="/admin/loans">The page without these choices</a>' in wrong.html
    assert "without these choices" not in (await viewer.get("/loans/U222222")).html
    assert "None of these decisions." in (await viewer.get("/approvals?kind=refund")).text
    assert "Nothing waits for a decision." in (await viewer.get("/approvals")).text


async def test_a_difference_that_is_closed_is_said_to_be(api: Api) -> None:
    await found(api.pool, ("utility", "SKL5V7NAQ1", -500_000))
    officer = await visitor(api, "officer")
    page = await officer.get("/differences")
    closed = await officer.send(page.form(f"{DO}resolve_difference"), reason="Theirs was a test")
    assert "Closed: nothing is booked." in closed.text


AT = datetime(2026, 11, 22, 22, tzinfo=UTC)  # the 23rd in Nairobi


@pytest.mark.parametrize(
    ("source", "what", "more", "said"),
    [
        ("person", "met", {}, Said("First dial", ())),
        ("loan", "apply", {"purpose": "school_fees", "product": "umoja30"},
         Said("Applied", ("for school fees", "umoja30"))),
        ("loan", "fall_due", {"by": "dayend", "from": "active"}, Said("Fell due", ("by dayend",))),
        ("money", "repayment", {"key": "receipt:SKL5", "on": "2026-11-23"},
         Said("Repayment", ("receipt SKL5",))),
        ("money", "penalty", {"key": "penalty:U4:once", "on": "2026-11-21"},
         Said("Penalty", ("counts for 21 Nov 2026",))),
        ("message", "pin_reset", {"status": "delivered", "words": "Umoja: PIN"},
         Said("SMS: pin reset", ("delivered", "“Umoja: PIN”"))),
        ("decision", "not_eligible", {"score": 310, "reasons": ["LOAN_OVERDUE", "PAID_LATE"]},
         Said("Scored: may not borrow", ("score 310", "loan overdue, paid late"))),
        ("approval", "waiver", {"status": "proposed", "proposed_by": "a@b.example", "decided_by": None},
         Said("Waiver, proposed", ("by a@b.example", "waits"))),
        ("prompt", "paid", {"outcome": ""}, Said("Asked to pay: paid", ())),
        ("payout", "posted", {"receipt": "SKL6", "result_code": None},
         Said("Payout posted", ("receipt SKL6",))),
    ],
)  # fmt: skip
def test_what_happened_is_told_in_words(source: str, what: str, more: dict[str, Any], said: Said) -> None:
    assert telling.tell(SimpleNamespace(source=source, what=what, more=more, at=AT)) == said
