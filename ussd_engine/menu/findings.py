"""What `ussd check` says: findings, each with its place, and how they are printed.

A finding names one fault and what to do about it, in words for someone who does not program. All
faults of a folder are found in one go; nothing stops at the first.
"""

import difflib
import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

MAX_FINDINGS = 500  # a hostile file must not make a report without end
_WIDEST_LINE = 160
_COMPARED = 30  # names that difflib looks at for "did you mean": it takes some 20 µs for each
_ALIKE = 0.67  # not `sorry` and `history`
_ALIKE_SHORT = 0.6  # `edn` and `end`
_SHORT = 4  # letters
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as libyaml counts lines
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffff\U00010000-\U0003fffd]")


class Position(NamedTuple):
    """A place in a file. line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(slots=True, frozen=True)
class Finding:
    """One fault. code is a short stable name for the kind of fault, hint says what to do."""

    file: str
    line: int
    column: int
    severity: Severity
    message: str
    hint: str = ""
    code: str = ""


@dataclass(slots=True)
class Report:
    """Collects findings; the same fault at the same place is kept once."""

    findings: list[Finding] = field(default_factory=list)
    _seen: set[Finding] = field(default_factory=set)

    def error(self, at: Position, code: str, message: str, hint: str = "") -> None:
        """A fault that keeps the folder from being published."""
        self._add(Finding(*at, "error", message, hint, code))

    def warning(self, at: Position, code: str, message: str, hint: str = "") -> None:
        """Something to look at; the folder can still be published."""
        self._add(Finding(*at, "warning", message, hint, code))

    def _add(self, finding: Finding) -> None:
        if finding not in self._seen and not self.full:
            self._seen.add(finding)
            self.findings.append(finding)

    @property
    def full(self) -> bool:
        """Whether no more findings are taken."""
        return len(self.findings) >= MAX_FINDINGS

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(finding.severity == "error" for finding in self.findings)

    def in_order(self) -> list[Finding]:
        """All findings by file, line and column; service.yaml first."""
        return sorted(self.findings, key=lambda f: (f.file != "service.yaml", f.file, f.line, f.column))


def shown(name: str) -> str:
    """A name as messages print it: in backquotes, short, without control characters."""
    clean = _UNPRINTABLE.sub("?", name.replace("\n", " "))
    return f"`{clean if len(clean) <= 60 else clean[:57] + '...'}`"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, or None."""
    if len(name) > 100:
        return None
    names = list(known)
    if len(names) > _COMPARED:
        pairs = _letter_pairs(name)
        names = heapq.nlargest(_COMPARED, names, key=lambda other: len(pairs & _letter_pairs(other)))
    found = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE if len(name) > _SHORT else _ALIKE_SHORT)
    begun = [other for other in names if len(other) > 2 and name.startswith(other)]
    return next(iter([*found, *begun]), None)


def _letter_pairs(name: str) -> set[str]:
    return {name[index : index + 2] for index in range(len(name) - 1)}


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean …?` when a known name is close; else the other hint."""
    found = closest(name, known)
    return f"Did you mean {shown(found)}?" if found else otherwise


def listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them: `a`, `b` and `c`."""
    quoted = [shown(name) for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def source_lines(text: str) -> list[str]:
    """The lines of a file, counted as positions count them."""
    return _LINE_BREAK.split(text.removeprefix("\ufeff"))


def render(finding: Finding, sources: Mapping[str, str]) -> str:
    """The finding as the terminal prints it: place, fault, the line with a caret, what to do."""
    place = f"{finding.file}:{finding.line}:{finding.column}"
    text = [f"{place}: {finding.severity}: {finding.message}"]
    lines = source_lines(sources.get(finding.file, ""))
    if 0 < finding.line <= len(lines) and lines[finding.line - 1].strip():
        line, column = _window(lines[finding.line - 1], finding.column)
        margin = f"{finding.line:>5} | "
        text.append(margin + line)
        text.append(" " * (len(margin) - 2) + "| " + " " * (column - 1) + "^")
    if finding.hint:
        text.append(f"      = {finding.hint}")
    return "\n".join(text)


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a line around a column, printable, and the column in it."""
    line = _UNPRINTABLE.sub(lambda found: " " if found[0] == "\t" else "?", line)
    column = max(1, min(column, len(line) + 1))
    start = max(0, column - _WIDEST_LINE // 2) if len(line) > _WIDEST_LINE else 0
    return line[start : start + _WIDEST_LINE], column - start
