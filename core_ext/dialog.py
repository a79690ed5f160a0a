"""Where one phone is in a program, and what a step came to.

Rule: what dump() gives is everything that is kept between turns, and holds no secret.
"""

from collections.abc import Mapping
from typing import Any

import cython

SHOW, END, NEED = 0, 1, 2  # kinds of Result


class ProgramFault(Exception):
    """The tables cannot go on from here: a missing state, a failed condition, a loop."""


@cython.cclass
class Result:
    """What a step came to. text: the screen, and place: of its state, -1 for one that is no state's.
    refused: the answer was not accepted. action, arguments and effect: what to call when kind is NEED."""

    def __init__(self, kind: int, text: str) -> None:
        self.kind = kind
        self.text = text
        self.place = -1
        self.refused = False
        self.action = ""
        self.arguments: dict = {}  # type: ignore[type-arg]
        self.effect = False


_NOTHING = cython.declare(dict, {})  # of a result that asks for nothing


@cython.ccall
def result_of(kind: cython.int, text: str, place: cython.int) -> Result:
    """`Result(kind, text)`, quicker, of the state at this place."""
    result: Result = Result.__new__(Result)
    result.kind = kind
    result.text = text
    result.place = place
    result.refused = False
    result.action = ""
    result.arguments = _NOTHING
    result.effect = False
    return result


@cython.cclass
class Dialog:
    """Where one phone is. dump() gives what is kept between turns; the rest lives for one turn."""

    def __init__(self, kept: Mapping[str, Any] | None, subscriber: dict[str, Any], screen: int) -> None:
        """kept: what dump() gave, or None for a new dialog. screen: septets of this phone's screen; 0
        means as the program says."""
        self.subscriber = subscriber
        self.screen = screen
        self.secrets: dict = {}  # type: ignore[type-arg]
        self.doing = ""
        self.trace: Any = None
        self.restore(dict(kept) if kept else {})

    @cython.ccall
    def anew(self, subscriber: dict, screen: cython.int) -> object:  # type: ignore[type-arg]
        """Become another phone's dialog, which `restore` or a program's `begin` is about to fill."""
        self.subscriber = subscriber
        self.screen = screen
        self.doing = ""
        self.trace = None
        return self.forget()

    @cython.ccall
    def forget(self) -> object:
        """Forget secrets."""
        if self.secrets:
            self.secrets = {}
        return None

    @cython.ccall
    def restore(self, kept: dict) -> object:  # type: ignore[type-arg]
        """Go back to what dump() gave."""
        self.state = kept.get("state", "")
        self.page = kept.get("page", 0)
        self.language = kept.get("language", "")
        self.vars = kept.get("vars") or {}
        self.history = kept.get("history") or []
        self.note = kept.get("note", "")
        self.parked: Any = kept.get("parked")
        return None

    @cython.ccall
    def dump(self) -> dict:  # type: ignore[type-arg]
        """What is kept between turns, JSON-able, without secrets."""
        kept: dict[str, Any] = {"state": self.state, "language": self.language}
        if self.vars:
            kept["vars"] = self.vars
        if self.history:
            kept["history"] = self.history
        if self.page:
            kept["page"] = self.page
        if self.note:
            kept["note"] = self.note
        if self.parked is not None:
            kept["parked"] = self.parked
        return kept
