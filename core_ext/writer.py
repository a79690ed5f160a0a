# mypy: disable-error-code="name-defined"
"""Bytes written one behind the other, into memory that is kept for the next ones.

A turn writes four messages of some ten pieces each. Here a piece costs its copying: it is no object that
is made, counted, put into a tuple and joined.

Rule: what `text` and `number` write is what orjson writes of the same; a test holds that.
"""

import cython
import orjson

# What JSON writes for a byte of a text: 0, the byte itself; else what follows a backslash; 1: orjson knows.
_ESCAPES = cython.declare(
    bytes,
    bytes(
        {34: 34, 92: 92, 8: 98, 9: 116, 10: 110, 12: 102, 13: 114}.get(code, 1 if code < 32 else 0)
        for code in range(256)
    ),
)
_ONES = cython.declare(cython.ulonglong, 0x0101010101010101)
_dumps = cython.declare(object, orjson.dumps)


@cython.cclass
class Writer:
    """Grows as it must, and stays as large as it was."""

    def __init__(self) -> None:
        self.size = 0
        self._made = bytearray()
        if cython.compiled:
            self._grow(1024)

    @cython.ccall
    def clear(self) -> object:
        """Begin anew."""
        self.size = 0
        if not cython.compiled:
            self._made.clear()
        return None

    @cython.ccall
    def put(self, piece: bytes) -> object:
        """Bytes as they are."""
        length: cython.Py_ssize_t = len(piece)
        if not cython.compiled:
            return self.part(piece, 0, length)
        if self.size + length > self._most:
            self._grow(length)
        memcpy(self._chars + self.size, PyBytes_AS_STRING(piece), length)  # noqa: F821
        self.size += length
        return None

    @cython.ccall
    def part(self, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Those from start up to end, both within the data."""
        if not cython.compiled:
            self._made += data[start:end]
            self.size = len(self._made)
            return None
        if self.size + end - start > self._most:
            self._grow(end - start)
        memcpy(self._chars + self.size, PyBytes_AS_STRING(data) + start, end - start)  # noqa: F821
        self.size += end - start
        return None

    @cython.ccall
    def append(self, other: "Writer") -> object:
        """What another one wrote."""
        if not cython.compiled:
            self._made += other._made
            self.size = len(self._made)
            return None
        if self.size + other.size > self._most:
            self._grow(other.size)
        memcpy(self._chars + self.size, other._chars, other.size)  # noqa: F821
        self.size += other.size
        return None

    @cython.ccall
    def sized(self, other: "Writer") -> object:
        """What another one wrote, as an argument of a command of Redis's, but for the end of its line."""
        self.put(b"$")
        self.number(other.size)
        self.put(b"\r\n")
        return self.append(other)

    @cython.ccall
    def argument(self, data: bytes, size: cython.Py_ssize_t) -> object:
        """The first so many bytes, as such an argument."""
        self.put(b"$")
        self.number(size)
        self.put(b"\r\n")
        return self.part(data, 0, size)

    @cython.ccall
    def number(self, number: cython.longlong) -> object:
        """A whole number in digits."""
        if not cython.compiled or number < 0:
            return self.put(b"%d" % number)
        digits = cython.declare(cython.char[20])
        place: cython.Py_ssize_t = 20
        while True:
            place -= 1
            digits[place] = 48 + number % 10
            number = number // 10
            if number == 0:
                break
        if self.size + 20 > self._most:
            self._grow(20)
        memcpy(self._chars + self.size, cython.address(digits[place]), 20 - place)  # noqa: F821
        self.size += 20 - place
        return None

    @cython.ccall
    def utf8(self, text: str) -> object:
        """A text as it is. Raises UnicodeEncodeError for half of a surrogate pair."""
        if not cython.compiled:
            return self.put(text.encode())
        length: cython.Py_ssize_t = 0
        chars: cython.p_const_char = PyUnicode_AsUTF8AndSize(text, cython.address(length))  # noqa: F821
        if self.size + length > self._most:
            self._grow(length)
        memcpy(self._chars + self.size, chars, length)  # noqa: F821
        self.size += length
        return None

    @cython.ccall
    def text(self, text: str) -> object:
        """A text as JSON writes it, quotes and all. Raises TypeError or UnicodeEncodeError for half of a
        surrogate pair."""
        if not cython.compiled:
            return self.put(orjson.dumps(text))
        length: cython.Py_ssize_t = 0
        chars: cython.p_const_char = PyUnicode_AsUTF8AndSize(text, cython.address(length))  # noqa: F821
        if not self._escaped(chars, length):
            self.put(_dumps(text))
        return None

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _escaped(self, chars: cython.p_const_char, length: cython.Py_ssize_t) -> cython.int:
        """Write a text with its quotes; 0: it has a character that is not written here, and nothing is."""
        if self.size + 2 * length + 2 > self._most:
            self._grow(2 * length + 2)
        made: cython.p_char = self._chars + self.size
        escapes: cython.p_const_char = PyBytes_AS_STRING(_ESCAPES)  # noqa: F821
        start: cython.p_char = made
        index: cython.Py_ssize_t
        code: cython.uchar
        made[0] = 34
        made += 1
        index = 0
        while index < length:
            if index + 8 <= length and _are_plain(chars + index):
                memcpy(made, chars + index, 8)  # noqa: F821
                made += 8
                index += 8
                continue
            code = chars[index]
            index += 1
            if escapes[code] != 0:
                if escapes[code] == 1:
                    return 0
                made[0] = 92
                made += 1
                code = escapes[code]
            made[0] = code
            made += 1
        made[0] = 34
        self.size += made - start + 1
        return 1

    @cython.ccall
    def decoded(self) -> str:
        """All that was written, when it is UTF-8."""
        if not cython.compiled:
            return self._made.decode()
        return PyUnicode_DecodeUTF8(self._chars, self.size, cython.NULL)  # noqa: F821

    @cython.ccall
    def taken(self) -> bytes:
        """All that was written, as an object of its own."""
        if not cython.compiled:
            return bytes(self._made)
        return self._chars[: self.size]

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self, more: cython.Py_ssize_t) -> cython.int:
        """Make room for so many bytes more. Raises MemoryError."""
        most: cython.Py_ssize_t = 2 * (self.size + more)
        PyByteArray_Resize(self._made, most)  # noqa: F821
        self._chars = PyByteArray_AS_STRING(self._made)  # noqa: F821
        self._most = most  # not before there is so much
        return 0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _are_plain(chars: cython.p_const_char) -> cython.bint:
    """Whether JSON writes these eight bytes as they are: none is a control, a quote or a backslash. (A high
    bit is set where a byte is one, and maybe in the byte behind it.)"""
    word: cython.ulonglong = 0
    memcpy(cython.address(word), chars, 8)  # noqa: F821
    quotes: cython.ulonglong = word ^ (_ONES * 34)
    backslashes: cython.ulonglong = word ^ (_ONES * 92)
    odd: cython.ulonglong = (word - _ONES * 32) & ~word
    odd |= (quotes - _ONES) & ~quotes
    odd |= (backslashes - _ONES) & ~backslashes
    return (odd & (_ONES * 128)) == 0
