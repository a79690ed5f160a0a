"""One transaction as M-Pesa tells it, whichever way it tells it, and what kind of transaction it is."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Account = Literal["utility", "working", "charges"]
Kind = Literal["payment", "payout", "reversal", "charge", "own"]

ACCOUNTS: tuple[Account, ...] = ("utility", "working", "charges")

_CHARGE = re.compile(r"\b(charges?|fees?|tariff)\b", re.IGNORECASE)
_REVERSAL = re.compile(r"\brevers(al|ed)\b", re.IGNORECASE)
_PAYMENT = re.compile(r"pay ?bill|buy ?goods|merchant|customer (payment|pay)\b", re.IGNORECASE)
_PAYOUT = re.compile(r"\b(business|salary|promotion) payment\b|\bb2c\b|to customer\b", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class Line:
    """One line. cents: into the account above zero, out of it below. linked: the receipt it undoes.

    account_ref and payer are as they came: what the payer typed, and a masked number or a name.
    """

    receipt: str
    at: datetime
    cents: int
    kind: Kind
    account_ref: str = ""
    payer: str = ""
    linked: str = ""
    balance_cents: int | None = None


def kind_of(account: Account, reason: str, details: str, cents: int) -> Kind:
    """What a line of the statement is about: M-Pesa says it in words, which differ from year to year."""
    words = f"{reason} {details}"
    if cents < 0 and (account == "charges" or _CHARGE.search(words)):
        return "charge"
    if _REVERSAL.search(words):
        return "reversal"
    if cents > 0 and account == "working" and _PAYMENT.search(words):
        return "payment"
    if cents < 0 and account == "utility" and _PAYOUT.search(words):
        return "payout"
    return "own"
