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
def plain_form(data: bytes, most: cython.int) -> dict | None:  # type: ignore[type-arg]
    """The fields, at most so many; None for a form that is not plain: malformed, a name twice, a
    character that is not printable ASCII."""
    fields: dict = {}  # type: ignore[type-arg]
    length: cython.Py_ssize_t = len(data)
    text = bytearray(length)
    at: cython.Py_ssize_t = 0  # where the next character of text goes
    start: cython.Py_ssize_t = 0  # of the half that is being read
    name: str | None = None
    index: cython.Py_ssize_t = 0
    count: cython.int = 0
    code: cython.int
    high: cython.int
    low: cython.int
    while index <= length:
        code = data[index] if index < length else 38
        index += 1
        if code == 38:  # &
            if name is None or count == most:
                return None
            fields[name] = text[start:at].decode("ascii")
            count += 1
            if len(fields) != count:
                return None
            name = None
            start = at
            continue
        if code == 61 and name is None:  # =
            name = text[start:at].decode("ascii")
            start = at
            continue
        if code == 43:  # +
            code = 32
        elif code == 37:  # %
            if index + 2 > length:
                return None
            high = _digit(data[index])
            low = _digit(data[index + 1])
            if high < 0 or low < 0:
                return None
            code = high * 16 + low
            index += 2
        if code < 32 or code > 126:
            return None
        text[at] = code
        at += 1
    return fields
