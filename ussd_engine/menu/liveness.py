"""Which variables a dialog may still read from a state on: what a session has to keep there.

A variable is live at a state when some way from it reads the variable before saving it anew. At a state
with no way back (the main menu, after an effect) everything else is forgotten, so that a session stays
small however long the dialog goes on. Works on compiled tables.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ussd_engine.actions import FAILED, LATE
from ussd_engine.menu.expressions import compile_expression

Row = Mapping[str, Any]


def live_variables(rows: list[dict[str, Any]], variables: Mapping[str, Any]) -> dict[str, list[str]]:
    """The live variables of each state, by its name."""
    reads = {row["name"]: frozenset(_reads(row)) & variables.keys() for row in rows}
    edges = {row["name"]: list(_edges(row)) for row in rows}
    live = dict(reads)
    changed = True
    while changed:
        changed = False
        for name, ways in edges.items():
            found = reads[name].union(*(live[to] - {saved} for to, saved in ways if to in live))
            if found != live[name]:
                live[name] = found
                changed = True
    return {name: sorted(found) for name, found in live.items()}


def _edges(row: Row) -> Iterator[tuple[str, str | None]]:
    """(target, the variable saved on the way) of every way out of a state."""
    kind, saved = row["kind"], row.get("save")
    for option in row.get("options", ()):
        yield option["to"], saved if kind == "menu" else None
    if row.get("to"):
        yield row["to"], saved
    if kind == "list":
        yield row["empty"], None
    for _when, to in row.get("cases", ()):
        yield to, None
    for outcome, (to, _say) in row.get("on", {}).items():
        yield to, None if outcome in (FAILED, LATE) else saved


def _reads(row: Row) -> Iterator[str]:
    """The variables a state itself reads: in its texts, its conditions, and what it hands to an action."""
    for when, say in row.get("check", ()):
        yield from _names(when, but=row.get("save"))
        yield from _slots(say)
    for option in row.get("options", ()):
        yield from _slots(option["label"])
        yield from _names(option.get("when"))
    for when, _to in row.get("cases", ()):
        yield from _names(when)
    for source in row.get("with", {}).values():
        yield from _names(source)
    for _to, say in row.get("on", {}).values():
        yield from _slots(say)
    for texts in (row.get("text"), row.get("invalid"), row.get("item")):
        yield from _slots(texts)
    if row.get("of"):
        yield row["of"]


def _names(source: str | None, but: str | None = None) -> Iterator[str]:
    if source is not None:
        yield from (name for name in compile_expression(source).names if name != but)


def _slots(texts: Mapping[str, list[Any]] | None) -> Iterator[str]:
    for segments in (texts or {}).values():
        yield from (segment[0][0] for segment in segments if not isinstance(segment, str))
