# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""A credit scorecard as flat tables: points for one applicant, or for a million with the GIL released.

A scorecard is a dict, as YAML gives it; numbers may be numbers or their text:

    version: 2026-11
    base_points: 300
    features:
      - name: wallet_months
        type: number
        reason: NEW_WALLET                  # told when this feature costs the applicant points
        bins:
          - {lt: 6, points: -20}            # less than 6
          - {lt: 24, points: 15, reason: YOUNG_WALLET}
          - {points: 40}                    # 24 and more
        missing: {points: 0}
      - name: county
        type: category
        bins:
          - {in: [nairobi, kiambu], points: 20}
          - {points: 5}                     # any other
        missing: {points: 0}
    bands:                                  # best first; the last takes the rest
      - {min_score: 340, decision: approve, limit_cents: 5000000}
      - {decision: decline, limit_cents: 0}

Rules:

1. A bin holds its lower edge and not its upper one: `[6, 24)`. So 6 is in the second bin above.
2. Every value has a bin: the last bin has no `lt` or `in` and takes the rest (a category nobody listed,
   +infinity), None and NaN are `missing`. The empty text is a category like any other.
3. Points are integers, so a score is the same sum everywhere. Nothing is rounded here.
4. In a batch a category is its bin's number (see `encode`); a number that is no bin's is "any other".
"""

# Buffer and array types, such as cython.int[::1], are no types to a checker.
# mypy: disable-error-code="misc,valid-type,name-defined"

import hashlib
import json
import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cython

from .scorecard_checks import ScorecardError, attainable, checked, stairs
from .scorecard_steps import Steps

__all__ = ["Band", "Scorecard", "ScorecardError"]

# An applicant's row is double[200] on the stack: as many as MAX_FEATURES of scorecard_checks.
_GROUP = cython.declare(cython.Py_ssize_t, 4)  # edges compared at a time


@dataclass(frozen=True)
class Band:
    """What scores of at least min_score get. The last band's min_score is None: it takes the rest."""

    min_score: int | None
    decision: str
    limit_cents: int


@cython.final
@cython.cclass
class Scorecard:
    """Flat tables for one applicant (see `stairs`), and the same as `Steps` for many.

    The edges of feature f are edges[at[f]:at[f + 1]], filled up to groups with NaN, which no value reaches.
    Its cells, one more than edges, begin at first[f].
    """

    names = cython.declare(tuple, visibility="readonly")
    version = cython.declare(str, visibility="readonly")
    digest = cython.declare(str, visibility="readonly")  # SHA-256 of the canonical form
    bands = cython.declare(tuple, visibility="readonly")
    base_points = cython.declare(cython.int, visibility="readonly")
    min_score = cython.declare(cython.int, visibility="readonly")
    max_score = cython.declare(cython.int, visibility="readonly")
    _size = cython.declare(cython.Py_ssize_t)
    _codes = cython.declare(list)  # per feature: None, or category → bin, with any other's under None
    _reasons = cython.declare(list)  # per cell: its reason code, or None
    _at = cython.declare(cython.longlong[::1])
    _first = cython.declare(cython.longlong[::1])
    _edges = cython.declare(cython.double[::1])
    _points = cython.declare(cython.int[::1])
    _places = cython.declare(cython.longlong[::1])  # per feature: where dicts have it; see scorecard.pxd
    _most = cython.declare(cython.int[::1])  # per feature: the points of its best cell
    _steps = cython.declare(object)

    def __init__(self, definition: Mapping[str, Any]) -> None:
        plain = checked(definition)
        self.version = plain["version"]
        self.digest = hashlib.sha256(
            json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        # The keys of dicts in Python's source are interned: the same object is found faster.
        self.names = tuple([sys.intern(feature["name"]) for feature in plain["features"]])
        self.bands = tuple([Band(**band) for band in plain["bands"]])
        self._size = len(self.names)
        self._flatten(plain["features"])
        self._steps = Steps(plain)
        self.base_points = plain["base_points"]
        self.min_score, self.max_score = attainable(plain)

    @classmethod
    def from_dict(cls, definition: Mapping[str, Any]) -> "Scorecard":
        """The scorecard of a parsed YAML mapping. Raises ScorecardError with every fault found."""
        return cls(definition)

    def _flatten(self, features: list[dict[str, Any]]) -> None:
        codes: list[Any] = []
        reasons: list[Any] = []
        edges: list[float] = []
        points: list[int] = []
        at, first, most = [0], [], []
        for feature in features:
            own, cells = stairs(feature)
            edges += own + [math.nan] * (-len(own) % _GROUP)
            at.append(len(edges))
            first.append(len(points))
            points += [cell["points"] for cell in cells]
            reasons += [cell.get("reason", feature.get("reason")) for cell in cells]
            most.append(max([cell["points"] for cell in cells]))
            categories: dict[str | None, float] = {
                category: float(index)
                for index, cell in enumerate(feature["bins"])
                for category in cell.get("in", ())
            }
            categories[None] = float(len(feature["bins"]) - 1)
            codes.append(categories if feature["type"] == "category" else None)
        self._codes, self._reasons = codes, reasons
        self._at, self._first, self._edges = array("q", at), array("q", first), array("d", edges)
        self._places = array("q", range(len(features)))
        self._points, self._most = array("i", points), array("i", most)

    @cython.locals(f=cython.Py_ssize_t, row=cython.double[200])
    def encode(self, values: Any) -> list[float]:
        """One applicant as a row of a batch: numbers as they are, categories as bins, NaN for missing.

        values is a sequence in the order of `names`, or a mapping by name (other names are ignored, but
        an absent one is an error: say None for what is not known).
        """
        if not cython.compiled:
            row = [0.0] * self._size
        self._read(values, row)
        return [row[f] for f in range(self._size)]

    @cython.locals(f=cython.Py_ssize_t, total=cython.int, row=cython.double[200])
    def score(self, values: Any) -> int:
        """The applicant's score. `values` as for `encode`."""
        if not cython.compiled:
            row = [0.0] * self._size
        self._read(values, row)
        total = self.base_points
        for f in range(self._size):
            total += self._points[self._cell(f, row[f])]
        return total

    @cython.locals(f=cython.Py_ssize_t, row=cython.double[200])
    def points(self, values: Any) -> dict[str, int]:
        """What each feature gave. With base_points they sum to the score."""
        if not cython.compiled:
            row = [0.0] * self._size
        self._read(values, row)
        given: dict[str, int] = {}
        for f in range(self._size):
            given[self.names[f]] = self._points[self._cell(f, row[f])]
        return given

    @cython.locals(f=cython.Py_ssize_t, cell=cython.Py_ssize_t, cost=cython.longlong, row=cython.double[200])
    def reasons(self, values: Any, n: int = 3) -> list[str]:
        """Up to n reason codes, the costliest first; of equal ones, the earlier feature's.

        The cost is the feature's most points less the points given. Features that cost nothing, and
        cells without a reason, give none; a code shared by several is told once.
        """
        if not cython.compiled:
            row = [0.0] * self._size
        self._read(values, row)
        lost: list[int] = []
        cells: list[int] = []
        for f in range(self._size):
            cell = self._cell(f, row[f])
            cells.append(cell)
            cost = self._most[f] - self._points[cell]
            if cost > 0 and self._reasons[cell] is not None:
                lost.append((cost << 8) | (255 - f))  # one number sorts faster; 200 features at most
        lost.sort(reverse=True)
        codes: list[str] = []
        for key in lost:
            if len(codes) >= n:
                break
            code = self._reasons[cells[255 - (key & 255)]]
            if code not in codes:
                codes.append(code)
        return codes

    def decide(self, score: int) -> tuple[str, int]:
        """The decision for a score, and the index of its band in `bands`."""
        for index, band in enumerate(self.bands):
            if band.min_score is None or score >= band.min_score:
                return band.decision, index
        raise AssertionError("the last band takes the rest")

    def batch(self, matrix: Any, out: Any) -> None:
        """Score every row of `matrix` into `out`, with the GIL released.

        matrix: a C-contiguous two-dimensional buffer of float64, rows as `encode` makes them; out: a
        writable buffer of int32, one for each row. A buffer is a NumPy array, a memoryview, an array.
        """
        self._steps.rows(matrix, out)

    def batch_columns(self, matrix: Any, out: Any) -> None:
        """The same for a matrix that has the features as its rows: the faster way round.

        Several threads may each score a part of one batch.
        """
        self._steps.columns(matrix, out)

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    @cython.locals(cell=cython.Py_ssize_t, edge=cython.Py_ssize_t)
    def _cell(self, f: cython.Py_ssize_t, x: cython.double) -> cython.Py_ssize_t:
        """The cell of value x of feature f: its first one, and one on for each edge that x reaches."""
        cell = self._first[f]
        edge = self._at[f]
        while edge < self._at[f + 1]:  # counted, not searched for: nothing to guess wrong
            cell += (
                (x >= self._edges[edge])
                + (x >= self._edges[edge + 1])
                + (x >= self._edges[edge + 2])
                + (x >= self._edges[edge + 3])
            )
            edge += _GROUP
        return cell

    @cython.cfunc
    @cython.exceptval(-1)
    @cython.locals(f=cython.Py_ssize_t)
    def _read(self, values: object, row: cython.p_double) -> cython.int:
        """Fill the row with the applicant as `encode` says."""
        known = self._known(values)
        f = 0
        while f < self._size:
            if cython.compiled and type(known) is dict:
                places = cython.address(self._places[0])
                f = near(known, self.names, self._codes, places, row, f)  # noqa: F821
                if f == self._size:
                    break
            row[f] = self._asked(known, f)
            f += 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _asked(self, values: object, f: cython.Py_ssize_t) -> cython.double:
        """The value of feature f, whatever kind it is. values is what `_known` gave."""
        if type(values) is dict:
            # The default is an object that no caller gives: then the name is absent.
            value = cython.cast(dict, values).get(cython.cast(tuple, self.names)[f], self)
            if value is self:
                self._ordered(values)  # says which
        else:
            value = cython.cast(tuple, values)[f]
        codes = cython.cast(list, self._codes)[f]
        if codes is None:
            return cython.cast(cython.double, value) if type(value) is float else self._number(f, value)
        return self._category(f, cython.cast(dict, codes), value)

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _number(self, f: cython.Py_ssize_t, value: object) -> cython.double:
        if value is None:
            return math.nan
        if isinstance(value, str):
            raise TypeError(f"{self.names[f]} is a number, not text")
        return float(value)  # type: ignore[arg-type]

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _category(self, f: cython.Py_ssize_t, codes: dict[object, object], value: object) -> cython.double:
        if isinstance(value, str):
            return cython.cast(cython.double, codes.get(value, codes[None]))
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return math.nan
        raise TypeError(f"{self.names[f]} is a category: give text, not {type(value).__name__}")

    @cython.cfunc
    def _known(self, values: Any) -> Any:
        """The values as `_asked` takes them: the dict itself, or a tuple in the order of the features."""
        if type(values) is dict:
            return values
        if type(values) is list and len(values) == self._size:
            return tuple(values)
        return self._ordered(values)

    @cython.cfunc
    def _ordered(self, values: Any) -> Any:
        """The values in the order of the features. Raises ValueError and TypeError when they do not fit."""
        if isinstance(values, Mapping):
            absent = [name for name in self.names if name not in values]
            if absent:
                raise ValueError(f"no value for {', '.join(absent)}: say None for what is not known")
            return tuple([values[name] for name in self.names])
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise TypeError("values must be a sequence in the order of names, or a mapping by name")
        if len(values) != self._size:
            raise ValueError(f"{len(values)} values for {self._size} features")
        return tuple(values)
