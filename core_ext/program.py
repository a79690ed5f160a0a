"""The menu machine: a program of states, a dialog that walks it, and step(). Sans-I/O.

Rules for whoever edits this file

1. The same tables, dialog and input give the same result, always: no clock, no chance, no I/O.
2. States are data (states.py), what they show is apart (screens.py). A new kind of state is a new branch
   of `_walk` and of `step`, and of the oracle in the tests.
3. A secret lives in `Dialog.secrets` until the next screen is shown, and never in `dump()`.

Theory of operation

A `Program` is built once from compiled tables (see ussd_engine/menu/compile.py). A `Dialog` is where
one phone is: the state that waits for an answer, its variables, and the waiting states before it.

    begin(dialog) ──┐                  ┌── SHOW  a screen; the dialog waits for step()
    step(dialog, x) ┼─> walk states ───┼── END   a last screen; the dialog is over
    resume(dialog…) ┘                  └── NEED  an action; call it, then resume() with its outcome

`menu`, `ask` and `list` wait. `choose` and `do` are passed through, at most MAX_STATES in one go.
Whatever waits is pushed on `history` when it is left, and entering a state that is already there
cuts the history back to it: so history is a path without loops, and back is pop. An effect that went
well ("ok") clears it: back never crosses what has been done. Where there is no way back, variables
that nothing can read any more are forgotten. An answer that is refused re-shows its
state with a note above.

A fault in the tables or an expression raises `ProgramFault`; the caller says a plain sentence.
"""

from collections.abc import Callable
from typing import Any

import cython

from .answer import Refused
from .condition import Condition
from .dialog import END, NEED, SHOW, Dialog, ProgramFault, Result, result_of
from .names import Names
from .screens import Screens
from .states import ASK, CHOOSE, DO, LIST, MENU, STOP, Option, Parts, State
from .template import lookup

__all__ = ["OFFER", "Program", "ProgramFault"]

_SHOW = cython.declare(cython.int, SHOW)
_END = cython.declare(cython.int, END)
_MENU = cython.declare(cython.int, MENU)
_ASK = cython.declare(cython.int, ASK)
_LIST = cython.declare(cython.int, LIST)
_DO = cython.declare(cython.int, DO)
_CHOOSE = cython.declare(cython.int, CHOOSE)
_STOP = cython.declare(cython.int, STOP)
OFFER = "@resume"  # the built-in state that offers an unfinished dialog
MAX_STATES = 64
MAX_HISTORY = 32
_MOST_STATES = cython.declare(cython.int, MAX_STATES)
_MOST_HISTORY = cython.declare(cython.Py_ssize_t, MAX_HISTORY)


@cython.cclass
class Program:
    """A menu program, ready to walk. Immutable after it is built (but for its cache of screens)."""

    def __init__(
        self,
        tables: dict[str, Any],
        compile_expression: Callable[[str], Any],
        parse_phone: Callable[[str], str | None],
    ) -> None:
        """Build from compiled tables. compile_expression gives an object with `.names` (root variables)
        that is called with a scope. The tables are not kept: they are as large as nearly all the rest.
        Raises KeyError or ProgramFault for tables that are not whole."""
        self.subscriber = tables.get("subscriber") or {}  # what is known of one from the start
        self.service = tables["service"]
        self.languages = list(tables["languages"])
        self._start = tables["start"]
        self._home = tables.get("home") or tables["start"]
        self._back_key = tables["keys"]["back"]
        self._home_key = tables["keys"]["home"]
        self._more_key = tables["keys"]["more"]
        self._screens = Screens(tables)
        self._lists = {
            name: (declared["max"], frozenset(declared["of"]))
            for name, declared in tables.get("vars", {}).items()
            if declared["type"] == "list"
        }
        keys = {self._back_key, self._home_key, self._more_key}
        parts = Parts(keys, compile_expression, parse_phone)
        self._rows = [State(place, row, parts) for place, row in enumerate(tables["states"])]
        state: State
        self._names = Names({state.name: state for state in self._rows})
        places = {state.name: state.place for state in self._rows}
        self._home_place = places.get(self._home, -1)
        for state in self._rows:
            state.link(places)

    @property
    def states(self) -> list[str]:
        """The names of its states."""
        return [state.name for state in self._rows]

    # -- what drivers call ---------------------------------------------------------------------

    @cython.ccall
    def begin(self, dialog: Dialog) -> Result:
        """Start a dialog at the first state, in the subscriber's language."""
        wanted = dialog.subscriber.get("language")
        dialog.restore({"language": wanted if wanted in self.languages else self.languages[0]})
        return self._walk(dialog, self._state(self._start))

    @cython.ccall
    def step(self, dialog: Dialog, text: str) -> Result:
        """Feed one answer to the state that waits."""
        return self.answer(dialog, self.waiting(dialog), text)

    @cython.ccall
    def waiting(self, dialog: Dialog) -> State | None:
        """The state that waits; None: the offer does. Raises ProgramFault when there is no such state."""
        return None if dialog.state == OFFER else self._state(dialog.state)

    @cython.ccall
    def answer(self, dialog: Dialog, state: State | None, text: str) -> Result:
        """`step`, with the state that `waiting` gave."""
        key: str = text.strip()
        if state is None:
            return self._answer_offer(dialog, key)
        result = self._navigate(dialog, state, key)
        if result is not None:
            return result
        if state.kind in (_MENU, _LIST):
            return self._answer_menu(dialog, state, key)
        if state.kind == _ASK:
            return self._answer_ask(dialog, state, text)
        return self._show(dialog, state)

    @cython.ccall
    def resume(self, dialog: Dialog, outcome: str, value: object, subscriber: Any) -> Result:
        """Go on from the action a NEED asked for. subscriber: changes to the profile, or None."""
        state: State = self._state(dialog.doing)
        dialog.doing = ""
        if subscriber:
            dialog.subscriber.update(subscriber)
            language = subscriber.get("language")
            if language in self.languages:
                dialog.language = language
        route = state.outcomes.get(outcome)
        if route is None:
            return self.close(dialog, "late" if outcome == "late" else "fault")
        if state.save is not None and value is not None:
            dialog.vars[state.save] = self._bounded(state.save, value)
        if state.effect and outcome == "ok":
            dialog.history.clear()
        to, say = route
        if say is not None:  # else what an action before this one said stays for the next screen
            dialog.note = self._screens.render(say, dialog, None)
        return self._walk(dialog, self._state(to))

    @cython.ccall
    def show(self, dialog: Dialog) -> Result:
        """The screen of the state that waits, again."""
        if dialog.state == OFFER:
            return self._show_offer(dialog)
        return self._show(dialog, self._state(dialog.state))

    @cython.ccall
    def offer(self, dialog: Dialog) -> Result:
        """Ask whether to go on with an unfinished dialog or to begin again."""
        self._settle(dialog)
        if not self.unfinished(dialog):  # where it stepped back to may be a screen that only tells
            return self.begin(dialog)
        parked = dialog.dump()
        dialog.restore({"state": OFFER, "language": dialog.language, "parked": parked})
        return self._show_offer(dialog)

    @cython.ccall
    def go_on(self, dialog: Dialog) -> Result:
        """Show an unfinished dialog where it stopped; never straight into a PIN or a confirmation."""
        self._settle(dialog)
        if not dialog.state:
            return self.begin(dialog)
        return self._show(dialog, self._state(dialog.state))

    @cython.ccall
    def close(self, dialog: Dialog, message: str) -> Result:
        """End the dialog with one of the engine's sentences."""
        return Result(END, self.sentence(message, dialog.language))

    @cython.ccall
    def sentence(self, message: str, language: str) -> str:
        """One of the engine's sentences in a language of the program."""
        return self._screens.sentence(message, language)

    def guarded(self, dialog: Dialog) -> bool:
        """Whether the state that waits is a PIN or a confirmation."""
        return dialog.state != OFFER and self._state(dialog.state).guarded

    def unfinished(self, dialog: Dialog) -> bool:
        """Whether there is something to go on with: past the first screen, not over, and worth it."""
        if dialog.state == OFFER:
            return dialog.parked is not None
        state: State | None = self._names.find(dialog.state)
        return state is not None and state.kind <= _LIST and state.resume and len(dialog.history) > 0

    # -- walking -------------------------------------------------------------------------------

    @cython.cfunc
    def _state(self, name: str) -> State:
        state = self._names.find(name)
        if state is None:
            raise ProgramFault(f"no state named {name!r}")
        return state

    @cython.cfunc
    def _at(self, place: cython.int, name: str) -> State:
        """The state at a place that was found when the program was built. (States that held each other would
        outlive their program until they are collected.)"""
        return self._rows[place] if place >= 0 else self._state(name)

    @cython.cfunc
    def _leave(self, dialog: Dialog) -> None:
        dialog.history.append(dialog.state)
        if len(dialog.history) > _MOST_HISTORY:
            del dialog.history[0]

    @cython.cfunc
    def _walk(self, dialog: Dialog, state: State) -> Result:
        """Follow states from this one until one waits, ends, or needs an action."""
        for _ in range(_MOST_STATES):
            if dialog.trace is not None:
                dialog.trace.append((state.name, None))
            if state.kind == _CHOOSE:
                state = self._choose(dialog, state)
            elif state.kind == _LIST and not lookup((state.of,), dialog.vars, dialog.subscriber, None):
                state = self._state(state.empty)
            elif state.kind == _DO:
                dialog.doing = state.name
                result = Result(NEED, "")
                result.action = state.action
                result.effect = state.effect
                result.arguments = {argument: wanted.of(dialog) for argument, wanted in state.arguments}
                return result
            else:
                return self._arrive(dialog, state)
        raise ProgramFault(f"more than {MAX_STATES} states without a screen, at {state.name!r}")

    @cython.cfunc
    def _arrive(self, dialog: Dialog, state: State) -> Result:
        state.fetch()
        if state.place == self._home_place:
            dialog.history.clear()
        else:
            before: cython.Py_ssize_t = state.place_in(dialog.history)
            if before >= 0:
                del dialog.history[before:]
        dialog.state = state.name
        dialog.page = 0
        if not dialog.history and dialog.vars and state.keeps is not None:
            dialog.vars = {name: dialog.vars[name] for name in dialog.vars if name in state.keeps}
        return self._show(dialog, state)

    @cython.cfunc
    def _choose(self, dialog: Dialog, state: State) -> State:
        when: Condition | None
        for when, to, place in state.cases:
            if when is None or when.of(dialog) is True:
                return self._at(place, to)
        raise ProgramFault(f"no case of {state.name!r} holds")

    @cython.cfunc
    def _settle(self, dialog: Dialog) -> None:
        """Step back out of an offer, and from a PIN or a confirmation to the last state that is neither."""
        if dialog.state == OFFER:
            dialog.restore(dialog.parked)
        dialog.note = ""
        dialog.page = 0
        state: State | None = self._names.find(dialog.state)
        while state is not None and state.guarded:
            dialog.state = dialog.history.pop() if dialog.history else ""
            state = self._names.find(dialog.state)

    @cython.cfunc
    def _bounded(self, name: str, value: object) -> object:
        """A list cut to what was declared: so many items, these fields."""
        declared = self._lists.get(name)
        if declared is None or not isinstance(value, list):
            return value
        most, fields = declared
        return [{key: item[key] for key in item if key in fields} for item in value[:most]]

    # -- answers -------------------------------------------------------------------------------

    @cython.cfunc
    def _navigate(self, dialog: Dialog, state: State, key: str) -> Result | None:
        """The result of a navigation key, or None when the answer is not one here."""
        if key == self._more_key:
            if dialog.page + 1 < len(self._screens.pages(dialog, state)):
                dialog.page += 1
                return self._show(dialog, state)
        elif key == self._back_key:
            if dialog.page > 0:
                dialog.page -= 1
                return self._show(dialog, state)
            if state.back and dialog.history:
                dialog.note = ""
                return self._arrive(dialog, self._state(dialog.history.pop()))
        elif key == self._home_key and state.home and dialog.history:
            dialog.note = ""
            dialog.history.clear()
            return self._walk(dialog, self._at(self._home_place, self._home))
        return None

    @cython.cfunc
    def _answer_menu(self, dialog: Dialog, state: State, key: str) -> Result:
        if len(key) == 1 and dialog.trace is None:
            digit: cython.int = ord(key[0]) - 48
            place: cython.int = state.digits[digit] if 0 <= digit <= 9 else -1
            if place >= 0:
                dialog.note = ""
                self._leave(dialog)
                return self._walk(dialog, self._rows[place])
        chosen: object = None
        if state.keys is not None:
            chosen = state.keys.get(key)
        else:
            for row_key, row in self._screens.rows(dialog, state):
                if row_key == key and key:  # an item that is only shown has no key
                    chosen = row
                    break
        if chosen is None:
            return self._refuse(dialog, state, self._screens.message("invalid_choice", dialog, None))
        dialog.note = ""
        self._leave(dialog)
        if not isinstance(chosen, Option):
            if state.save is not None:
                dialog.vars[state.save] = chosen
            return self._walk(dialog, self._at(state.target, state.to))
        option: Option = chosen
        if dialog.trace is not None:
            dialog.trace.append((state.name, state.options.index(option)))
        if state.save is not None and state.kind == _MENU:
            dialog.vars[state.save] = option.value
        if option.language is not None:
            dialog.language = option.language
        return self._walk(dialog, self._at(option.target, option.to))

    @cython.cfunc
    def _answer_ask(self, dialog: Dialog, state: State, text: str) -> Result:
        try:
            value = state.reader.read(text)
        except Refused as refused:
            if state.invalid is not None:
                return self._refuse(dialog, state, self._screens.render(state.invalid, dialog, None))
            return self._refuse(dialog, state, self._screens.message(refused.message, dialog, refused.limit))
        when: Condition
        for number, when in enumerate(state.checks):
            if when.of(dialog, state.save, value) is True:
                return self._refuse(dialog, state, self._screens.render(state.says[number], dialog, None))
        if state.reader.kind == "pin":
            dialog.secrets[state.save] = value
        elif state.save is not None:
            dialog.vars[state.save] = value
        dialog.note = ""
        self._leave(dialog)
        return self._walk(dialog, self._at(state.target, state.to))

    @cython.cfunc
    def _refuse(self, dialog: Dialog, state: State, note: str) -> Result:
        dialog.note = note
        dialog.page = 0
        result = self._show(dialog, state)
        result.refused = True
        return result

    @cython.cfunc
    def _answer_offer(self, dialog: Dialog, key: str) -> Result:
        if key == "1":
            dialog.restore(dialog.parked)
            return self.go_on(dialog)
        if key == "2":
            return self.begin(dialog)
        if key == self._more_key and dialog.page + 1 < len(self._screens.offer_pages(dialog)):
            dialog.page += 1
            return self._show_offer(dialog)
        dialog.note = self._screens.message("invalid_choice", dialog, None)
        dialog.page = 0
        result = self._show_offer(dialog)
        result.refused = True
        return result

    # -- screens -------------------------------------------------------------------------------

    @cython.cfunc
    def _show(self, dialog: Dialog, state: State) -> Result:
        dialog.secrets.clear()
        whole = self._screens.whole(dialog, state)
        if whole is not None:
            dialog.page = 0
            return result_of(_END if state.kind == _STOP else _SHOW, whole, state.place)
        pages: list = self._screens.pages(dialog, state)  # type: ignore[type-arg]
        if dialog.page >= len(pages):
            dialog.page = 0
        over: cython.bint = state.kind == _STOP and dialog.page == len(pages) - 1
        return result_of(_END if over else _SHOW, pages[dialog.page], state.place)

    @cython.cfunc
    def _show_offer(self, dialog: Dialog) -> Result:
        pages = self._screens.offer_pages(dialog)
        if dialog.page >= len(pages):
            dialog.page = 0
        return result_of(_SHOW, pages[dialog.page], -1)
