"""Taking a booked payment off its loan, by two people, over HTTP."""

from services.clock import now
from tests.api.conftest import Api
from tests.api.lending import decide, problem, proposal
from tests.api.test_deciding import RECEIPT, lent, owed, propose
from tests.services.world import assert_books_right

PATH = f"/admin/payments/{RECEIPT}/undo"


async def test_a_payment_is_taken_off_its_loan_and_is_in_suspense(api: Api) -> None:
    phone, _, _, ref = await lent(api)
    assert problem(await propose(api, PATH)) == (404, "not-found")
    await phone.pay(ref, 590_000, RECEIPT, now())

    number = await proposal(await propose(api, PATH.replace(RECEIPT, RECEIPT.lower())))
    assert problem(await propose(api, PATH)) == (409, "conflict")
    assert await owed(api, ref) == 0
    done = (await decide(api, number)).json()

    assert (done["kind"], done["loan"]["state"]) == ("undo_payment", "active")
    assert await owed(api, ref) == 590_000
    listed = (await api.as_("viewer").get("/admin/suspense")).json()["items"]
    assert [(each["receipt"], each["amount_cents"]) for each in listed] == [(RECEIPT, 590_000)]
    written = await api.pool.fetch("select subject from audit order by id desc limit 2")
    assert {row["subject"] for row in written} == {f"approval:{number}", f"loan:{ref}"}
    assert problem(await propose(api, PATH)) == (404, "not-found")
    await assert_books_right(api.pool)


async def test_nobody_takes_a_payment_off_their_own_loan(api: Api) -> None:
    phone, _, _, ref = await lent(api)
    await phone.pay(ref, 100_000, RECEIPT, now())
    officer = (await api.as_("officer").get("/auth/me")).json()
    await api.pool.execute(
        "insert into staff_number (who, msisdn) values ($1, $2)", officer["email"], phone.msisdn
    )
    assert problem(await propose(api, PATH)) == (409, "same-person")
