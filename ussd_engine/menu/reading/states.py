"""Reading states: each has exactly one of menu, ask, do, choose, list and end, which says its kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ussd_engine.menu.findings import Report, closest, listed, shown
from ussd_engine.menu.model import (
    Argument,
    Ask,
    Case,
    Choose,
    Do,
    End,
    Listing,
    Menu,
    Option,
    Refusal,
    Route,
    Screen,
    State,
    Text,
)
from ussd_engine.menu.reading.patterns import check_pattern
from ussd_engine.menu.reading.shape import Fields, as_mapping, as_scalar
from ussd_engine.menu.reading.texts import read_condition, read_languages, read_text
from ussd_engine.menu.source import Mapping, Node, Scalar, Sequence

MAX_OPTIONS = 40
ANSWERS = ("text", "digits", "integer", "money", "phone", "date", "pin")
KINDS = {
    "menu": ("options", "save", "nav", "confirm", "back", "resume"),
    "ask": ("as", "save", "length", "check", "invalid", "to", "nav", "confirm", "back", "resume"),
    "do": ("with", "save", "on"),
    "choose": (),
    "list": ("of", "item", "save", "to", "empty", "options", "nav", "confirm", "back", "resume"),
    "end": (),
}
_KEYS = frozenset(key for keys in KINDS.values() for key in keys)
_OPTION = ("to", "value", "key", "when", "language")
_LENGTH = re.compile(r"([0-9]{1,3})(?:\.\.([0-9]{1,3}))?")
_WITH_LENGTH = ("text", "digits", "pin", "pattern")
_KEY = re.compile(r"[0-9*#]{1,6}")


@dataclass(slots=True, frozen=True)
class Reader:
    """Reads states of one service."""

    languages: tuple[str, ...]
    report: Report

    def state(self, name: Scalar, node: Node) -> State | None:
        """One state, or None when it has no kind (which is reported)."""
        what = f"The state {shown(name.value)}"
        mapping = as_mapping(node, what, self.report)
        if mapping is None:
            return None
        kinds = [key for key, _ in mapping if key.value in KINDS]
        if not kinds:
            mapping, kinds = self._as_meant(mapping)
        if len(kinds) != 1:
            self._wrong_kinds(name, kinds)
            return None
        kind = kinds[0].value
        fields = Fields(mapping, f"The {kind} state {shown(name.value)}", (kind, *KINDS[kind]), self.report)
        readers: dict[str, Callable[[Scalar, Fields], State]] = {
            "menu": self._menu,
            "ask": self._ask,
            "do": self._do,
            "choose": self._choose,
            "list": self._list,
            "end": self._end,
        }
        return readers[kind](name, fields)

    def _as_meant(self, mapping: Mapping) -> tuple[Mapping, list[Scalar]]:
        """A state without one of the six words, with the mistyped one (which is reported) put right."""
        for index, (key, value) in enumerate(mapping.pairs):
            known = key.value in self.languages or key.value in _KEYS
            kind = None if known else closest(key.value, KINDS)
            if kind is not None:
                message = f"{shown(key.value)} is not a word for a state."
                self.report.error(key.at, "unknown-key", message, f"Did you mean {shown(kind)}?")
                meant = replace(key, value=kind)
                pairs = (*mapping.pairs[:index], (meant, value), *mapping.pairs[index + 1 :])
                return replace(mapping, pairs=pairs), [meant]
        return mapping, []

    def _wrong_kinds(self, name: Scalar, kinds: list[Scalar]) -> None:
        if kinds:
            self.report.error(
                kinds[1].at,
                "two-kinds",
                f"{shown(name.value)} is a {kinds[0].value} and a {kinds[1].value} at once.",
                "Make two states of it.",
            )
        else:
            self.report.error(
                name.at,
                "no-kind",
                f"{shown(name.value)} says nothing to do.",
                f"Give it one of {listed(KINDS)}.",
            )

    def _text(self, fields: Fields, key: str, what: str = "") -> Text:
        node = fields.node(key, required=True)
        return read_text(
            node, what or fields.what, self.languages, self.report, fields.keys.get(key) or _here(fields)
        )

    def _screen(self, fields: Fields) -> Screen:
        return Screen(
            nav=fields.choice("nav", ("both", "back", "home", "none"), "both"),
            confirm=fields.flag("confirm", False),
            back=fields.flag("back", True),
            resume=fields.flag("resume", True),
        )

    def _menu(self, name: Scalar, fields: Fields) -> Menu:
        options = self._options(fields, required=True)
        return Menu(
            name.value,
            name.at,
            self._text(fields, "menu"),
            options,
            fields.scalar("save"),
            self._screen(fields),
        )

    def _options(self, fields: Fields, *, required: bool) -> tuple[Option, ...]:
        nodes = fields.items("options", required=required)
        if required and isinstance(fields.node("options"), Sequence) and not nodes:
            self.report.error(
                fields.keys["options"].at,
                "empty",
                f"{fields.what} has no options.",
                "Add one, or make it an `end`.",
            )
        if len(nodes) > MAX_OPTIONS:
            self.report.error(
                nodes[MAX_OPTIONS].at,
                "too-many",
                f"There are more than {MAX_OPTIONS} options.",
                "Make two menus of it.",
            )
        read = [self._option(node) for node in nodes[:MAX_OPTIONS]]
        return tuple(option for option in read if option is not None)

    def _option(self, node: Node) -> Option | None:
        mapping = as_mapping(node, "An option", self.report)
        if mapping is None:
            return None
        fields = Fields(mapping, "An option", (*self.languages, *_OPTION), self.report)
        key = fields.scalar("key")
        if key is not None and not _KEY.fullmatch(key.value):
            self.report.error(
                key.at,
                "bad-value",
                f"{shown(key.value)} cannot be a key.",
                'Use 0-9, * and #, in quotes: "2".',
            )
            key = None
        return Option(
            at=mapping.at,
            label=read_languages(mapping, "The option", self.languages, self.report, strict=False),
            to=fields.scalar("to", required=True),
            value=fields.scalar("value"),
            key=key,
            when=read_condition(fields.node("when"), "`when`", self.report),
            language=self._language(fields),
        )

    def _language(self, fields: Fields) -> Scalar | None:
        language = fields.scalar("language")
        if language is not None and self.languages and language.value not in self.languages:
            self.report.error(
                language.at,
                "unknown-language",
                f"{shown(language.value)} is not a language of this service.",
                f"The languages are {listed(self.languages)}.",
            )
        return language

    def _ask(self, name: Scalar, fields: Fields) -> Ask:
        kind, pattern = self._answer(fields)
        invalid = fields.node("invalid")
        return Ask(
            name=name.value,
            at=name.at,
            text=self._text(fields, "ask"),
            kind=kind,
            pattern=pattern,
            save=fields.scalar("save", required=True),
            length=self._length(fields, kind),
            checks=tuple(filter(None, (self._refusal(node) for node in fields.items("check")))),
            invalid=None if invalid is None else self._text(fields, "invalid", "`invalid`"),
            to=fields.scalar("to", required=True),
            screen=self._screen(fields),
        )

    def _answer(self, fields: Fields) -> tuple[str, Scalar | None]:
        """The kind of answer and, for a pattern, the pattern."""
        node = fields.node("as", required=True)
        if isinstance(node, Mapping):
            inner = Fields(node, "`as`", ("pattern",), self.report)
            pattern = inner.scalar("pattern", required=True)
            if pattern is None or not check_pattern(pattern, self.report):
                return "text", None
            return "pattern", pattern
        return (fields.choice("as", ANSWERS, "text") if node is not None else "text"), None

    def _length(self, fields: Fields, kind: str) -> tuple[int, int] | None:
        length = fields.scalar("length")
        if length is None:
            return None
        if kind not in _WITH_LENGTH:
            self.report.error(
                fields.keys["length"].at,
                "unknown-key",
                f"An answer that is {kind} has no `length`.",
                "Use a `check` for how great or small it may be.",
            )
            return None
        found = _LENGTH.fullmatch(length.value)
        least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if 1 <= least <= most <= 160:
            return least, most
        self.report.error(
            length.at,
            "bad-value",
            f"`length` cannot be {shown(length.value)}.",
            "Write one number, or two with .. between: 4 or 1..20 (at most 160).",
        )
        return None

    def _refusal(self, node: Node) -> Refusal | None:
        mapping = as_mapping(node, "A check", self.report)
        if mapping is None:
            return None
        fields = Fields(mapping, "A check", ("when", "say"), self.report)
        when = read_condition(fields.node("when", required=True), "`when`", self.report)
        say = self._text(fields, "say", "`say`")
        return None if when is None else Refusal(mapping.at, when, say)

    def _do(self, name: Scalar, fields: Fields) -> Do:
        node = fields.node("with")
        given = None if node is None else as_mapping(node, "`with`", self.report)
        arguments = []
        for key, value in given or ():
            condition = read_condition(value, shown(key.value), self.report)
            if condition is not None:
                arguments.append(Argument(key, condition))
        routes = fields.node("on", required=True)
        mapping = None if routes is None else as_mapping(routes, "`on`", self.report)
        return Do(
            name=name.value,
            at=name.at,
            action=fields.scalar("do", required=True),
            arguments=tuple(arguments),
            save=fields.scalar("save"),
            routes=tuple(self._route(key, value) for key, value in mapping or ()),
        )

    def _route(self, outcome: Scalar, node: Node) -> Route:
        if not isinstance(node, Mapping):
            return Route(outcome, as_scalar(node, shown(outcome.value), self.report), None)
        fields = Fields(node, f"The outcome {shown(outcome.value)}", ("to", "say"), self.report)
        say = self._text(fields, "say", "`say`") if "say" in fields else None
        return Route(outcome, fields.scalar("to", required=True), say)

    def _choose(self, name: Scalar, fields: Fields) -> Choose:
        cases = []
        for node in fields.items("choose", required=True):
            mapping = as_mapping(node, "A case", self.report)
            if mapping is not None:
                case = Fields(mapping, "A case", ("when", "to"), self.report)
                when = read_condition(case.node("when"), "`when`", self.report)
                cases.append(Case(mapping.at, when, case.scalar("to", required=True)))
        self._last_case(fields, cases)
        return Choose(name.value, name.at, tuple(cases))

    def _last_case(self, fields: Fields, cases: list[Case]) -> None:
        if not cases:
            self.report.error(fields.at, "empty", f"{fields.what} has no cases.", "Add a last one: - {to: …}")
            return
        for case in cases[:-1]:
            if case.when is None:
                self.report.error(
                    case.at,
                    "case-order",
                    "This case always holds, so those after it never count.",
                    "Give it a `when`, or make it the last.",
                )
        if cases[-1].when is not None:
            self.report.error(
                cases[-1].at,
                "case-order",
                "When no case holds there is nowhere to go.",
                "Add a last case without `when`: - {to: …}",
            )

    def _list(self, name: Scalar, fields: Fields) -> Listing:
        return Listing(
            name=name.value,
            at=name.at,
            text=self._text(fields, "list"),
            of=fields.scalar("of", required=True),
            item=self._text(fields, "item", "`item`"),
            save=fields.scalar("save"),
            to=fields.scalar("to"),
            empty=fields.scalar("empty", required=True),
            options=self._options(fields, required=False),
            screen=self._screen(fields),
        )

    def _end(self, name: Scalar, fields: Fields) -> End:
        return End(name.value, name.at, self._text(fields, "end"))


def _here(fields: Fields) -> Scalar:
    return Scalar("", fields.at)


__all__ = ["ANSWERS", "KINDS", "Reader"]
