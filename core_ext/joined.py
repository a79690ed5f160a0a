# mypy: disable-error-code="name-defined"
"""Pieces of bytes made one. `b"".join` goes through the buffer protocol for each piece; these are bytes."""

import cython


@cython.ccall
def joined(parts: tuple) -> bytes:  # type: ignore[type-arg]
    """The parts, all of them bytes, one behind the other."""
    if not cython.compiled:
        return b"".join(parts)
    size: cython.Py_ssize_t = 0
    at: cython.Py_ssize_t = 0
    index: cython.Py_ssize_t
    for index in range(len(parts)):
        size += PyBytes_GET_SIZE(parts[index])  # noqa: F821 (from joined.pxd, as the next ones)
    made: bytes = PyBytes_FromStringAndSize(cython.NULL, size)  # noqa: F821
    chars: cython.p_char = made
    for index in range(len(parts)):
        size = PyBytes_GET_SIZE(parts[index])  # noqa: F821
        memcpy(chars + at, PyBytes_AS_STRING(parts[index]), size)  # noqa: F821
        at += size
    return made
