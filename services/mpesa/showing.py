"""A callback for people's eyes: its shape and its amounts, without whose it is."""

from collections.abc import Mapping
from typing import Any

import orjson

from ussd_engine.observe.logs import mask

# What says who somebody is, in any of M-Pesa's shapes. A parameter is named beside its value.
NAMES = (
    "firstname",
    "middlename",
    "lastname",
    "receiverpartypublicname",
    "debitpartyname",
    "creditpartyname",
)
NUMBERS = ("msisdn", "phonenumber", "billrefnumber", "initiator")
HIDDEN = "[hidden]"


def masked(body: bytes) -> Any:
    """The JSON of a callback with names hidden and numbers masked; a sentence when it is no JSON."""
    try:
        return _clean(orjson.loads(body), "")
    except orjson.JSONDecodeError:
        return f"{len(body)} bytes that are no JSON"


def _clean(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        said = str(value.get("Name") or value.get("Key") or "")
        return {
            key: _clean(held, said if said and key == "Value" else str(key)) for key, held in value.items()
        }
    if isinstance(value, list):
        return [_clean(each, name) for each in value]
    known = name.replace("_", "").lower()
    if known in NAMES:
        return HIDDEN
    text = str(value)
    long = text.isdigit() and 9 <= len(text) <= 15
    if known in NUMBERS or (long and known not in ("transactiondate", "transtime", "b2ctransactiondate")):
        return mask(text) if long else HIDDEN
    return value
