"""The graph of states: who leads where, and what each way sets. Everything about the whole is proved on
it: targets exist, states are reachable and can reach an end, no loop goes round without an answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ussd_engine.actions import FAILED, LATE, Registry
from ussd_engine.menu.findings import Report, closest, listed, shown
from ussd_engine.menu.model import Ask, Choose, Do, End, Listing, Menu, Model, State, Waiting
from ussd_engine.menu.source import Scalar

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True, frozen=True)
class Edge:
    """A way from one state to another. sets: variables that have a value after it. waits: an answer was
    given on it. clears: an effect went well, so there is no way back."""

    source: str
    target: str
    sets: frozenset[str] = NOTHING
    waits: bool = False
    clears: bool = False


@dataclass(slots=True)
class Graph:
    """All ways. homing: those of the home key."""

    start: str
    home: str
    ways: dict[str, list[Edge]]
    homing: dict[str, Edge] = field(default_factory=dict)
    with_history: set[str] = field(default_factory=set)
    whole: bool = True

    def out(self, name: str) -> list[Edge]:
        """Every way out of a state, the home key's included."""
        home = self.homing.get(name)
        return [*self.ways.get(name, ()), *([home] if home else ())]


def build_graph(model: Model, registry: Registry, report: Report) -> Graph:
    """The graph; targets that do not exist are reported. A near miss counts as what was meant, so that
    one typing error is one finding."""
    known = {*model.states, *model.broken}
    start = _target(model.start, known, "the first state", report)
    home = _target(model.home, known, "the home state", report) if model.home else start
    whole = model.complete and not model.broken and start is not None
    graph = Graph(start or "", home or start or "", {}, whole=whole)
    for state in model.states.values():
        ways = []
        for at, edge in _ways(state, registry):
            target = _target(at, known, "a state", report)
            if target is None:
                graph.whole = False
            else:
                ways.append(Edge(edge.source, target, edge.sets, edge.waits, edge.clears))
        graph.ways[state.name] = ways
        if not ways and not isinstance(state, End):
            graph.whole = False  # what is missing has been reported
    _add_history(graph, model)
    return graph


def _target(at: Scalar | None, known: set[str], what: str, report: Report) -> str | None:
    if at is None:
        return None
    if at.value in known:
        return at.value
    if report.full:
        return None
    meant = closest(at.value, known)
    hint = (
        f"Did you mean {shown(meant)}?" if meant else f"Write {what} with this name, or name one that exists."
    )
    report.error(at.at, "unknown-state", f"There is no state {shown(at.value)}.", hint)
    return meant


def _ways(state: State, registry: Registry) -> Iterable[tuple[Scalar | None, Edge]]:
    """The ways out of a state as written; targets not looked at yet."""
    name = state.name
    match state:
        case Menu():
            for option in state.options:
                yield option.to, Edge(name, "", _saved(state.save), waits=True)
        case Ask():
            saved = NOTHING if state.kind == "pin" else _saved(state.save)
            yield state.to, Edge(name, "", saved, waits=True)
        case Listing():
            for option in state.options:
                yield option.to, Edge(name, "", waits=True)
            if state.to is not None:
                yield state.to, Edge(name, "", _saved(state.save), waits=True)
            yield state.empty, Edge(name, "")
        case Choose():
            for case in state.cases:
                yield case.to, Edge(name, "")
        case Do():
            action = registry.get(state.action.value) if state.action else None
            effect = action is not None and action.effect
            for route in state.routes:
                outcome = route.outcome.value
                sets = NOTHING if outcome in (FAILED, LATE) else _saved(state.save)
                yield route.to, Edge(name, "", sets, clears=effect and outcome == "ok")
        case End():
            return


def _saved(save: Scalar | None) -> frozenset[str]:
    return frozenset((save.value,)) if save else NOTHING


def _add_history(graph: Graph, model: Model) -> None:
    """Which states can have a way back, and so the home key: found by going round until nothing new."""
    pending = [graph.start]
    seen: set[tuple[str, bool]] = {(graph.start, False)}
    while pending:
        name = pending.pop()
        state = model.states.get(name)
        cleared = name == graph.home and isinstance(state, Waiting)
        has = (name, True) in seen and not cleared
        if has:
            graph.with_history.add(name)
            if isinstance(state, Waiting) and state.screen.nav in ("both", "home"):
                graph.homing[name] = Edge(name, graph.home, waits=True)
                if (graph.home, False) not in seen:
                    seen.add((graph.home, False))
                    pending.append(graph.home)
        for edge in graph.ways.get(name, ()):
            step = (edge.target, edge.waits or (has and not edge.clears))
            if step not in seen:
                seen.add(step)
                pending.append(edge.target)


def check_graph(graph: Graph, model: Model, report: Report) -> None:
    """Every state is reached and can reach an end; no loop without an answer."""
    if graph.whole:
        reached = _closure([graph.start], {name: [e.target for e in graph.out(name)] for name in graph.ways})
        for state in model.states.values():
            if state.name not in reached:
                report.error(
                    state.at,
                    "unreachable",
                    f"Nothing leads to {shown(state.name)}.",
                    "Lead an option or a `to:` to it, or delete it.",
                )
        _check_ends(graph, model, report)
    _check_loops(graph, model, report)


def _check_ends(graph: Graph, model: Model, report: Report) -> None:
    backwards: dict[str, list[str]] = {}
    for name in graph.ways:
        for edge in graph.out(name):
            backwards.setdefault(edge.target, []).append(name)
    ends = [state.name for state in model.states.values() if isinstance(state, End)]
    ending = _closure(ends, backwards)
    stuck = [state for state in model.states.values() if state.name not in ending]
    if stuck:
        others = f" Nor do {listed(state.name for state in stuck[1:6])}." if stuck[1:] else ""
        report.error(
            stuck[0].at,
            "no-end",
            f"No way from {shown(stuck[0].name)} comes to an `end`.{others}",
            "Lead one of its ways to an `end` state.",
        )


def _check_loops(graph: Graph, model: Model, report: Report) -> None:
    """A circle of ways on which nobody answers would go round for ever."""
    silent = {
        name: [edge.target for edge in ways if not edge.waits]
        for name, ways in graph.ways.items()
        if any(not edge.waits for edge in ways)
    }
    reported: set[str] = set()
    for name in silent:
        circle = _circle(name, silent)
        if circle and not reported & set(circle):
            reported.update(circle)
            report.error(
                model.states[name].at,
                "loop",
                f"This goes round without an answer: {' → '.join([*circle, name])}.",
                "Put a menu, an ask or an end between, for example for the outcome `failed`.",
            )


def _circle(name: str, ways: dict[str, list[str]]) -> list[str]:
    """The shortest circle through a state, without its last step; empty when there is none."""
    path = shortest_path(name, name, lambda state: ways.get(state, ()))
    return path[:-1]


def shortest_path(start: str, goal: str, ways: Callable[[str], Iterable[str]]) -> list[str]:
    """States from start to goal with at least one step between; empty when there is no path."""
    before: dict[str, str] = {}
    pending = [start]
    for name in pending:
        for target in ways(name):
            if target in before:
                continue
            before[target] = name
            if target == goal:
                path = [goal]
                while len(path) == 1 or path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            pending.append(target)
    return []


def _closure(starts: list[str], ways: dict[str, list[str]]) -> set[str]:
    reached = set(starts)
    pending = list(starts)
    while pending:
        for target in ways.get(pending.pop(), ()):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached
