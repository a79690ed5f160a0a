"""YAML read as text, with the place of everything kept.

PyYAML's CBaseLoader gives the events; from them a tree is built whose leaves are all text: `0`, `00`,
`no` and `0712` stay what was written. Aliases, anchors, tags and second documents are refused, and
size, depth and number of nodes are bounded, so a hostile file costs no more than a long one. What was
read before a syntax error is kept, so that the rest of a folder can still be checked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ussd_engine.menu.findings import Position, Report, shown, source_lines

MAX_FILE = 256 * 1024  # characters
MAX_NODES = 20_000
MAX_DEPTH = 16
_LEAST_SNIPPET = re.compile(r"\S{1,24}")


@dataclass(slots=True, frozen=True)
class Scalar:
    """A piece of text. raw is how it is written, with its quotes; commented: a ` #` follows it."""

    value: str
    at: Position
    raw: str = ""
    commented: bool = False

    def within(self, offset: int) -> Position:
        """The place of the character at an offset of the value."""
        found = _LEAST_SNIPPET.match(self.value, offset)
        if found is None:
            return self.at
        index = -1
        for _ in range(self.value.count(found[0], 0, offset) + 1):
            index = self.raw.find(found[0], index + 1)
            if index < 0:
                return self.at
        before = self.raw[:index]
        lines = before.count("\n")
        if not lines:
            return self.at._replace(column=self.at.column + index)
        return Position(self.at.file, self.at.line + lines, index - before.rfind("\n"))


@dataclass(slots=True, frozen=True)
class Sequence:
    """A list."""

    items: "tuple[Node, ...]"
    at: Position


@dataclass(slots=True, frozen=True)
class Mapping:
    """Keys and values, in the order written."""

    pairs: "tuple[tuple[Scalar, Node], ...]"
    at: Position

    def __iter__(self) -> "Iterator[tuple[Scalar, Node]]":
        return iter(self.pairs)


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read. key is the key that waits for its value."""

    at: Position
    mapping: bool
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)  # key → line it is on
    key: Node | None = None


class _Refused(Exception):
    """The file is not read on; the finding is already reported."""


def parse(file: str, text: str, report: Report) -> tuple[Node | None, bool]:
    """The tree of a file, and whether all of it was read. Faults go to the report."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_FILE:
        report.error(
            Position(file, 1, 1),
            "too-big",
            f"The file has more than {MAX_FILE} characters.",
            "Split it into several files and include them in service.yaml.",
        )
        return None, False
    builder = _Builder(file, text, report)
    try:
        for event in yaml.parse(text, Loader=yaml.CBaseLoader):
            builder.take(event)
    except _Refused:
        return builder.finish(), False
    except yaml.MarkedYAMLError as error:
        _report_syntax(file, text, error, report)
        return builder.finish(), False
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        at, message, hint = _bad_character(file, text, error)
        report.error(at, "syntax", message, hint)
        return builder.finish(), False
    return builder.finish(), True


class _Builder:
    """Builds the tree from PyYAML's events, without recursion."""

    def __init__(self, file: str, text: str, report: Report) -> None:
        self._file, self._text, self._report = file, text, report
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._nodes = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """One event. Raises _Refused for what the menu language does not have."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "A second document starts here (`---`).", "Make it a file of its own.")
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(
                event,
                "A `*` at the start of a value means a YAML alias, which menus do not use.",
                'Put quotes around it: "*…".',
            )
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()

    def _node(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(
                event,
                "A `&` at the start of a value means a YAML anchor, which menus do not use.",
                'Put quotes around it: "&…".',
            )
        if getattr(event, "tag", None) is not None:
            self._refuse(
                event,
                "A `!` at the start of a value means a YAML tag, which menus do not use.",
                'Put quotes around it: "!…".',
            )
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(
                event,
                f"The file has more than {MAX_NODES} entries.",
                "Split it into several files and include them in service.yaml.",
            )
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
            return
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(
                event, f"Entries are nested more than {MAX_DEPTH} deep.", "Look for a bracket too many."
            )
        self._stack.append(_Open(self._at(event), isinstance(event, yaml.MappingStartEvent)))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = _mark(event.start_mark).index, _mark(event.end_mark).index
        rest = self._text[end : end + 200].split("\n", 1)[0]
        plain = not event.style
        commented = plain and rest.lstrip(" ").startswith("#")
        return Scalar(event.value, self._at(event), self._text[start:end], commented)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if not top.mapping:
            top.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            self._add_pair(top, top.key, node)
            top.key = None

    def _add_pair(self, top: _Open, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._report.error(
                key.at,
                "bad-key",
                "A key must be plain text.",
                "If this is a text that starts with { or [, put quotes around it.",
            )
        elif key.value in top.places:
            self._report.error(
                key.at,
                "duplicate-key",
                f"{shown(key.value)} is already there, on line {top.places[key.value]}.",
                "Give one of them another name, or delete one.",
            )
        else:
            top.places[key.value] = key.at.line
            top.pairs.append((key, value))

    def _close(self) -> None:
        top = self._stack.pop()
        self._add(Mapping(tuple(top.pairs), top.at) if top.mapping else Sequence(tuple(top.items), top.at))

    def finish(self) -> Node | None:
        """The tree; what was open when reading stopped is closed."""
        while self._stack:
            self._close()
        return self._root

    def _refuse(self, event: yaml.Event, message: str, hint: str) -> None:
        self._report.error(self._at(event), "syntax", message, hint)
        raise _Refused

    def _at(self, event: yaml.Event) -> Position:
        mark = _mark(event.start_mark)
        return Position(self._file, mark.line + 1, mark.column + 1)


def _mark(mark: Any) -> Any:
    """The mark of an event; its type says it may be None, and libyaml always gives one."""
    assert mark is not None
    return mark


def _bad_character(file: str, text: str, error: Exception) -> tuple[Position, str, str]:
    """Where the character is that no YAML file may have. libyaml gives an index, or bytes of it."""
    for number, line in enumerate(source_lines(text), 1):
        for column, character in enumerate(line, 1):
            if 0xDC80 <= ord(character) < 0xDD00:  # how read_sources keeps a byte that is not UTF-8
                at = Position(file, number, column)
                return at, "The file is not saved as UTF-8.", "Save it with the encoding UTF-8."
            if (
                (ord(character) < 32 and character != "\t")
                or 0xD800 <= ord(character) < 0xE000
                or (0x7F <= ord(character) < 0xA0 or ord(character) in (0xFFFE, 0xFFFF, 0xFEFF))
            ):
                message = f"A character that cannot be seen (U+{ord(character):04X}) is here."
                return Position(file, number, column), message, "Delete it, or type that line again."
    message = f"The file is not text that can be read: {type(error).__name__}."
    return Position(file, 1, 1), message, "Save it as plain text, with the encoding UTF-8."


def _report_syntax(file: str, text: str, error: yaml.MarkedYAMLError, report: Report) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = source_lines(text)
    written = lines[line] if line < len(lines) else ""
    problem, context = str(error.problem or ""), str(error.context or "")
    at = Position(file, line + 1, column + 1)
    if "alias" in context or "anchor" in context:
        start = error.context_mark or mark
        at = Position(file, start.line + 1, start.column + 1) if start else at
    elif "quoted" in context and "end of stream" in problem and error.context_mark:
        at = Position(file, error.context_mark.line + 1, error.context_mark.column + 1)
    elif "flow" in context and error.context_mark and error.context_mark.line < line:
        at = Position(file, error.context_mark.line + 1, error.context_mark.column + 1)  # where it opens
    elif "\t" in written[: len(written) - len(written.lstrip())]:
        at = Position(file, line + 1, written.index("\t") + 1)
    message, hint = _plain_words(problem, context, written, column)
    report.error(at, "syntax", message, hint)


def _plain_words(problem: str, context: str, line: str, column: int) -> tuple[str, str]:
    """A syntax error in words for someone who never heard of scalars and tokens."""
    character = line[column : column + 1]
    after_quote = line[:column].rstrip()[-1:] in ('"', "'")
    indent = line[: len(line) - len(line.lstrip())]
    cases = (
        ("alias" in context, "A value that starts with `*` needs quotes.",
         'Write it as "*…": for example "*384*89598#".'),
        ("anchor" in context, "A value that starts with `&` needs quotes.", 'Write it as "&…".'),
        ("\t" in indent or character == "\t", "There is a tab here. Indentation must be spaces.",
         "Replace each tab by two spaces."),
        ("quoted" in context and "end of stream" in problem, "This quote is never closed.",
         "Put the same quote at the end of the text."),
        ("escape" in problem, "This backslash means nothing in double quotes.",
         "Write \\\\ for a backslash, \\n for a new line."),
        ("mapping values" in problem, "There is a `:` where none can be.",
         "A text with `: ` in it needs quotes; an entry starts on its own line, in the column of the "
         "entries beside it."),
        ("cannot start" in problem, f"A value cannot start with {shown(character)} without quotes.",
         f'Write it as "{character}…".'),
        ("',' or" in problem or "flow" in context,
         "A bracket is not closed, or a text inside brackets has a `,` or `:` in it.",
         "Close the bracket, or put quotes around each text inside { }."),
        (after_quote, "The text ends at its second quote, and something follows.",
         "For a quote inside a text write \\\" or put the other kind around all of it: 'He said \"yes\".'"),
        ("}" in line or "]" in line, "Something follows a closing bracket.",
         'A text that starts with { or [ needs quotes around all of it: "{name}, hello".'),
        (True, f"This line does not fit the lines above it ({problem}).",
         "Entries of one list start in the same column. Check the indentation of this line and of the one "
         "before it."),
    )  # fmt: skip
    return next((message, hint) for holds, message, hint in cases if holds)
