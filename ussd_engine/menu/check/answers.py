"""What people press and type: keys that differ, values that fit the variable that keeps them."""

from collections.abc import Iterable

from ussd_engine.menu.check.names import Names
from ussd_engine.menu.findings import Position, Report, did_you_mean, listed, shown
from ussd_engine.menu.model import Ask, Listing, Menu, Model, Option, State, Variable
from ussd_engine.menu.source import Scalar

_KEEPS = {
    "text": ("text",), "digits": ("digits", "text"), "integer": ("integer",), "money": ("money",),
    "phone": ("phone",), "date": ("date",), "pattern": ("text", "digits"),
}  # fmt: skip


def check_answers(model: Model, names: Names, report: Report) -> None:
    """Menus, asks and lists: keys, and what is saved."""
    for state in model.states.values():
        if isinstance(state, Menu | Listing):
            _check_keys(state.options, model, report)
            _check_visible(state, report)
        if isinstance(state, Menu):
            _check_values(state, model, report)
        elif isinstance(state, Ask):
            _check_ask(state, model, report)
        elif isinstance(state, Listing):
            _check_list(state, model, report)
        if getattr(state, "save", None) is not None and not isinstance(state, Ask):
            _check_not_secret(state, names, report)


def _check_keys(options: Iterable[Option], model: Model, report: Report) -> None:
    navigation = {model.keys.back: "back", model.keys.home: "home", model.keys.more: "more"}
    taken: dict[str, Position] = {}
    for option in options:
        if option.key is None:
            continue
        key = option.key.value
        if key in navigation:
            report.error(
                option.key.at,
                "key-taken",
                f"The key {shown(key)} is the {navigation[key]} key of this service.",
                "Choose another key for this option.",
            )
        elif key in taken:
            report.error(
                option.key.at,
                "key-taken",
                f"The key {shown(key)} is already that of the option on line {taken[key].line}.",
                "Choose another key for one of them.",
            )
        else:
            taken[key] = option.key.at


def _check_visible(state: Menu | Listing, report: Report) -> None:
    if isinstance(state, Menu) and state.options and all(option.when for option in state.options):
        report.warning(
            state.at,
            "maybe-empty",
            f"Every option of {shown(state.name)} has a `when`: there may be none to choose.",
            "Leave one option without `when`.",
        )


def _check_values(state: Menu, model: Model, report: Report) -> None:
    if state.save is None:
        for option in state.options:
            if option.value is not None:
                report.warning(
                    option.value.at,
                    "kept-nowhere",
                    "This value is kept nowhere: the menu has no `save`.",
                    "Add `save:` to the menu, or delete the value.",
                )
        return
    variable = _variable(state.save, ("text", "digits"), "the value of an option", model, report)
    for option in state.options:
        if option.value is None:
            report.error(
                option.at,
                "missing-key",
                "The menu saves what is chosen, and this option has no `value`.",
                "Add `value:` to it.",
            )
        elif variable is not None:
            _check_value(option.value, variable, report)


def _check_value(value: Scalar, variable: Variable, report: Report) -> None:
    declared = variable.type
    if declared.max is not None and len(value.value) > declared.max:
        report.error(
            value.at,
            "too-long",
            f"{shown(value.value)} is longer than {shown(variable.name)} holds ({declared.max}).",
            "Shorten it, or give the variable a greater `max`.",
        )
    elif declared.kind == "digits" and not (value.value.isascii() and value.value.isdigit()):
        report.error(
            value.at,
            "bad-value",
            f"{shown(value.value)} is not digits, and {shown(variable.name)} is.",
            "Use digits, or declare the variable as text.",
        )


def _check_ask(state: Ask, model: Model, report: Report) -> None:
    if state.save is None:
        return
    if state.kind == "pin":
        if state.save.value in model.variables:
            report.error(
                state.save.at,
                "secret",
                f"{shown(state.save.value)} is declared under `vars:`, and a PIN is never kept.",
                "Give the PIN a name that is not a variable.",
            )
        return
    variable = _variable(state.save, _KEEPS[state.kind], f"an answer that is {state.kind}", model, report)
    if variable and state.length and variable.type.max is not None and state.length[1] > variable.type.max:
        report.error(
            state.save.at,
            "too-long",
            f"The answer may have {state.length[1]} characters, and {shown(variable.name)} holds "
            f"{variable.type.max}.",
            "Shorten `length`, or give the variable a greater `max`.",
        )


def _check_list(state: Listing, model: Model, report: Report) -> None:
    shown_list = None
    if state.of is not None:
        shown_list = _variable(state.of, ("list",), "the items of a list", model, report)
    if state.save is None:
        return
    if state.to is None:
        report.error(
            state.save.at,
            "missing-key",
            "A list without `to` has nothing to choose, so it saves nothing.",
            "Add `to:`, or delete `save`.",
        )
    kept = _variable(state.save, ("record",), "the chosen item", model, report)
    if shown_list is None or kept is None:
        return
    for name, field in kept.type.fields.items():
        there = shown_list.type.fields.get(name)
        if there is None or there.kind != field.kind:
            report.error(
                state.save.at,
                "bad-types",
                f"{shown(kept.name)} has {shown(name)} as {field.kind}, and the items of "
                f"{shown(shown_list.name)} do not.",
                f"Declare both with the same fields. The items have {listed(shown_list.type.fields)}.",
            )


def _check_not_secret(state: State, names: Names, report: Report) -> None:
    save: Scalar = state.save  # type: ignore[union-attr, assignment]
    if save.value in names.secrets:
        report.error(
            save.at, "secret", f"{shown(save.value)} is the name of a secret.", "Save under another name."
        )


def _variable(
    name: Scalar, kinds: tuple[str, ...], what: str, model: Model, report: Report
) -> Variable | None:
    """The declared variable of a `save` or `of`, when its type is one of those that fit."""
    variable = model.variables.get(name.value)
    if variable is None:
        report.error(
            name.at,
            "unknown-name",
            f"There is no variable {shown(name.value)}.",
            did_you_mean(name.value, model.variables, "Declare it under `vars:` in service.yaml."),
        )
        return None
    if variable.type.kind in kinds:
        return variable
    report.error(
        name.at,
        "bad-types",
        f"{shown(name.value)} is {variable.type.kind} and cannot keep {what}.",
        f"Declare it as {' or '.join(kinds)}, or use another variable.",
    )
    return None
