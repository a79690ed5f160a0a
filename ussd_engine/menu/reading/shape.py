"""Reading one entry of a menu file: its keys, and values that are what they should be.

Nothing raises: a fault is reported where it is, and the value is None.
"""

import re
from collections.abc import Iterable

from ussd_engine.menu.findings import Position, Report, closest, did_you_mean, listed, shown
from ussd_engine.menu.source import Mapping, Node, Scalar, Sequence
from ussd_engine.menu.syntax import RESERVED

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DURATION = re.compile(r"([0-9]{1,6})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class Fields:
    """The keys of one mapping. Unknown keys are reported when it is made."""

    def __init__(self, node: Mapping, what: str, known: Iterable[str], report: Report) -> None:
        self.at = node.at
        self.what = what
        self.report = report
        self._values = {key.value: value for key, value in node}
        self.keys = {key.value: key for key, _ in node}
        names = list(known)
        for key, value in node:
            if key.value not in names:
                self._take_as_meant(key, value, names)
                report.error(
                    key.at,
                    "unknown-key",
                    f"{what} has no {shown(key.value)}.",
                    _unknown_hint(key, value, names),
                )

    def _take_as_meant(self, key: Scalar, value: Node, names: list[str]) -> None:
        """A near miss counts as the key that was meant, so that one typing error is one finding."""
        meant = closest(key.value, names)
        if meant is not None and meant not in self._values:
            self._values[meant] = value
            self.keys[meant] = key

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def node(self, name: str, *, required: bool = False) -> Node | None:
        """The value of a key, whatever it is."""
        value = self._values.get(name)
        if value is None and required:
            self.report.error(
                self.at, "missing-key", f"{self.what} needs {shown(name)}.", f"Add `{name}:` to it."
            )
        return value

    def scalar(self, name: str, *, required: bool = False) -> Scalar | None:
        """A value that is a piece of text and not empty."""
        value = self.node(name, required=required)
        return None if value is None else as_scalar(value, f"{shown(name)}", self.report)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """One of a few words."""
        value = self.scalar(name)
        if value is None:
            return default
        words = list(choices)
        if value.value in words:
            return value.value
        self.report.error(
            value.at,
            "bad-value",
            f"{shown(name)} cannot be {shown(value.value)}.",
            did_you_mean(value.value, words, f"It can be {listed(words)}."),
        )
        return default

    def flag(self, name: str, default: bool) -> bool:
        """true or false."""
        return self.choice(name, ("true", "false"), "true" if default else "false") == "true"

    def integer(self, name: str, least: int, most: int, default: int) -> int:
        """A whole number within bounds."""
        value = self.scalar(name)
        if value is None:
            return default
        number = as_integer(value, f"{shown(name)}", least, most, self.report)
        return default if number is None else number

    def seconds(self, name: str, least: int, most: int, default: int) -> int:
        """A duration such as 90s, 10m or 1h, in seconds."""
        value = self.scalar(name)
        if value is None:
            return default
        found = _DURATION.fullmatch(value.value)
        total = int(found[1]) * _SECONDS[found[2]] if found else 0
        if least <= total <= most:
            return total
        self.report.error(
            value.at,
            "bad-value",
            f"{shown(name)} cannot be {shown(value.value)}.",
            f"Write a number and s, m or h, from {least}s to {most}s: for example 90s or 10m.",
        )
        return default

    def items(self, name: str, *, required: bool = False) -> tuple[Node, ...]:
        """The entries of a list."""
        value = self.node(name, required=required)
        if value is None:
            return ()
        if isinstance(value, Sequence):
            return value.items
        self.report.error(
            value.at,
            "bad-value",
            f"{shown(name)} must be a list.",
            "Write each entry on its own line after a dash: - …",
        )
        return ()


def _unknown_hint(key: Scalar, value: Node, known: list[str]) -> str:
    if isinstance(value, Scalar) and value.value == "" and not value.raw and " " not in key.value.strip("\n"):
        return did_you_mean(key.value, known, "A text with a comma inside { } needs quotes.")
    if isinstance(value, Scalar) and value.value == "":
        return "A text with a comma inside { } needs quotes."
    return did_you_mean(key.value, known, f"It can have {listed(known)}.")


def as_mapping(node: Node, what: str, report: Report) -> Mapping | None:
    """The node when it is a mapping; else None, reported."""
    if isinstance(node, Mapping):
        return node
    report.error(node.at, "bad-value", f"{what} must have keys and values.", "Write each as `key: value`.")
    return None


def as_scalar(node: Node, what: str, report: Report) -> Scalar | None:
    """The node when it is a piece of text and not empty; else None, reported."""
    if not isinstance(node, Scalar):
        report.error(
            node.at, "bad-value", f"{what} must be one value.", "A text that starts with { or [ needs quotes."
        )
        return None
    if node.value.strip():
        return node
    hint = "Give it a value."
    if node.commented:
        hint = 'What follows `#` is a comment. If it belongs to the value, put quotes around it: "#…".'
    report.error(node.at, "empty", f"{what} is empty.", hint)
    return None


def as_integer(value: Scalar, what: str, least: int, most: int, report: Report) -> int | None:
    """The whole number a scalar holds, within bounds; else None, reported."""
    if re.fullmatch(r"[0-9]{1,15}", value.value) and least <= int(value.value) <= most:
        return int(value.value)
    report.error(
        value.at,
        "bad-value",
        f"{what} cannot be {shown(value.value)}.",
        f"Write a whole number from {least} to {most}.",
    )
    return None


def good_name(name: str, at: Position, what: str, report: Report, taken: Iterable[str] = ()) -> bool:
    """Whether a name can be one; a bad one is reported."""
    if NAME.fullmatch(name) and name not in RESERVED and name not in taken:
        return True
    if NAME.fullmatch(name):
        report.error(
            at,
            "bad-name",
            f"{shown(name)} cannot be the name of {what}: it has a meaning of its own.",
            "Choose another name" + ("; or indent it to the state above." if what == "a state" else "."),
        )
    else:
        report.error(
            at,
            "bad-name",
            f"{shown(name)} cannot be the name of {what}.",
            "Use small letters, digits and _, a letter first, at most 40.",
        )
    return False
