"""What a phone shows of a state: its text, its rows, its footer, in pages that fit the screen.

Rule: the same state and dialog show the same screen, so a screen that depends on nothing but the
language, the history and the size of the phone's screen is made once and kept.
"""

from collections.abc import Mapping
from typing import Any

import cython

from .dialog import Dialog, ProgramFault
from .states import LIST, MENU, STOP, Option, State, templates
from .template import Template, lookup
from .text import paginate
from .writer import Writer

_MENU = cython.declare(cython.int, MENU)
_LIST = cython.declare(cython.int, LIST)
_STOP = cython.declare(cython.int, STOP)


@cython.cclass
class Screens:
    """The screens of one program."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        """tables: those of the program."""
        self._messages = {name: templates(texts) for name, texts in tables["messages"].items()}
        self._footers: dict = {}  # type: ignore[type-arg]
        self._writer = Writer()
        self._language = tables["languages"][0]
        self._screen = tables["screen"]
        self._back_key = tables["keys"]["back"]
        self._home_key = tables["keys"]["home"]
        self._more_key = tables["keys"]["more"]

    @cython.ccall
    def offer_pages(self, dialog: Dialog) -> list:  # type: ignore[type-arg]
        """The built-in screen that offers an unfinished dialog."""
        lines: list = [dialog.note] if dialog.note else []  # type: ignore[type-arg]
        lines.append(self.message("resume_ask", dialog, None))
        lines.append(f"1. {self.message('resume_continue', dialog, None)}")
        lines.append(f"2. {self.message('resume_restart', dialog, None)}")
        return self._paged(dialog, False, "\n".join(lines), False, False, dialog.screen or self._screen)

    @cython.ccall
    def pages(self, dialog: Dialog, state: State) -> list:  # type: ignore[type-arg]
        """What the phone shows of a state, in pages with their footers."""
        back: cython.bint = state.back and len(dialog.history) > 0
        home: cython.bint = state.home and len(dialog.history) > 0
        septets: cython.int = dialog.screen or self._screen
        if not state.constant or dialog.note:
            return self._compose(dialog, state, back, home, septets)
        key = (dialog.language, back or home, septets)
        pages = state.cache.get(key)
        if pages is None:
            pages = state.cache[key] = self._compose(dialog, state, back, home, septets)
        if len(pages) == 1:
            state.whole = pages[0]
            state.whole_language = dialog.language
            state.whole_keys = back or home
            state.whole_septets = septets
        return pages

    @cython.ccall
    def whole(self, dialog: Dialog, state: State) -> str | None:
        """What `pages` gives when that is one page, and the one that was shown last; else None."""
        if state.whole is None or dialog.note or state.whole_septets != (dialog.screen or self._screen):
            return None
        if state.whole_keys != ((state.back or state.home) and len(dialog.history) > 0):
            return None
        return state.whole if state.whole_language == dialog.language else None

    @cython.cfunc
    def _compose(
        self, dialog: Dialog, state: State, back: cython.bint, home: cython.bint, septets: cython.int
    ) -> list:  # type: ignore[type-arg]
        to: Writer = self._writer
        to.clear()
        if dialog.note:
            to.utf8(dialog.note)
            to.put(b"\n")
        self._put(to, state.text, dialog, None)
        rows = state.lines.get(dialog.language)
        if rows is not None:
            to.put(b"\n")
            to.utf8(rows)
        elif state.kind in (_MENU, _LIST):
            for key, row in self.rows(dialog, state):
                to.put(b"\n")
                if key:
                    to.utf8(key)
                    to.put(b". ")
                if isinstance(row, Option):
                    option: Option = row
                    self._put(to, option.label, dialog, None)
                else:
                    self._put(to, state.item, dialog, row)
        return self._paged(dialog, state.kind != _STOP, to.decoded(), back, home, septets)

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
            try:
                footers = self._footers_of(dialog.language, navigable, back, home, labels)
                return paginate(text, septets, footers[0], footers[1], footers[2], footers[3])
            except ValueError:  # a small screen in UCS-2: once more, with the keys without their labels
                continue
        raise ProgramFault(f"a screen of {septets} septets has no room beside its footer")

    @cython.cfunc
    def _footers_of(
        self, language: str, navigable: cython.bint, back: cython.bint, home: cython.bint, labels: cython.bint
    ) -> tuple:  # type: ignore[type-arg]
        """The last lines of a page that is alone, first, in the middle, last."""
        kind: cython.int = navigable * 8 + back * 4 + home * 2 + labels
        known: list | None = self._footers.get(language)  # type: ignore[type-arg]
        if known is None:
            known = self._footers[language] = [None] * 16
        footers = known[kind]
        if footers is None:
            more = self._footer(self._more_key, "more", language, labels)
            to_back = self._footer(self._back_key, "back", language, labels) if navigable else ""
            to_home = self._footer(self._home_key, "home", language, labels) if home else ""
            alone = _joined(to_back if back else "", to_home)
            footers = (alone, _joined(more, alone), _joined(more, to_back), _joined(to_back, to_home))
            known[kind] = footers
        return footers

    @cython.cfunc
    def _footer(self, key: str, message: str, language: str, labels: cython.bint) -> str:
        return f"{key}:{self.sentence(message, language)}" if labels else key

    @cython.ccall
    def rows(self, dialog: Dialog, state: State) -> list:  # type: ignore[type-arg]
        """(key, row) of what can be chosen now: items of a list, then the options that apply."""
        shown: list = []  # type: ignore[type-arg]
        option: Option
        for option in state.options:
            if option.when is None or option.when.of(dialog) is True:
                shown.append(option)
        if state.kind == _MENU:
            return state.numbered(shown)
        items: Any = lookup((state.of,), dialog.vars, dialog.subscriber, None) or []
        if state.to is None:
            return [("", item) for item in items] + state.numbered(shown)
        return state.numbered([*items, *shown])

    @cython.ccall
    def render(self, texts: dict, dialog: Dialog, item: object) -> str:  # type: ignore[type-arg]
        """A text in the dialog's language, its slots filled. item: the row a list's text is of."""
        template: Template = texts.get(dialog.language) or texts[self._language]
        return template.render(dialog.vars, dialog.subscriber, item)

    @cython.cfunc
    def _put(self, to: Writer, texts: dict, dialog: Dialog, item: object) -> object:  # type: ignore[type-arg]
        """Write what `render` gives."""
        template: Template = texts.get(dialog.language) or texts[self._language]
        return template.put(to, dialog.vars, dialog.subscriber, item)

    @cython.ccall
    def message(self, name: str, dialog: Dialog, limit: object) -> str:
        """One of the engine's sentences for this dialog. limit: the bound that was passed."""
        texts: dict = self._messages[name]  # type: ignore[type-arg]
        template: Template = texts.get(dialog.language) or texts[self._language]
        return template.render({"limit": limit}, dialog.subscriber, None)

    @cython.ccall
    def sentence(self, message: str, language: str) -> str:
        """One of the engine's sentences in a language of the program."""
        texts: dict = self._messages[message]  # type: ignore[type-arg]
        template: Template = texts.get(language) or texts[self._language]
        return template.render({}, {}, None)


def _joined(left: str, right: str) -> str:
    return f"{left} {right}" if left and right else left or right
