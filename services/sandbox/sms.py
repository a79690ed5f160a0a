"""Africa's Talking's SMS: send, delivery reports, opting out, incoming messages, and the account.

Success is per recipient: an answer of HTTP 201 may hold nothing but failures, and a wrong sender is a
201 without recipients. There is no idempotency key: a request sent twice is sent twice.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from core_ext.text import size
from services.sandbox import numbers
from services.sandbox.answering import Body, answer
from services.sandbox.core import Sandbox
from services.sandbox.records import Callback, Message
from services.sandbox.refusals import Refusal, RefusalError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUSES = {
    100: "Processed", 101: "Success", 102: "Queued", 401: "RiskHold", 402: "InvalidSenderId",
    403: "InvalidPhoneNumber", 404: "UnsupportedNumberType", 405: "InsufficientBalance",
    406: "UserInBlacklist", 407: "CouldNotRoute", 500: "InternalServerError", 501: "GatewayError",
    502: "RejectedByGateway",
}  # fmt: skip
SENT, QUEUED, INVALID_PHONE, NO_BALANCE, OPTED_OUT = 101, 102, 403, 405, 406
ACCEPTED = frozenset({100, 101, 102})
NUMBER = re.compile(r"\+[0-9]{10,15}")
SAFARICOM = "63902"
WRONG_KEY = Refusal(401, "", "The supplied authentication is invalid")
MISSING = Refusal(400, "", "Request is missing required form field")
PAGE = 100


def routes(box: Sandbox) -> list[web.RouteDef]:
    """The paths of the SMS and application APIs."""
    return [
        web.post("/version1/messaging", _form(box, send, status=201)),
        web.post("/version1/messaging/bulk", _form(box, send_hashed, status=201)),
        web.get("/version1/messaging", _form(box, fetch)),
        web.get("/version1/user", _form(box, account)),
    ]


def _form(box: Sandbox, api: Callable[[Sandbox, Body], Body], *, status: int = 200) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        given = request.query if request.method == "GET" else await request.post()

        def let_in(box: Sandbox, body: Body) -> Body:
            key = request.headers.get("apiKey", "").encode()
            known = body.get("username") == box.settings.at_username
            if not known or not hmac.compare_digest(key, box.settings.at_api_key.encode()):
                raise RefusalError(WRONG_KEY)
            return api(box, body)

        return await answer(box, request, "sms", let_in, dict(given), status=status, tell=_as_text)

    return handle


def _as_text(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.status, text=refusal.page or refusal.message)


def send(box: Sandbox, body: Body) -> Body:
    """POST /version1/messaging: one text to one or more numbers, separated by commas."""
    if not body.get("to") or not body.get("message"):
        raise RefusalError(MISSING)
    sender = str(body.get("from", ""))
    if sender and sender not in box.settings.at_sender_ids:
        return {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}
    queued = str(body.get("enqueue", "")) in ("1", "true")
    recipients = [number.strip() for number in str(body["to"]).split(",")]
    return _sent([_take(box, to, sender, str(body["message"]), queued=queued) for to in recipients])


def send_hashed(box: Sandbox, body: Body) -> Body:
    """POST /version1/messaging/bulk: to a payer known only by the hash that C2B v1 gives."""
    if not body.get("maskedNumber") or not body.get("message"):
        raise RefusalError(MISSING)
    known = {numbers.hashed(msisdn): msisdn for msisdn in box.world.phones}
    msisdn = known.get(str(body["maskedNumber"]))
    to = f"+{msisdn}" if msisdn else str(body["maskedNumber"])
    return _sent([_take(box, to, str(body.get("senderId", "")), str(body["message"]), queued=False)])


def _take(box: Sandbox, to: str, sender: str, text: str, *, queued: bool) -> Message:
    """Accept the message for one recipient, or say why not. One that is accepted is reported on."""
    msisdn = to.lstrip("+")
    cost = parts(text) * box.behaviour.sms_cost_cents
    code = _code(box, to, msisdn, cost, queued=queued)
    number = box.world.next("message")
    message_id = (
        f"ATXid_{numbers.digest(box.settings.seed, 'sms', number)[:32]}" if code in ACCEPTED else "None"
    )
    at = box.now().isoformat()
    paid = cost if code in ACCEPTED else 0
    message = Message(number, message_id, msisdn, sender, text, at, code, paid)
    reports = _report(box, message) if code in ACCEPTED else []
    status = reports[0].body["status"] if reports else ""
    box.record(messages=[replace(message, reported=status)], callbacks=reports)
    return message


def _code(box: Sandbox, to: str, msisdn: str, cost: int, *, queued: bool) -> int:
    if not NUMBER.fullmatch(to):
        return INVALID_PHONE
    if msisdn in box.world.opted_out:
        return OPTED_OUT
    forced = box.planned("sms", msisdn)
    if forced is not None:
        return int(forced)
    if box.world.sms_cents + cost > box.settings.sms_balance_cents:
        return NO_BALANCE
    return QUEUED if queued else SENT


def _report(box: Sandbox, message: Message) -> list[Callback]:
    """The delivery report: a form, to the URL that the account's dashboard names."""
    fault = box.faults.take(("result",), "sms_report", message.msisdn)
    body = {
        "id": message.message_id,
        "status": str(fault.fields["code"]) if fault else "Success",
        "phoneNumber": f"+{message.msisdn}",
        "networkCode": SAFARICOM,
        "retryCount": "0",
    }
    if fault and fault.fields["reason"]:
        body["failureReason"] = str(fault.fields["reason"])
    url = box.behaviour.sms_report_url
    if not url:
        return []
    after_s = box.behaviour.report_s
    return box.callbacks("sms_report", message.msisdn, url, body, form=True, after_s=after_s)


def _sent(messages: list[Message]) -> Body:
    accepted = [message for message in messages if message.code in ACCEPTED]
    cost = sum(message.cost_cents for message in messages)
    return {
        "SMSMessageData": {
            "Message": f"Sent to {len(accepted)}/{len(messages)} Total Cost: {_kes(cost)}",
            "Recipients": [
                {
                    "statusCode": message.code,
                    "number": f"+{message.msisdn}",
                    "status": STATUSES.get(message.code, "InternalServerError"),
                    "cost": _kes(message.cost_cents) if message.code in ACCEPTED else "0",
                    "messageId": message.message_id,
                }
                for message in messages
            ],
        }
    }


def fetch(box: Sandbox, body: Body) -> Body:
    """GET /version1/messaging: what phones sent to us, after the id last seen."""
    last = str(body.get("lastReceivedId", "0"))
    after = int(last) if last.isdecimal() and last.isascii() else 0
    received = [m for m in box.world.messages.values() if m.incoming and m.number > after]
    return {"SMSMessageData": {"Messages": [_incoming(m) for m in received[:PAGE]]}}


def account(box: Sandbox, _body: Body) -> Body:
    """GET /version1/user: what is left to pay messages with."""
    left = box.settings.sms_balance_cents - box.world.sms_cents
    return {"UserData": {"balance": f"KES {numbers.shillings(left)}00"}}


def receive(box: Sandbox, msisdn: str, text: str, to: str) -> Message:
    """A phone sends a text to a short code of ours."""
    number, at = box.world.next("message"), box.now().isoformat()
    message = Message(number, str(number), msisdn, to, text, at, SENT, incoming=True)
    url = box.behaviour.sms_incoming_url
    callbacks = box.callbacks("sms", msisdn, url, _incoming(message), form=True) if url else []
    box.record(messages=[message], callbacks=callbacks)
    return message


def opt_out(box: Sandbox, msisdn: str, sender_id: str) -> None:
    """A phone wants no more from a sender; from now on messages to it are refused."""
    body = {"senderId": sender_id, "phoneNumber": f"+{msisdn}"}
    url = box.behaviour.sms_optout_url
    box.record(
        opted_out=[msisdn], callbacks=box.callbacks("sms", msisdn, url, body, form=True) if url else []
    )


def parts(text: str) -> int:
    """How many messages a text takes: 160 septets or 70 UCS-2 units alone, 153 or 67 in a chain."""
    units, gsm = size(text)
    alone, chained = (160, 153) if gsm else (70, 67)
    return 1 if units <= alone else -(-units // chained)


def _incoming(message: Message) -> dict[str, Any]:
    return {
        "date": message.at,
        "from": f"+{message.msisdn}",
        "id": message.message_id,
        "linkId": numbers.digest("link", message.number)[:36],
        "text": message.text,
        "to": message.sender,
        "networkCode": SAFARICOM,
    }


def _kes(cents: int) -> str:
    return f"KES {numbers.shillings(cents)}00"
