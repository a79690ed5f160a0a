"""STK push: a prompt, an answer, a callback, a query."""

import re
from typing import Any

import pytest

from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop

OPENING = 500_000
QUERY = "/mpesa/stkpushquery/v1/query"


async def ask(shop: Shop, checkout: str) -> Any:
    body = shop.stk_body()
    asked = {name: body[name] for name in ("BusinessShortCode", "Password", "Timestamp")}
    return await shop.post(QUERY, {**asked, "CheckoutRequestID": checkout})


async def test_a_payment_is_accepted_then_paid_then_called_back(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    accepted = (await shop.push("100")).json()
    assert accepted == {
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": accepted["CheckoutRequestID"],
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }
    assert accepted["CheckoutRequestID"].startswith("ws_CO_")
    assert sandbox.balance(PHONE) == OPENING
    assert await sandbox.settle() == {"settled": True, "delivered": 1, "given_up": 0, "prompts": 0}
    told = listener.bodies("/cb/stk")[0]["Body"]["stkCallback"]
    items = {item["Name"]: item.get("Value") for item in told.pop("CallbackMetadata")["Item"]}
    assert told == {
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": accepted["CheckoutRequestID"],
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
    }
    assert items == {
        "Amount": 100.0,
        "MpesaReceiptNumber": sandbox.payments()[0].receipt,
        "Balance": None,
        "TransactionDate": items["TransactionDate"],
        "PhoneNumber": int(PHONE),
    }
    assert re.fullmatch(r"20\d{12}", str(items["TransactionDate"]))
    assert (sandbox.balance(PHONE), sandbox.balance("working")) == (OPENING - 10_000, 10_000)


@pytest.mark.parametrize(("word", "code"), [("cancel", 1032), ("wrong_pin", 2001), ("ignore", 1037)])
async def test_a_person_may_answer_otherwise_and_nothing_is_paid(
    sandbox: Running, listener: Any, shop: Shop, word: str, code: int
) -> None:
    sandbox.behave(stk="ask")
    checkout = (await shop.push()).json()["CheckoutRequestID"]
    assert await sandbox.settle() == {"settled": True, "delivered": 0, "given_up": 0, "prompts": 1}
    answer = await shop.http.post(f"/sandbox/stk/{checkout}/answer", json={"answer": word})
    assert answer.json()["code"] == code
    await sandbox.settle()
    told = listener.bodies("/cb/stk")[0]["Body"]["stkCallback"]
    assert told["ResultCode"] == code
    assert "CallbackMetadata" not in told
    assert (sandbox.balance(PHONE), sandbox.balance("working")) == (OPENING, 0)
    again = await shop.http.post(f"/sandbox/stk/{checkout}/answer", json={"answer": "accept"})
    assert again.status_code == 404


async def test_a_prompt_nobody_answers_expires_by_the_clock(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.behave(stk="ask")
    await shop.push()
    await sandbox.advance(59)
    assert listener.got == []
    await sandbox.advance(2)
    assert listener.bodies("/cb/stk")[0]["Body"]["stkCallback"]["ResultCode"] == 1037


async def test_a_second_prompt_on_a_phone_that_shows_one_cannot_lock_it(sandbox: Running, shop: Shop) -> None:
    await shop.push()
    second = await shop.push("200")
    assert (second.status_code, second.json()["errorCode"]) == (500, "500.001.1001")
    assert "lock subscriber" in second.json()["errorMessage"]
    assert (await shop.push("200", OTHER)).status_code == 200
    await sandbox.settle()
    assert (await shop.push("200")).status_code == 200


async def test_the_same_amount_within_two_minutes_is_refused_by_the_network(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    codes = []
    for seconds in (0, 60, 200):
        await sandbox.advance(seconds)
        await shop.push("100")
        await sandbox.settle()
        codes.append(listener.bodies("/cb/stk")[-1]["Body"]["stkCallback"]["ResultCode"])
    assert codes == [0, 17, 0]
    assert sandbox.balance("working") == 20_000


async def test_a_phone_without_the_money_cannot_pay(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.set_balance(PHONE, 9_999)
    await shop.push("100")
    await sandbox.settle()
    assert listener.bodies("/cb/stk")[0]["Body"]["stkCallback"]["ResultCode"] == 1
    assert sandbox.balance(PHONE) == 9_999


async def test_a_query_says_in_text_what_became_of_it(sandbox: Running, shop: Shop) -> None:
    accepted = (await shop.push()).json()
    checkout = accepted["CheckoutRequestID"]
    pending = await ask(shop, checkout)
    assert (pending.status_code, pending.json()["errorMessage"]) == (
        500,
        "The transaction is being processed",
    )
    await sandbox.settle()
    answer = (await ask(shop, checkout)).json()
    assert answer == {
        "ResponseCode": "0",
        "ResponseDescription": answer["ResponseDescription"],
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": checkout,
        "ResultCode": "0",
        "ResultDesc": "The service request is processed successfully.",
    }


async def test_a_query_may_lie_about_a_payment_that_was_made(sandbox: Running, shop: Shop) -> None:
    checkout = (await shop.push()).json()["CheckoutRequestID"]
    await sandbox.settle()
    sandbox.fault("result", on="stk_query", code=1032)
    assert (await ask(shop, checkout)).json()["ResultCode"] == "1032"
    assert (await ask(shop, checkout)).json()["ResultCode"] == "0"
    assert sandbox.balance("working") == 10_000


@pytest.mark.parametrize(
    "amount", ["nan", "inf", "1e9", "-5", "0.001", "0", "", None, True, "10.50", 250_001, "Infinity", "١٠"]
)
async def test_an_amount_that_is_no_whole_shillings_is_refused(shop: Shop, amount: object) -> None:
    answer = await shop.push(amount)
    assert answer.status_code == 400
    assert answer.json()["errorMessage"] == "Bad Request - Invalid Amount"


@pytest.mark.parametrize("amount", ["100", 100, "100.00", 100.0])
async def test_an_amount_comes_as_text_or_as_a_number(sandbox: Running, shop: Shop, amount: object) -> None:
    assert (await shop.push(amount)).status_code == 200
    assert sandbox.payments()[0].cents == 10_000


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"Password": "bm8="}, 500, "Wrong credentials"),
        ({"Password": "not base64"}, 500, "Wrong credentials"),
        ({"Timestamp": "20261123101501"}, 500, "Wrong credentials"),
        ({"Timestamp": "20261323101501"}, 400, "Bad Request - Invalid Timestamp"),
        ({"BusinessShortCode": "12"}, 400, "Bad Request - Invalid BusinessShortCode"),
        ({"BusinessShortCode": 999999}, 500, "Merchant does not exist"),
        ({"PhoneNumber": "+254712345678"}, 400, "Bad Request - Invalid PhoneNumber"),
        ({"PhoneNumber": "0712345678"}, 400, "Bad Request - Invalid PhoneNumber"),
        ({"TransactionType": "PayBill"}, 400, "Bad Request - Invalid TransactionType"),
        ({"AccountReference": "thirteen-long"}, 400, "Bad Request - Invalid AccountReference"),
        ({"TransactionDesc": "fourteen-chars"}, 400, "Bad Request - Invalid TransactionDesc"),
        ({"CallBackURL": "ftp://shop/cb"}, 400, "Bad Request - Invalid CallBackURL"),
        ({"CallBackURL": "http://shop/api/v1/mpesa-callback"}, 400, "Bad Request - Invalid CallBackURL"),
        ({"CallBackURL": ""}, 400, "Bad Request - Invalid CallBackURL"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_prompted(
    sandbox: Running, shop: Shop, changes: dict[str, Any], status: int, words: str
) -> None:
    answer = await shop.push(**changes)
    assert (answer.status_code, answer.json()["errorMessage"]) == (status, words)
    assert sandbox.payments() == []


async def test_words_that_daraja_refuses_in_a_url_may_be_allowed(sandbox: Running, shop: Shop) -> None:
    sandbox.behave(refuse_words=False)
    answer = await shop.push(CallBackURL="http://127.0.0.1:1/api/v1/mpesa-callback")
    assert answer.status_code == 200


async def test_a_payment_by_prompt_may_be_confirmed_as_one_to_the_paybill_too(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.behave(stk_confirms_c2b=True)
    urls = {"ConfirmationURL": listener.url("/cb/paid"), "ValidationURL": listener.url("/cb/check")}
    body = {"ShortCode": sandbox.settings.paybill, "ResponseType": "Completed", **urls}
    await shop.post("/mpesa/c2b/v2/registerurl", body)
    await shop.push("100")
    await sandbox.settle()
    confirmed = listener.bodies("/cb/paid")[0]
    assert (confirmed["TransID"], confirmed["OrgAccountBalance"]) == (sandbox.payments()[0].receipt, "100.00")
    assert listener.bodies("/cb/check") == []
    assert sandbox.balance("working") == 10_000
