"""`do` states: the action exists, gets what it declares, and every outcome leads somewhere."""

from collections.abc import Mapping
from typing import Any

from ussd_engine.actions import FAILED, LATE, Action, Registry
from ussd_engine.menu.check.conditions import infer
from ussd_engine.menu.check.names import PIN, Names
from ussd_engine.menu.findings import Report, did_you_mean, listed, shown
from ussd_engine.menu.model import Argument, Do, Model, VarType
from ussd_engine.menu.source import Scalar

# menu type of an argument → types of values it takes
_TAKES = {
    "money": ("money", "integer"), "integer": ("integer",), "flag": ("flag",), "digits": ("digits",),
    "text": ("text", "digits", "phone", "date"), "phone": ("phone",), "date": ("date",), "pin": ("pin",),
}  # fmt: skip


def check_actions(model: Model, names: Names, registry: Registry, report: Report) -> None:
    """Every `do` state."""
    for state in model.states.values():
        if not isinstance(state, Do) or state.action is None:
            continue
        action = registry.get(state.action.value)
        if action is None:
            report.error(
                state.action.at,
                "unknown-action",
                f"There is no action {shown(state.action.value)}.",
                did_you_mean(state.action.value, registry.names(), _known(registry)),
            )
            continue
        _check_arguments(state, action, names, report)
        _check_outcomes(state, action, report)
        if state.save is not None:
            _check_saved(state.save, action, model, report)


def _known(registry: Registry) -> str:
    known = registry.names()
    return f"There are {listed(known)}." if known else "This service has no actions."


def _check_arguments(state: Do, action: Action, names: Names, report: Report) -> None:
    given = {argument.name.value for argument in state.arguments}
    missing = [name for name in action.arguments if name not in given]
    if missing and state.action is not None:
        report.error(
            state.action.at,
            "missing-argument",
            f"{shown(action.name)} needs {listed(missing)}.",
            f"Add it under `with:`, for example {missing[0]}: {missing[0]}.",
        )
    for argument in state.arguments:
        wanted = action.arguments.get(argument.name.value)
        if wanted is None:
            has = f"It takes {listed(action.arguments)}." if action.arguments else "It takes none."
            report.error(
                argument.name.at,
                "unknown-argument",
                f"{shown(action.name)} takes no {shown(argument.name.value)}.",
                did_you_mean(argument.name.value, action.arguments, has),
            )
        else:
            _check_argument(argument, wanted, names, report)


def _check_argument(argument: Argument, wanted: str, names: Names, report: Report) -> None:
    tree = argument.value.tree
    secret = tree is not None and tree.kind == "path" and tree.path[0] in names.secrets
    extra: Mapping[str, VarType] = {tree.path[0]: PIN} if tree is not None and secret else {}
    found = infer(argument.value, names, extra, report)
    if found is None or found.kind == "any" or found.kind in _TAKES[wanted]:
        return
    literal = tree.value if tree is not None and tree.kind == "literal" else None
    if wanted == "digits" and isinstance(literal, str) and literal.isdigit():
        return
    if wanted == "pin":
        hint = "Only the name of an ask with `as: pin` fits here."
    elif found.kind == "pin":
        hint = "A secret can only be given to an argument that is a PIN."
    else:
        hint = f"It takes {' or '.join(_TAKES[wanted])}."
    report.error(
        argument.value.source.at,
        "bad-types",
        f"{shown(argument.name.value)} must be {wanted}, and this is {found.kind}.",
        hint,
    )


def _check_outcomes(state: Do, action: Action, report: Report) -> None:
    outcomes = (*action.outcomes, FAILED)
    handled = {route.outcome.value for route in state.routes}
    missing = [outcome for outcome in outcomes if outcome not in handled]
    if missing:
        report.error(
            state.at,
            "missing-outcome",
            f"{shown(state.name)} does not say where {listed(missing)} "
            f"lead{'s' if len(missing) == 1 else ''}.",
            f"Add to `on:` for example {missing[0]}: NAME_OF_A_STATE.",
        )
    for route in state.routes:
        if route.outcome.value not in (*outcomes, LATE):
            report.error(
                route.outcome.at,
                "unknown-outcome",
                f"{shown(action.name)} has no outcome {shown(route.outcome.value)}.",
                did_you_mean(route.outcome.value, outcomes, f"It has {listed((*outcomes, LATE))}."),
            )


def _check_saved(save: Scalar, action: Action, model: Model, report: Report) -> None:
    variable = model.variables.get(save.value)
    if variable is None:
        report.error(
            save.at,
            "unknown-name",
            f"There is no variable {shown(save.value)}.",
            did_you_mean(save.value, model.variables, "Declare it under `vars:` in service.yaml."),
        )
        return
    problem = _mismatch(variable.type, action.returns)
    if problem:
        report.error(
            save.at,
            "bad-types",
            f"{shown(save.value)} cannot keep what {shown(action.name)} returns: {problem}.",
            f"It returns {_described(action.returns)}.",
        )


def _mismatch(declared: VarType, returned: Any) -> str:
    """Why a variable cannot keep a value; empty when it can."""
    if returned is None:
        return "it returns nothing"
    if isinstance(returned, list):
        if declared.kind != "list":
            return f"that is a list, not {declared.kind}"
        return _fields_mismatch(declared, returned[0]) if returned else ""
    if isinstance(returned, Mapping):
        if declared.kind != "record":
            return f"that is a record, not {declared.kind}"
        return _fields_mismatch(declared, returned)
    return "" if _kept(declared.kind, str(returned)) else f"that is {returned}, not {declared.kind}"


def _fields_mismatch(declared: VarType, returned: Mapping[str, Any]) -> str:
    for name, field in declared.fields.items():
        if name not in returned:
            return f"it has no {shown(name)}"
        if not _kept(field.kind, str(returned[name])):
            return f"{shown(name)} is {returned[name]}, not {field.kind}"
    missing = [name for name in returned if name not in declared.fields]
    if missing and declared.kind == "record":
        return f"the variable has no {listed(missing)}"
    return ""


def _kept(declared: str, returned: str) -> bool:
    return declared == returned or (declared == "text" and returned in ("digits", "phone", "date"))


def _described(returned: Any) -> str:
    if returned is None:
        return "nothing"
    if isinstance(returned, list):
        return f"a list of {_described(returned[0]) if returned else 'nothing'}"
    if isinstance(returned, Mapping):
        return ", ".join(f"{name}: {kind}" for name, kind in returned.items())
    return str(returned)
