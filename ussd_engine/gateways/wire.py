"""Request bytes to named texts, strictly: a form, a query string, or JSON.

A form is read by the letter: pairs joined by `&`, each with `=`, no name twice, percent-escapes that
are two hex digits, UTF-8, no control characters in what is read. Anything else is a GatewayError, never
a guess: two readings of one request are how the wrong person is charged. Emoji and other scripts are
legal input; line ends are too in a field nobody reads (a notice's copy of the last screen has them).

This is on the path of every turn. The quick way undoes the escapes of the whole form at once, by a
table; that is the same as undoing them in each part, because the table has no `&`, `=`, `%` or control
character to move a border or to hide. A form with any other escape is read part by part.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

import orjson

from core_ext import COMPILED
from core_ext.form import plain_form
from ussd_engine.errors import GatewayError

MAX_FIELDS = 64

_HEX = "0123456789abcdefABCDEF"
_BYTES = {(high + low).encode(): bytes([int(high + low, 16)]) for high in _HEX for low in _HEX}
_QUICK = {
    code.decode(): byte.decode()
    for code, byte in _BYTES.items()
    if 0x20 <= byte[0] < 0x7F and byte not in (b"&", b"=", b"%")
}
_CONTROL_BYTES = bytes([*range(0x20), 0x7F])
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def parse_form(data: bytes, wanted: Container[str] | None = None) -> dict[str, str]:
    """The fields of a urlencoded form or query string. Raises GatewayError for anything malformed.

    wanted: the fields that are read; escaped control characters in others do no harm. None: all.
    """
    if not data:
        return {}
    if COMPILED:  # interpreted it would be the slower way
        plain_fields: dict[str, str] | None = plain_form(data, MAX_FIELDS)
        if plain_fields is not None:
            return plain_fields
    return parse_by_the_letter(data, wanted)


def parse_by_the_letter(data: bytes, wanted: Container[str] | None = None) -> dict[str, str]:
    """What parse_form does for a form that is not plain ASCII without a fault."""
    try:
        form = data.decode()
    except UnicodeDecodeError:
        raise GatewayError("the form is not UTF-8", reason="encoding") from None
    if not data.isascii() or len(data.translate(None, _CONTROL_BYTES)) != len(data):
        refuse_control(form)
    if "+" in form:
        form = form.replace("+", " ")
    try:
        plain = _undo_quickly(form) if "%" in form else form
        pairs = [pair.split("=", 1) for pair in plain.split("&")]
    except KeyError:
        pairs = [[_unescape(half) for half in pair.split("=", 1)] for pair in form.split("&")]
        for name, *value in pairs:
            if wanted is None or name in wanted:
                refuse_control(name + "".join(value))
    if len(pairs) > MAX_FIELDS:
        raise GatewayError(f"the form has more than {MAX_FIELDS} fields", reason="malformed")
    try:
        fields: dict[str, str] = dict(pairs)
    except ValueError:
        raise GatewayError("the form has a part without =", reason="malformed") from None
    if len(fields) != len(pairs):
        raise GatewayError("the form has a field twice", reason="duplicate_field")
    return fields


def parse_json(data: bytes, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The texts at `names` (field → path into the tree). Numbers and booleans become text."""
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise GatewayError("the body is not JSON", reason="malformed") from None
    if not isinstance(tree, dict):
        raise GatewayError("the body is not a JSON object", reason="malformed")
    fields: dict[str, str] = {}
    for name, path in names.items():
        held: Any = tree
        for step in path:
            held = held.get(step) if isinstance(held, dict) else None
        if held is not None:
            fields[name] = _text_of(name, held)
    return fields


def refuse_control(text: str) -> None:
    """Raise GatewayError when `text` holds a control character."""
    if _CONTROL.search(text):
        raise GatewayError("the request holds a control character", reason="control_character")


def _text_of(name: str, held: Any) -> str:
    if isinstance(held, str):
        if not held.isprintable():
            refuse_control(held)
        return held
    if isinstance(held, bool):
        return "true" if held else "false"
    if isinstance(held, int):
        return str(held)
    raise GatewayError(f"{name} must be text", reason="wrong_type")


def _undo_quickly(form: str) -> str:
    """Undo the escapes of a whole form. Raises KeyError for one that is not in the table."""
    # The three that gateways send most, each in one pass of C. No new escape can come of them.
    form = form.replace("%2A", "*").replace("%23", "#").replace("%2B", "+")
    if "%" not in form:
        return form
    head, *parts = form.split("%")
    return head + "".join([_QUICK[part[:2]] + part[2:] for part in parts])


def _unescape(text: str) -> str:
    head, *parts = text.encode().split(b"%")
    try:
        found = (head + b"".join([_BYTES[part[:2]] + part[2:] for part in parts])).decode()
    except KeyError:
        raise GatewayError("the form has a bad percent-escape", reason="percent_encoding") from None
    except UnicodeDecodeError:
        raise GatewayError("the form is not UTF-8", reason="encoding") from None
    return found
