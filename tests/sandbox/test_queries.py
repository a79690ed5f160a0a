"""Status, balance, reversal and pull: what M-Pesa says when it is asked."""

from datetime import timedelta
from typing import Any

import pytest

from services.clock import NAIROBI
from services.sandbox.server import Running
from tests.sandbox.client import PHONE, Shop, parameters

OPENING, FLOAT = 500_000, 100_000_000
REVERSAL = "/mpesa/reversal/v1/request"


async def test_a_payout_not_carried_out_yet_is_authorised_then_completed(
    sandbox: Running, shop: Shop
) -> None:
    sandbox.fault("slow", on="b2c", seconds=600)
    accepted = (await shop.pay_out("PAY-1", "500")).json()
    await shop.post("/mpesa/transactionstatus/v1/query", shop.status_body(OriginalConversationID="PAY-1"))
    await sandbox.advance(10)
    first = shop.listener.bodies("/cb/status")[0]["Result"]
    assert parameters(first)["TransactionStatus"] == "Authorized"
    assert first["OriginatorConversationID"] != "PAY-1"
    await sandbox.settle()
    told = parameters(await shop.ask_status(OriginalConversationID="PAY-1"))
    payment = sandbox.payments()[0]
    name = sandbox.world.phones[PHONE].name
    assert told == {
        "DebitPartyName": f"{sandbox.settings.payout_shortcode} - UMOJA LOANS",
        "CreditPartyName": f"{PHONE} - {name}",
        "OriginatorConversationID": "PAY-1",
        "InitiatedTime": told["InitiatedTime"],
        "DebitAccountType": "Utility Account",
        "DebitPartyCharges": "Fee For B2C Payment|KES|5.00",
        "TransactionReason": None,
        "ReasonType": "Business Payment to Customer",
        "TransactionStatus": "Completed",
        "FinalisedTime": told["FinalisedTime"],
        "Amount": 500.0,
        "ConversationID": accepted["ConversationID"],
        "ReceiptNo": payment.receipt,
    }
    by_receipt = await shop.ask_status(TransactionID=payment.receipt)
    assert parameters(by_receipt) == told


async def test_a_payout_that_failed_is_declined(sandbox: Running, shop: Shop) -> None:
    sandbox.set_balance("utility", 0)
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    told = parameters(await shop.ask_status(OriginalConversationID="PAY-1"))
    assert told["TransactionStatus"] == "Declined"


async def test_a_transaction_nobody_knows_has_no_status(shop: Shop) -> None:
    result = await shop.ask_status(OriginalConversationID="NOBODY")
    assert result["ResultCode"] == 2032
    assert "ResultParameters" not in result


@pytest.mark.parametrize(("says", "status"), [("Initiated", "Initiated"), ("", None)])
async def test_a_status_may_be_ambiguous(sandbox: Running, shop: Shop, says: str, status: str | None) -> None:
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    sandbox.fault("status", on="status", msisdn=PHONE, says=says)
    told = parameters(await shop.ask_status(OriginalConversationID="PAY-1"))
    assert told["TransactionStatus"] == status


async def test_a_status_query_needs_an_id_and_the_right_credential(shop: Shop) -> None:
    refused = await shop.post("/mpesa/transactionstatus/v1/query", shop.status_body())
    assert refused.json()["errorMessage"] == "Bad Request - Invalid TransactionID"
    wrong = shop.credential("wrong")
    result = await shop.ask_status(OriginalConversationID="PAY-1", SecurityCredential=wrong)
    assert result["ResultCode"] == 2001


async def test_the_balance_names_every_account_of_the_organisation(sandbox: Running, shop: Shop) -> None:
    await shop.pay_out("PAY-1", "1000")
    sandbox.pay(PHONE, 300, "X")
    await sandbox.settle()
    body = shop.status_body(CommandID="AccountBalance")
    await shop.post("/mpesa/accountbalance/v1/query", body)
    await sandbox.settle()
    told = parameters(shop.listener.bodies("/cb/status")[0]["Result"])
    assert told["AccountBalance"].split("&") == [
        "Working Account|KES|300.00|300.00|0.00|0.00",
        "Float Account|KES|0.00|0.00|0.00|0.00",
        "Utility Account|KES|999000.00|999000.00|0.00|0.00",
        "Charges Paid Account|KES|-5.00|-5.00|0.00|0.00",
        "Organization Settlement Account|KES|0.00|0.00|0.00|0.00",
    ]
    assert set(told) == {"AccountBalance", "BOCompletedTime"}


async def reverse(shop: Shop, receipt: str, amount: str) -> dict[str, Any]:
    body = {
        "Initiator": shop.values["initiator_name"],
        "SecurityCredential": shop.credential(),
        "CommandID": "TransactionReversal",
        "TransactionID": receipt,
        "Amount": amount,
        "ReceiverParty": shop.values["paybill"],
        "RecieverIdentifierType": "11",
        "ResultURL": shop.listener.url("/cb/reversed"),
        "QueueTimeOutURL": shop.listener.url("/cb/late"),
        "Remarks": "Twice",
    }
    assert (await shop.post(REVERSAL, body)).json()["ResponseCode"] == "0"
    await shop.sandbox.settle()
    result: dict[str, Any] = shop.listener.bodies("/cb/reversed")[-1]["Result"]
    return result


async def test_a_customers_payment_is_reversed_once(sandbox: Running, shop: Shop) -> None:
    paid = sandbox.pay(PHONE, 300, "X")
    await sandbox.settle()
    result = await reverse(shop, paid.receipt, "300")
    assert result["ResultCode"] == "0"
    assert parameters(result)["OriginalTransactionID"] == paid.receipt
    assert (sandbox.balance(PHONE), sandbox.balance("working")) == (OPENING, 0)
    assert (await reverse(shop, paid.receipt, "300"))["ResultCode"] == "R000001"
    assert sandbox.balance(PHONE) == OPENING


async def test_a_payout_an_unknown_receipt_and_too_much_are_not_reversed(
    sandbox: Running, shop: Shop
) -> None:
    await shop.pay_out("PAY-1")
    paid = sandbox.pay(PHONE, 300, "X")
    await sandbox.settle()
    payout = sandbox.payments(kind="b2c")[0]
    for receipt, amount in ((payout.receipt, "500"), ("UKN0000000", "1"), (paid.receipt, "301")):
        assert (await reverse(shop, receipt, amount))["ResultCode"] == "R000002"
    unknown = await shop.ask_status(TransactionID=sandbox.payments(linked="UKN0000000")[0].receipt)
    assert parameters(unknown)["TransactionStatus"] == "Declined"
    assert set(sandbox.world.phones) == {PHONE}
    sandbox.set_balance("working", 0)
    assert (await reverse(shop, paid.receipt, "300"))["ResultCode"] == "1"


async def pull(shop: Shop, **changes: Any) -> dict[str, Any]:
    now = shop.sandbox.box.now().astimezone(NAIROBI)
    body = {
        "ShortCode": shop.values["paybill"],
        "StartDate": f"{now - timedelta(hours=100):%Y-%m-%d %H:%M:%S}",
        "EndDate": f"{now + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}",
        "OffSetValue": "0",
    }
    answer: dict[str, Any] = (await shop.post("/pulltransactions/v1/query", {**body, **changes})).json()
    return answer


async def test_payments_to_the_paybill_are_pulled_for_two_days(sandbox: Running, shop: Shop) -> None:
    register = {
        "ShortCode": shop.values["paybill"],
        "RequestType": "Pull",
        "NominatedNumber": PHONE,
        "CallBackURL": shop.listener.url("/cb/pull"),
    }
    assert (await pull(shop))["errorMessage"] == "Bad Request - Invalid ShortCode"
    first = (await shop.post("/pulltransactions/v1/register", register)).json()
    again = (await shop.post("/pulltransactions/v1/register", register)).json()
    assert (first["ResponseStatus"], again["ResponseStatus"]) == ("1000", "1001")
    assert (await pull(shop))["ResponseCode"] == "1001"
    await shop.push("100")
    await shop.pay_out("PAY-1")
    sandbox.set_balance("254799000000", 0)
    sandbox.pay("254799000000", 5, "NO-MONEY")
    sandbox.pay(PHONE, 300, "U4K7QXN")
    await sandbox.settle()
    answer = await pull(shop)
    items = answer["Response"][0]
    paid = sandbox.payments(kind="c2b", msisdn=PHONE)[0]
    item = next(item for item in items if item["transactionId"] == paid.receipt)
    assert item == {
        "transactionId": paid.receipt,
        "trxDate": item["trxDate"],
        "msisdn": 712345678,
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "U4K7QXN",
        "amount": "300.00",
        "organizationname": "UMOJA LOANS",
    }
    assert len(items) == 2
    assert [one["transactionId"] for one in (await pull(shop, OffSetValue="1"))["Response"][0]] == [
        items[1]["transactionId"]
    ]
    assert (await pull(shop, OffSetValue="2"))["ResponseCode"] == "1001"
    await sandbox.advance(49 * 3600)
    await shop.authorise()
    assert (await pull(shop))["ResponseCode"] == "1001"
