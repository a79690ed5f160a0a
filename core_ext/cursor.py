# mypy: disable-error-code="name-defined"
"""A place in bytes that are read from left to right."""

import cython


@cython.cclass
class Cursor:
    """`_at` in `_data`, which is read up to `_end`."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._end = 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def _passed(self, expected: bytes) -> cython.bint:
        """Go past what may stand here; False: it does not."""
        length: cython.Py_ssize_t = len(expected)
        if self._end - self._at < length:
            return False
        if not cython.compiled:
            if not self._data.startswith(expected, self._at):
                return False
        else:
            chars: cython.p_char = PyBytes_AS_STRING(self._data)  # noqa: F821
            if memcmp(chars + self._at, PyBytes_AS_STRING(expected), length) != 0:  # noqa: F821
                return False
        self._at += length
        return True
