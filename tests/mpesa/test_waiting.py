"""Money and asking at another time than was thought: prompts shown late, payments for an old loan."""

from services.loans.repaying import PROMPT_SHOWN_S
from services.mpesa import paybill, repayments, sweeping
from tests.mpesa.conftest import Till
from tests.mpesa.test_repayments import asked, owed, request, rich
from tests.services.world import count

LONG_AGO = "update payment_request set created_at = created_at - make_interval(secs => $1)"


async def test_a_prompt_that_comes_hours_late_is_not_shown_and_its_borrower_is_told(till: Till) -> None:
    phone, _ = await rich(till)
    number = await asked(till, phone)
    await till.pool.execute(LONG_AGO, till.daraja.settings.prompt_gives_up_s + 1)

    assert await repayments.prompt(till.pool, till.daraja, number) == "failed"

    assert (await request(till, number))["outcome"] == "unheard"
    assert till.sandbox.payments(kind="stk") == []
    assert await till.pool.fetchval("select count(*) from sms where key = $1", f"prompt_failed:{number}") == 1


async def test_a_prompt_whose_message_is_lost_for_good_is_given_up(till: Till) -> None:
    phone, _ = await rich(till)
    number = await asked(till, phone)
    await till.pool.execute(LONG_AGO, till.daraja.settings.prompt_gives_up_s + 1)
    await sweeping.sweep(till.pool, till.daraja)
    assert (await request(till, number))["outcome"] == "unheard"


async def test_nobody_is_asked_for_what_they_paid_another_way_meanwhile(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    await phone.pay(ref, 400_000, "QKA1B2C3D4")

    assert await repayments.prompt(till.pool, till.daraja, number) == "failed"

    assert (await request(till, number))["outcome"] == "not_owed"
    assert till.sandbox.payments(kind="stk") == []


async def test_who_dials_again_while_a_prompt_waits_gets_one_prompt(till: Till) -> None:
    phone, _ = await rich(till)
    number = await asked(till, phone)
    await till.pool.execute(LONG_AGO, 3 * PROMPT_SHOWN_S)
    assert await asked(till, phone) == number
    assert await count(till.pool, "payment_request") == 1


async def test_what_is_paid_under_an_old_reference_is_for_the_loan_that_is_owed(till: Till) -> None:
    phone, old = await rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 5_900, old)
    await till.settle()
    new = await till.lent(phone)

    till.sandbox.pay(phone.msisdn, 1_000, old)
    await till.settle()

    assert await owed(till, new) == 590_000 - 100_000
    await till.assert_agreed()
