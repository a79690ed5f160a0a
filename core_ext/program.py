"""The menu machine: a program of states, a dialog that walks it, and step(). Sans-I/O.

Rules for whoever edits this file

1. The same tables, dialog and input give the same result, always: no clock, no chance, no I/O.
2. States are data. A new kind of state is a new row in `_enter` and `_answer`, and in the oracle.
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
well ("ok") clears it: back never crosses what has been done. An answer that is refused re-shows its
state with a note above.

A fault in the tables or an expression raises `ProgramFault`; the caller says a plain sentence.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cython

from .answer import Reader, Refused
from .template import Template, lookup
from .text import paginate

SHOW, END, NEED = 0, 1, 2
OFFER = "@resume"  # the built-in state that offers an unfinished dialog
MAX_STATES = 64
MAX_HISTORY = 32

MENU, ASK, LIST, DO, CHOOSE, STOP = 0, 1, 2, 3, 4, 5
_KINDS = {"menu": MENU, "ask": ASK, "list": LIST, "do": DO, "choose": CHOOSE, "end": STOP}


class ProgramFault(Exception):
    """The tables cannot go on from here: a missing state, a failed condition, a loop."""


@cython.cclass
class Result:
    """What a step came to. text: the screen. refused: the answer was not accepted. action, arguments
    and effect: what to call when kind is NEED."""

    kind = cython.declare(cython.int, visibility="readonly")
    text = cython.declare(str, visibility="readonly")
    refused = cython.declare(cython.bint, visibility="readonly")
    action = cython.declare(str, visibility="readonly")
    arguments = cython.declare(dict, visibility="readonly")
    effect = cython.declare(cython.bint, visibility="readonly")

    def __init__(self, kind: int, text: str) -> None:
        self.kind = kind
        self.text = text
        self.refused = False
        self.action = ""
        self.arguments = {}
        self.effect = False


@cython.cclass
class Dialog:
    """Where one phone is. dump() gives what is kept between turns; the rest lives for one turn."""

    state = cython.declare(str, visibility="public")
    page = cython.declare(cython.int, visibility="public")
    language = cython.declare(str, visibility="public")
    vars = cython.declare(dict, visibility="public")
    history = cython.declare(list, visibility="public")
    note = cython.declare(str, visibility="public")
    parked = cython.declare(object, visibility="public")
    subscriber = cython.declare(dict, visibility="public")
    screen = cython.declare(cython.int, visibility="public")
    secrets = cython.declare(dict, visibility="public")
    doing = cython.declare(str, visibility="public")
    trace = cython.declare(object, visibility="public")  # a list collects (state, option row or None)

    def __init__(self, kept: Mapping[str, Any] | None, subscriber: dict[str, Any], screen: int) -> None:
        """kept: what dump() gave, or None for a new dialog. screen: septets of this phone's screen; 0
        means as the program says."""
        self.subscriber = subscriber
        self.screen = screen
        self.secrets = {}
        self.doing = ""
        self.trace = None
        self.restore(kept or {})

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go back to what dump() gave."""
        self.state = kept.get("state", "")
        self.page = kept.get("page", 0)
        self.language = kept.get("language", "")
        self.vars = kept.get("vars") or {}
        self.history = kept.get("history") or []
        self.note = kept.get("note", "")
        self.parked = kept.get("parked")

    def dump(self) -> dict[str, Any]:
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


@cython.cclass
class _Option:
    """A row of a menu: its label by language, and where it leads."""

    label = cython.declare(dict, visibility="readonly")
    value = cython.declare(object, visibility="readonly")
    to = cython.declare(object, visibility="readonly")
    key = cython.declare(object, visibility="readonly")
    when = cython.declare(object, visibility="readonly")
    language = cython.declare(object, visibility="readonly")


@cython.cclass
class _State:
    """One state. Which fields mean something depends on its kind."""

    kind = cython.declare(cython.int)
    name = cython.declare(str)
    text = cython.declare(dict)  # language → Template
    options = cython.declare(list)
    fixed_keys = cython.declare(object)
    save = cython.declare(object)
    to = cython.declare(object)
    back = cython.declare(cython.bint)
    home = cython.declare(cython.bint)
    guarded = cython.declare(cython.bint)
    reader = cython.declare(object)
    checks = cython.declare(list)
    invalid = cython.declare(object)
    action = cython.declare(str)
    arguments = cython.declare(list)
    outcomes = cython.declare(dict)
    effect = cython.declare(cython.bint)
    cases = cython.declare(list)
    of = cython.declare(str)
    item = cython.declare(dict)
    empty = cython.declare(str)
    constant = cython.declare(cython.bint)  # its screen depends on language, history and size only
    cache = cython.declare(dict)
    keys = cython.declare(dict)  # of a constant menu: key → option


@cython.cclass
class Program:
    """A menu program, ready to walk. Immutable after it is built (but for its cache of screens)."""

    service = cython.declare(str, visibility="readonly")
    languages = cython.declare(list, visibility="readonly")
    tables = cython.declare(dict, visibility="readonly")
    _states = cython.declare(dict)
    _messages = cython.declare(dict)
    _start = cython.declare(str)
    _home = cython.declare(str)
    _screen = cython.declare(cython.int)
    _back_key = cython.declare(str)
    _home_key = cython.declare(str)
    _more_key = cython.declare(str)
    _lists = cython.declare(dict)
    _compile = cython.declare(object)

    def __init__(
        self,
        tables: dict[str, Any],
        compile_expression: Callable[[str], Any],
        parse_phone: Callable[[str], str | None],
    ) -> None:
        """Build from compiled tables. compile_expression gives an object with `.names` (root variables)
        that is called with a scope. Raises KeyError or ProgramFault for tables that are not whole."""
        self.tables = tables
        self.service = tables["service"]
        self.languages = list(tables["languages"])
        self._compile = compile_expression
        self._start = tables["start"]
        self._home = tables.get("home") or tables["start"]
        self._screen = tables["screen"]
        self._back_key = tables["keys"]["back"]
        self._home_key = tables["keys"]["home"]
        self._more_key = tables["keys"]["more"]
        self._messages = {name: _templates(texts) for name, texts in tables["messages"].items()}
        self._lists = {
            name: (declared["max"], frozenset(declared["of"]))
            for name, declared in tables.get("vars", {}).items()
            if declared["type"] == "list"
        }
        self._states = {}
        for row in tables["states"]:
            self._states[row["name"]] = self._build(row, parse_phone)

    # -- building ------------------------------------------------------------------------------

    @cython.cfunc
    def _build(self, row: dict, parse_phone: Any) -> _State:  # type: ignore[type-arg]
        state = _State()
        state.name = row["name"]
        state.kind = _KINDS[row["kind"]]
        nav: str = row.get("nav", "both") if state.kind in (MENU, ASK, LIST) else "none"
        state.back = row.get("back", True) and nav in ("both", "back")
        state.home = nav in ("both", "home")
        state.guarded = row.get("guarded", False)
        state.save = row.get("save")
        state.to = row.get("to")
        state.text = _templates(row.get("text") or {})
        state.options = [self._option(option) for option in row.get("options", ())]
        state.fixed_keys = {o.key for o in state.options if o.key is not None} | {
            self._back_key, self._home_key, self._more_key
        }  # fmt: skip
        state.checks = [(self._compile(when), _templates(say)) for when, say in row.get("check", ())]
        state.invalid = _templates(row["invalid"]) if row.get("invalid") else None
        if state.kind == ASK:
            state.reader = Reader(
                row["as"], row.get("pattern"), row.get("min_length"), row.get("max_length"),
                row.get("min_value"), row.get("max_value"), parse_phone,
            )  # fmt: skip
        state.action = row.get("action", "")
        state.arguments = [(name, self._compile(source)) for name, source in row.get("with", {}).items()]
        state.outcomes = {
            outcome: (to, _templates(say) if say else None)
            for outcome, (to, say) in row.get("on", {}).items()
        }
        state.effect = row.get("effect", False)
        state.cases = [
            (None if when is None else self._compile(when), to) for when, to in row.get("cases", ())
        ]
        state.of = row.get("of", "")
        state.item = _templates(row.get("item") or {})
        state.empty = row.get("empty", "")
        state.cache = {}
        labels = [template for option in state.options for template in option.label.values()]
        state.constant = (
            state.kind in (MENU, ASK, STOP)
            and all(option.when is None for option in state.options)
            and all(template.static is not None for template in [*state.text.values(), *labels])
        )
        state.keys = dict(self._numbered(state, state.options, 0)) if state.constant else {}
        return state

    @cython.cfunc
    def _option(self, row: dict) -> _Option:  # type: ignore[type-arg]
        option = _Option()
        option.label = _templates(row["label"])
        option.value = row.get("value")
        option.to = row["to"]
        option.key = row.get("key")
        option.when = self._compile(row["when"]) if row.get("when") else None
        option.language = row.get("language")
        return option

    # -- what drivers call ---------------------------------------------------------------------

    @cython.ccall
    def begin(self, dialog: Dialog) -> Result:
        """Start a dialog at the first state, in the subscriber's language."""
        wanted = dialog.subscriber.get("language")
        dialog.restore({"language": wanted if wanted in self.languages else self.languages[0]})
        return self._walk(dialog, self._start)

    @cython.ccall
    def step(self, dialog: Dialog, text: str) -> Result:
        """Feed one answer to the state that waits."""
        key: str = text.strip()
        if dialog.state == OFFER:
            return self._answer_offer(dialog, key)
        state: _State = self._state(dialog.state)
        result = self._navigate(dialog, state, key)
        if result is not None:
            return result
        if state.kind in (MENU, LIST):
            return self._answer_menu(dialog, state, key)
        if state.kind == ASK:
            return self._answer_ask(dialog, state, text)
        return self._show(dialog, state)

    @cython.ccall
    def resume(self, dialog: Dialog, outcome: str, value: object, subscriber: Any) -> Result:
        """Go on from the action a NEED asked for. subscriber: changes to the profile, or None."""
        state: _State = self._state(dialog.doing)
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
            dialog.note = self._render(say, dialog, None)
        return self._walk(dialog, to)

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
        if not dialog.history:
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
        texts: dict = self._messages[message]  # type: ignore[type-arg]
        template: Template = texts.get(language) or texts[self.languages[0]]
        return template.render({}, {}, None)

    @cython.ccall
    def guarded(self, dialog: Dialog) -> cython.bint:
        """Whether the state that waits is a PIN or a confirmation."""
        return dialog.state != OFFER and cython.cast(_State, self._state(dialog.state)).guarded

    @cython.ccall
    def unfinished(self, dialog: Dialog) -> cython.bint:
        """Whether there is something to go on with: past the first screen and not over."""
        if dialog.state == OFFER:
            return dialog.parked is not None
        state: _State = self._states.get(dialog.state)
        return state is not None and state.kind <= LIST and len(dialog.history) > 0

    # -- walking -------------------------------------------------------------------------------

    @cython.cfunc
    def _state(self, name: str) -> _State:
        state = self._states.get(name)
        if state is None:
            raise ProgramFault(f"no state named {name!r}")
        return state

    @cython.cfunc
    def _leave(self, dialog: Dialog) -> None:
        dialog.history.append(dialog.state)
        if len(dialog.history) > MAX_HISTORY:
            del dialog.history[0]

    @cython.cfunc
    def _walk(self, dialog: Dialog, name: str) -> Result:
        """Follow states from `name` until one waits, ends, or needs an action."""
        for _ in range(MAX_STATES):
            state: _State = self._state(name)
            if dialog.trace is not None:
                dialog.trace.append((name, None))
            if state.kind == CHOOSE:
                name = self._choose(dialog, state)
            elif state.kind == LIST and not lookup((state.of,), dialog.vars, dialog.subscriber, None):
                name = state.empty
            elif state.kind == DO:
                dialog.doing = state.name
                result = Result(NEED, "")
                result.action = state.action
                result.effect = state.effect
                result.arguments = {
                    argument: self._value(dialog, expression, None, None)
                    for argument, expression in state.arguments
                }
                return result
            else:
                return self._arrive(dialog, state)
        raise ProgramFault(f"more than {MAX_STATES} states without a screen, at {name!r}")

    @cython.cfunc
    def _arrive(self, dialog: Dialog, state: _State) -> Result:
        if state.name == self._home:
            dialog.history.clear()
        elif state.name in dialog.history:
            del dialog.history[dialog.history.index(state.name) :]
        dialog.state = state.name
        dialog.page = 0
        return self._show(dialog, state)

    @cython.cfunc
    def _choose(self, dialog: Dialog, state: _State) -> str:
        for when, to in state.cases:
            if when is None or self._value(dialog, when, None, None) is True:
                return to
        raise ProgramFault(f"no case of {state.name!r} holds")

    @cython.cfunc
    def _settle(self, dialog: Dialog) -> None:
        """Step back out of an offer, and from a PIN or a confirmation to the last state that is neither."""
        if dialog.state == OFFER:
            dialog.restore(dialog.parked)
        dialog.note = ""
        dialog.page = 0
        state: _State = self._states.get(dialog.state)
        while state is not None and state.guarded:
            dialog.state = dialog.history.pop() if dialog.history else ""
            state = self._states.get(dialog.state)

    @cython.cfunc
    def _value(self, dialog: Dialog, expression: Any, name: object, value: object) -> object:
        """An expression's value; `name` stands for `value` when given (the answer that is checked)."""
        scope: dict = {}  # type: ignore[type-arg]
        for root in expression.names:
            if root == name:
                scope[root] = value
            elif root == "subscriber":
                scope[root] = dialog.subscriber
            elif root in dialog.secrets:
                scope[root] = dialog.secrets[root]
            else:
                scope[root] = dialog.vars.get(root)
        try:
            return expression(scope)
        except Exception as error:
            raise ProgramFault(f"an expression failed in {dialog.state!r}: {type(error).__name__}") from None

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
    def _navigate(self, dialog: Dialog, state: _State, key: str) -> Any:
        """The result of a navigation key, or None when the answer is not one here."""
        if key == self._more_key:
            if dialog.page + 1 < len(self._pages(dialog, state)):
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
            return self._walk(dialog, self._home)
        return None

    @cython.cfunc
    def _answer_menu(self, dialog: Dialog, state: _State, key: str) -> Result:
        chosen: object = None
        if state.constant:
            chosen = state.keys.get(key)
        else:
            for row_key, row in self._rows(dialog, state):
                if row_key == key and key:  # an item that is only shown has no key
                    chosen = row
                    break
        if chosen is None:
            return self._refuse(dialog, state, self._message("invalid_choice", dialog, None))
        dialog.note = ""
        self._leave(dialog)
        if not isinstance(chosen, _Option):
            if state.save is not None:
                dialog.vars[state.save] = chosen
            return self._walk(dialog, state.to)
        option: _Option = chosen
        if dialog.trace is not None:
            dialog.trace.append((state.name, state.options.index(option)))
        if state.save is not None and state.kind == MENU:
            dialog.vars[state.save] = option.value
        if option.language is not None:
            dialog.language = option.language
        return self._walk(dialog, option.to)

    @cython.cfunc
    def _answer_ask(self, dialog: Dialog, state: _State, text: str) -> Result:
        try:
            value = state.reader.read(text)
        except Refused as refused:
            if state.invalid is not None:
                return self._refuse(dialog, state, self._render(state.invalid, dialog, None))
            return self._refuse(dialog, state, self._message(refused.message, dialog, refused.limit))
        for when, say in state.checks:
            if self._value(dialog, when, state.save, value) is True:
                return self._refuse(dialog, state, self._render(say, dialog, None))
        if state.reader.kind == "pin":
            dialog.secrets[state.save] = value
        elif state.save is not None:
            dialog.vars[state.save] = value
        dialog.note = ""
        self._leave(dialog)
        return self._walk(dialog, state.to)

    @cython.cfunc
    def _refuse(self, dialog: Dialog, state: _State, note: str) -> Result:
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
        if key == self._more_key and dialog.page + 1 < len(self._offer_pages(dialog)):
            dialog.page += 1
            return self._show_offer(dialog)
        dialog.note = self._message("invalid_choice", dialog, None)
        dialog.page = 0
        result = self._show_offer(dialog)
        result.refused = True
        return result

    # -- screens -------------------------------------------------------------------------------

    @cython.cfunc
    def _show(self, dialog: Dialog, state: _State) -> Result:
        dialog.secrets.clear()
        pages: list = self._pages(dialog, state)  # type: ignore[type-arg]
        if dialog.page >= len(pages):
            dialog.page = 0
        over: cython.bint = state.kind == STOP and dialog.page == len(pages) - 1
        return Result(END if over else SHOW, pages[dialog.page])

    @cython.cfunc
    def _show_offer(self, dialog: Dialog) -> Result:
        pages = self._offer_pages(dialog)
        if dialog.page >= len(pages):
            dialog.page = 0
        return Result(SHOW, pages[dialog.page])

    @cython.cfunc
    def _offer_pages(self, dialog: Dialog) -> list:  # type: ignore[type-arg]
        lines: list = [dialog.note] if dialog.note else []  # type: ignore[type-arg]
        lines.append(self._message("resume_ask", dialog, None))
        lines.append(f"1. {self._message('resume_continue', dialog, None)}")
        lines.append(f"2. {self._message('resume_restart', dialog, None)}")
        return self._paged(dialog, False, "\n".join(lines), False, False, dialog.screen or self._screen)

    @cython.cfunc
    def _pages(self, dialog: Dialog, state: _State) -> list:  # type: ignore[type-arg]
        back: cython.bint = state.back and len(dialog.history) > 0
        home: cython.bint = state.home and len(dialog.history) > 0
        septets: cython.int = dialog.screen or self._screen
        if not state.constant or dialog.note:
            return self._compose(dialog, state, back, home, septets)
        key = (dialog.language, back or home, septets)
        pages = state.cache.get(key)
        if pages is None:
            pages = state.cache[key] = self._compose(dialog, state, back, home, septets)
        return pages

    @cython.cfunc
    def _compose(
        self, dialog: Dialog, state: _State, back: cython.bint, home: cython.bint, septets: cython.int
    ) -> list:  # type: ignore[type-arg]
        lines: list = [dialog.note] if dialog.note else []  # type: ignore[type-arg]
        lines.append(self._render(state.text, dialog, None))
        if state.kind in (MENU, LIST):
            for key, row in self._rows(dialog, state):
                if isinstance(row, _Option):
                    option: _Option = row
                    line = self._render(option.label, dialog, None)
                else:
                    line = self._render(state.item, dialog, row)
                lines.append(f"{key}. {line}" if key else line)
        text = "\n".join(lines)
        return self._paged(dialog, state.kind != STOP, text, back, home, septets)

    @cython.cfunc
    def _paged(
        self,
        dialog: Dialog,
        navigable: cython.bint,
        text: str,
        back: cython.bint,
        home: cython.bint,
        septets: cython.int,
    ) -> list:  # type: ignore[type-arg]
        """A text as pages with their footers."""
        for labels in (True, False):
            more = self._footer(dialog, self._more_key, "more", labels)
            to_back = self._footer(dialog, self._back_key, "back", labels) if navigable else ""
            to_home = self._footer(dialog, self._home_key, "home", labels) if home else ""
            alone = _joined(to_back if back else "", to_home)
            footers = (alone, _joined(more, alone), _joined(more, to_back), _joined(to_back, to_home))
            try:
                return paginate(text, septets, *footers)
            except ValueError:  # a small screen in UCS-2: once more, with the keys without their labels
                continue
        raise ProgramFault(f"a screen of {septets} septets has no room beside its footer")

    @cython.cfunc
    def _footer(self, dialog: Dialog, key: str, message: str, labels: cython.bint) -> str:
        return f"{key}:{self._message(message, dialog, None)}" if labels else key

    @cython.cfunc
    def _rows(self, dialog: Dialog, state: _State) -> list:  # type: ignore[type-arg]
        """(key, row) of what can be chosen now: items of a list, then the options that apply."""
        shown = [
            o for o in state.options if o.when is None or self._value(dialog, o.when, None, None) is True
        ]
        if state.kind == MENU:
            return self._numbered(state, shown, 0)
        items: Any = lookup((state.of,), dialog.vars, dialog.subscriber, None) or []
        if state.to is None:
            return [("", item) for item in items] + self._numbered(state, shown, 0)
        return self._numbered(state, [*items, *shown], 0)

    @cython.cfunc
    def _numbered(self, state: _State, rows: list, number: cython.int) -> list:  # type: ignore[type-arg]
        numbered: list = []  # type: ignore[type-arg]
        for row in rows:
            if isinstance(row, _Option) and cython.cast(_Option, row).key is not None:
                numbered.append((cython.cast(_Option, row).key, row))
                continue
            number += 1
            while str(number) in state.fixed_keys:
                number += 1
            numbered.append((str(number), row))
        return numbered

    @cython.cfunc
    def _render(self, texts: dict, dialog: Dialog, item: object) -> str:  # type: ignore[type-arg]
        template: Template = texts.get(dialog.language) or texts[self.languages[0]]
        return template.render(dialog.vars, dialog.subscriber, item)

    @cython.cfunc
    def _message(self, name: str, dialog: Dialog, limit: object) -> str:
        texts: dict = self._messages[name]  # type: ignore[type-arg]
        template: Template = texts.get(dialog.language) or texts[self.languages[0]]
        return template.render({"limit": limit}, dialog.subscriber, None)


def _templates(texts: Mapping[str, Any]) -> dict[str, Template]:
    return {language: Template(segments) for language, segments in texts.items()}


def _joined(left: str, right: str) -> str:
    return f"{left} {right}" if left and right else left or right
