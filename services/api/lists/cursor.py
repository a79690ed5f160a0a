"""Cursors: the place of a row in a list, so that a page can go on after it.

The place is the row's own keys, so rows that come or go meanwhile move nothing. A cursor is signed for its
list, its sort and its filters: under others it is refused, and so is one that somebody made up.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b

import orjson

from services.api.lists.listing import Key, Value
from services.api.problems import INVALID, Problem

_SIGNED = 12  # bytes of the signature


def write(values: Sequence[Value], about: bytes, secret: bytes) -> str:
    """The cursor of the row with these keys. about: the list, its sort and its filters."""
    held = orjson.dumps([_out(value) for value in values])
    return base64.urlsafe_b64encode(_signature(held, about, secret) + held).rstrip(b"=").decode()


def read(text: str, keys: Sequence[Key], about: bytes, secret: bytes) -> list[Value]:
    """The keys of the row it stands for. Raises INVALID."""
    try:
        given = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _unfit() from None
    signature, held = given[:_SIGNED], given[_SIGNED:]
    if not hmac.compare_digest(signature, _signature(held, about, secret)):
        raise _unfit()
    return [_in(key.kind, value) for key, value in zip(keys, orjson.loads(held), strict=True)]


def _signature(held: bytes, about: bytes, secret: bytes) -> bytes:
    return blake2b(
        about + b"\x00" + held, digest_size=_SIGNED, key=secret[:64], person=b"list-cursor"
    ).digest()


def _out(value: Value) -> int | str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _in(kind: type, value: int | str | None) -> Value:
    if not isinstance(value, str) or kind is str:
        return value
    return datetime.fromisoformat(value) if kind is datetime else date.fromisoformat(value)


def _unfit() -> Problem:
    what = "is no cursor of this list with these filters and this sort; begin again without it"
    return INVALID.of(f"query.cursor: {what}.", [{"where": "query.cursor", "what": what}])
