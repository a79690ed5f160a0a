"""B2C: paid once for an id, told later, and never more than the float holds."""

import asyncio
import base64
import re
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop, parameters

OPENING, FLOAT = 500_000, 100_000_000


async def result_of(shop: Shop, *given: Any, **changes: Any) -> dict[str, Any]:
    await shop.pay_out(*given, **changes)
    await shop.sandbox.settle()
    result: dict[str, Any] = shop.listener.bodies("/cb/b2c")[-1]["Result"]
    return result


async def test_a_payout_is_accepted_then_carried_out_then_told(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    accepted = (await shop.pay_out("PAY-1", "500")).json()
    assert accepted == {
        "ConversationID": accepted["ConversationID"],
        "OriginatorConversationID": "PAY-1",
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }
    assert re.fullmatch(r"AG_20\d{6}_[0-9a-f]{20}", accepted["ConversationID"])
    assert (sandbox.balance("utility"), sandbox.balance(PHONE)) == (FLOAT, OPENING)
    await sandbox.settle()
    result = listener.bodies("/cb/b2c")[0]["Result"]
    receipt = sandbox.payments()[0].receipt
    told = parameters(result)
    assert re.fullmatch(r"\d\d\.\d\d\.20\d\d \d\d:\d\d:\d\d", told["TransactionCompletedDateTime"])
    assert told == {
        "TransactionAmount": 500,
        "TransactionReceipt": receipt,
        "ReceiverPartyPublicName": f"{PHONE} - {sandbox.world.phones[PHONE].name}",
        "TransactionCompletedDateTime": told["TransactionCompletedDateTime"],
        "B2CUtilityAccountAvailableFunds": 999_500.0,
        "B2CWorkingAccountAvailableFunds": 0.0,
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": -5.0,
    }
    del result["ResultParameters"]
    assert result == {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "PAY-1",
        "ConversationID": accepted["ConversationID"],
        "TransactionID": receipt,
        "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": listener.url("/cb/late")}},
    }
    assert sandbox.balance("utility") == FLOAT - 50_000
    assert sandbox.balance(PHONE) == OPENING + 50_000
    assert (sandbox.balance("charges"), sandbox.balance("fees")) == (-500, 500)


async def test_an_id_is_taken_once_even_after_it_failed(sandbox: Running, shop: Shop) -> None:
    sandbox.fault("result", on="b2c", code=1)
    for _ in range(2):
        await shop.pay_out("PAY-1")
        await sandbox.settle()
    refused = await shop.pay_out("PAY-1", "900", OTHER)
    assert refused.status_code == 500
    assert refused.json()["errorCode"] == "500.002.1001"
    assert refused.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    assert [payment.code for payment in sandbox.payments()] == [1]


async def test_a_hundred_requests_with_one_id_at_once_pay_once(sandbox: Running, shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.pay_out("PAY-1") for _ in range(100)))
    await sandbox.settle()
    assert sorted(answer.status_code for answer in answers) == [200] + [500] * 99
    assert sandbox.balance("utility") == FLOAT - 50_000


async def test_a_request_that_was_refused_does_not_take_its_id(sandbox: Running, shop: Shop) -> None:
    assert (await shop.pay_out("PAY-1", "nan")).status_code == 400
    assert (await shop.pay_out("PAY-1")).status_code == 200


async def test_version_1_makes_up_the_id_and_so_pays_as_often_as_it_is_asked(
    sandbox: Running, shop: Shop
) -> None:
    body = shop.b2c_body("ignored")
    del body["OriginatorConversationID"]
    ids = [(await shop.post("/mpesa/b2c/v1/paymentrequest", body)).json() for _ in range(2)]
    await sandbox.settle()
    assert len({one["OriginatorConversationID"] for one in ids}) == 2
    assert sandbox.balance("utility") == FLOAT - 100_000


@pytest.mark.parametrize(
    ("amount", "code"),
    [("9", 2), ("10", 0), ("250000", 0), ("250001", 3)],
)
async def test_amounts_outside_the_limits_fail_later_not_at_once(shop: Shop, amount: str, code: int) -> None:
    assert (await result_of(shop, "PAY-1", amount))["ResultCode"] == code


async def test_a_phone_takes_no_more_than_its_day_and_its_wallet_hold(sandbox: Running, shop: Shop) -> None:
    sandbox.set_balance(PHONE, 0)
    codes = [(await result_of(shop, f"PAY-{n}", "250000"))["ResultCode"] for n in range(3)]
    assert codes == [0, 0, 8]
    sandbox.set_balance(PHONE, 0)
    assert (await result_of(shop, "PAY-3", "250000"))["ResultCode"] == 4
    await sandbox.advance(86_400)
    await shop.authorise()
    assert (await result_of(shop, "PAY-4", "250000"))["ResultCode"] == 0


async def test_a_float_that_is_too_small_pays_nothing(sandbox: Running, shop: Shop) -> None:
    sandbox.set_balance("utility", 49_999)
    result = await result_of(shop, "PAY-1", "500")
    assert (result["ResultCode"], result["ResultDesc"]) == (
        1,
        "The balance is insufficient for the transaction.",
    )
    assert result["TransactionID"] == sandbox.payments()[0].receipt
    assert "ResultParameters" not in result
    assert sandbox.balance("utility") == 49_999


async def test_a_number_without_mpesa_is_told_as_such(sandbox: Running, shop: Shop) -> None:
    await shop.http.post("/sandbox/wallets", json={"account": PHONE, "registered": False})
    assert (await result_of(shop, "PAY-1"))["ResultCode"] == 2040


@pytest.mark.parametrize(
    ("shillings", "charge"),
    [(100, 0), (101, 5), (1500, 5), (1501, 9), (5000, 9), (5001, 11), (20000, 11), (20001, 12)],
)
async def test_a_payout_costs_what_the_bulk_tariff_says(
    sandbox: Running, shop: Shop, shillings: int, charge: int
) -> None:
    await result_of(shop, "PAY-1", str(shillings))
    assert sandbox.balance("charges") == -charge * 100
    assert sandbox.balance("utility") == FLOAT - shillings * 100


async def test_a_wrong_password_is_accepted_and_fails_later(sandbox: Running, shop: Shop) -> None:
    wrong = shop.credential("not-the-password")
    assert (await shop.pay_out("PAY-1", SecurityCredential=wrong)).status_code == 200
    await sandbox.settle()
    assert shop.listener.bodies("/cb/b2c")[0]["Result"]["ResultCode"] == 2001
    assert (await result_of(shop, "PAY-2", InitiatorName="somebody"))["ResultCode"] == 2001
    assert sandbox.balance("utility") == FLOAT


async def test_oaep_and_base64_alone_are_no_credential(sandbox: Running, shop: Shop) -> None:
    password = sandbox.settings.initiator_password.encode()
    key = x509.load_pem_x509_certificate(sandbox.certificate_pem.encode()).public_key()
    oaep = key.encrypt(password, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))  # type: ignore[union-attr, call-arg]
    for number, sealed in enumerate((oaep, password)):
        credential = base64.b64encode(sealed).decode()
        result = await result_of(shop, f"PAY-{number}", SecurityCredential=credential)
        assert result["ResultCode"] == 2001


@pytest.mark.parametrize("credential", ["", "not base64!", None, 12])
async def test_a_credential_that_is_no_base64_is_refused_at_once(shop: Shop, credential: object) -> None:
    refused = await shop.pay_out("PAY-1", SecurityCredential=credential)
    assert (refused.status_code, refused.json()["errorMessage"]) == (
        400,
        "Bad Request - Invalid SecurityCredential",
    )


async def test_five_wrong_credentials_in_a_row_lock_the_initiator(sandbox: Running, shop: Shop) -> None:
    wrong = shop.credential("wrong")
    codes = []
    for number in range(4):
        codes.append((await result_of(shop, f"A-{number}", SecurityCredential=wrong))["ResultCode"])
    codes.append((await result_of(shop, "GOOD"))["ResultCode"])
    for number in range(5):
        codes.append((await result_of(shop, f"B-{number}", SecurityCredential=wrong))["ResultCode"])
    codes.append((await result_of(shop, "LATE"))["ResultCode"])
    assert codes == [2001] * 4 + [0] + [2001] * 5 + [8006]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"CommandID": "Payout"}, "CommandID"),
        ({"PartyB": 25471234567}, "PartyB"),
        ({"Remarks": "x"}, "Remarks"),
        ({"ResultURL": ""}, "ResultURL"),
        ({"QueueTimeOutURL": "https://api.safaricom.co.ke/x"}, "QueueTimeOutURL"),
        ({"OriginatorConversationID": ""}, "OriginatorConversationID"),
        ({"Amount": "inf"}, "Amount"),
        ({"Amount": -10}, "Amount"),
        ({"Amount": 10.5}, "Amount"),
    ],
)
async def test_a_wrong_field_is_named(
    sandbox: Running, shop: Shop, changes: dict[str, Any], field: str
) -> None:
    refused = await shop.pay_out("PAY-1", **changes)
    assert (refused.status_code, refused.json()["errorMessage"]) == (400, f"Bad Request - Invalid {field}")
    assert sandbox.payments() == []
