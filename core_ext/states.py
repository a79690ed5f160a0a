# mypy: disable-error-code="name-defined, attr-defined"
"""The states of a program, built from compiled tables (see ussd_engine/menu/compile.py).

Values only: what a state does is in program.py. Which fields mean something depends on the kind.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cython

from .answer import Reader
from .condition import Condition
from .template import Template

_MOST_LETTERS = cython.declare(cython.int, 32)  # as many as states.pxd has room for
MENU, ASK, LIST, DO, CHOOSE, STOP = 0, 1, 2, 3, 4, 5
_KINDS = {"menu": MENU, "ask": ASK, "list": LIST, "do": DO, "choose": CHOOSE, "end": STOP}


class Parts:
    """Parts that states of one program have in common: those that say the same are one object, so that a
    large program takes less memory, and less of it is read anew at each press."""

    def __init__(
        self,
        navigation_keys: set[str],
        compile_expression: Callable[[str], Any],
        parse_phone: Callable[[str], str | None],
    ) -> None:
        """navigation_keys: what no numbered row may have."""
        self.navigation_keys = navigation_keys
        self._compile_expression = compile_expression
        self._parse_phone = parse_phone
        self._conditions: dict[str, Condition] = {}
        self._lists: dict[tuple[str, ...], list[Condition]] = {}
        self._readers: dict[tuple[Any, ...], Reader] = {}

    def condition(self, source: str) -> Condition:
        """Of this source."""
        found = self._conditions.get(source)
        if found is None:
            found = self._conditions[source] = Condition(self._compile_expression(source))
        return found

    def conditions(self, sources: tuple[str, ...]) -> list[Condition]:
        """One after the other."""
        found = self._lists.get(sources)
        if found is None:
            found = self._lists[sources] = [self.condition(source) for source in sources]
        return found

    def reader(self, row: Mapping[str, Any]) -> Reader:
        """Of a state that asks."""
        asked = (
            row["as"], row.get("pattern"), row.get("min_length"), row.get("max_length"),
            row.get("min_value"), row.get("max_value"),
        )  # fmt: skip
        found = self._readers.get(asked)
        if found is None:
            found = self._readers[asked] = Reader(*asked, self._parse_phone)
        return found


@cython.cclass
class Option:
    """A row of a menu: its label by language, and where it leads."""

    def __init__(self, row: Mapping[str, Any], parts: Parts) -> None:
        self.label = templates(row["label"])
        self.value = row.get("value")
        self.to = row["to"]
        self.key = row.get("key")
        self.when = parts.condition(row["when"]) if row.get("when") else None
        self.language = row.get("language")
        self.target = -1


@cython.cclass
class State:
    """One state. Which fields mean something depends on its kind."""

    def __init__(self, place: int, row: Mapping[str, Any], parts: Parts) -> None:
        """place: among the states of its program. row: one of the tables' states."""
        condition = parts.condition
        self.place = place
        self.name = row["name"]
        self.kind = _KINDS[row["kind"]]
        nav: str = row.get("nav", "both") if self.kind in (MENU, ASK, LIST) else "none"
        self.back = row.get("back", True) and nav in ("both", "back")
        self.home = nav in ("both", "home")
        self.guarded = row.get("guarded", False)
        self.resume = row.get("resume", True)
        self.save = row.get("save")
        self.to: Any = row.get("to")
        self.target = -1
        self.text = templates(row.get("text") or {})
        self.options = [Option(option, parts) for option in row.get("options", ())]
        own_keys = {option.key for option in self.options if option.key is not None}
        self.fixed_keys = parts.navigation_keys | own_keys if own_keys else parts.navigation_keys
        checks = row.get("check", ())
        self.checks = parts.conditions(tuple(when for when, _ in checks))
        self.says = [templates(say) for _, say in checks]
        self.invalid = templates(row["invalid"]) if row.get("invalid") else None
        if self.kind == ASK:
            self.reader = parts.reader(row)
        self.action = row.get("action", "")
        self.arguments = [(name, condition(source)) for name, source in row.get("with", {}).items()]
        self.outcomes = {
            outcome: (to, templates(say) if say else None) for outcome, (to, say) in row.get("on", {}).items()
        }
        self.effect = row.get("effect", False)
        # With the place of the state it leads to, which is found when all are there.
        self.cases = [
            (None if when is None else condition(when), to, -1) for when, to in row.get("cases", ())
        ]
        self.of = row.get("of", "")
        self.item = templates(row.get("item") or {})
        self.empty = row.get("empty", "")
        self.keeps = frozenset(row["keeps"]) if "keeps" in row else None
        self.cache: dict = {}  # type: ignore[type-arg]
        self.whole: str | None = None
        self.whole_language = ""
        self.whole_keys = False
        self.whole_septets = 0
        fixed = all(option.when is None for option in self.options)
        labels = [template for option in self.options for template in option.label.values()]
        constant_labels = all(template.static is not None for template in labels)
        self.constant = (
            self.kind in (MENU, ASK, STOP)
            and fixed
            and constant_labels
            and all(template.static is not None for template in self.text.values())
        )
        self.keys = dict(self.numbered(self.options)) if self.kind == MENU and fixed else None
        self.lines = {}
        if self.keys and constant_labels:
            self.lines = {
                language: "\n".join(
                    [f"{key}. {row.label[language].static}" for key, row in self.keys.items()]
                )
                for language in self.text
            }

    @cython.cfunc
    def link(self, places: dict) -> None:  # type: ignore[type-arg]
        """Find the states it leads to, once, so that no turn looks them up by name. One that is not there
        is missed by who walks to it. places: of the states, by name."""
        option: Option
        for option in self.options:
            option.target = places.get(option.to, -1)
        self.target = places.get(self.to, -1)
        self._link_digits()
        self._keep_letters()
        self.cases = [(when, to, places.get(to, -1)) for when, to, _ in self.cases]

    @cython.cfunc
    def _keep_letters(self) -> None:
        letters: bytes = self.name.encode()
        if cython.compiled and len(letters) <= _MOST_LETTERS:
            self.length = len(letters)
            memcpy(self.letters, cython.cast(cython.p_const_char, letters), self.length)  # noqa: F821

    @cython.cfunc
    def fetch(self) -> None:
        """Ask memory for what a turn reads of a state that is shown, all at once: else each part is waited
        for when its turn comes."""
        if cython.compiled:
            state_fetch(self.name, self.whole)  # noqa: F821

    @cython.cfunc
    @cython.exceptval(-1)
    def is_called(self, name: str) -> cython.bint:
        """Whether this is its name."""
        if not cython.compiled or self.length == 0:
            return self.name == name
        size: cython.Py_ssize_t = 0
        letters: cython.p_const_char = PyUnicode_AsUTF8AndSize(name, cython.address(size))  # noqa: F821
        return size == self.length and memcmp(letters, self.letters, size) == 0  # noqa: F821

    @cython.cfunc
    @cython.exceptval(-2)
    def place_in(self, names: list) -> cython.Py_ssize_t:  # type: ignore[type-arg]
        """Where its name is among these; -1: it is not."""
        place: cython.Py_ssize_t
        for place in range(len(names)):
            if self.is_called(names[place]):
                return place
        return -1

    @cython.cfunc
    def _link_digits(self) -> None:
        place: cython.int
        if not cython.compiled:
            self.digits = [-1] * 10
        keys: dict = {} if self.keys is None or self.save is not None else self.keys  # type: ignore[type-arg]
        for place in range(10):
            self.digits[place] = -1
            option: Option | None = keys.get(str(place))
            if option is not None and option.language is None:
                self.digits[place] = option.target

    @cython.ccall
    def numbered(self, rows: list) -> list:  # type: ignore[type-arg]
        """(key, row) of each row: an option's own key, or the next number no key of this state has."""
        numbered: list = []  # type: ignore[type-arg]
        number: cython.int = 0
        for row in rows:
            if isinstance(row, Option) and row.key is not None:
                numbered.append((row.key, row))
                continue
            number += 1
            while str(number) in self.fixed_keys:
                number += 1
            numbered.append((str(number), row))
        return numbered


def templates(texts: Mapping[str, Any]) -> dict[str, Template]:
    """A text's template in each language."""
    return {language: Template(segments) for language, segments in texts.items()}
