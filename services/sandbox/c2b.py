"""C2B: a phone pays the paybill from its M-Pesa menu. The shop may object first, and is told after.

`simulate` is Daraja's own way to play the phone; `pay` is the phone itself (POST /sandbox/pay).
"""

from dataclasses import replace
from functools import partial
from typing import Any

from services.sandbox import limits, numbers, requests
from services.sandbox.core import DROPPED, Sandbox
from services.sandbox.records import OPEN, Callback, Code, Payment, Urls
from services.sandbox.refusals import bad_field
from services.sandbox.wallets import WORKING

Body = dict[str, Any]

VALIDATION_S = 8.0  # after it the registered ResponseType decides
NO_FUNDS, REJECTED = 1, "C2B00016"
COMMANDS = {"CustomerPayBillOnline": "Pay Bill", "CustomerBuyGoodsOnline": "Buy Goods"}


def register_v1(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/c2b/v1/registerurl: payers' numbers come as SHA-256."""
    return _register(box, body, "v1")


def register_v2(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/c2b/v2/registerurl: payers' numbers come masked."""
    return _register(box, body, "v2")


def _register(box: Sandbox, body: Body, version: str) -> Body:
    refuse_words = box.behaviour.refuse_words
    urls = Urls(
        requests.shortcode(body, "ShortCode", box.settings.shortcodes),
        version,
        requests.one_of(body, "ResponseType", "Completed", "Cancelled"),
        requests.url(body, "ConfirmationURL", refuse_words=refuse_words),
        requests.url(body, "ValidationURL", refuse_words=refuse_words),
    )
    box.record(urls=urls)
    return _done(box, "Success")


def simulate(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/c2b/v2/simulate, and v1: as if the phone had paid."""
    pay(
        box,
        requests.msisdn(body, "Msisdn"),
        requests.shillings(body),
        requests.text(body, "BillRefNumber", least=0, most=20),
        requests.shortcode(body, "ShortCode", box.settings.shortcodes),
        requests.one_of(body, "CommandID", *COMMANDS),
    )
    return _done(box, "Accept the service request successfully.")


def _done(box: Sandbox, words: str) -> Body:
    number = box.world.next("request")
    return {
        "OriginatorCoversationID": numbers.request_id(number, box.settings.seed),  # sic
        "ResponseCode": "0",
        "ResponseDescription": words,
    }


def pay(
    box: Sandbox,
    msisdn: str,
    cents: int,
    account: str,
    shortcode: str,
    command: str = "CustomerPayBillOnline",
) -> Payment:
    """Have the phone pay. Money moves once the shop was asked, or need not be."""
    if cents < limits.LEAST_STK_CENTS or cents > limits.MOST_CENTS:
        raise bad_field("Amount")
    box.phone(msisdn)
    payment = box.new_payment(
        "c2b",
        msisdn,
        cents,
        shortcode,
        reference=account,
        command=command,
        planned=box.failing("c2b", msisdn),
    )
    box.record(payment=payment)
    plan(box, payment)
    return payment


def plan(box: Sandbox, payment: Payment) -> None:
    """Have it carried out."""
    box.agenda.after(box.work_s("c2b", payment.msisdn), partial(_carry_out, box, payment.number))


async def _carry_out(box: Sandbox, number: int) -> None:
    payment = box.world.payments[number]
    if payment.state != OPEN:
        return
    code = _outcome(box, payment) if payment.planned is None else payment.planned
    third_party = ""
    if str(code) == "0":
        code, third_party = await _asked(box, payment)
    if str(code) == "0":
        code = _outcome(box, payment)  # again: the shop may have taken its time to answer
    if str(code) != "0":
        box.record(payment=box.ended(payment, code))
        return
    done = box.ended(payment, 0)
    move = box.move(done.receipt, "Pay Bill Online", done.msisdn, WORKING, done.cents)
    balance = box.world.wallets.balance(WORKING) + done.cents
    callbacks = confirmations(box, done, balance, third_party=third_party)
    box.record(payment=done, move=move, callbacks=callbacks)


def _outcome(box: Sandbox, payment: Payment) -> Code:
    if not box.world.wallets.covers(payment.msisdn, payment.cents):
        return NO_FUNDS
    return limits.day_code(box.world, payment.msisdn, payment.cents, box.now()) or 0


async def _asked(box: Sandbox, payment: Payment) -> tuple[Code, str]:
    """The shop's word on the payment, and its own id for it."""
    urls = box.world.urls.get(payment.shortcode)
    if urls is None or not box.behaviour.c2b_validation:
        return 0, ""
    balance = box.world.wallets.balance(WORKING)
    body = notice(box, payment, urls, balance)
    question = box.callbacks("c2b_validation", payment.msisdn, urls.validation_url, body, after_s=0)[0]
    outcome, said = DROPPED, None  # what is said is None, too, when nobody answers
    if question.outcome != DROPPED:
        outcome, said = await box.post(question, VALIDATION_S)
    box.record(callbacks=[replace(question, outcome=outcome)])
    if not isinstance(said, dict):
        return (0 if urls.response_type == "Completed" else REJECTED), ""
    code = said.get("ResultCode", REJECTED)
    if str(code) == "0":
        return 0, str(said.get("ThirdPartyTransID") or "")
    return str(code), ""


def confirmations(box: Sandbox, payment: Payment, balance: int, *, third_party: str = "") -> list[Callback]:
    """What is posted when the paybill was paid; nothing when no URL is registered."""
    urls = box.world.urls.get(payment.shortcode)
    if urls is None:
        return []
    body = notice(box, payment, urls, balance, third_party=third_party)
    return box.callbacks("c2b", payment.msisdn, urls.confirmation_url, body)


def notice(box: Sandbox, payment: Payment, urls: Urls, balance: int, *, third_party: str = "") -> Body:
    """The flat body of validation and confirmation. Every value is text."""
    hidden = numbers.masked if urls.version == "v2" else numbers.hashed
    at = payment.finished_at or payment.created_at
    return {
        "TransactionType": COMMANDS[payment.command],
        "TransID": payment.receipt,
        "TransTime": numbers.compact(numbers.parsed(at)),
        "TransAmount": numbers.shillings(payment.cents),
        "BusinessShortCode": payment.shortcode,
        "BillRefNumber": payment.reference,
        "InvoiceNumber": "",
        "OrgAccountBalance": numbers.shillings(balance),
        "ThirdPartyTransID": third_party,
        "MSISDN": hidden(payment.msisdn),
        "FirstName": box.phone(payment.msisdn).name.partition(" ")[0],
        "MiddleName": "",
        "LastName": "",
    }
