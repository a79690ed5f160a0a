"""Reading what Daraja's clients send. Numbers may come as text and text as numbers; both are taken.

Each function takes the request's JSON object and a field's name, and raises the documented refusal.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from services.sandbox.refusals import NO_MERCHANT, RefusalError, bad_field

# [0-9], because \d is any script's digit.
MSISDN = re.compile(r"254[17][0-9]{8}")
WHOLE = re.compile(r"[0-9]{1,9}(?:\.0{1,2})?")
# Portal, C2B register URL: a URL must not contain these, in any case.
REFUSED_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")

Body = dict[str, Any]


def text(body: Body, name: str, *, least: int = 1, most: int = 200) -> str:
    """A text of some length; a number is its digits."""
    given = body.get(name, "")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise bad_field(name)
    said = str(given)
    if not least <= len(said) <= most:
        raise bad_field(name)
    return said


def one_of(body: Body, name: str, *allowed: str) -> str:
    """One of some words."""
    said = text(body, name)
    if said not in allowed:
        raise bad_field(name)
    return said


def shillings(body: Body, name: str = "Amount") -> int:
    """A whole number of shillings, in cents. NaN, infinity, signs and exponents are none."""
    given = body.get(name)
    if isinstance(given, bool) or not WHOLE.fullmatch(str(given)):
        raise bad_field(name)
    return int(str(given).partition(".")[0]) * 100


def msisdn(body: Body, name: str) -> str:
    """A Kenyan mobile number, 2547… or 2541…, without plus."""
    said = text(body, name)
    if not MSISDN.fullmatch(said):
        raise bad_field(name)
    return said


def url(body: Body, name: str, *, refuse_words: bool) -> str:
    """Where to call back."""
    said = text(body, name, most=500)
    try:
        parts = urlsplit(said)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or (refuse_words and any(word in said.lower() for word in REFUSED_WORDS)):
        raise bad_field(name)
    return said


def shortcode(body: Body, name: str, known: tuple[str, ...]) -> str:
    """One of the organisation's shortcodes."""
    said = text(body, name)
    if not re.fullmatch("[0-9]{5,7}", said):
        raise bad_field(name)
    if said not in known:
        raise RefusalError(NO_MERCHANT)
    return said
