"""Short ways to write a program's compiled tables and to walk it in a test."""

from typing import Any

from tests.core_ext.builds import Core
from tests.core_ext.machines import LABELS, LANGUAGES, MESSAGES, Expression, parse_phone


def text(words: str) -> dict[str, Any]:
    """The same words in both languages, Swahili in capitals; `{name}` and `{limit.max|money}` are slots."""
    pieces: list[Any] = []
    for part in words.replace("}", "{").split("{"):
        literal = len(pieces) % 2 == 0
        path, _, shown = part.partition("|")
        pieces.append(part if literal else [path.split("."), shown])
    return {"en": pieces, "sw": [piece.upper() if isinstance(piece, str) else piece for piece in pieces]}


def option(label: str, to: str, **more: Any) -> dict[str, Any]:
    return {
        "label": text(label),
        "to": to,
        "value": None,
        "key": None,
        "when": None,
        "language": None,
        **more,
    }


def menu(name: str, *options: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"name": name, "kind": "menu", "text": text(name), "options": list(options), "save": None}
    return {**row, "nav": "both", "back": True, "guarded": False, **more}


def ask(name: str, kind: str, save: str, to: str, **more: Any) -> dict[str, Any]:
    row = {"name": name, "kind": "ask", "text": text(f"{name}?"), "as": kind, "save": save, "to": to}
    bounds = dict.fromkeys(["min_length", "max_length", "min_value", "max_value", "invalid"])
    return {**row, **bounds, "check": [], "nav": "both", "back": True, "guarded": kind == "pin", **more}


def do(name: str, **more: Any) -> dict[str, Any]:
    """on: outcome=state, or outcome=(state, words to say)."""
    routes = more.pop("on")
    on = {
        outcome: [route, None] if isinstance(route, str) else [route[0], text(route[1])]
        for outcome, route in routes.items()
    }
    return {"name": name, "kind": "do", "action": f"act.{name}", "with": {}, "save": None, "effect": False,
            "on": on, **more}  # fmt: skip


def choose(name: str, *cases: tuple[str | None, str]) -> dict[str, Any]:
    return {"name": name, "kind": "choose", "cases": [list(case) for case in cases]}


def list_(name: str, empty: str, to: str | None, *options: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"name": name, "kind": "list", "text": text(name), "of": "items", "item": text("{item.ref}")}
    nav = {"nav": "both", "back": True, "guarded": False, "save": None}
    return {**row, **nav, "empty": empty, "to": to, "options": list(options), **more}


def end(name: str, words: str = "") -> dict[str, Any]:
    return {"name": name, "kind": "end", "text": text(words or name)}


def tables(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    messages = {name: text(name) for name in MESSAGES}
    messages |= {name: {"en": [words[0]], "sw": [words[1]]} for name, words in LABELS.items()}
    messages["too_large"] = text("At most {limit|money}.")
    return {
        "service": "test", "codes": [], "languages": LANGUAGES, "start": rows[0]["name"], "home": None,
        "timeout_s": 180, "resume": "ask", "resume_for_s": 600, "screen": 160,
        "keys": {"back": "0", "home": "00", "more": "98"}, "messages": messages, "states": list(rows),
        "vars": {"items": {"type": "list", "max": 3, "of": {"ref": {"type": "text", "max": 8}}}}, **more,
    }  # fmt: skip


DONE = end("done")
THREE = (  # three menus in a row, with ways back
    menu("one", option("go", "two"), option("ask", "two")),
    menu("two", option("go", "three"), option("again", "two"), option("first", "one")),
    menu("three", option("up", "two"), option("end", "done")),
    DONE,
)


class Walk:
    """One phone on one program. Methods return the screen; `result` is what came back."""

    def __init__(self, core: Core, *rows: dict[str, Any], **more: Any) -> None:
        self.module = core.program
        self.dialogs = core.dialog
        subscriber = more.pop("subscriber", {})
        screen = more.pop("phone_screen", 0)
        self.program = self.module.Program(tables(*rows, **more), Expression, parse_phone)
        self.dialog = self.dialogs.Dialog(None, subscriber, screen)
        self.result = self.program.begin(self.dialog)

    def press(self, *inputs: str) -> str:
        """Type these, one after the other; the last screen."""
        for typed in inputs:
            self.result = self.program.step(self.dialog, typed)
        return str(self.result.text)

    def came(self, outcome: str, value: Any = None, subscriber: Any = None) -> str:
        """The action that was asked for has come back."""
        self.result = self.program.resume(self.dialog, outcome, value, subscriber)
        return str(self.result.text)

    def drop(self) -> None:
        """The call drops; what is kept is loaded for another."""
        self.dialog = self.dialogs.Dialog(self.dialog.dump(), self.dialog.subscriber, self.dialog.screen)

    @property
    def screen(self) -> str:
        return str(self.result.text)

    @property
    def ended(self) -> bool:
        return bool(self.result.kind == self.dialogs.END)

    @property
    def waits(self) -> bool:
        return bool(self.result.kind == self.dialogs.SHOW)

    @property
    def needs(self) -> bool:
        return bool(self.result.kind == self.dialogs.NEED)
