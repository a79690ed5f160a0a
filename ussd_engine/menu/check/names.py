"""What names mean: variables, subscriber fields, the item of a list, secrets; and the places where a
state uses them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ussd_engine.menu.findings import did_you_mean, listed, shown
from ussd_engine.menu.model import (
    Ask,
    Choose,
    Condition,
    Do,
    Listing,
    Menu,
    Model,
    State,
    Text,
    VarType,
)

SUBSCRIBER, ITEM = "subscriber", "item"
TEXTS = ("text", "digits", "phone", "date")
NUMBERS = ("money", "integer")
PIN = VarType("pin")


@dataclass(slots=True, frozen=True)
class Unknown:
    """A name that cannot be resolved, in the words of a finding."""

    code: str
    message: str
    hint: str


@dataclass(slots=True, frozen=True)
class Names:
    """All names of a service. secrets: names that `as: pin` asks save."""

    roots: Mapping[str, VarType]
    secrets: frozenset[str]

    def resolve(self, path: tuple[str, ...], extra: Mapping[str, VarType] | None = None) -> VarType | Unknown:
        """The type at a dotted path. extra: names that are known here only."""
        roots = {**self.roots, **extra} if extra else self.roots
        found = roots.get(path[0])
        if found is None:
            return self._unknown(path[0], roots)
        for depth, name in enumerate(path[1:], 1):
            whole = shown(".".join(path[:depth]))
            if found.kind != "record":
                hint = (
                    "A list's fields are read as {item.field} in a `list` state."
                    if found.kind == "list"
                    else ""
                )
                return Unknown("unknown-name", f"{whole} is {found.kind} and has no parts.", hint)
            if name not in found.fields:
                return Unknown(
                    "unknown-name",
                    f"{whole} has no {shown(name)}.",
                    did_you_mean(
                        name, found.fields, f"It has {listed(found.fields)}." if found.fields else ""
                    ),
                )
            found = found.fields[name]
        return found

    def _unknown(self, name: str, roots: Mapping[str, VarType]) -> Unknown:
        if name in self.secrets:
            return Unknown(
                "secret",
                f"{shown(name)} is a secret and can only be given to an action.",
                "Use it in `with` of the `do` that comes right after the ask.",
            )
        if name == ITEM:
            return Unknown("unknown-name", "`item` is known only in the `item` text of a list.", "")
        return Unknown(
            "unknown-name",
            f"There is no variable {shown(name)}.",
            did_you_mean(name, roots, "Declare it under `vars:` in service.yaml."),
        )


def names_of(model: Model) -> Names:
    """The names of a model."""
    roots = {name: variable.type for name, variable in model.variables.items()}
    fields = {name: variable.type for name, variable in model.subscriber.items()}
    roots[SUBSCRIBER] = VarType("record", None, fields)
    secrets = {
        state.save.value
        for state in model.states.values()
        if isinstance(state, Ask) and state.kind == "pin" and state.save
    }
    return Names(roots, frozenset(secrets - set(model.variables)))


def item_of(state: Listing, model: Model) -> dict[str, VarType]:
    """The name `item` of a list state, when its variable is a list."""
    variable = model.variables.get(state.of.value) if state.of else None
    if variable is None or variable.type.kind != "list":
        return {}
    return {ITEM: VarType("record", None, variable.type.fields)}


def texts_of(state: State) -> Iterator[tuple[Text, str]]:
    """Every text of a state, and which: text, label, item, say or invalid."""
    if not isinstance(state, Do | Choose):
        yield state.text, "text"
    if isinstance(state, Menu | Listing):
        for option in state.options:
            yield option.label, "label"
    if isinstance(state, Listing):
        yield state.item, "item"
    if isinstance(state, Ask):
        for check in state.checks:
            yield check.say, "say"
        if state.invalid:
            yield state.invalid, "invalid"
    if isinstance(state, Do):
        for route in state.routes:
            if route.say:
                yield route.say, "say"


def conditions_of(state: State) -> Iterator[Condition]:
    """Every condition of a state that must be true or false."""
    if isinstance(state, Menu | Listing):
        yield from (option.when for option in state.options if option.when)
    if isinstance(state, Ask):
        yield from (check.when for check in state.checks)
    if isinstance(state, Choose):
        yield from (case.when for case in state.cases if case.when)


def answer_type(state: Ask, model: Model) -> VarType:
    """The type of an ask's answer, inside its own checks."""
    if state.kind == "pin":
        return VarType("digits", (state.length or (4, 12))[1])
    saved = model.variables.get(state.save.value) if state.save else None
    most = saved.type.max if saved else (state.length[1] if state.length else None)
    return VarType("text" if state.kind == "pattern" else state.kind, most)
