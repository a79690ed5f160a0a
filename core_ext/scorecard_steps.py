# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""A scorecard as steps: how a million rows are scored without a branch.

What one feature gives is a staircase. A value starts with the points of `missing`, and every edge that
it reaches (value >= edge) adds that edge's rise, which may be negative. NaN reaches no edge; anything
else reaches the first one, minus infinity. So one comparison serves numbers, missing values and bins:

    number, edges 6 and 24, points -20, 15, 40, missing 0:
        -inf: -20      6: +35      24: +25
    category, bins 0 and 1 with 20 and 8 points, any other 5, missing 0:
        -inf: +5       0: +15      1: -12       2: -3

A category's value is the number of its bin, so below 0 and from the last bin on it is "any other".

Rows are taken a block at a time and, within a block, feature by feature. The C compiler makes SIMD of
that (`scorecard_steps.pxd` names the machines it is made for). The sums of a block stay in the first
cache; small blocks let the processor fetch the next values while it compares these.
"""

# Buffer and pointer types are no types to a checker.
# mypy: disable-error-code="misc,valid-type,name-defined"

import math
from array import array
from typing import Any

import cython

from .scorecard_checks import stairs

__all__ = ["Steps"]

_GROUP = cython.declare(cython.Py_ssize_t, 4)  # steps compared at a time: they stay in registers
_ROWS = cython.declare(cython.Py_ssize_t, 32)  # of a block, when values come row by row
_COLUMN = cython.declare(cython.Py_ssize_t, 64)  # of a block, when they come column by column
_AHEAD = cython.declare(cython.Py_ssize_t, 256)  # how much sooner a column's values are asked of memory


@cython.final
@cython.cclass
class Steps:
    """All features' steps in flat tables. Those of feature f are at[f]:at[f + 1], filled up to groups."""

    _size = cython.declare(cython.Py_ssize_t)
    _start = cython.declare(cython.longlong)  # the score when everything is missing
    _at = cython.declare(cython.longlong[::1])
    _edges = cython.declare(cython.double[::1])
    _rises = cython.declare(cython.longlong[::1])

    def __init__(self, plain: dict[str, Any]) -> None:
        """From the definition that scorecard_checks.checked gave."""
        edges: list[float] = []
        rises: list[int] = []
        at = [0]
        self._start = plain["base_points"]
        for feature in plain["features"]:
            own, cells = stairs(feature)
            points = [cell["points"] for cell in cells]
            self._start += points[0]
            steps = [(own[i], points[i + 1] - points[i]) for i in range(len(own))]
            steps = [step for step in steps if step[1] != 0]
            steps += [(math.inf, 0)] * (-len(steps) % _GROUP)
            edges += [edge for edge, _ in steps]
            rises += [rise for _, rise in steps]
            at.append(len(edges))
        self._size = len(at) - 1
        self._at, self._edges, self._rises = array("q", at), array("d", edges), array("q", rises)

    @cython.locals(
        values=cython.const_double[:, ::1],
        scores=cython.int[::1],
        column=cython.double[::1],
        totals=cython.longlong[::1],
        done=cython.Py_ssize_t,
        n=cython.Py_ssize_t,
        f=cython.Py_ssize_t,
        i=cython.Py_ssize_t,
    )
    def rows(self, matrix: Any, out: Any) -> None:
        """Score the rows of `matrix` into `out`, with the GIL released. See Scorecard.batch."""
        if not cython.compiled:
            matrix, out = _view(matrix, "d", 2), _view(out, "i", 1)
        values = matrix
        scores = out
        self._check(values.shape[1], values.shape[0], scores.shape[0])
        column = array("d", bytes(8 * _ROWS))
        totals = array("q", bytes(8 * _ROWS))
        with cython.nogil:
            done = 0
            while done < values.shape[0]:
                n = min(_ROWS, values.shape[0] - done)
                for i in range(n):
                    totals[i] = self._start
                for f in range(self._size):
                    for i in range(n):
                        column[i] = values[done + i, f]
                    if cython.compiled:
                        self._add(f, cython.address(column[0]), cython.address(totals[0]), n)
                    else:
                        self._add(f, column, totals, n)
                for i in range(n):
                    scores[done + i] = totals[i]
                done += n

    @cython.locals(
        values=cython.const_double[:, ::1],
        scores=cython.int[::1],
        totals=cython.longlong[::1],
        done=cython.Py_ssize_t,
        n=cython.Py_ssize_t,
        f=cython.Py_ssize_t,
        i=cython.Py_ssize_t,
    )
    def columns(self, matrix: Any, out: Any) -> None:
        """Score the columns of `matrix`, one for each row of a batch. See Scorecard.batch_columns."""
        if not cython.compiled:
            matrix, out = _view(matrix, "d", 2), _view(out, "i", 1)
        values = matrix
        scores = out
        self._check(values.shape[0], values.shape[1], scores.shape[0])
        totals = array("q", bytes(8 * _COLUMN))
        with cython.nogil:
            done = 0
            while done < values.shape[1]:
                n = min(_COLUMN, values.shape[1] - done)
                for i in range(n):
                    totals[i] = self._start
                for f in range(self._size):
                    if cython.compiled:
                        fetch(cython.address(values[f, done]) + _AHEAD, n)  # noqa: F821
                        self._add(f, cython.address(values[f, done]), cython.address(totals[0]), n)
                    else:
                        self._add(f, [values[f, done + i] for i in range(n)], totals, n)
                for i in range(n):
                    scores[done + i] = totals[i]
                done += n

    def _check(self, features: int, rows: int, scores: int) -> None:
        if features != self._size:
            raise ValueError(f"the matrix has {features} features, the scorecard {self._size}")
        if scores != rows:
            raise ValueError(f"out holds {scores} scores, the matrix {rows} rows")

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    @cython.locals(at=cython.Py_ssize_t, steps=cython.Py_ssize_t)
    def _add(  # type: ignore[return]  # void
        self,
        f: cython.Py_ssize_t,
        values: cython.p_const_double,
        totals: cython.p_longlong,
        n: cython.Py_ssize_t,
    ) -> cython.void:
        """Add what feature f gives for n values."""
        at = self._at[f]
        steps = self._at[f + 1] - at
        if steps > 0:
            if cython.compiled:
                edges, rises = cython.address(self._edges[at]), cython.address(self._rises[at])
            else:
                edges, rises = self._edges[at:], self._rises[at:]
            climb(values, totals, n, edges, rises, steps)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.locals(i=cython.Py_ssize_t, k=cython.Py_ssize_t, value=cython.double)
@cython.locals(e0=cython.double, e1=cython.double, e2=cython.double, e3=cython.double)
@cython.locals(r0=cython.longlong, r1=cython.longlong, r2=cython.longlong, r3=cython.longlong)
def climb(  # type: ignore[return]  # void
    values: cython.p_const_double,
    totals: cython.p_longlong,
    n: cython.Py_ssize_t,
    edges: cython.p_const_double,
    rises: cython.p_longlong,
    steps: cython.Py_ssize_t,
) -> cython.void:
    """Add the rises of the edges that each value reaches. Where all the time of a batch goes."""
    k = 0
    while k < steps:
        e0, e1, e2, e3 = edges[k], edges[k + 1], edges[k + 2], edges[k + 3]
        r0, r1, r2, r3 = rises[k], rises[k + 1], rises[k + 2], rises[k + 3]
        for i in range(n):
            value = values[i]
            totals[i] += (
                (r0 if value >= e0 else 0)
                + (r1 if value >= e1 else 0)
                + (r2 if value >= e2 else 0)
                + (r3 if value >= e3 else 0)
            )
        k += _GROUP


def _view(buffer: Any, code: str, dimensions: int) -> memoryview:
    """The buffer as interpreted code reads it, refused where compiled code would refuse it."""
    view = memoryview(buffer)
    if view.format != code or view.ndim != dimensions or not view.c_contiguous:
        raise ValueError(f"needs a C-contiguous buffer of {code!r} with {dimensions} dimensions")
    return view
