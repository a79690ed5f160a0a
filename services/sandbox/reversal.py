"""Reversal of a customer's payment. A payout cannot be reversed here: M-Pesa wants that done by hand."""

from functools import partial
from typing import Any

from services.sandbox import initiator, numbers, requests
from services.sandbox.core import Sandbox
from services.sandbox.records import OPEN, Payment
from services.sandbox.results import accepted, result
from services.sandbox.wallets import WORKING

Body = dict[str, Any]

NO_FUNDS, ALREADY, INVALID = "1", "R000001", "R000002"


def reverse(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/reversal/v1/request."""
    requests.one_of(body, "CommandID", "TransactionReversal")
    receipt = requests.text(body, "TransactionID", most=20)
    cents = requests.shillings(body)
    shortcode = requests.shortcode(body, "ReceiverParty", box.settings.shortcodes)
    requests.one_of(body, "RecieverIdentifierType", "11", "4")  # sic
    requests.text(body, "Remarks", least=2, most=100)
    refuse_words = box.behaviour.refuse_words
    timeout_url = requests.url(body, "QueueTimeOutURL", refuse_words=refuse_words)
    result_url = requests.url(body, "ResultURL", refuse_words=refuse_words)
    wrong = initiator.refused(box, body, "Initiator")
    original = box.world.payment_of(receipt=receipt)
    msisdn = original.msisdn if original else ""
    payment = box.new_payment(
        "reversal",
        msisdn,
        cents,
        shortcode,
        linked=receipt,
        result_url=result_url,
        timeout_url=timeout_url,
        planned=box.failing("reversal", msisdn) if wrong is None else wrong,
    )
    box.record(payment=payment)
    plan(box, payment)
    return accepted(payment)


def plan(box: Sandbox, payment: Payment) -> None:
    """Have it carried out."""
    box.agenda.after(box.work_s("reversal", payment.msisdn), partial(_carry_out, box, payment.number))


async def _carry_out(box: Sandbox, number: int) -> None:
    payment = box.world.payments[number]
    if payment.state != OPEN:
        return
    original = box.world.payment_of(receipt=payment.linked)
    code = _outcome(box, payment, original) if payment.planned is None else str(payment.planned)
    if code != "0" or original is None:
        done = box.ended(payment, code)
        box.record(payment=done, callbacks=_told(box, done, code, None))
        return
    done = box.ended(payment, 0)
    move = box.move(done.receipt, "Transaction Reversal", WORKING, original.msisdn, done.cents)
    left = box.world.wallets.balance(WORKING) - done.cents
    parameters = [
        (
            "DebitAccountBalance",
            f"Utility Account|KES|{numbers.shillings(left)}|{numbers.shillings(left)}|0.00|0.00",
        ),
        ("Amount", numbers.shillings(done.cents)),
        ("TransCompletedTime", numbers.compact(box.now())),
        ("OriginalTransactionID", original.receipt),
        ("Charge", "0.00"),
        ("CreditPartyPublicName", f"{original.msisdn} - {box.phone(original.msisdn).name}"),
        ("DebitPartyPublicName", f"{done.shortcode} - {box.settings.organisation}"),
    ]
    box.record(payment=done, move=move, callbacks=_told(box, done, code, parameters))


def _told(box: Sandbox, done: Payment, code: str, parameters: list[tuple[str, Any]] | None) -> Any:
    """The result's code is text here, unlike B2C's."""
    return box.callbacks("reversal", done.msisdn, done.result_url, result(code, done, parameters))


def _outcome(box: Sandbox, payment: Payment, original: Payment | None) -> str:
    if original is None or original.kind not in ("stk", "c2b") or not original.succeeded:
        return INVALID
    if payment.cents > original.cents:
        return INVALID
    if any(
        other.linked == original.receipt and other.succeeded for other in box.world.of_phone(original.msisdn)
    ):
        return ALREADY
    return "0" if box.world.wallets.covers(WORKING, payment.cents) else NO_FUNDS
