"""What has a value where. A forward analysis over the graph: a variable may be used in a state only if
every way there sets it; a secret only in a `do` that comes before anything else is shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ussd_engine.actions import FAILED, LATE
from ussd_engine.menu.check.graph import NOTHING, Edge, Graph, shortest_path
from ussd_engine.menu.check.names import ITEM, SUBSCRIBER, Names, conditions_of, texts_of
from ussd_engine.menu.findings import Position, Report, shown
from ussd_engine.menu.model import Ask, Condition, Do, Listing, Model, State, Text
from ussd_engine.menu.reading.texts import place

_PATH_SHOWN = 5


@dataclass(slots=True, frozen=True)
class Use:
    """A place where a name is read. given: it has a value here in any case."""

    name: str
    at: Position
    given: bool = False


def check_flow(model: Model, graph: Graph, names: Names, report: Report) -> None:
    """Every variable is set before it is used, every secret used at once."""
    if not graph.whole:
        return
    variables = _must(graph, lambda edge, before: before | edge.sets)
    secrets = _must(graph, lambda edge, before: _secrets(edge, before, model))
    for name, state in model.states.items():
        if name not in variables:
            continue  # not reached: reported
        told: set[str] = set()
        for use in uses_of(state):
            unset = use.name in names.roots and not use.given and use.name not in variables[name]
            if unset and use.name not in told:  # once a state: its other places have the same cause
                told.add(use.name)
                _report_unset(use, name, graph, report)
            if use.name in names.secrets and isinstance(state, Do) and use.name not in secrets[name]:
                report.error(
                    use.at,
                    "secret-gone",
                    f"The secret {shown(use.name)} is gone here: something was shown since it was asked for, "
                    "or it was not asked for.",
                    "Put this `do` right after the ask.",
                )


def _must(
    graph: Graph, transfer: Callable[[Edge, frozenset[str]], frozenset[str]]
) -> dict[str, frozenset[str]]:
    """For each state that is reached, the names that every way there provides."""
    known: dict[str, frozenset[str]] = {graph.start: NOTHING}
    pending = [graph.start]
    while pending:
        name = pending.pop()
        for edge in graph.out(name):
            after = transfer(edge, known[name])
            before = known.get(edge.target)
            merged = after if before is None else before & after
            if merged != before:
                known[edge.target] = merged
                pending.append(edge.target)
    return known


def _secrets(edge: Edge, before: frozenset[str], model: Model) -> frozenset[str]:
    state = model.states.get(edge.source)
    if isinstance(state, Ask) and state.kind == "pin" and edge.waits and state.save:
        return frozenset((state.save.value,))
    return NOTHING if edge.waits else before


def uses_of(state: State) -> Iterator[Use]:
    """Every place of a state where a variable, a secret or the subscriber is read."""
    own = state.save.value if isinstance(state, Ask) and state.save else None
    for text, kind in texts_of(state):
        if kind != "say" or not isinstance(state, Do):
            yield from _in_text(text, NOTHING)
    for condition in conditions_of(state):
        yield from _in_condition(condition, own if isinstance(state, Ask) else None)
    if isinstance(state, Listing) and state.of:
        yield Use(state.of.value, state.of.at)
    if isinstance(state, Do):
        for argument in state.arguments:
            yield from _in_condition(argument.value, None)
        for route in state.routes:
            if route.say:
                saved = route.outcome.value not in (FAILED, LATE) and state.save
                yield from _in_text(route.say, frozenset((saved.value,)) if saved else NOTHING)


def _in_text(text: Text, given: frozenset[str]) -> Iterator[Use]:
    for wording in text.languages.values():
        for slot in wording.slots:
            if slot.path[0] not in (ITEM, SUBSCRIBER):
                yield Use(slot.path[0], wording.source.within(slot.offset), slot.path[0] in given)


def _in_condition(condition: Condition, own: str | None) -> Iterator[Use]:
    for node in condition.tree.walk() if condition.tree else ():
        if node.kind == "path" and node.path[0] != SUBSCRIBER:
            yield Use(node.path[0], place(condition.source, node.start), node.path[0] == own)


def _report_unset(use: Use, state: str, graph: Graph, report: Report) -> None:
    def without(name: str) -> list[str]:
        return [edge.target for edge in graph.out(name) if use.name not in edge.sets]

    path = [state] if state == graph.start else shortest_path(graph.start, state, without)
    start = "… → " if len(path) > _PATH_SHOWN else ""
    report.error(
        use.at,
        "unset",
        f"{shown(use.name)} may have no value here: on the way {start}{' → '.join(path[-_PATH_SHOWN:])} "
        "nothing sets it.",
        "Set it on that way, with `save:`, or do not use it here.",
    )


def check_unused(model: Model, report: Report) -> None:
    """Variables nobody reads."""
    used = {use.name for state in model.states.values() for use in uses_of(state)}
    for variable in model.variables.values():
        if variable.name not in used:
            report.warning(
                variable.at,
                "unused",
                f"{shown(variable.name)} is never used.",
                "Use it in a text, a condition or an action, or delete it here and where it is saved.",
            )
