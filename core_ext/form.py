# mypy: disable-error-code="name-defined"
"""A urlencoded form of plain ASCII, in one pass. Anything else is None: the caller reads it by the letter.

Rule: what is read here is read exactly as the caller would read it by the letter, or not at all; a test
holds the two against each other.
"""

from collections.abc import Callable, Mapping, Sequence

import cython

from .cursor import Cursor

_MOST_NUMBERS = 4096  # seen, that stay in the processor's cache
# What each byte of a form is: 0, it stands for itself; it may mean something; it is odd.
_ODD = cython.declare(cython.int, 2)
_KINDS = cython.declare(
    bytes, bytes(1 if code in b"&=%+" else 0 if 32 <= code <= 126 else 2 for code in range(256))
)

# Places of fields that are mostly as in the form before.
_CODE = cython.declare(cython.Py_ssize_t, 2)
_NETWORK = cython.declare(cython.Py_ssize_t, 3)

# Where escaped halves are undone: what is read there is copied before anybody else reads a form.
_SCRATCH = cython.declare(bytearray, bytearray(8192))


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


@cython.cclass
class Form(Cursor):
    """How a gateway's plain form is read, from its map."""

    def __init__(
        self,
        names: tuple[str, str, str, str, str],
        longest: tuple[int, int, int, int],
        network: str | None,
        is_plain: Callable[[str], object],
        places: Sequence[str] | None,
        screens: Mapping[str, int],
        screen: int,
    ) -> None:
        """names: the fields of the session's id, the number, the service code, the network, the text.
        longest: of the id, the code, the network and the text. network: the one of a form that names
        none; None: it must. is_plain(digits): whether a number is one without further parsing. places:
        when that depends on no more, the digits each of its places may have. screens: by network; screen:
        of all others."""
        super().__init__()
        self.wanted = tuple(f"{name}=".encode() for name in names)
        self.values: list = [None] * len(names)  # type: ignore[type-arg]
        self._known: list = [None] * len(names)  # type: ignore[type-arg]
        self._before: list = [None] * len(names)  # type: ignore[type-arg]
        self._scratch = bytearray(512)
        self.longest_id, self.longest_code, self.longest_network, self.longest_text = longest
        self.default_network = network
        self.is_plain = is_plain
        digits = [digit in allowed for allowed in places or () for digit in "0123456789"]
        self._places: bytes | None = None if places is None else bytes(digits)  # ten of each place
        self.screens = dict(screens)
        self.screen = screen
        self._seen: set = set()  # type: ignore[type-arg]

    @cython.ccall
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(-1)
    def read(self, data: bytes) -> cython.bint:
        """Read the wanted fields into `values`: bytes, None for one that is not there. False: the form has
        others, or is not plain; then `plain_form` says."""
        count: cython.Py_ssize_t = len(self.wanted)
        length: cython.Py_ssize_t = len(data)
        slot: cython.Py_ssize_t
        for slot in range(count):
            self.values[slot] = None
        self._data = data
        self._at = 0
        self._end = length
        slot = -1
        while self._at <= length:
            for _ in range(count):  # most gateways send them in the order of their map
                slot = slot + 1 if slot + 1 < count else 0
                if (slot == _CODE or slot == _NETWORK) and self._again(slot):  # noqa: SIM109, PLR1714
                    break
                if self._passed(self.wanted[slot]):
                    if not self._value(slot):
                        return False
                    break
            else:
                return False
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(-1)
    def _again(self, slot: cython.Py_ssize_t) -> cython.bint:
        """Whether a field's name and value are those of the form before, as of the service code and the
        network they are; then its value is the very same object."""
        before: bytes | None = self._before[slot]
        if before is None or self.values[slot] is not None or not self._passed(before):
            return False
        self.values[slot] = self._known[slot]
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(-1)
    def _value(self, slot: cython.Py_ssize_t) -> cython.bint:
        """Read the value that begins here; False: it is not plain, or the field was there before."""
        data: bytes = self._data
        chars: cython.p_uchar = data
        kinds: cython.p_uchar = _KINDS
        length: cython.Py_ssize_t = len(data)
        start: cython.Py_ssize_t = self._at
        at: cython.Py_ssize_t = start
        plain: cython.bint = True
        value: bytes | None
        if self.values[slot] is not None:
            return False
        while at < length:
            if kinds[chars[at]] != 0:
                if chars[at] == 38:
                    break
                if kinds[chars[at]] == _ODD:
                    return False
                if chars[at] != 61:
                    plain = False
            at += 1
        if plain and not cython.compiled:
            value = data[start:at]
        elif plain:
            value = chars[start:at]
        else:
            value = self._undone(start, at)
            if value is None:
                return False
        self.values[slot] = value
        self._at = at + 1
        if slot in (_CODE, _NETWORK) and at < length:
            before: bytes = data[start - len(self.wanted[slot]) : at + 1]
            self._before[slot] = before
            self._known[slot] = value
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _undone(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> bytes | None:
        """A value in which something is escaped; None: by what is not plain."""
        data: bytes = self._data
        if end - start > len(self._scratch):
            self._scratch = bytearray(end - start)
        undone: bytearray = self._scratch
        size: cython.Py_ssize_t = 0
        code: cython.int
        while start < end:
            code = data[start]
            if code == 43:
                code = 32
            elif code == 37:
                code = _escaped(data, start)
                start += 2
                if code < 32 or code > 126:
                    return None
            start += 1
            undone[size] = code
            size += 1
        return PyByteArray_AS_STRING(undone)[:size] if cython.compiled else bytes(undone[:size])  # noqa: F821

    @cython.ccall
    @cython.exceptval(-1)
    def numbers(self, digits: bytes) -> cython.bint:
        """Whether these digits are a number without further parsing."""
        if self._places is not None:
            return self._placed(self._places, digits)
        if digits in self._seen:
            return True
        if self.is_plain(digits.decode("ascii")) is None:
            return False
        if len(self._seen) >= _MOST_NUMBERS:
            self._seen.clear()
        self._seen.add(digits)
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _placed(self, allowed: bytes, digits: bytes) -> cython.bint:
        length: cython.Py_ssize_t = len(digits)
        place: cython.Py_ssize_t
        digit: cython.int
        if length * 10 != len(allowed):
            return False
        for place in range(length):
            digit = digits[place] - 48
            if digit < 0 or digit > 9 or allowed[place * 10 + digit] == 0:
                return False
        return True


@cython.cclass
class Halves:
    """Walks a form half by half: what stands before and behind each `=`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.index = 0
        self.undone: bytearray | None = None  # halves in which something was escaped, one behind the other
        self.at = 0

    @cython.ccall
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def half(self, name: cython.bint) -> str | None:  # noqa: PLR0912 (one pass)
        """The next half, undone; None when it is not plain. A name ends at `=`; a value at `&` or the end."""
        data: bytes = self.data
        chars: cython.p_uchar = data
        kinds: cython.p_uchar = _KINDS
        length: cython.Py_ssize_t = len(data)
        start: cython.Py_ssize_t = self.index
        index: cython.Py_ssize_t = start
        run: cython.Py_ssize_t
        begun: cython.Py_ssize_t = self.at
        at: cython.Py_ssize_t = begun
        undone: bytearray | None = None
        code: cython.int
        while True:
            run = index
            while index < length and kinds[chars[index]] == 0:
                index += 1
            if undone is not None:
                while run < index:
                    undone[at] = chars[run]
                    at += 1
                    run += 1
            if index == length:
                break
            code = chars[index]
            if code == 38 or (code == 61 and name):
                break
            if code != 61:
                if kinds[code] == _ODD:
                    return None
                if undone is None:
                    undone = self._buffer(start, index)
                    at = self.at
                code = 32
                if chars[index] == 37:
                    code = _escaped(data, index)
                    index += 2
                if code < 32 or code > 126:
                    return None
            index += 1
            if undone is not None:
                undone[at] = code
                at += 1
        if name and (index == length or data[index] == 38):
            return None
        self.index = index + 1
        if undone is None:
            return data[start:index].decode("ascii")
        self.at = at
        return undone[begun:at].decode("ascii")

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _buffer(self, start: cython.Py_ssize_t, index: cython.Py_ssize_t) -> bytearray:
        """The buffer for escaped halves, with this half's beginning copied."""
        data: bytes = self.data
        if self.undone is None:
            self.undone = _SCRATCH if len(data) <= len(_SCRATCH) else bytearray(len(data))
        undone: bytearray = self.undone
        copied: cython.Py_ssize_t
        for copied in range(start, index):
            undone[self.at] = data[copied]
            self.at += 1
        return undone


@cython.cfunc
@cython.boundscheck(False)
@cython.wraparound(False)
@cython.exceptval(check=False)
def _escaped(data: bytes, index: cython.Py_ssize_t) -> cython.int:
    """What `%xx` at this place stands for; -1: nothing."""
    if index + 2 >= len(data):
        return -1
    high: cython.int = _digit(data[index + 1])
    low: cython.int = _digit(data[index + 2])
    return -1 if high < 0 or low < 0 else high * 16 + low


@cython.ccall
def plain_form(data: bytes, most: cython.int) -> dict | None:  # type: ignore[type-arg]
    """The fields, at most so many; None for a form that is not plain: malformed, a name twice, a
    character that is not printable ASCII."""
    fields: dict = {}  # type: ignore[type-arg]
    halves: Halves = Halves(data)
    while halves.index <= len(data):
        name = halves.half(True)
        if name is None or name in fields or len(fields) == most:
            return None
        value = halves.half(False)
        if value is None:
            return None
        fields[name] = value
    return fields
