"""A urlencoded form of plain ASCII, in one pass. Anything else is None: the caller reads it by the letter.

Rule: what is read here is read exactly as the caller would read it by the letter, or not at all; a test
holds the two against each other.
"""

import cython


@cython.cfunc
@cython.inline
def _digit(code: cython.int) -> cython.int:
    """The value of a hex digit, or -1."""
    if 48 <= code <= 57:
        return code - 48
    if 65 <= code <= 70:
        return code - 55
    if 97 <= code <= 102:
        return code - 87
    return -1


@cython.ccall
@cython.boundscheck(False)
@cython.wraparound(False)
def plain_form(data: bytes, most: cython.int) -> dict | None:  # type: ignore[type-arg]  # noqa: PLR0912, PLR0915
    """The fields, at most so many; None for a form that is not plain: malformed, a name twice, a
    character that is not printable ASCII."""
    fields: dict = {}  # type: ignore[type-arg]
    length: cython.Py_ssize_t = len(data)
    name: str | None = None
    half: str
    start: cython.Py_ssize_t = 0  # where the half that is being read began
    index: cython.Py_ssize_t = 0
    copied: cython.Py_ssize_t
    # Halves in which something was escaped are undone here, one behind the other.
    undone: bytearray | None = None
    escaped: cython.bint = False
    begun: cython.Py_ssize_t = 0
    at: cython.Py_ssize_t = 0
    count: cython.int = 0
    code: cython.int
    high: cython.int
    low: cython.int
    while index <= length:
        code = data[index] if index < length else 38
        if code == 38 or (code == 61 and name is None):  # & and =
            half = undone[begun:at].decode("ascii") if escaped else data[start:index].decode("ascii")  # type: ignore[index]
            escaped = False
            index += 1
            start = index
            if code == 61:
                name = half
                continue
            if name is None or count == most:
                return None
            fields[name] = half
            count += 1
            if len(fields) != count:
                return None
            name = None
            continue
        if code == 37 or code == 43:  # noqa: PLR1714 - % and +
            if not escaped:
                escaped = True
                if undone is None:
                    undone = bytearray(length)
                begun = at
                for copied in range(start, index):
                    undone[at] = data[copied]
                    at += 1
            if code == 43:
                code = 32
            else:
                if index + 2 >= length:
                    return None
                high = _digit(data[index + 1])
                low = _digit(data[index + 2])
                if high < 0 or low < 0:
                    return None
                code = high * 16 + low
                index += 2
        if code < 32 or code > 126:
            return None
        if escaped:
            undone[at] = code  # type: ignore[index]
            at += 1
        index += 1
    return fields
