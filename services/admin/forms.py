"""What a form sent, as an operation's path and body.

Fields of a form are named as the body's; with a prefix they say more:

    path.loan_id       of the operation's path
    kes.amount_cents   typed in shillings, `1,500` or `1,500.50`
    many.scopes        each that is ticked
    to.status          a field of the field `to`; with kes. and many. too: kes.to.owed_min_cents
    text.words.en      kept even when it is empty
    file.main.yaml     a file of `sources`, kept as it was typed; its name holds dots
    int.value          a whole number
    bool.value         true or false
    null.int.value     none when it is empty; null.kes. too
    hours.value.from   a time of day; none of `value` when neither of its times is there
    _csrf, _key, _back  the form's own
"""

import re
from collections.abc import Callable, Mapping
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
        texts = [text for text in sent.getall(name) if isinstance(text, str)]
        kind, _, rest = name.partition(".")
        if not texts:
            raise INVALID.of("A form of this page sends no files.")
        if kind == "path":
            path[rest] = _in_path(operation, rest, texts[-1].strip())
        elif kind == "file":
            _dict(body, "sources")[rest] = as_file(texts[-1])
        elif kind == "many":
            _put(body, rest, [text.strip() for text in texts])
        else:
            _one(body, name, texts[-1].strip())
    return path, body


def as_file(typed: str) -> str:
    """A text area's text with the ends of lines that files have: a browser sends CR LF."""
    return typed.replace("\r\n", "\n")


def _one(body: dict[str, Any], name: str, text: str) -> None:
    """Put a field that says one thing."""
    kind, _, rest = name.partition(".")
    if kind in _TYPED:
        if text:
            _put(body, rest, _TYPED[kind](rest, text))
    elif kind == "null":
        inner, _, named = rest.partition(".")
        _put(body, named, _TYPED.get(inner, _text)(named, text) if text else None)
    elif kind == "hours":
        if text:
            _put(body, rest, text)
        else:
            body.setdefault(rest.rpartition(".")[0], None)
    elif text or kind == "text":
        _put(body, rest if kind == "text" else name, text)


def cents(name: str, typed: str) -> int:
    """An amount typed in shillings. Raises INVALID."""
    if not _KES.fullmatch(typed) or len(typed) > 20:
        raise INVALID.of(
            f"{typed[:20]!r} is not an amount of shillings such as 1,500 or 1,500.50.",
            [{"where": f"body.{name}", "what": "is not an amount"}],
        )
    return int(Decimal(typed.replace(",", "")) * 100)


def _whole(name: str, typed: str) -> int:
    bare = typed.replace(",", "")
    if not re.fullmatch(r"-?[0-9]{1,18}", bare):
        raise INVALID.of(
            f"{typed[:20]!r} is not a whole number.", [{"where": f"body.{name}", "what": "is no number"}]
        )
    return int(bare)


def _flag(name: str, typed: str) -> bool:
    if typed not in ("true", "false"):
        raise INVALID.of(
            f"{typed[:20]!r} is neither true nor false.", [{"where": f"body.{name}", "what": "is not right"}]
        )
    return typed == "true"


def _text(name: str, typed: str) -> str:  # noqa: ARG001
    return typed


_TYPED: Mapping[str, Callable[[str, str], Any]] = {"kes": cents, "int": _whole, "bool": _flag}


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    for part in outer:
        body = _dict(body, part)
    body[last] = value


def _dict(body: dict[str, Any], name: str) -> dict[str, Any]:
    """What is in there under that name, made a place for more."""
    held = body.get(name)
    if not isinstance(held, dict):
        held = body[name] = {}
    return held


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
