"""C2B: the shop may object, and is told who paid what for which account."""

import hashlib
from typing import Any

import pytest

from services.sandbox.server import Running
from tests.sandbox.client import PHONE, Shop

OPENING = 500_000


async def register(shop: Shop, version: str = "v2", response_type: str = "Completed") -> dict[str, Any]:
    body = {
        "ShortCode": shop.values["paybill"],
        "ResponseType": response_type,
        "ConfirmationURL": shop.listener.url("/cb/paid"),
        "ValidationURL": shop.listener.url("/cb/check"),
    }
    answer: dict[str, Any] = (await shop.post(f"/mpesa/c2b/{version}/registerurl", body)).json()
    return answer


async def test_registering_answers_with_the_misspelt_name(shop: Shop) -> None:
    answer = await register(shop)
    assert answer == {
        "OriginatorCoversationID": answer["OriginatorCoversationID"],
        "ResponseCode": "0",
        "ResponseDescription": "Success",
    }


async def test_a_payment_is_validated_then_confirmed(sandbox: Running, listener: Any, shop: Shop) -> None:
    await register(shop)
    listener.answers["/cb/check"] = (
        200,
        {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "77"},
    )
    payment = sandbox.pay(PHONE, 5, "U4K7QXN")
    await sandbox.settle()
    assert [path for path, _ in listener.got] == ["/cb/check", "/cb/paid"]
    asked, told = listener.got[0][1], listener.got[1][1]
    assert told == {
        "TransactionType": "Pay Bill",
        "TransID": payment.receipt,
        "TransTime": told["TransTime"],
        "TransAmount": "5.00",
        "BusinessShortCode": sandbox.settings.paybill,
        "BillRefNumber": "U4K7QXN",
        "InvoiceNumber": "",
        "OrgAccountBalance": "5.00",
        "ThirdPartyTransID": "77",
        "MSISDN": "2547 ***** 678",
        "FirstName": sandbox.world.phones[PHONE].name.split()[0],
        "MiddleName": "",
        "LastName": "",
    }
    assert asked == {
        **told,
        "OrgAccountBalance": "0.00",
        "ThirdPartyTransID": "",
        "TransTime": asked["TransTime"],
    }
    assert (sandbox.balance(PHONE), sandbox.balance("working")) == (OPENING - 500, 500)


async def test_version_1_hides_the_payer_behind_a_hash(sandbox: Running, listener: Any, shop: Shop) -> None:
    await register(shop, "v1")
    sandbox.pay(PHONE, 5, "U4K7QXN")
    await sandbox.settle()
    assert listener.bodies("/cb/paid")[0]["MSISDN"] == hashlib.sha256(PHONE.encode()).hexdigest()


async def test_a_payment_the_shop_refuses_moves_nothing(sandbox: Running, listener: Any, shop: Shop) -> None:
    await register(shop)
    listener.answers["/cb/check"] = (200, {"ResultCode": "C2B00012", "ResultDesc": "Rejected"})
    sandbox.pay(PHONE, 5, "WRONG")
    await sandbox.settle()
    assert listener.bodies("/cb/paid") == []
    assert [payment.code for payment in sandbox.payments()] == ["C2B00012"]
    assert (sandbox.balance(PHONE), sandbox.balance("working")) == (OPENING, 0)


@pytest.mark.parametrize(("response_type", "paid"), [("Completed", 500), ("Cancelled", 0)])
async def test_a_shop_that_does_not_answer_gets_what_it_registered(
    sandbox: Running, listener: Any, shop: Shop, response_type: str, paid: int
) -> None:
    await register(shop, response_type=response_type)
    listener.answers["/cb/check"] = (500, {})
    sandbox.pay(PHONE, 5)
    await sandbox.settle()
    assert sandbox.balance("working") == paid
    assert len(listener.bodies("/cb/paid")) == (1 if paid else 0)


async def test_without_urls_the_money_comes_and_nobody_is_told(sandbox: Running, listener: Any) -> None:
    sandbox.pay(PHONE, 5)
    await sandbox.settle()
    assert (listener.got, sandbox.balance("working")) == ([], 500)


async def test_validation_may_be_switched_off(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.behave(c2b_validation=False)
    await register(shop)
    sandbox.pay(PHONE, 5)
    await sandbox.settle()
    assert [path for path, _ in listener.got] == ["/cb/paid"]


async def test_a_payer_without_the_money_does_not_bother_the_shop(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    await register(shop)
    sandbox.set_balance(PHONE, 499)
    sandbox.pay(PHONE, 5)
    await sandbox.settle()
    assert (listener.got, sandbox.balance(PHONE)) == ([], 499)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_daraja_plays_the_phone_by_simulate(
    sandbox: Running, listener: Any, shop: Shop, version: str
) -> None:
    await register(shop)
    body = {
        "ShortCode": sandbox.settings.paybill,
        "CommandID": "CustomerPayBillOnline",
        "Amount": 5,
        "Msisdn": int(PHONE),
        "BillRefNumber": "U4K7QXN",
    }
    answer = (await shop.post(f"/mpesa/c2b/{version}/simulate", body)).json()
    assert (answer["ResponseCode"], set(answer)) == (
        "0",
        {"OriginatorCoversationID", "ResponseCode", "ResponseDescription"},
    )
    await sandbox.settle()
    assert listener.bodies("/cb/paid")[0]["BillRefNumber"] == "U4K7QXN"


async def test_the_phone_pays_over_the_control_api(sandbox: Running, shop: Shop) -> None:
    answer = await shop.http.post("/sandbox/pay", json={"msisdn": PHONE, "amount": "5", "account": "X"})
    assert (answer.status_code, answer.json()["state"]) == (202, "open")
    await sandbox.settle()
    assert sandbox.payments(receipt=answer.json()["receipt"])[0].code == 0
