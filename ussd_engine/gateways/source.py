"""Read a YAML file as text with places, for maps that say where they are wrong.

Every scalar stays the text that was written: YAML 1.1's types would make `no` false and `0712` 458.
A scalar without quotes is a `Plain`, so that a JSON template can tell `true` from `"true"`.
"""

from pathlib import Path
from typing import Any

import yaml

from ussd_engine.errors import SettingsError

Place = tuple[str | int, ...]


class Plain(str):
    """A scalar that was written without quotes."""

    __slots__ = ()


class Source:
    """A YAML file: its tree of mappings, sequences and texts, and where each part of it stands."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._marks: dict[Place, yaml.Mark] = {}
        try:
            node = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise SettingsError(f"{file}:{line}:{column}: {error.problem}") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsError(f"{file}: cannot be read: {error}") from None
        if node is None:
            raise SettingsError(f"{file}:1:1: the file is empty")
        self.tree = self._read(node, ())

    def where(self, place: Place) -> str:
        """`file:line:column` of the part at `place`, or of the nearest part around it."""
        while place not in self._marks and place:
            place = place[:-1]
        mark = self._marks[place]
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}"

    def _read(self, node: yaml.Node, place: Place) -> Any:
        self._marks.setdefault(place, node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(held, (*place, index)) for index, held in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # an alias was already resolved
        return str(node.value) if node.style else Plain(node.value)

    def _read_mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            self._marks[(*place, name)] = key.start_mark
            if name in found:
                raise SettingsError(f"{self.where((*place, name))}: {name} is there twice: keep one")
            found[name] = self._read(value, (*place, name))
        return found
