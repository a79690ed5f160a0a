"""What M-Pesa's callbacks say, as typed values. Here, and nowhere behind it, their shapes are known.

They are read with patience: a code may be a number or text, a phone number may be a number, an entry may
lack its value or come twice. A body that still makes no sense is a ToldError.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from services.clock import NAIROBI

MOST_CENTS = 100_000_000_00  # above what M-Pesa's limits allow by far
MOST_FUNDS_CENTS = 10**15  # of one account: what we keep it in holds a thousand times as much
RECEIPT = re.compile(r"[A-Z0-9]{6,20}")
KENYA = "254"


class ToldError(Exception):
    """This callback makes no sense. The message says what is missing or wrong."""


@dataclass(slots=True, frozen=True)
class Prompted:
    """How an STK prompt ended. receipt, cents, msisdn and at are those of a success."""

    merchant_id: str
    checkout_id: str
    code: str
    receipt: str = ""
    cents: int = 0
    msisdn: str = ""
    at: datetime | None = None


@dataclass(slots=True, frozen=True)
class Told:
    """A result: of a payout, a status query, a balance query, a reversal."""

    code: str
    originator_id: str
    conversation_id: str
    transaction_id: str  # there on failures too: never take it for a receipt
    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A parameter as text; empty without one."""
        found = self.values.get(name)
        return "" if found is None else str(found).strip()


@dataclass(slots=True, frozen=True)
class Paid:
    """A payment to the paybill. payer is as it came: masked, a digest, or a number."""

    receipt: str
    cents: int
    account: str
    payer: str
    at: datetime


def document(body: bytes) -> Mapping[str, Any]:
    """The JSON object. Raises ToldError."""
    try:
        held = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ToldError("no JSON") from None
    return _mapping(held, "the body")


def prompted(held: Mapping[str, Any]) -> Prompted:
    """`{"Body": {"stkCallback": …}}`. Raises ToldError."""
    told = _mapping(_mapping(held.get("Body"), "Body").get("stkCallback"), "stkCallback")
    merchant, checkout, code = _text(told, "MerchantRequestID"), _text(told, "CheckoutRequestID"), _code(told)
    if code != "0":
        return Prompted(merchant, checkout, code)
    values = _values(told.get("CallbackMetadata"), "Item", "Name")
    return Prompted(
        merchant,
        checkout,
        code,
        receipt(values.get("MpesaReceiptNumber")),
        cents(values.get("Amount")),
        msisdn(values.get("PhoneNumber")),
        _stamp(values.get("TransactionDate")),
    )


def result(held: Mapping[str, Any]) -> Told:
    """`{"Result": …}`. Raises ToldError."""
    told = _mapping(held.get("Result"), "Result")
    return Told(
        _code(told),
        _text(told, "OriginatorConversationID"),
        _text(told, "ConversationID"),
        _text(told, "TransactionID"),
        _values(told.get("ResultParameters"), "ResultParameter", "Key"),
    )


def paid(held: Mapping[str, Any]) -> Paid:
    """A C2B confirmation or validation. Raises ToldError."""
    return Paid(
        receipt(held.get("TransID")),
        cents(held.get("TransAmount")),
        _plain(held.get("BillRefNumber")),
        _plain(held.get("MSISDN")),
        _stamp(held.get("TransTime")),
    )


def pulled(held: Mapping[str, Any]) -> Paid:
    """One row of pulled transactions. Raises ToldError."""
    try:
        at = datetime.fromisoformat(str(held.get("trxDate")))
    except ValueError:
        raise ToldError("trxDate") from None
    at = at if at.tzinfo else at.replace(tzinfo=NAIROBI)
    payer = msisdn(held.get("msisdn"))
    return Paid(
        receipt(held.get("transactionId")),
        cents(held.get("amount")),
        _plain(held.get("billreference")),
        payer,
        at,
    )


def receipt(found: Any) -> str:
    """M-Pesa's receipt. Raises ToldError for what is none."""
    text = _plain(found).upper()
    if not RECEIPT.fullmatch(text):
        raise ToldError("no receipt")
    return text


def cents(found: Any) -> int:
    """An amount of shillings, number or text, as cents. Raises ToldError for what is no amount: nan, inf,
    nothing, less than a cent, more than M-Pesa moves."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        raise ToldError("no amount")
    try:
        amount = Decimal(str(found).strip().replace(",", "")) * 100
    except InvalidOperation:
        raise ToldError("no amount") from None
    if not amount.is_finite() or amount != amount.to_integral_value() or not 0 < amount <= MOST_CENTS:
        raise ToldError("no amount that can be paid")
    return int(amount)


def msisdn(found: Any) -> str:
    """A Kenyan number as 2547…, from text or a number, however it is written; empty when it is none."""
    if isinstance(found, bool) or found is None:
        return ""
    if isinstance(found, float):
        found = int(found) if found.is_integer() else ""
    digits = re.sub(r"[\s\-().]", "", str(found)).removeprefix("+")
    if not digits.isascii() or not digits.isdecimal():
        return ""
    if len(digits) == 12 and digits.startswith(KENYA):
        return digits
    if len(digits) == 10 and digits.startswith("0"):
        return KENYA + digits[1:]
    if len(digits) == 9 and digits[0] in "17":
        return KENYA + digits
    return ""


def completed_at(text: str) -> datetime | None:
    """`06.07.2024 22:48:52` of a payout, or `20240706224852` of a status; None when it is neither."""
    for shape in ("%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S"):
        try:
            return datetime.strptime(text, shape).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
    return None


def funds(text: str) -> int | None:
    """What M-Pesa says is left, as cents; None when it is no amount: nothing depends on it alone."""
    try:
        cents = int(Decimal(text.strip()) * 100)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return cents if abs(cents) <= MOST_FUNDS_CENTS else None


def balances(text: str) -> dict[str, int]:
    """`Working Account|KES|700000.00|…&Utility Account|…`: cents that are available, by account."""
    found: dict[str, int] = {}
    for entry in text.split("&"):
        name, _, rest = entry.partition("|")
        _, _, rest = rest.partition("|")
        cents = funds(rest.partition("|")[0])
        if cents is not None:
            found[name.strip()] = cents
    return found


def _stamp(found: Any) -> datetime:
    at = completed_at(_plain(found))
    if at is None:
        raise ToldError("no time")
    return at


def _values(found: Any, items: str, name: str) -> dict[str, Any]:
    """The entries of a list by name; one alone may come without its list, a name may come twice."""
    if found is None:
        return {}
    entries = _mapping(found, items).get(items) or []
    entries = [entries] if isinstance(entries, Mapping) else entries
    if not isinstance(entries, list):
        raise ToldError(items)
    values: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, Mapping) and isinstance(entry.get(name), str) and entry.get("Value") is not None:
            values.setdefault(entry[name], entry["Value"])
    return values


def _code(told: Mapping[str, Any]) -> str:
    """A result code: a number or text, `0` or `SFC_IC0003`."""
    code = _plain(told.get("ResultCode"))
    if not code:
        raise ToldError("no ResultCode")
    return code


def _text(told: Mapping[str, Any], name: str) -> str:
    return _plain(told.get(name))[:100]


def _plain(found: Any) -> str:
    """Text, or a number as people write it: 254712345678 and not 254712345678.0."""
    if found is None or isinstance(found, bool | Mapping | list):
        return ""
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return str(found).strip().replace("\x00", "")


def _mapping(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise ToldError(f"no {what}")
    return found
