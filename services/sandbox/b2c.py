"""B2C: the organisation pays a phone. Accepted at once, carried out a moment later, told after that.

An OriginatorConversationID is taken once, ever. Money leaves the utility account; what the payout costs
is booked on the charges account, which is why that one is below zero.
"""

from functools import partial
from typing import Any

from services.sandbox import initiator, limits, numbers, requests
from services.sandbox.core import Sandbox
from services.sandbox.records import OPEN, Code, Payment
from services.sandbox.refusals import DUPLICATE_ID, RefusalError
from services.sandbox.results import accepted, result, timed_out
from services.sandbox.wallets import CHARGES, FEES, UTILITY, WORKING, Move, between

Body = dict[str, Any]

COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment")
NO_FLOAT, UNREGISTERED, EXPIRED = 1, 2040, "Expired"


def pay_v3(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/b2c/v3/paymentrequest."""
    return _pay(box, body, requests.text(body, "OriginatorConversationID", most=100))


def pay_v1(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/b2c/v1/paymentrequest: the same, and Daraja makes up the originator's id."""
    return _pay(box, body, "")


def _pay(box: Sandbox, body: Body, originator: str) -> Body:
    command = requests.one_of(body, "CommandID", *COMMANDS)
    cents = requests.shillings(body)
    shortcode = requests.shortcode(body, "PartyA", box.settings.shortcodes)
    msisdn = requests.msisdn(body, "PartyB")
    requests.text(body, "Remarks", least=2, most=100)
    refuse_words = box.behaviour.refuse_words
    timeout_url = requests.url(body, "QueueTimeOutURL", refuse_words=refuse_words)
    result_url = requests.url(body, "ResultURL", refuse_words=refuse_words)
    if originator and originator in box.world.by_originator:
        raise RefusalError(DUPLICATE_ID)
    wrong = initiator.refused(box, body, "InitiatorName")
    box.phone(msisdn)
    payment = box.new_payment(
        "b2c",
        msisdn,
        cents,
        shortcode,
        **({"originator_id": originator} if originator else {}),
        command=command,
        result_url=result_url,
        timeout_url=timeout_url,
        planned=box.failing("b2c", msisdn) if wrong is None else wrong,
    )
    box.record(payment=payment)
    plan(box, payment)
    return accepted(payment)


def plan(box: Sandbox, payment: Payment) -> None:
    """Have it carried out."""
    box.agenda.after(box.work_s("b2c", payment.msisdn), partial(_carry_out, box, payment.number))


async def _carry_out(box: Sandbox, number: int) -> None:
    payment = box.world.payments[number]
    if payment.state != OPEN:
        return
    fault = box.faults.take(("queue_timeout",), "b2c", payment.msisdn)
    if fault is None:
        finish(box, payment, told=True)
        return
    notices = box.callbacks("b2c", payment.msisdn, payment.timeout_url, timed_out(payment), after_s=0)
    if fault.fields["pays"]:
        box.record(callbacks=notices)
        finish(box, payment, told=fault.fields["result"])
    else:
        box.record(payment=box.ended(payment, EXPIRED, told=False), callbacks=notices)


def finish(box: Sandbox, payment: Payment, *, told: bool) -> None:
    """Pay, or say why not."""
    code = _outcome(box, payment) if payment.planned is None else payment.planned
    move = None
    fee = 0
    if str(code) == "0":
        code, fee = 0, limits.fee_cents(payment.cents, box.behaviour.tariff)
        legs = between(UTILITY, payment.msisdn, payment.cents)
        legs += between(CHARGES, FEES, fee) if fee else ()
        move = Move(payment.receipt, "Business Payment to Customer", box.now().isoformat(), legs)
    done = box.ended(payment, code, fee_cents=fee, told=told)
    callbacks = []
    if told:
        callbacks = box.callbacks(
            "b2c",
            done.msisdn,
            done.result_url,
            result(code, done, _parameters(box, done, move)),
            failing=lambda false: result(false, done, None),
        )
    box.record(payment=done, move=move, callbacks=callbacks)


def _outcome(box: Sandbox, payment: Payment) -> Code:
    outside = limits.amount_code(payment.cents, limits.LEAST_B2C_CENTS)
    if outside is not None:
        return outside
    if not box.phone(payment.msisdn).registered:
        return UNREGISTERED
    if not box.world.wallets.covers(UTILITY, payment.cents):
        return NO_FLOAT
    if box.world.wallets.balance(payment.msisdn) + payment.cents > limits.WALLET_CENTS:
        return limits.ABOVE_WALLET
    return limits.day_code(box.world, payment.msisdn, payment.cents, box.now()) or 0


def _parameters(box: Sandbox, payment: Payment, move: Move | None) -> list[tuple[str, Any]] | None:
    """The details of a success, with the balances this payment leaves behind."""
    if move is None:
        return None

    def funds(account: str) -> float:
        return float(numbers.shillings(box.world.wallets.balance(account) + move.of(account)))

    return [
        ("TransactionAmount", numbers.amount(payment.cents)),
        ("TransactionReceipt", payment.receipt),
        ("ReceiverPartyPublicName", f"{payment.msisdn} - {box.phone(payment.msisdn).name}"),
        ("TransactionCompletedDateTime", numbers.dotted(numbers.parsed(payment.finished_at))),
        ("B2CUtilityAccountAvailableFunds", funds(UTILITY)),
        ("B2CWorkingAccountAvailableFunds", funds(WORKING)),
        ("B2CRecipientIsRegisteredCustomer", "Y"),
        ("B2CChargesPaidAccountAvailableFunds", funds(CHARGES)),
    ]
