# mypy: disable-error-code="name-defined"
"""The two clocks of a turn, read without making a float of Python's."""

import time

import cython


@cython.ccall
@cython.exceptval(check=False)
def monotonic() -> cython.double:
    """`time.monotonic()`: seconds since whenever."""
    return _read(CLOCK_MONOTONIC) if cython.compiled else time.monotonic()  # noqa: F821


@cython.ccall
@cython.exceptval(check=False)
def epoch() -> cython.double:
    """`time.time()`: seconds since the epoch."""
    return _read(CLOCK_REALTIME) if cython.compiled else time.time()  # noqa: F821


@cython.cfunc
@cython.exceptval(check=False)
def _read(clock: cython.int) -> cython.double:
    moment = cython.declare(timespec)  # noqa: F821
    clock_gettime(clock, cython.address(moment))  # noqa: F821
    return moment.tv_sec + moment.tv_nsec * 1e-9
