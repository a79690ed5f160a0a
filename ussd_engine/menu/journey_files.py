"""Journey files: what a person presses, what the service answers, what the phone must show.

    journey: Borrow 500
    subscriber: {registered: true, name: Asha Ali}
    actions:
      loans.limit:
        - {ok: {min: 500, max: 5000}, with: {…}, subscriber: {…}}
    steps:
      - {dial: "*384*89598*1*500#", see: [What is the loan for?]}
      - {press: "1", screen: "…", ends: true}

Everything is read as text and given the type the menus declare for it: money in shillings, dates as
2026-11-23. What cannot be read is a finding with its place, as in menus.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ussd_engine.actions import FAILED, LATE, Registry
from ussd_engine.menu.compile import unknown_value
from ussd_engine.menu.findings import Position, Report, did_you_mean, listed, shown
from ussd_engine.menu.model import Do, Model, VarType
from ussd_engine.menu.reading.shape import Fields, as_mapping
from ussd_engine.menu.source import Mapping as Tree
from ussd_engine.menu.source import Node, Scalar, Sequence, parse

_MONEY = re.compile(r"(-?)([0-9][0-9,]*)(?:\.([0-9]{2}))?")
_INTEGER = re.compile(r"-?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(slots=True, frozen=True)
class Answer:
    """A scripted outcome of an action. expected: the arguments it must be called with, as text."""

    at: Position
    outcome: str
    value: Any
    subscriber: Mapping[str, Any] | None
    expected: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class Step:
    """A dial or a press, and what must be on the screen then. text: the inputs of a dial, or the press."""

    at: Position
    dials: bool
    text: str
    see: tuple[str, ...]
    screen: str | None
    ends: bool


@dataclass(slots=True, frozen=True)
class Journey:
    """One story."""

    file: str
    title: str
    at: Position
    subscriber: Mapping[str, Any]
    answers: Mapping[str, tuple[Answer, ...]]
    steps: tuple[Step, ...]


@dataclass(slots=True, frozen=True)
class Vocabulary:
    """What a journey may speak of: the codes, types and actions of the menus it is about."""

    codes: tuple[str, ...]
    subscriber: VarType
    returns: Mapping[str, VarType]  # action → type of what its `do` states save
    outcomes: Mapping[str, frozenset[str]]  # action → outcomes the menus route
    registry: Registry


def vocabulary(model: Model, registry: Registry) -> Vocabulary:
    """The vocabulary of a service's menus."""
    returns: dict[str, VarType] = {}
    outcomes: dict[str, frozenset[str]] = {}
    for state in model.states.values():
        if not isinstance(state, Do) or state.action is None:
            continue
        action = state.action.value
        if state.save is not None and state.save.value in model.variables:
            returns[action] = model.variables[state.save.value].type
        routed = {route.outcome.value for route in state.routes}
        outcomes[action] = outcomes.get(action, frozenset()) | routed | {FAILED, LATE}
    profile = VarType("record", fields={name: known.type for name, known in model.subscriber.items()})
    return Vocabulary(tuple(code.value for code in model.codes), profile, returns, outcomes, registry)


def read_journey(file: str, text: str, words: Vocabulary, report: Report) -> Journey | None:
    """The journey in a file, or None when it has errors (which are in the report)."""
    before = report.errors
    tree, _ = parse(file, text, report)
    reader = _Reader(words, report)
    journey = reader.journey(file, tree) if report.errors == before else None
    return journey if report.errors == before else None


class _Reader:
    """Reads one file; every fault goes to the report and reading goes on."""

    def __init__(self, words: Vocabulary, report: Report) -> None:
        self._words = words
        self._report = report

    def journey(self, file: str, tree: Node | None) -> Journey | None:
        node = as_mapping(tree or Scalar("", Position(file, 1, 1)), "A journey", self._report)
        if node is None:
            return None
        fields = Fields(node, "A journey", ("journey", "subscriber", "actions", "steps"), self._report)
        title = fields.scalar("journey", required=True)
        answers = {
            name.value: tuple(self._answers(name.value, value))
            for name, value in self._pairs(fields.node("actions"))
            if self._known_action(name)
        }
        declared = self._words.subscriber.fields
        unknown = {name: unknown_value(known) for name, known in declared.items()}
        profile = {**unknown, **(self._profile(fields.node("subscriber")) or {})}
        steps = tuple(self._steps(fields.items("steps", required=True)))
        return Journey(file, title.value if title else file, node.at, profile, answers, steps)

    # -- actions -------------------------------------------------------------------------------

    def _known_action(self, name: Scalar) -> bool:
        known = self._words.outcomes
        if name.value not in known:
            hint = did_you_mean(name.value, known, f"They do {listed(sorted(known))}.")
            self._report.error(name.at, "unknown-action", f"The menus never do {shown(name.value)}.", hint)
        return name.value in known

    def _answers(self, action: str, node: Node) -> Iterator[Answer]:
        for item in node.items if isinstance(node, Sequence) else (node,):
            pairs = Tree(((item, Scalar("", item.at)),), item.at) if isinstance(item, Scalar) else item
            answer = self._answer(action, pairs)
            if answer is not None:
                yield answer

    def _answer(self, action: str, item: Node) -> Answer | None:
        pairs = {name.value: value for name, value in self._pairs(item)}
        arguments = self._pairs(pairs.pop("with", None))
        profile = self._profile(pairs.pop("subscriber", None))
        if len(pairs) != 1:
            self._report.error(item.at, "one-outcome", "An answer names exactly one outcome.",
                               "For example: {ok: {total: 590}} or just: ok")  # fmt: skip
            return None
        ((outcome, node),) = pairs.items()
        known = self._outcomes(action)
        if outcome not in known:
            hint = did_you_mean(outcome, known, f"It has {listed(sorted(known))}.")
            message = f"{shown(action)} has no outcome {shown(outcome)}."
            self._report.error(item.at, "unknown-outcome", message, hint)
            return None
        expected = {name.value: self._text(given) for name, given in arguments}
        return Answer(item.at, outcome, self._returned(action, outcome, node), profile, expected)

    def _outcomes(self, action: str) -> frozenset[str]:
        registered = self._words.registry.get(action)
        if registered is None:
            return self._words.outcomes[action]
        return frozenset((*registered.outcomes, FAILED, LATE))

    def _returned(self, action: str, outcome: str, node: Node) -> Any:
        """The value an outcome carries; nothing is written for none."""
        if isinstance(node, Scalar) and not node.value:
            return None
        declared = self._words.returns.get(action)
        if declared is not None:
            return self._value(node, declared)
        self._report.error(node.at, "no-value", f"The menus save nothing of {shown(action)}.",
                           f"Write only the outcome: {outcome}")  # fmt: skip
        return None

    # -- steps ---------------------------------------------------------------------------------

    def _steps(self, items: tuple[Node, ...]) -> Iterator[Step]:
        for index, item in enumerate(items):
            node = as_mapping(item, "A step", self._report)
            step = self._step(node) if node else None
            if step is None:
                continue
            if index == 0 and not step.dials:
                self._report.error(step.at, "first-dial", "A journey begins with a `dial`.",
                                   f'For example: - {{dial: "{self._words.codes[0]}"}}')  # fmt: skip
            yield step

    def _step(self, node: Tree) -> Step | None:
        fields = Fields(node, "A step", ("dial", "press", "see", "screen", "ends"), self._report)
        dial, press = fields.node("dial"), fields.node("press")
        given = dial or press
        if given is None or (dial and press):
            self._report.error(node.at, "one-press", "A step has either `dial` or `press`.",
                               'For example: {press: "1", see: How much}')  # fmt: skip
            return None
        text = self._text(given)
        see = fields.node("see")
        wanted = see.items if isinstance(see, Sequence) else (see,) if see else ()
        screen = fields.node("screen")
        return Step(
            node.at,
            dial is not None,
            self._dialled(given.at, text) if dial else text,
            tuple(self._text(part) for part in wanted),
            self._text(screen).rstrip("\n") if screen else None,
            fields.flag("ends", False),
        )

    def _dialled(self, at: Position, text: str) -> str:
        """What follows the service code: `*384*89598*1*500#` is `1*500`."""
        for code in sorted(self._words.codes, key=len, reverse=True):
            if text == code:
                return ""
            if text.startswith(code[:-1] + "*") and text.endswith("#"):
                return text[len(code) : -1]
        self._report.error(at, "unknown-code", f"{shown(text)} is not a code of this service.",
                           f"Dial {listed(self._words.codes)}, or a shortcut that begins so.")  # fmt: skip
        return ""

    # -- values --------------------------------------------------------------------------------

    def _profile(self, node: Node | None) -> dict[str, Any] | None:
        return None if node is None else self._record(node, self._words.subscriber.fields)

    def _value(self, node: Node, declared: VarType) -> Any:
        """The value of the declared type, as an action would return it: money in cents, dates ISO."""
        if declared.kind == "record":
            return self._record(node, declared.fields)
        if declared.kind == "list":
            if not isinstance(node, Sequence):
                self._report.error(node.at, "not-a-list", "A list is needed here.", "Write it in [ ].")
                return []
            return [self._record(item, declared.fields) for item in node.items]
        text = self._text(node)
        value = _READ.get(declared.kind, str)(text)
        if value is None:
            what, example = _EXAMPLES[declared.kind]
            self._report.error(
                node.at, "bad-value", f"{shown(text)} is not {what}.", f"For example: {example}"
            )
        return value

    def _record(self, node: Node, fields: Mapping[str, VarType]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for name, value in self._pairs(node):
            declared = fields.get(name.value)
            if declared is None:
                hint = did_you_mean(name.value, fields, f"There are {listed(fields)}.")
                self._report.error(name.at, "unknown-field", f"No field is called {shown(name.value)}.", hint)
            else:
                record[name.value] = self._value(value, declared)
        return record

    def _text(self, node: Node) -> str:
        if isinstance(node, Scalar):
            return node.value
        self._report.error(
            node.at, "not-a-text", "One value is needed here.", "A text with { or [ needs quotes."
        )
        return ""

    def _pairs(self, node: Node | None) -> Iterator[tuple[Scalar, Node]]:
        if node is None:
            return iter(())
        mapping = as_mapping(node, "This", self._report)
        return iter(mapping) if mapping else iter(())


def _cents(text: str) -> int | None:
    found = _MONEY.fullmatch(text)
    if found is None:
        return None
    cents = int(found[2].replace(",", "")) * 100 + int(found[3] or 0)
    return -cents if found[1] else cents


# What a service says of somebody it knows nothing about.

_READ: Mapping[str, Callable[[str], Any]] = {
    "flag": {"true": True, "false": False}.get,
    "integer": lambda text: int(text) if _INTEGER.fullmatch(text) else None,
    "money": _cents,
    "date": lambda text: text if _DATE.fullmatch(text) else None,
    "digits": lambda text: text if text.isdigit() else None,
    "phone": lambda text: text if text.isdigit() else None,
}
_EXAMPLES = {
    "flag": ("yes or no", "true"),
    "integer": ("a whole number", "300"),
    "money": ("an amount in shillings", "1500 or 99.50"),
    "date": ("a date", "2026-11-23"),
    "digits": ("digits only", '"0712"'),
    "phone": ("a phone number in digits", '"254712345678"'),
}
