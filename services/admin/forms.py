"""What a form sent, as an operation's path and body.

Fields of a form are named as the body's; with a prefix they say more:

    path.loan_id       of the operation's path
    kes.amount_cents   typed in shillings, `1,500` or `1,500.50`
    many.scopes        each that is ticked
    to.status          a field of the field `to`; with kes. and many. too: kes.to.owed_min_cents
    text.words.en      kept even when it is empty
    _csrf, _key, _back  the form's own
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from multidict import MultiMapping

from services.api.operation import Operation
from services.api.problems import INVALID

_KES = re.compile(r"[0-9]{1,3}(,?[0-9]{3})*(\.[0-9]{1,2})?")


def read(operation: Operation, sent: MultiMapping[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(path, body) of an operation from a form. Raises INVALID."""
    path: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for name in dict.fromkeys(sent):
        if name.startswith("_"):
            continue
        texts = [text.strip() for text in sent.getall(name) if isinstance(text, str)]
        kind, _, rest = name.partition(".")
        if kind == "path":
            path[rest] = _in_path(operation, rest, texts[-1])
        elif kind == "many":
            _put(body, rest, texts)
        elif kind == "kes":
            if texts[-1]:
                _put(body, rest, cents(rest, texts[-1]))
        elif texts[-1] or kind == "text":
            _put(body, rest if kind == "text" else name, texts[-1])
    return path, body


def cents(name: str, typed: str) -> int:
    """An amount typed in shillings. Raises INVALID."""
    if not _KES.fullmatch(typed) or len(typed) > 20:
        raise INVALID.of(
            f"{typed[:20]!r} is not an amount of shillings such as 1,500 or 1,500.50.",
            [{"where": f"body.{name}", "what": "is not an amount"}],
        )
    return int(Decimal(typed.replace(",", "")) * 100)


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    for part in outer:
        body = body.setdefault(part, {})
    body[last] = value


def _in_path(operation: Operation, name: str, text: str) -> Any:
    wanted = operation.path_types.get(name, str)
    if wanted is int:
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise INVALID.of("This page's address is not right.")
        return int(text)
    return text


def query(operation: Operation, sent: Mapping[str, str]) -> dict[str, str]:
    """A filter form's fields as the operation's query: what is empty is left out, shillings become cents."""
    found: dict[str, str] = {}
    for name, text in sent.items():
        typed = text.strip()
        if typed and name.startswith("kes."):
            found[name.removeprefix("kes.")] = str(cents(name, typed))
        elif typed and operation.query is not None and name in operation.query.model_fields:
            found[name] = typed
    return found
