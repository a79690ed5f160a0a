"""Callbacks: who may call, what is kept, and what is believed."""

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest

from services.mpesa import payouts, repayments
from services.mpesa.inbox import MOST, process_inbox
from services.privacy import retention
from services.rules.model import Keep
from tests.mpesa.conftest import Till, together
from tests.mpesa.test_repayments import OWED, asked, confirmation, owed, request, rich

OLDER = "/api/v1/mpesa-callback"


def stk(checkout: str, code: Any = 0, cents: int = OWED, receipt: str = "NLJ7RT61SV") -> dict[str, Any]:
    held: dict[str, Any] = {"MerchantRequestID": "29115-34620561-1", "CheckoutRequestID": checkout}
    held |= {"ResultCode": code, "ResultDesc": "words"}
    if str(code) == "0":
        items: list[tuple[str, Any]] = [("Amount", cents / 100), ("MpesaReceiptNumber", receipt)]
        items += [("TransactionDate", 20261120102115), ("PhoneNumber", 254708374149)]
        held["CallbackMetadata"] = {"Item": [{"Name": name, "Value": value} for name, value in items]}
    return {"Body": {"stkCallback": held}}


def result(originator: str, code: Any = 0, **changes: Any) -> dict[str, Any]:
    held: dict[str, Any] = {"ResultType": 0, "ResultCode": code, "ResultDesc": "words"}
    held |= {"TransactionID": "SG632NMUAB", "OriginatorConversationID": originator, "ConversationID": "AG_1"}
    held |= changes
    if str(code) == "0":
        held["ResultParameters"] = {"ResultParameter": [
            {"Key": "TransactionAmount", "Value": 5000}, {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
            {"Key": "TransactionCompletedDateTime", "Value": "20.11.2026 22:48:52"},
        ]}  # fmt: skip
    return {"Result": held}


async def states(till: Till) -> list[str]:
    return [row["state"] for row in await till.pool.fetch("select state from mpesa_inbox order by id")]


async def test_it_is_stored_as_it_came_before_it_is_answered(till: Till) -> None:
    raw = b'{ "Result" : {"odd":  1.0} }\n'
    answer = await till.http.post(till.daraja.callback("b2c", "UMnobody"), content=raw)
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    row = await till.pool.fetchrow("select kind, ref, body, state from mpesa_inbox")
    assert tuple(row) == ("b2c", "UMnobody", raw, "new")
    answer = await till.post("confirmation", confirmation("rent"))
    assert answer.json() == {"ResultCode": 0, "ResultDesc": "Success"}


async def test_the_same_body_is_kept_once(till: Till) -> None:
    await together(*(till.post("confirmation", confirmation("rent")) for _ in range(6)))
    assert len(await states(till)) == 1
    await till.settle()
    assert await till.pool.fetchval("select count(*) from suspense_item") == 1


async def test_a_wrong_token_is_not_heard(till: Till) -> None:
    for token in ("0" * 40, "x", till.daraja.token_in_path[:-1]):
        assert (await till.post("confirmation", confirmation("rent"), token=token)).status_code == 404
    assert await states(till) == []


async def test_a_stranger_with_the_token_is_not_heard(till: Till) -> None:
    from ipaddress import ip_network

    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from services.mpesa import callbacks
    from ussd_engine.settings import Settings

    safaricom = till.daraja.settings.model_copy(
        update={"callback_networks": (ip_network("196.201.214.200"),)}
    )
    app = web.Application()
    chosen = Settings(USSD_SECRET="a secret of the tests", USSD_TRUSTED_PROXIES="127.0.0.1")
    app.add_routes(callbacks.routes(lambda: callbacks.Desk(chosen, safaricom, till.pool)))
    path = f"/api/v1/cb/{till.daraja.token_in_path}/confirmation"
    async with TestClient(TestServer(app)) as client:
        for told, status in (("10.0.0.1", 403), ("196.201.214.200, 10.0.0.1", 403), ("196.201.214.200", 200)):
            answer = await client.post(path, json=confirmation("rent"), headers={"X-Forwarded-For": told})
            assert (told, answer.status) == (told, status)
        assert (await client.post(path, json=confirmation("rent"))).status == 403
    assert len(await states(till)) == 1


async def test_a_body_without_bounds_and_a_path_that_is_none_are_refused(till: Till) -> None:
    huge = await till.http.post(till.daraja.callback("stk"), content=b"x" * 40_000)
    assert huge.status_code == 413
    assert (await till.post("nothing", {})).status_code == 404
    assert (await till.http.get(till.daraja.callback("stk"))).status_code == 405
    assert await states(till) == []


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b"<html>", b"\xff\x00", b'{"Result": 3}', b'{"Body": {}}']
)
async def test_what_makes_no_sense_is_kept_for_a_person_and_changes_nothing(till: Till, body: bytes) -> None:
    for kind in ("stk", "b2c", "status", "balance", "confirmation"):
        assert (await till.http.post(till.daraja.callback(kind, "1"), content=body)).status_code == 200
    assert await process_inbox(till.pool, till.daraja.settings) == 5
    assert await states(till) == ["failed"] * 5


async def test_a_callback_for_an_unknown_checkout_is_tried_for_a_while_and_then_left(till: Till) -> None:
    await till.post("stk", stk("ws_CO_nobody"))
    await till.post("stk", stk("ws_CO_nobody", 1032), ref="99")
    for _ in range(MOST):
        assert await states(till) == ["new", "new"]
        await till.ripe()
        await process_inbox(till.pool, till.daraja.settings)
    assert await states(till) == ["ignored", "ignored"]
    await till.assert_agreed()


async def test_a_callback_that_is_quicker_than_the_answer_is_understood_later(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    await till.pool.execute("update payment_request set state = 'prompting' where id = $1", number)
    await till.post("stk", stk("ws_CO_quick"))  # by its checkout id alone
    await process_inbox(till.pool, till.daraja.settings)
    assert (await states(till))[-1] == "new"
    await till.pool.execute(
        "update payment_request set state = 'prompted', checkout_request_id = 'ws_CO_quick' where id = $1",
        number,
    )
    await till.ripe()
    await process_inbox(till.pool, till.daraja.settings)
    assert (await request(till, number))["state"] == "paid"
    assert await till.state(ref) == "repaid"


async def test_a_forged_success_for_another_checkout_books_nothing(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    till.sandbox.behave(stk="ask")
    await repayments.prompt(till.pool, till.daraja, number)
    await till.post("stk", stk("ws_CO_mine"), ref=str(number))
    await process_inbox(till.pool, till.daraja.settings)
    assert ((await request(till, number))["state"], await owed(till, ref)) == ("prompted", OWED)


async def test_a_transaction_id_on_a_failure_is_no_receipt(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    payout = await till.payout()
    await till.post("b2c", result(payout["originator_id"], "2040"), ref=payout["originator_id"])
    await process_inbox(till.pool, till.daraja.settings)
    payout = await till.payout()
    assert (payout["state"], payout["receipt"], payout["result_code"]) == ("voided", None, "2040")
    assert await till.state(ref) == "failed"


@pytest.mark.parametrize("wrong", ["amount", "ids"])
async def test_a_result_that_speaks_of_something_else_settles_nothing(till: Till, wrong: str) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    payout = await till.payout()
    body = result(payout["originator_id"] if wrong == "amount" else "UMother")
    if wrong == "amount":
        body["Result"]["ResultParameters"]["ResultParameter"][0]["Value"] = 1
    await till.post("b2c", body, ref=payout["originator_id"])
    await process_inbox(till.pool, till.daraja.settings)
    assert (await till.payout())["state"] == "submitted"
    await till.sweep()
    assert (await till.payout())["state"] == "posted"
    await till.assert_agreed()


async def test_a_result_with_the_code_as_text_posts(till: Till) -> None:
    phone = await till.phone()
    ref, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    payout = await till.payout()
    await till.post("b2c", result(payout["originator_id"], "0"), ref=payout["originator_id"])
    await process_inbox(till.pool, till.daraja.settings)
    assert (await till.payout())["receipt"] == "SG632NMUAB"
    assert await till.state(ref) == "active"


async def test_several_workers_process_each_callback_once(till: Till) -> None:
    for number in range(40):
        await till.post("confirmation", confirmation("rent", TransID=f"SKL51ZD{number:03}"))
    done = await together(*(process_inbox(till.pool, till.daraja.settings) for _ in range(4)))
    assert sum(done) == 40
    assert await till.pool.fetchval("select count(*) from suspense_item") == 40


async def test_the_older_path_with_the_token_counts_as_the_new_one(till: Till) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    till.sandbox.behave(stk="ask")
    await repayments.prompt(till.pool, till.daraja, number)
    checkout = (await request(till, number))["checkout_request_id"]
    url = f"{till.url}{OLDER}?token={till.daraja.token_in_path}"
    answer = await till.http.post(url, json=stk(checkout))
    assert answer.json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
    await process_inbox(till.pool, till.daraja.settings)
    assert await till.state(ref) == "repaid"


async def test_the_older_path_without_the_token_books_nothing_and_has_the_prompt_asked_about(
    till: Till,
) -> None:
    phone, ref = await rich(till)
    number = await asked(till, phone)
    till.sandbox.behave(stk="ask")
    await repayments.prompt(till.pool, till.daraja, number)
    checkout = (await request(till, number))["checkout_request_id"]
    assert (await till.http.post(f"{till.url}{OLDER}", json=stk(checkout))).status_code == 200
    await process_inbox(till.pool, till.daraja.settings)
    found = await request(till, number)
    assert (found["state"], await owed(till, ref)) == ("prompted", OWED)
    assert found["asked_at"] < found["prompted_at"]


async def test_when_it_cannot_be_stored_it_is_not_accepted(till: Till) -> None:
    await till.pool.execute("alter table mpesa_inbox rename to gone")
    answer = await till.post("confirmation", confirmation("rent"))
    assert (answer.status_code, answer.json()["ResultCode"]) == (503, 1)
    await till.pool.execute("alter table gone rename to mpesa_inbox")


async def test_validation_answers_in_time_when_the_database_hangs(till: Till, monkeypatch: Any) -> None:
    from services.mpesa import callbacks

    monkeypatch.setattr(callbacks, "VALIDATION_S", 0.1)
    chosen = till.daraja.settings.model_copy(update={"refuse_unknown_accounts": True})
    desk = callbacks.Desk(None, chosen, till.pool)  # type: ignore[arg-type]
    async with till.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("lock table loan in access exclusive mode")
        async with asyncio.timeout(5):
            answer = await callbacks._validated(desk, orjson.dumps(confirmation("U222222")))
    assert answer["ResultCode"] == "0"


async def test_what_was_processed_long_ago_is_deleted_and_what_failed_is_kept(till: Till) -> None:
    for number in range(3):
        await till.post("confirmation", confirmation("rent", TransID=f"SKL51ZD{number:03}"))
    await till.post("confirmation", {})
    await process_inbox(till.pool, till.daraja.settings)
    keep = Keep(callbacks_days="1d")
    assert (await retention.run(till.pool, keep, ""))["callbacks"] == 0
    await till.pool.execute("alter table mpesa_inbox disable trigger mpesa_inbox_guard")
    await till.pool.execute("update mpesa_inbox set received_at = now() - interval '2 days' where id <> 1")
    await till.pool.execute("alter table mpesa_inbox enable trigger mpesa_inbox_guard")
    assert (await retention.run(till.pool, keep, ""))["callbacks"] == 2
    assert await states(till) == ["done", "failed"]


async def test_what_came_does_not_change(till: Till) -> None:
    await till.post("confirmation", confirmation("rent"))
    with pytest.raises(asyncpg.RestrictViolationError, match="what came does not change"):
        await till.pool.execute("update mpesa_inbox set body = 'other'")


@pytest.mark.parametrize("left", ["nan", "inf", "N/A", "1e400", ""])
async def test_a_success_counts_whatever_it_says_of_the_float(till: Till, left: str) -> None:
    phone = await till.phone()
    _, loan_id = await till.lend(phone)
    till.sandbox.fault("drop", on="b2c")
    await payouts.submit(till.pool, till.daraja, loan_id)
    payout = await till.payout()
    body = result(payout["originator_id"], "0")
    body["Result"]["ResultParameters"]["ResultParameter"].append(
        {"Key": "B2CUtilityAccountAvailableFunds", "Value": left}
    )
    await till.post("b2c", body, ref=payout["originator_id"])
    await process_inbox(till.pool, till.daraja.settings)
    assert (await till.payout())["state"] == "posted"
