"""The lender's own YAML files, read by the engine's reader, with the place of every value kept.

Everything is text until a typed model says otherwise: `0712` stays `0712`. Each fault is a FileProblem
with line and column, for `ussd check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ussd_engine.menu.findings import Report
from ussd_engine.menu.source import Node, Scalar, Sequence, parse
from ussd_engine.plugin import FileProblem

Path = tuple[str | int, ...]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Document:
    """A parsed file: its value (dicts, lists, text), where each part stands, and what is wrong."""

    file: str
    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        """Note a fault at the value of that path, or at the nearest thing around it."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        line, column = self.places.get(known, (1, 1))
        self.problems.append(FileProblem(self.file, line, column, message, hint))


def read(file: str, text: str) -> Document:
    """Parse a file. The value is None when it has problems."""
    document, report = Document(file), Report()
    node, _ = parse(file, text, report)
    document.problems = [
        FileProblem(finding.file, finding.line, finding.column, finding.message, finding.hint)
        for finding in report.in_order()
    ]
    if document.problems:
        return document
    if node is None:
        document.problem((), "The file is empty.")
        return document
    document.value = _plain(document, node, ())
    return document


def fitted(document: Document, model: type[Model]) -> Model | None:
    """The value of a parsed file as a model; None when it has problems, which are then in the document."""
    if document.problems:
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        for fault in error.errors():
            message = fault["msg"].removeprefix("Value error, ")
            place = ".".join(str(part) for part in fault["loc"])
            document.problem(tuple(fault["loc"]), f"{place}: {message}" if place else message)
        return None


@dataclass(slots=True, frozen=True)
class Menus:
    """The menus of a folder as they are written, for the lender's files to agree with. What the engine
    will refuse is left out."""

    service: dict[str, Any]
    states: dict[str, dict[str, Any]]


def menus(sources: Mapping[str, str]) -> Menus:
    """Read service.yaml and the states of every file."""
    files = {name: read(name, text).value for name, text in sources.items() if name.endswith(".yaml")}
    folders = [file["states"] for file in files.values() if isinstance(file, dict) and "states" in file]
    states = {
        name: state
        for folder in folders
        if isinstance(folder, dict)
        for name, state in folder.items()
        if isinstance(state, dict)
    }
    service = files.get("service.yaml")
    return Menus(service if isinstance(service, dict) else {}, states)


def _plain(document: Document, node: Node, path: Path) -> Any:
    document.places.setdefault(path, (node.at.line, node.at.column))
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_plain(document, item, (*path, index)) for index, item in enumerate(node.items)]
    fields: dict[str, Any] = {}
    for key, item in node:
        document.places[*path, key.value] = (key.at.line, key.at.column)
        fields[key.value] = _plain(document, item, (*path, key.value))
    return fields
