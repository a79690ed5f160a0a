"""Africa's Talking: success is per recipient, and a report comes later."""

import hashlib
from typing import Any

import httpx
import pytest

from services.sandbox import sms
from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop

SEND = "/version1/messaging"


async def send(shop: Shop, to: str = f"+{PHONE}", message: str = "Hello", **more: Any) -> httpx.Response:
    form = {"username": shop.values["at_username"], "to": to, "message": message, "bulkSMSMode": 1, **more}
    headers = {"apiKey": shop.values["at_api_key"], "Accept": "application/json"}
    return await shop.http.post(SEND, data=form, headers=headers)


async def test_a_message_is_accepted_with_its_cost(sandbox: Running, shop: Shop) -> None:
    answer = await send(shop)
    message_id = sandbox.world.messages[1].message_id
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "SMSMessageData": {
            "Message": "Sent to 1/1 Total Cost: KES 0.8000",
            "Recipients": [
                {
                    "statusCode": 101,
                    "number": f"+{PHONE}",
                    "status": "Success",
                    "cost": "KES 0.8000",
                    "messageId": message_id,
                }
            ],
        }
    }


async def test_each_recipient_has_its_own_fate(sandbox: Running, shop: Shop) -> None:
    await shop.http.post("/sandbox/sms/optout", json={"msisdn": OTHER, "sender_id": "UMOJA"})
    sandbox.fault("result", on="sms", msisdn="254733000001", code=407)
    answer = await send(shop, f"+{PHONE},0712345678, +{OTHER},+254733000001")
    data = answer.json()["SMSMessageData"]
    assert data["Message"] == "Sent to 1/4 Total Cost: KES 0.8000"
    assert [(one["statusCode"], one["status"]) for one in data["Recipients"]] == [
        (101, "Success"),
        (403, "InvalidPhoneNumber"),
        (406, "UserInBlacklist"),
        (407, "CouldNotRoute"),
    ]


async def test_a_wrong_sender_is_a_201_without_recipients(sandbox: Running, shop: Shop) -> None:
    answer = await send(shop, **{"from": "NOBODY"})
    assert (answer.status_code, answer.json()) == (
        201,
        {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}},
    )
    assert (await send(shop, **{"from": "UMOJA"})).json()["SMSMessageData"]["Recipients"] != []


async def test_a_wrong_key_is_refused_in_plain_text(shop: Shop) -> None:
    for key, username in (("wrong", "sandbox"), (shop.values["at_api_key"], "somebody")):
        form = {"username": username, "to": f"+{PHONE}", "message": "Hello"}
        answer = await shop.http.post(SEND, data=form, headers={"apiKey": key})
        assert (answer.status_code, answer.text) == (401, "The supplied authentication is invalid")


async def test_the_same_request_twice_sends_two_messages(sandbox: Running, shop: Shop) -> None:
    first, second = await send(shop), await send(shop)
    assert first.json() != second.json()
    assert len(sandbox.world.messages) == 2


async def test_an_empty_account_sends_nothing(sandbox: Running, shop: Shop) -> None:
    sandbox.behave(sms_cost_cents=600_000)
    codes = [(await send(shop)).json()["SMSMessageData"]["Recipients"][0]["statusCode"] for _ in range(2)]
    assert codes == [101, 405]
    user = await shop.http.get(
        "/version1/user",
        params={"username": shop.values["at_username"]},
        headers={"apiKey": shop.values["at_api_key"]},
    )
    assert user.json() == {"UserData": {"balance": "KES 4000.0000"}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 307, 3), ("€" * 80, 1), ("ũ" * 70, 1), ("ũ" * 71, 2)],
)
def test_a_long_text_is_paid_by_its_parts(text: str, parts: int) -> None:
    assert sms.parts(text) == parts


async def test_a_delivery_report_follows_as_a_form(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.behave(sms_report_url=listener.url("/cb/report"))
    sandbox.fault("result", on="sms_report", msisdn=OTHER, code="Failed", reason="DeliveryFailure")
    await send(shop, f"+{PHONE},+{OTHER},bad")
    await sandbox.settle()
    ids = [message.message_id for message in sandbox.world.messages.values()]
    common = {"networkCode": "63902", "retryCount": "0"}
    assert listener.bodies("/cb/report") == [
        {"id": ids[0], "status": "Success", "phoneNumber": f"+{PHONE}", **common},
        {
            "id": ids[1],
            "status": "Failed",
            "phoneNumber": f"+{OTHER}",
            "failureReason": "DeliveryFailure",
            **common,
        },
    ]


async def test_whoever_opts_out_is_told_about_and_gets_no_more(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.behave(sms_optout_url=listener.url("/cb/optout"))
    await shop.http.post("/sandbox/sms/optout", json={"msisdn": PHONE, "sender_id": "UMOJA"})
    await sandbox.settle()
    assert listener.bodies("/cb/optout") == [{"senderId": "UMOJA", "phoneNumber": f"+{PHONE}"}]
    assert (await send(shop)).json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 406


async def test_a_text_from_a_phone_is_posted_and_can_be_fetched(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.behave(sms_incoming_url=listener.url("/cb/in"))
    await shop.http.post("/sandbox/sms/incoming", json={"msisdn": PHONE, "text": "STOP", "to": "22123"})
    await sandbox.settle()
    posted = listener.bodies("/cb/in")[0]
    assert {name: posted[name] for name in ("from", "to", "text", "networkCode")} == {
        "from": f"+{PHONE}",
        "to": "22123",
        "text": "STOP",
        "networkCode": "63902",
    }
    assert set(posted) == {"date", "from", "id", "linkId", "text", "to", "networkCode"}
    params = {"username": shop.values["at_username"], "lastReceivedId": "0"}
    headers = {"apiKey": shop.values["at_api_key"]}
    fetched = await shop.http.get(SEND, params=params, headers=headers)
    assert fetched.json()["SMSMessageData"]["Messages"] == [posted]


async def test_a_payer_known_only_by_hash_can_be_texted(sandbox: Running, shop: Shop) -> None:
    sandbox.set_balance(PHONE, 0)
    form = {
        "username": shop.values["at_username"],
        "maskedNumber": hashlib.sha256(PHONE.encode()).hexdigest(),
        "telco": "Safaricom",
        "message": "Thank you",
        "senderId": "UMOJA",
    }
    headers = {"apiKey": shop.values["at_api_key"]}
    answer = await shop.http.post(f"{SEND}/bulk", data=form, headers=headers)
    assert answer.json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 101
    assert sandbox.world.messages[1].msisdn == PHONE


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_send_may_time_out_whether_it_was_sent_or_not(
    sandbox: Running, shop: Shop, accepted: bool
) -> None:
    sandbox.fault("reset", on="sms", msisdn=PHONE, accepted=accepted)
    with pytest.raises(httpx.TransportError):
        await send(shop)
    assert len(sandbox.world.messages) == accepted
