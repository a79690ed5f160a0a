"""Phone numbers as one spelling: E.164 digits without the plus."""

from functools import lru_cache

import phonenumbers

from ussd_engine.errors import GatewayError

MAX_LENGTH = 32
# How many numbers outside the plain form are remembered; parsing one costs about 50 µs.
REMEMBERED = 65_536


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
