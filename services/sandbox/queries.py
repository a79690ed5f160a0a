"""Transaction status and account balance: asked now, answered to ResultURL a moment later."""

from collections.abc import Callable
from typing import Any

from services.sandbox import initiator, numbers, requests
from services.sandbox.core import Sandbox
from services.sandbox.records import DONE, Code, Payment
from services.sandbox.refusals import bad_field
from services.sandbox.results import accepted, result
from services.sandbox.wallets import CHARGES, UTILITY, WORKING

Body = dict[str, Any]
Parameters = list[tuple[str, Any]]

UNKNOWN = 2032
REASONS = {"b2c": "Business Payment to Customer", "reversal": "Transaction Reversal"}
BALANCES = (
    ("Working Account", WORKING),
    ("Float Account", ""),
    ("Utility Account", UTILITY),
    ("Charges Paid Account", CHARGES),
    ("Organization Settlement Account", ""),
)


def status(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/transactionstatus/v1/query, by receipt or by originator's conversation id."""
    receipt = requests.text(body, "TransactionID", least=0)
    original = requests.text(body, "OriginalConversationID", least=0)
    if not receipt and not original:
        raise bad_field("TransactionID")
    requests.one_of(body, "CommandID", "TransactionStatusQuery")
    occasion = requests.text(body, "Occasion", least=0)

    def answer() -> tuple[Code, Parameters | None, tuple[str, str]]:
        about = box.world.payment_of(originator=original, receipt=receipt)
        reference = ("Occasion", occasion)
        if about is None:
            return UNKNOWN, None, reference
        return 0, _status_parameters(box, about), reference

    about = box.world.payment_of(originator=original, receipt=receipt)
    return _ask(box, body, "status", about.msisdn if about else "", answer)


def balance(box: Sandbox, body: Body) -> Body:
    """POST /mpesa/accountbalance/v1/query."""
    requests.one_of(body, "CommandID", "AccountBalance")

    def answer() -> tuple[Code, Parameters | None, tuple[str, str]]:
        cents = box.world.organisation_cents()
        accounts = "&".join(_balance(name, cents.get(account, 0)) for name, account in BALANCES)
        done = ("BOCompletedTime", int(numbers.compact(box.now())))
        return 0, [("AccountBalance", accounts), done], ("QueueTimeoutURL", "")

    return _ask(box, body, "balance", "", answer)


def _ask(
    box: Sandbox,
    body: Body,
    kind: str,
    msisdn: str,
    answer: Callable[[], tuple[Code, Parameters | None, tuple[str, str]]],
) -> Body:
    """Check who asks and where to answer; answer later, with what is so then."""
    shortcode = requests.shortcode(body, "PartyA", box.settings.shortcodes)
    requests.one_of(body, "IdentifierType", "1", "2", "4")
    requests.text(body, "Remarks", least=2, most=100)
    refuse_words = box.behaviour.refuse_words
    question = box.new_payment(
        kind,
        msisdn,
        0,
        shortcode,
        timeout_url=requests.url(body, "QueueTimeOutURL", refuse_words=refuse_words),
        result_url=requests.url(body, "ResultURL", refuse_words=refuse_words),
    )
    wrong = initiator.refused(box, body, "Initiator")
    planned = box.planned(kind, msisdn) if wrong is None else wrong

    async def tell() -> None:
        code, parameters, reference = answer()
        if planned is not None and str(planned) != "0":
            code, parameters = planned, None
        told = result(code, question, parameters, reference=reference)
        box.record(callbacks=box.callbacks(kind, msisdn, question.result_url, told))

    box.agenda.after(box.work_s(kind, msisdn), tell)
    return accepted(question)


def _status_parameters(box: Sandbox, about: Payment) -> Parameters:
    """What is known of a transaction now. The original's ids are in here, not around it."""
    says = _status_of(about)
    fault = box.faults.take(("status",), "status", about.msisdn)
    if fault is not None:
        says = fault.fields["says"] or None
    org = f"{about.shortcode} - {box.settings.organisation}"
    phone = (
        f"{about.msisdn} - {box.phone(about.msisdn).name}" if about.msisdn else None
    )  # reversal of nothing
    debit, credit = (phone, org) if about.kind in ("stk", "c2b") else (org, phone)
    fee = f"Fee For B2C Payment|KES|{numbers.shillings(about.fee_cents)}" if about.fee_cents else None
    final = int(numbers.compact(numbers.parsed(about.finished_at))) if about.finished_at else None
    return [
        ("DebitPartyName", debit),
        ("CreditPartyName", credit),
        ("OriginatorConversationID", about.originator_id),
        ("InitiatedTime", int(numbers.compact(numbers.parsed(about.created_at)))),
        ("DebitAccountType", "MMF Account For Customer" if debit == phone else "Utility Account"),
        ("DebitPartyCharges", fee),
        ("TransactionReason", None),
        ("ReasonType", REASONS.get(about.kind, "Pay Bill Online")),
        ("TransactionStatus", says),
        ("FinalisedTime", final),
        ("Amount", float(numbers.shillings(about.cents))),
        ("ConversationID", about.conversation_id),
        ("ReceiptNo", about.receipt),
    ]


def _status_of(about: Payment) -> str | None:
    if about.state != DONE:
        return "Authorized"
    if about.code == "Expired":
        return "Expired"
    if str(about.code) == "1032":
        return "Cancelled"
    return "Completed" if about.succeeded else "Declined"


def _balance(name: str, cents: int) -> str:
    held = numbers.shillings(cents)
    return f"{name}|KES|{held}|{held}|0.00|0.00"
