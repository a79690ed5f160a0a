"""Phone numbers as one spelling: E.164 digits without the plus."""

import re
from functools import lru_cache

import phonenumbers

from ussd_engine.errors import GatewayError

MAX_LENGTH = 32
# How many numbers outside the plain form are remembered; parsing one costs about 50 µs.
REMEMBERED = 65_536

# A part of a pattern that is a digit, or one of some, so many times.
_PART = re.compile(r"([0-9]|\\d|\[(?:[0-9](?:-[0-9])?)+\])(?:\{([0-9]{1,2})\})?")


def places_of(pattern: str) -> list[str] | None:
    """The digits that each place of a number may have, when a pattern says that and no more: digits, `\\d`
    and `[17]` or `[0-9]`, with `{8}` behind them. None for any other pattern."""
    places: list[str] = []
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            return None
        allowed = re.compile(part[1])
        places += ["".join(filter(allowed.fullmatch, "0123456789"))] * int(part[2] or 1)
        at = part.end()
    return places


@lru_cache(maxsize=REMEMBERED)
def msisdn_of(raw: str, country: str) -> str | None:
    """The MSISDN that `raw` is when dialled in `country`, or None."""
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


def require_msisdn(raw: str, country: str, field: str) -> str:
    """The MSISDN, or a GatewayError that names the field and not the number."""
    msisdn = msisdn_of(raw, country) if len(raw) <= MAX_LENGTH else None
    if msisdn is None:
        raise GatewayError(f"{field} is not a phone number", reason="phone_number")
    return msisdn
