"""How an answer is written, from the templates of a map.

A template is a text with names in braces, or a JSON tree of such texts. Names: `text` (what the phone
shows), `session_id`, `msisdn`, `service_code`, `network`, and `request.NAME` for a field as the
gateway sent it. `{{` and `}}` are braces.
"""

import re
import string
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from ussd_engine.errors import SettingsError
from ussd_engine.gateways.map import TURN_NAMES, Say
from ussd_engine.gateways.source import Plain
from ussd_engine.turn import Turn

REQUEST = "request."
_JSON_VALUE = re.compile("true|false|null|-?(0|[1-9][0-9]*)")

Writer = Callable[[str, Turn | None], Any]


class HttpAnswer(NamedTuple):
    """An answer for the gateway, ready to be sent."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]


class Template:
    """One way to answer, compiled: `body(text, turn)` is what to send."""

    def __init__(self, say: Say, owner: str) -> None:
        self._owner = owner
        self.echoes: list[str] = []
        self.headers = say.headers
        self.around = None if say.text is None else _around(say.text)  # what stands before and behind {text}
        if say.text is not None:
            self.body = _as_bytes(say.text, self._text(say.text))
        else:
            write = self._tree(say.tree)
            self.body = lambda text, turn: orjson.dumps(write(text, turn))

    def _tree(self, node: Any) -> Writer:
        if isinstance(node, dict):
            fields = [(name, self._tree(held)) for name, held in node.items()]
            return lambda text, turn: {name: write(text, turn) for name, write in fields}
        if isinstance(node, list):
            items = [self._tree(held) for held in node]
            return lambda text, turn: [write(text, turn) for write in items]
        if isinstance(node, Plain) and _JSON_VALUE.fullmatch(node):
            value = orjson.loads(str(node))
            return lambda _text, _turn: value
        return self._text(str(node))

    def _text(self, template: str) -> Writer:
        parts: list[Writer] = []
        try:
            parsed = list(string.Formatter().parse(template))
        except ValueError as error:
            raise SettingsError(f"gateway {self._owner}: answer {template!r}: {error}") from None
        for literal, name, form, conversion in parsed:
            if literal:
                parts.append(_literal(literal))
            if form or conversion:
                raise SettingsError(f"gateway {self._owner}: answer {template!r}: names take no format")
            if name is not None:
                parts.append(self._named(name, template))
        if len(parts) == 1:
            return parts[0]
        return lambda text, turn: "".join([write(text, turn) for write in parts])

    def _named(self, name: str, template: str) -> Writer:
        if name == "text":
            return lambda text, _turn: text
        if name in TURN_NAMES:
            return lambda _text, turn: "" if turn is None else getattr(turn, name)
        if name.startswith(REQUEST):
            return self._echoed(name.removeprefix(REQUEST))
        known = ", ".join(("text", *TURN_NAMES, f"{REQUEST}NAME"))
        raise SettingsError(
            f"gateway {self._owner}: answer {template!r}: no name {{{name}}}; there are {known}"
        )

    def _echoed(self, name: str) -> Writer:
        if name not in self.echoes:
            self.echoes.append(name)
        return lambda _text, turn: "" if turn is None else dict(turn.echo).get(name, "")


def _literal(text: str) -> Writer:
    return lambda _text, _turn: text


def _around(template: str) -> tuple[str, str] | None:
    """What stands before and behind the screen in `CON {text}`; None when there is more to fill in."""
    head, found, tail = template.partition("{text}")
    return (head, tail) if found and not any(brace in head + tail for brace in "{}") else None


def _as_bytes(template: str, write: Writer) -> Callable[[str, Turn | None], bytes]:
    """The quick way for `CON {text}`, which is what most gateways want; the general one otherwise."""
    around = _around(template)
    if around is not None:
        head, tail = around
        return lambda text, _turn: f"{head}{text}{tail}".encode()

    def encoded(text: str, turn: Turn | None) -> bytes:
        written: str = write(text, turn)
        return written.encode()

    return encoded
