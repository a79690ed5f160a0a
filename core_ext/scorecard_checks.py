"""What makes a scorecard sound: reads its dict, and notes every fault with the path to it.

The rules are those of `scorecard`. Faults carry paths, so that whoever has the YAML can show the line.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_FEATURES = 200
MAX_BINS = 200  # in one feature
MAX_POINTS = 1_000_000  # of one bin, either sign: 201 of them fit an int32
MAX_LIMIT_CENTS = 10**15

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?\Z")


class ScorecardError(ValueError):
    """The scorecard has faults. Each of `problems` is the path to the faulty value and what is wrong."""

    def __init__(self, problems: list[tuple[Path, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path_text(path)}: {message}" for path, message in problems))


def path_text(path: Path) -> str:
    """A path as people write it: `features[0].bins[2].lt`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "scorecard"


def attainable(plain: dict[str, Any]) -> tuple[int, int]:
    """The least and the greatest score that a checked scorecard can give."""
    low = high = plain["base_points"]
    for feature in plain["features"]:
        points = [cell["points"] for cell in [*feature["bins"], feature["missing"]]]
        low += min(points)
        high += max(points)
    return low, high


def stairs(feature: dict[str, Any]) -> tuple[list[float], list[dict[str, Any]]]:
    """The edges of a checked feature, and its cells: one before the first edge, one after each.

    A value's cell is the one after as many edges as it reaches.
    """
    bins = feature["bins"]
    if feature["type"] == "number":
        return [-math.inf, *[cell["lt"] for cell in bins[:-1]]], [feature["missing"], *bins]
    return [-math.inf, *[float(code) for code in range(len(bins))]], [feature["missing"], bins[-1], *bins]


def checked(definition: Any) -> dict[str, Any]:
    """The scorecard with its numbers as numbers. Raises ScorecardError with every fault found."""
    reader = _Reader()
    plain = reader.scorecard(definition)
    if not reader.problems:
        reader.reachable(plain)
    if reader.problems:
        raise ScorecardError(reader.problems)
    return plain


class _Reader:
    """Reads a definition and notes what is wrong with it, each fault with its path."""

    def __init__(self) -> None:
        self.problems: list[tuple[Path, str]] = []

    def wrong(self, path: Path, message: str) -> None:
        self.problems.append((path, message))

    def fields(self, path: Path, value: Any, needed: Sequence[str], allowed: Sequence[str] = ()) -> Any:
        """The value when it is a mapping with these fields and no other; else an empty one."""
        if not isinstance(value, Mapping):
            self.wrong(path, "must be a mapping")
            return None
        for name in needed:
            if name not in value:
                self.wrong(path, f"needs {name}")
        for name in value:
            if name not in needed and name not in allowed:
                known = ", ".join([*needed, *allowed])
                self.wrong((*path, str(name)), f"is not a field here; there are {known}")
        return value

    def items(self, path: Path, value: Any, most: int) -> list[Any]:
        if isinstance(value, (list, tuple)) and 0 < len(value) <= most:
            return list(value)
        self.wrong(path, f"must be a list of 1 to {most}")
        return []

    def text(self, path: Path, value: Any) -> str:
        if isinstance(value, str) and 0 < len(value) <= 100:
            return value
        self.wrong(path, "must be text of 1 to 100 characters")
        return ""

    def integer(self, path: Path, value: Any, low: int, high: int) -> int:
        if isinstance(value, str) and _INTEGER.match(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(path, f"must be a whole number, not {value!r}")
            return 0
        if not low <= value <= high:
            self.wrong(path, f"must be from {low} to {high}")
        return value

    def number(self, path: Path, value: Any) -> float:
        if isinstance(value, str) and _NUMBER.match(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.wrong(path, f"must be a number, not {value!r}")
            return math.nan
        return float(value)

    def scorecard(self, value: Any) -> dict[str, Any]:
        if self.fields((), value, ("version", "base_points", "features", "bands")) is None or self.problems:
            return {}
        features = [
            self.feature(("features", index), feature)
            for index, feature in enumerate(self.items(("features",), value["features"], MAX_FEATURES))
        ]
        seen: set[str] = set()
        for index, feature in enumerate(features):
            if feature.get("name") in seen:
                self.wrong(("features", index, "name"), f"there are two features {feature['name']}")
            seen.add(feature.get("name", ""))
        return {
            "version": self.text(("version",), value["version"]),
            "base_points": self.integer(("base_points",), value["base_points"], -MAX_POINTS, MAX_POINTS),
            "features": features,
            "bands": self.bands(value["bands"]),
        }

    def feature(self, path: Path, value: Any) -> dict[str, Any]:
        before = len(self.problems)
        self.fields(path, value, ("name", "type", "bins", "missing"), ("reason",))
        if len(self.problems) > before:
            return {}
        kind = value["type"]
        if kind not in ("number", "category"):
            self.wrong((*path, "type"), "must be number or category")
            return {}
        bound = "lt" if kind == "number" else "in"
        items = self.items((*path, "bins"), value["bins"], MAX_BINS)
        bins = [
            self.cell((*path, "bins", index), item, "" if index == len(items) - 1 else bound)
            for index, item in enumerate(items)
        ]
        if kind == "number":
            self.increasing(path, bins)
        else:
            self.distinct(path, bins)
        plain = {"name": self.text((*path, "name"), value["name"]), "type": kind, "bins": bins}
        plain["missing"] = self.cell((*path, "missing"), value["missing"], "")
        if value.get("reason") is not None:
            plain["reason"] = self.text((*path, "reason"), value["reason"])
        return plain

    def cell(self, path: Path, value: Any, bound: str) -> dict[str, Any]:
        """A bin (bound: `lt`, `in`; empty for the last one, which takes the rest) or `missing`."""
        before = len(self.problems)
        if bound == "" and isinstance(value, Mapping) and ("lt" in value or "in" in value):
            what = "missing" if path[-1] == "missing" else "the last bin, which takes the rest,"
            self.wrong(path, f"{what} has no lt or in")
            return {}
        self.fields(path, value, (bound, "points") if bound else ("points",), ("reason",))
        if len(self.problems) > before:
            return {}
        plain: dict[str, Any] = {
            "points": self.integer((*path, "points"), value["points"], -MAX_POINTS, MAX_POINTS)
        }
        if value.get("reason") is not None:
            plain["reason"] = self.text((*path, "reason"), value["reason"])
        if bound == "lt":
            plain["lt"] = self.number((*path, "lt"), value["lt"])
        elif bound == "in":
            categories = self.items((*path, "in"), value["in"], 10_000)
            plain["in"] = [self.text((*path, "in", i), item) for i, item in enumerate(categories)]
        return plain

    def increasing(self, path: Path, bins: list[dict[str, Any]]) -> None:
        for index in range(1, len(bins)):
            edge, before = bins[index].get("lt"), bins[index - 1].get("lt")
            if edge is not None and before is not None and edge <= before:
                self.wrong((*path, "bins", index, "lt"), f"{edge:g} must be more than {before:g} before it")

    def distinct(self, path: Path, bins: list[dict[str, Any]]) -> None:
        seen: set[str] = set()
        for index, cell in enumerate(bins):
            for category in cell.get("in", ()):
                if category in seen:
                    self.wrong((*path, "bins", index, "in"), f"{category} is in two bins")
                seen.add(category)

    def bands(self, value: Any) -> list[dict[str, Any]]:
        items = self.items(("bands",), value, 100)
        bands = [
            self.band(("bands", index), item, index == len(items) - 1) for index, item in enumerate(items)
        ]
        for index in range(1, len(bands)):
            band, better = bands[index], bands[index - 1]
            if not band or not better:
                continue
            if band["min_score"] is not None and band["min_score"] >= better["min_score"]:
                self.wrong(
                    ("bands", index, "min_score"), f"must be less than {better['min_score']} before it"
                )
            if band["limit_cents"] > better["limit_cents"]:
                self.wrong(("bands", index, "limit_cents"), "must not be more than a better band's")
        return bands

    def band(self, path: Path, value: Any, last: bool) -> dict[str, Any]:
        before = len(self.problems)
        if last and isinstance(value, Mapping) and "min_score" in value:
            self.wrong((*path, "min_score"), "the last band takes the rest: it has no min_score")
            return {}
        needed = ("decision", "limit_cents") if last else ("min_score", "decision", "limit_cents")
        self.fields(path, value, needed)
        if len(self.problems) > before:
            return {}
        reach = MAX_POINTS * (MAX_FEATURES + 1)
        return {
            "min_score": None
            if last
            else self.integer((*path, "min_score"), value["min_score"], -reach, reach),
            "decision": self.text((*path, "decision"), value["decision"]),
            "limit_cents": self.integer((*path, "limit_cents"), value["limit_cents"], 0, MAX_LIMIT_CENTS),
        }

    def reachable(self, plain: dict[str, Any]) -> None:
        """Notes bands that no applicant can get."""
        low, high = attainable(plain)
        for index, band in enumerate(plain["bands"][:-1]):
            path = ("bands", index, "min_score")
            if band["min_score"] > high:
                self.wrong(path, f"nobody can reach {band['min_score']}: the most is {high}")
            elif band["min_score"] <= low:
                self.wrong(path, f"everybody reaches {band['min_score']}: the least is {low}")
