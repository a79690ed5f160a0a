"""The lender's own YAML files, read with the place of every value kept.

Everything is text until a typed model says otherwise: `0712` stays `0712`. Each fault is a FileProblem
with line and column, for `ussd check`.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from ussd_engine.plugin import FileProblem

Path = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


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
    document = Document(file)
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = error.problem or "it cannot be read"
        document.problems.append(FileProblem(file, line, column, f"not YAML: {what}"))
        return document
    except yaml.YAMLError as error:  # a character YAML does not allow
        document.problems.append(FileProblem(file, 1, 1, f"not YAML: {error}"))
        return document
    if node is None:
        document.problem((), "the file is empty")
        return document
    value = _plain(document, node, (), set())
    document.value = None if document.problems else value
    return document


def _plain(document: Document, node: Any, path: Path, seen: set[int]) -> Any:
    document.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if id(node) in seen:
        document.problem(path, "anchors and aliases are not used here", "Write the value out.")
        return None
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(document, item, (*path, index), seen) for index, item in enumerate(node.value)]
    fields: dict[str, Any] = {}
    for key, item in node.value:
        here = (*path, str(key.value))
        document.places[here] = (key.start_mark.line + 1, key.start_mark.column + 1)
        if key.value in fields:
            document.problem(here, f"{key.value} is here twice")
        fields[str(key.value)] = _plain(document, item, here, seen)
    return fields
