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

# Buffer types such as cython.int[::1] are no types to a checker.
# mypy: disable-error-code="misc"

import hashlib
import json
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cython

from .scorecard_checks import ScorecardError, attainable, checked

__all__ = ["Band", "Scorecard", "ScorecardError"]


@dataclass(frozen=True)
class Band:
    """What scores of at least min_score get. The last band's min_score is None: it takes the rest."""

    min_score: int | None
    decision: str
    limit_cents: int


@cython.cclass
class Scorecard:
    """Flat tables. Cells of feature f are points[cell_at[f]:cell_at[f + 1]]: its bins, then missing."""

    names = cython.declare(tuple, visibility="readonly")
    version = cython.declare(str, visibility="readonly")
    digest = cython.declare(str, visibility="readonly")  # SHA-256 of the canonical form
    bands = cython.declare(tuple, visibility="readonly")
    base_points = cython.declare(cython.int, visibility="readonly")
    min_score = cython.declare(cython.int, visibility="readonly")
    max_score = cython.declare(cython.int, visibility="readonly")
    _size = cython.declare(cython.Py_ssize_t)
    _codes = cython.declare(list)  # per feature: None, or category → bin
    _reasons = cython.declare(list)  # per cell: its reason code, or None
    _edges = cython.declare(cython.double[::1])
    _categorical = cython.declare(cython.schar[::1])
    _edge_at = cython.declare(cython.int[::1])
    _cell_at = cython.declare(cython.int[::1])
    _points = cython.declare(cython.int[::1])
    _most = cython.declare(cython.int[::1])  # per feature: the points of its best cell

    def __init__(self, definition: Mapping[str, Any]) -> None:
        plain = checked(definition)
        self.version = plain["version"]
        self.digest = hashlib.sha256(
            json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        self.names = tuple([feature["name"] for feature in plain["features"]])
        self.bands = tuple([Band(**band) for band in plain["bands"]])
        self._size = len(self.names)
        self._flatten(plain["features"])
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
        edge_at, cell_at, most = [0], [0], []
        for feature in features:
            bins = feature["bins"]
            cells = [*bins, feature["missing"]]
            edges += [cell["lt"] for cell in bins if "lt" in cell]
            points += [cell["points"] for cell in cells]
            reasons += [cell.get("reason", feature.get("reason")) for cell in cells]
            edge_at.append(len(edges))
            cell_at.append(len(points))
            most.append(max([cell["points"] for cell in cells]))
            categories = {
                category: index for index, cell in enumerate(bins) for category in cell.get("in", ())
            }
            codes.append(categories if feature["type"] == "category" else None)
        self._codes, self._reasons = codes, reasons
        self._edges, self._points = array("d", edges), array("i", points)
        self._edge_at, self._cell_at, self._most = array("i", edge_at), array("i", cell_at), array("i", most)
        self._categorical = array("b", [code is not None for code in codes])

    def encode(self, values: Any) -> list[float]:
        """One applicant as a row of a batch: numbers as they are, categories as bins, NaN for missing.

        values is a sequence in the order of `names`, or a mapping by name (other names are ignored, but
        an absent one is an error: say None for what is not known).
        """
        items = self._ordered(values)
        return [self._encoded(f, items[f]) for f in range(self._size)]

    def score(self, values: Any) -> int:
        """The applicant's score. `values` as for `encode`."""
        f: cython.Py_ssize_t
        total: cython.int = self.base_points
        items = self._ordered(values)
        for f in range(self._size):
            total += self._points[self._cell(f, self._encoded(f, items[f]))]
        return total

    def points(self, values: Any) -> dict[str, int]:
        """What each feature gave. With base_points they sum to the score."""
        items = self._ordered(values)
        return {
            self.names[f]: self._points[self._cell(f, self._encoded(f, items[f]))] for f in range(self._size)
        }

    def reasons(self, values: Any, n: int = 3) -> list[str]:
        """Up to n reason codes, the costliest first; of equal ones, the earlier feature's.

        The cost is the feature's most points less the points given. Features that cost nothing, and
        cells without a reason, give none; a code shared by several is told once.
        """
        items = self._ordered(values)
        lost: list[Any] = []
        for f in range(self._size):
            cell = self._cell(f, self._encoded(f, items[f]))
            cost = self._most[f] - self._points[cell]
            if cost > 0 and self._reasons[cell] is not None:
                lost.append((-cost, f, self._reasons[cell]))
        lost.sort()
        codes = dict.fromkeys([code for _, _, code in lost])
        return list(codes)[: max(n, 0)]

    def decide(self, score: int) -> tuple[str, int]:
        """The decision for a score, and the index of its band in `bands`."""
        for index, band in enumerate(self.bands):
            if band.min_score is None or score >= band.min_score:
                return band.decision, index
        raise AssertionError("the last band takes the rest")

    @cython.locals(
        rows=cython.const_double[:, ::1],
        scores=cython.int[::1],
        i=cython.Py_ssize_t,
        f=cython.Py_ssize_t,
        total=cython.int,
    )
    def batch(self, matrix: Any, out: Any) -> None:
        """Score every row of `matrix` into `out`, with the GIL released.

        matrix: a C-contiguous two-dimensional buffer of float64, rows as `encode` makes them; out: a
        writable buffer of int32, one for each row. A buffer is a NumPy array, a memoryview, an array.
        """
        if not cython.compiled:
            matrix, out = _view(matrix, "d", 2), _view(out, "i", 1)
        rows = matrix
        scores = out
        if rows.shape[1] != self._size:
            raise ValueError(f"the matrix has {rows.shape[1]} columns, the scorecard {self._size} features")
        if scores.shape[0] != rows.shape[0]:
            raise ValueError(f"out holds {scores.shape[0]} scores, the matrix {rows.shape[0]} rows")
        with cython.nogil:
            for i in range(rows.shape[0]):
                total = self.base_points
                for f in range(self._size):
                    total += self._points[self._cell(f, rows[i, f])]
                scores[i] = total

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    @cython.locals(
        low=cython.Py_ssize_t, high=cython.Py_ssize_t, middle=cython.Py_ssize_t, last=cython.Py_ssize_t
    )
    def _cell(self, f: cython.Py_ssize_t, x: cython.double) -> cython.Py_ssize_t:
        """The cell of value x of feature f: how many edges are <= x, past the feature's first cell."""
        last = self._cell_at[f + 1] - 1
        if x != x:  # noqa: PLR0124 (NaN)
            return last
        if self._categorical[f]:
            # The bin itself, when it is one; anything else is the last bin, which takes the rest.
            low = self._cell_at[f]
            if not 0 <= x < last - low:
                return last - 1
            low += cython.cast(cython.Py_ssize_t, x)
            return low if low < last else last - 1
        low = self._edge_at[f]
        high = self._edge_at[f + 1]
        while low < high:
            middle = (low + high) >> 1
            if x < self._edges[middle]:
                high = middle
            else:
                low = middle + 1
        return self._cell_at[f] + low - self._edge_at[f]

    @cython.cfunc
    def _encoded(self, f: cython.Py_ssize_t, value: object) -> cython.double:
        """A value of feature f as a float: itself, its category's bin, or NaN."""
        codes = self._codes[f]
        if value is None:
            return math.nan
        if codes is not None:
            if isinstance(value, float) and math.isnan(value):
                return math.nan
            if not isinstance(value, str):
                raise TypeError(f"{self.names[f]} is a category: give text, not {type(value).__name__}")
            other = self._cell_at[f + 1] - self._cell_at[f] - 2
            return float(codes.get(value, other))
        if isinstance(value, str):
            raise TypeError(f"{self.names[f]} is a number, not text")
        return float(value)  # type: ignore[arg-type]

    @cython.cfunc
    def _ordered(self, values: Any) -> Any:
        """The values in the order of the features."""
        if isinstance(values, Mapping):
            absent = [name for name in self.names if name not in values]
            if absent:
                raise ValueError(f"no value for {', '.join(absent)}: say None for what is not known")
            return [values[name] for name in self.names]
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise TypeError("values must be a sequence in the order of names, or a mapping by name")
        if len(values) != self._size:
            raise ValueError(f"{len(values)} values for {self._size} features")
        return values


def _view(buffer: Any, code: str, dimensions: int) -> memoryview:
    """The buffer as interpreted code reads it, refused where compiled code would refuse it."""
    view = memoryview(buffer)
    if view.format != code or view.ndim != dimensions or not view.c_contiguous:
        raise ValueError(f"needs a C-contiguous buffer of {code!r} with {dimensions} dimensions")
    return view
