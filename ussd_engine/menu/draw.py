"""The picture of a dialog, drawn from the compiled tables: Mermaid or Graphviz text.

Mermaid shows on GitHub, in most wikis and at mermaid.live; Graphviz text becomes a picture with
`dot -Tsvg`. What waits for the person is a box, a `do` a hexagon, a `choose` a diamond, an `end` round.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ussd_engine.errors import UssdError
from ussd_engine.menu.opened import open_folder
from ussd_engine.plugin import Service

LONGEST = 40  # characters of a label; a picture is no place to read

# kind → how a node opens and closes in Mermaid, and its shape in Graphviz.
_SHAPES = {
    "menu": ("[", "]", "box"),
    "ask": ("[/", "/]", "parallelogram"),
    "list": ("[[", "]]", "box3d"),
    "do": ("{{", "}}", "hexagon"),
    "choose": ("{", "}", "diamond"),
    "end": ("([", "])", "oval"),
}


@dataclass(slots=True, frozen=True)
class Edge:
    """One way on: from a state to another, and what takes it."""

    source: str
    target: str
    label: str


def edges(tables: Mapping[str, Any], language: str) -> Iterator[Edge]:
    """Every way from one state to another, in the order of the tables."""
    for state in tables["states"]:
        for target, label in _ways(state, language):
            yield Edge(state["name"], target, label)


def mermaid(tables: Mapping[str, Any], language: str = "", groups: Mapping[str, str] | None = None) -> str:
    """The dialog as a Mermaid flowchart. groups: state → the box it is drawn in (its file)."""
    language = _language(tables, language)
    lines = ["flowchart TD", f"  dial(({_quoted('dial')})) --> s_{tables['start']}"]
    for number, (group, states) in enumerate(_grouped(tables, groups or {})):
        indent = "    " if group else "  "
        if group:
            lines.append(f"  subgraph g{number}[{_quoted(group)}]")
        for state in states:
            opens, closes, _ = _SHAPES[state["kind"]]
            lines.append(f"{indent}s_{state['name']}{opens}{_quoted(_label(state, language))}{closes}")
        if group:
            lines.append("  end")
    for edge in edges(tables, language):
        label = f"|{_quoted(edge.label)}|" if edge.label else ""
        lines.append(f"  s_{edge.source} -->{label} s_{edge.target}")
    return "\n".join(lines) + "\n"


def dot(tables: Mapping[str, Any], language: str = "", groups: Mapping[str, str] | None = None) -> str:
    """The dialog as Graphviz text. groups: state → the box it is drawn in (its file)."""
    language = _language(tables, language)
    lines = [
        f"digraph {_escaped(tables['service'])} {{",
        '  node [fontname="Helvetica", fontsize=10]; edge [fontname="Helvetica", fontsize=9];',
        '  "*" [label="dial", shape=circle];',
        f'  "*" -> {_escaped(tables["start"])};',
    ]
    for number, (group, states) in enumerate(_grouped(tables, groups or {})):
        if group:
            lines.append(f"  subgraph cluster_{number} {{ label={_escaped(group)};")
        for state in states:
            shape, label = _SHAPES[state["kind"]][2], _escaped(_label(state, language))
            lines.append(f"    {_escaped(state['name'])} [label={label}, shape={shape}];")
        if group:
            lines.append("  }")
    lines += [
        f"  {_escaped(edge.source)} -> {_escaped(edge.target)} [label={_escaped(edge.label)}];"
        for edge in edges(tables, language)
    ]
    return "\n".join([*lines, "}"]) + "\n"


FORMATS = {"mermaid": mermaid, "dot": dot}


def draw_folder(
    folder: Path, service: Service | None = None, form: str = "mermaid", language: str = ""
) -> str:
    """The dialog of a menu folder in one of FORMATS, a box for each of its files.

    Raises UssdError for another form or a language it does not speak, MenuError for menus with errors.
    """
    if form not in FORMATS:
        raise UssdError(f"No such format: {form}. There are: {', '.join(FORMATS)}.")
    opened = open_folder(folder, service)
    files = {name: state.at.file for name, state in opened.model.states.items()}
    return FORMATS[form](opened.tables, language, files)


def _language(tables: Mapping[str, Any], language: str) -> str:
    languages: list[str] = tables["languages"]
    if language and language not in languages:
        raise UssdError(f"The menus do not speak {language}. They speak: {', '.join(languages)}.")
    return language or languages[0]


def _ways(state: Mapping[str, Any], language: str) -> Iterator[tuple[str, str]]:
    kind = state["kind"]
    if kind in ("menu", "list"):
        if kind == "list":
            yield state["empty"], "empty"
            if state.get("to"):
                yield state["to"], "an item"
        for option in state.get("options", ()):
            when = f" [{option['when']}]" if option.get("when") else ""
            yield option["to"], _plain(option["label"], language) + when
    elif kind == "ask":
        yield state["to"], ""
    elif kind == "do":
        for outcome, (target, _) in state["on"].items():
            yield target, outcome
    elif kind == "choose":
        for when, target in state["cases"]:
            yield target, when or "else"


def _label(state: Mapping[str, Any], language: str) -> str:
    """The state's name, and what it shows or does."""
    kind = state["kind"]
    if kind == "choose":
        return str(state["name"])
    return f"{state['name']}\n{state['action'] if kind == 'do' else _plain(state['text'], language)}"


def _plain(texts: Mapping[str, Any], language: str) -> str:
    """A text on one line, with its slots as written, shortened."""
    pieces = [part if isinstance(part, str) else "{" + ".".join(part[0]) + "}" for part in texts[language]]
    text = " ".join("".join(pieces).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3].rstrip() + "..."


def _grouped(
    tables: Mapping[str, Any], groups: Mapping[str, str]
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    boxes: dict[str, list[Mapping[str, Any]]] = {}
    for state in tables["states"]:
        boxes.setdefault(groups.get(state["name"], ""), []).append(state)
    yield from boxes.items()


def _quoted(text: str) -> str:
    """A Mermaid string: entities for what it would read as its own."""
    for character, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", "<br/>")):
        text = text.replace(character, entity)
    return f'"{text}"'


def _escaped(text: str) -> str:
    """A Graphviz string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
