"""STK push (M-Pesa Express): a prompt on the phone, its answer, and what it tells the shop.

The prompt is open until the phone accepts, cancels, mistypes or ignores it. `behaviour.stk` says whether
the phone answers by itself. Money moves when it accepts, never before.
"""

import base64
import binascii
import hmac
import re
from datetime import datetime
from functools import partial
from typing import Any

from services.sandbox import c2b, limits, numbers, requests
from services.sandbox.core import Sandbox
from services.sandbox.records import OPEN, Callback, Code, Payment
from services.sandbox.refusals import IN_PROCESS, LOCKED, WRONG_CREDENTIALS, RefusalError, bad_field
from services.sandbox.results import description
from services.sandbox.wallets import WORKING

Body = dict[str, Any]

COMMANDS = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")
ACCEPTED_WORDS = "Success. Request accepted for processing"
NO_FUNDS, UNREACHABLE, REPEATED = 1, 1037, 17
ANSWERS: dict[str, Code] = {"accept": 0, "cancel": 1032, "wrong_pin": 2001, "ignore": UNREACHABLE}


def push(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/stkpush/v1/processrequest: show a prompt."""
    shortcode = _sender(box, body)
    command = requests.one_of(body, "TransactionType", *COMMANDS)
    cents = requests.shillings(body)
    if cents < limits.LEAST_STK_CENTS or cents > limits.MOST_CENTS:
        raise bad_field("Amount")
    requests.msisdn(body, "PartyA")
    msisdn = requests.msisdn(body, "PhoneNumber")
    requests.shortcode(body, "PartyB", box.settings.shortcodes)
    url = requests.url(body, "CallBackURL", refuse_words=box.behaviour.refuse_words)
    reference = requests.text(body, "AccountReference", most=12)
    remarks = requests.text(body, "TransactionDesc", most=13)
    box.phone(msisdn)
    if box.world.open_prompt(msisdn):
        raise RefusalError(LOCKED)
    payment = box.new_payment(
        "stk",
        msisdn,
        cents,
        shortcode,
        reference=reference,
        description=remarks,
        command=command,
        result_url=url,
        planned=box.failing("stk", msisdn),
    )
    box.record(payment=payment)
    show(box, payment)
    return {
        "MerchantRequestID": payment.originator_id,
        "CheckoutRequestID": payment.conversation_id,
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED_WORDS,
        "CustomerMessage": ACCEPTED_WORDS,
    }


def show(box: Sandbox, payment: Payment) -> None:
    """Have the prompt answered in a moment; one that waits for a person expires."""
    if payment.planned is None and box.behaviour.stk == "ask":
        expiry = partial(_answered, box, payment.number, UNREACHABLE)
        box.prompts[payment.number] = box.agenda.after(box.behaviour.stk_timeout_s, expiry, waits=True)
        return
    code = 0 if payment.planned is None else payment.planned
    slow = box.faults.take(("slow",), "stk", payment.msisdn)
    seconds = box.behaviour.stk_answer_s + (slow.fields["seconds"] if slow else 0)
    box.agenda.after(seconds, partial(_answered, box, payment.number, code))


def answer(box: Sandbox, payment: Payment, word: str) -> Payment:
    """The person with the phone answers an open prompt: accept, cancel, wrong_pin or ignore."""
    if expiry := box.prompts.pop(payment.number, None):
        expiry.cancelled = True
    return finish(box, payment, ANSWERS[word])


async def _answered(box: Sandbox, number: int, code: Code) -> None:
    payment = box.world.payments[number]
    box.prompts.pop(number, None)
    if payment.state == OPEN:
        finish(box, payment, code)


def finish(box: Sandbox, payment: Payment, code: Code) -> Payment:
    """End the push with this code; 0 still needs funds. The callback is on its way after."""
    if str(code) == "0":
        code = _allowed(box, payment)
    done = box.ended(payment, code)
    move = None
    if done.succeeded:
        move = box.move(done.receipt, "Pay Bill Online", done.msisdn, WORKING, done.cents)
    callbacks = box.callbacks(
        "stk",
        done.msisdn,
        done.result_url,
        callback_body(done, code),
        failing=lambda false: callback_body(done, false),
    )
    box.record(payment=done, move=move, callbacks=[*callbacks, *_confirmations(box, done)])
    return done


def _allowed(box: Sandbox, payment: Payment) -> Code:
    if not box.world.wallets.covers(payment.msisdn, payment.cents):
        return NO_FUNDS
    if limits.repeats(box.world, payment, box.behaviour.stk_repeat_s):
        return REPEATED
    return limits.day_code(box.world, payment.msisdn, payment.cents, box.now()) or 0


def _confirmations(box: Sandbox, payment: Payment) -> list[Callback]:
    if not (payment.succeeded and box.behaviour.stk_confirms_c2b):
        return []
    balance = box.world.wallets.balance(WORKING) + payment.cents  # this payment's move is not recorded yet
    return c2b.confirmations(box, payment, balance)


def callback_body(payment: Payment, code: Code) -> Body:
    """What is posted to CallBackURL. A failure has no CallbackMetadata."""
    told: Body = {
        "MerchantRequestID": payment.originator_id,
        "CheckoutRequestID": payment.conversation_id,
        "ResultCode": code,
        "ResultDesc": description(code),
    }
    if str(code) == "0":
        paid_at = int(numbers.compact(numbers.parsed(payment.finished_at)))
        told["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": float(numbers.shillings(payment.cents))},
                {"Name": "MpesaReceiptNumber", "Value": payment.receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": paid_at},
                {"Name": "PhoneNumber", "Value": int(payment.msisdn)},
            ]
        }
    return {"Body": {"stkCallback": told}}


def query(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/stkpushquery/v1/query. ResultCode is text here, and there is no receipt."""
    _sender(box, body)
    checkout = requests.text(body, "CheckoutRequestID")
    number = box.world.by_conversation.get(checkout)
    payment = None if number is None else box.world.payments[number]
    if payment is None or payment.kind != "stk":
        raise bad_field("CheckoutRequestID")
    lie = box.planned("stk_query", payment.msisdn)
    code = payment.code if lie is None else lie
    if code is None:
        raise RefusalError(IN_PROCESS)
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": payment.originator_id,
        "CheckoutRequestID": payment.conversation_id,
        "ResultCode": str(code),
        "ResultDesc": description(code),
    }


def _sender(box: Sandbox, body: Body) -> str:
    """The shortcode, once its password is right: base64 of shortcode, passkey and the same timestamp."""
    shortcode = requests.shortcode(body, "BusinessShortCode", box.settings.shortcodes)
    timestamp = requests.text(body, "Timestamp")
    if not re.fullmatch("[0-9]{14}", timestamp) or not _is_time(timestamp):
        raise bad_field("Timestamp")
    try:
        given = base64.b64decode(requests.text(body, "Password", most=500), validate=True)
    except (binascii.Error, ValueError):
        raise RefusalError(WRONG_CREDENTIALS) from None
    if not hmac.compare_digest(given, f"{shortcode}{box.settings.passkey}{timestamp}".encode()):
        raise RefusalError(WRONG_CREDENTIALS)
    return shortcode


def _is_time(digits: str) -> bool:
    try:
        datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        return False
    return True
