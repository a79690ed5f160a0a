"""Pull transactions: what was paid to the paybill, asked for afterwards. At most 48 hours back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.clock import NAIROBI
from services.sandbox import numbers, requests
from services.sandbox.core import Sandbox
from services.sandbox.records import Payment
from services.sandbox.refusals import bad_field

Body = dict[str, Any]

WINDOW = timedelta(hours=48)
PAGE = 100
GOOD, NOTHING_NEW = "1000", "1001"


def register(box: Sandbox, body: Body) -> Body:
    """POST /pulltransactions/v1/register: once for a shortcode; again says 1001."""
    shortcode = requests.shortcode(body, "ShortCode", box.settings.shortcodes)
    requests.one_of(body, "RequestType", "Pull")
    requests.text(body, "NominatedNumber")
    requests.url(body, "CallBackURL", refuse_words=box.behaviour.refuse_words)
    known = shortcode in box.world.pulling
    if not known:
        box.record(pulling=[shortcode])
    words = "already registered" if known else "registered successfully"
    return {
        "ResponseRefID": _reference(box),
        "ResponseStatus": NOTHING_NEW if known else GOOD,
        "ShortCode": shortcode,
        "ResponseDescription": f"Short Code {shortcode} is {words}",
    }


def query(box: Sandbox, body: Body) -> Body:
    """POST /pulltransactions/v1/query. OffSetValue counts rows, not pages."""
    shortcode = requests.shortcode(body, "ShortCode", box.settings.shortcodes)
    if shortcode not in box.world.pulling:
        raise bad_field("ShortCode")
    since = max(_moment(body, "StartDate"), box.now() - WINDOW)
    until = _moment(body, "EndDate")
    offset = requests.text(body, "OffSetValue")
    if not (offset.isascii() and offset.isdecimal()):
        raise bad_field("OffSetValue")
    paid = [
        _item(box, payment)
        for payment in box.world.payments.values()
        if payment.kind in ("stk", "c2b")
        and payment.shortcode == shortcode
        and payment.succeeded
        and since <= numbers.parsed(payment.finished_at) <= until
    ]
    page = paid[int(offset) : int(offset) + PAGE]
    return {
        "ResponseRefID": _reference(box),
        "ResponseCode": GOOD if page else NOTHING_NEW,
        "ResponseMessage": "Success" if page else "No transactions",
        "Response": [page],  # a list in a list, as captured
    }


def _item(box: Sandbox, payment: Payment) -> Body:
    return {
        "transactionId": payment.receipt,
        "trxDate": f"{numbers.parsed(payment.finished_at):%Y-%m-%dT%H:%M:%SZ}",
        "msisdn": int(payment.msisdn[3:]),
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": payment.reference,
        "amount": numbers.shillings(payment.cents),
        "organizationname": box.settings.organisation,
    }


def _moment(body: Body, name: str) -> datetime:
    try:
        local = datetime.strptime(requests.text(body, name), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise bad_field(name) from None
    return local.replace(tzinfo=NAIROBI).astimezone(UTC)


def _reference(box: Sandbox) -> str:
    return numbers.request_id(box.world.next("request"), box.settings.seed)
