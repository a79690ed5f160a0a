# mypy: disable-error-code="name-defined"
"""What is kept of a dialog, from its JSON and back, without the dict between.

`Dialog.dump` and `Dialog.restore` say what is kept, and orjson how it is written: what is written here is
the same bytes. Names (of states, languages, variables) come again and again, so each is one object for as
long as no other takes its place: dicts then find it without looking at its letters.

Rule: what is read here is what `restore` would make of it, or nothing is; then the caller asks orjson. A
test holds both against each other.
"""

import cython
import orjson

from .cursor import Cursor
from .dialog import Dialog
from .writer import Writer

_NAMES = cython.declare(cython.int, 512)  # a power of two
_LONGEST_NAME = cython.declare(cython.Py_ssize_t, 64)
_DEEPEST = cython.declare(cython.int, 8)  # values within values
_ODD = cython.declare(object, object())  # not read here
_STATE = cython.declare(bytes, b'{"state":"')
_LANGUAGE = cython.declare(bytes, b',"language":"')
_VARS = cython.declare(bytes, b',"vars":')
_HISTORY = cython.declare(bytes, b',"history":')
_PAGE = cython.declare(bytes, b',"page":')
_NOTE = cython.declare(bytes, b',"note":')
_PARKED = cython.declare(bytes, b',"parked":')
_dumps = cython.declare(object, orjson.dumps)


@cython.cclass
class Kept(Cursor):
    """Reads and writes dialogs, one at a time."""

    def __init__(self) -> None:
        self._names: list = [""] * _NAMES  # type: ignore[type-arg]
        super().__init__()

    @cython.ccall
    @cython.exceptval(-1)
    def read(
        self, dialog: Dialog, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.bint:
        """Restore the dialog from data[start:end]; False: it is not read here, and the dialog is anything."""
        self._data = data
        self._at = start
        self._end = end
        state = self._name() if self._passed(_STATE) else None
        language = self._name() if self._passed(_LANGUAGE) else None
        if state is None or language is None:
            return False
        variables: object = self._value(0) if self._passed(_VARS) else {}
        history: object = self._value(0) if self._passed(_HISTORY) else []
        page: object = self._value(0) if self._passed(_PAGE) else 0
        note: object = self._value(0) if self._passed(_NOTE) else ""
        if self._next() != 125 or self._at != end:  # }
            return False
        if type(variables) is not dict or type(history) is not list or type(page) is not int:
            return False
        if type(note) is not str:
            return False
        dialog.state = state
        dialog.language = language
        dialog.vars = variables
        dialog.history = history
        dialog.page = page
        dialog.note = note
        dialog.parked = None
        return True

    @cython.ccall
    def write(self, dialog: Dialog, to: Writer) -> object:
        """What is kept of the dialog. Raises TypeError for what JSON does not have."""
        to.put(b'{"state":')
        to.text(dialog.state)
        to.put(b',"language":')
        to.text(dialog.language)
        if dialog.vars:
            to.put(_VARS)
            self._put(dialog.vars, to, 0)
        if dialog.history:
            to.put(_HISTORY)
            self._put(dialog.history, to, 0)
        if dialog.page:
            to.put(_PAGE)
            to.number(dialog.page)
        if dialog.note:
            to.put(_NOTE)
            to.text(dialog.note)
        if dialog.parked is not None:
            to.put(_PARKED)
            to.put(_dumps(dialog.parked))
        to.put(b"}")
        return None

    # -- reading -------------------------------------------------------------------------------

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _next(self) -> cython.int:
        """The next byte, and go past it; -1 at the end."""
        if self._at >= self._end:
            return -1
        self._at += 1
        return self._data[self._at - 1]

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _text_end(self) -> cython.Py_ssize_t:
        """Where the quote is that ends the text begun here; -1: it has something that does not stand for
        itself."""
        data: bytes = self._data
        at: cython.Py_ssize_t = self._at
        code: cython.int
        while at < self._end:
            code = data[at]
            if code == 34:
                return at
            if code < 32 or code > 126 or code == 92:
                return -1
            at += 1
        return -1

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def _name(self) -> str | None:
        """The name that begins here; None: it is none."""
        data: bytes = self._data
        start: cython.Py_ssize_t = self._at
        end: cython.Py_ssize_t = self._text_end()
        index: cython.Py_ssize_t
        mixed: cython.uint = 0
        if end < 0 or end - start > _LONGEST_NAME:
            return None
        self._at = end + 1
        if not cython.compiled:
            return data[start:end].decode("ascii")
        for index in range(start, end):
            mixed = mixed * 31 + data[index]
        mixed = (mixed ^ (mixed >> 9)) & (_NAMES - 1)
        name: str = self._names[mixed]
        if not _spells(name, PyBytes_AS_STRING(data) + start, end - start):  # noqa: F821
            name = self._names[mixed] = data[start:end].decode("ascii")
        return name

    @cython.cfunc
    def _value(self, depth: cython.int) -> object:  # noqa: PLR0911 (one for each kind of value)
        """The value that begins here, or _ODD."""
        code: cython.int = self._next()
        if code == 34:
            end: cython.Py_ssize_t = self._text_end()
            start: cython.Py_ssize_t = self._at
            if end < 0:
                return _ODD
            self._at = end + 1
            return self._data[start:end].decode("ascii")
        if code == 123 and depth < _DEEPEST:  # {
            return self._object(depth + 1)
        if code == 91 and depth < _DEEPEST:  # [
            return self._array(depth + 1)
        if code == 45 or 48 <= code <= 57:
            return self._number(code)
        if code == 116:
            return True if self._passed(b"rue") else _ODD
        if code == 102:
            return False if self._passed(b"alse") else _ODD
        if code == 110:
            return None if self._passed(b"ull") else _ODD
        return _ODD

    @cython.cfunc
    def _number(self, code: cython.int) -> object:
        """A whole number whose first byte this is."""
        negative: cython.bint = code == 45
        first: cython.int = self._next() if negative else code
        number: cython.longlong = first - 48
        digits: cython.int = 1
        if first < 48 or first > 57 or (negative and first == 48):
            return _ODD
        code = self._next()
        while 48 <= code <= 57:
            number = number * 10 + (code - 48)
            digits += 1
            code = self._next()
        self._at -= 1
        if digits > 18 or (first == 48 and digits > 1) or code not in (44, 93, 125):  # , ] }
            return _ODD
        return -number if negative else number

    @cython.cfunc
    def _object(self, depth: cython.int) -> object:
        found: dict = {}  # type: ignore[type-arg]
        if self._passed(b"}"):
            return found
        code: cython.int = 44
        while code == 44:
            if self._next() != 34:
                return _ODD
            name = self._name()
            if name is None or self._next() != 58:
                return _ODD
            value: object = self._value(depth)
            if value is _ODD:
                return _ODD
            found[name] = value
            code = self._next()
        return found if code == 125 else _ODD

    @cython.cfunc
    def _array(self, depth: cython.int) -> object:
        """Of texts, most often names of states."""
        found: list = []  # type: ignore[type-arg]
        value: object
        if self._passed(b"]"):
            return found
        code: cython.int = 44
        while code == 44:
            if self._passed(b'"'):
                value = self._name()
                if value is None:
                    return _ODD
            else:
                value = self._value(depth)
            if value is _ODD:
                return _ODD
            found.append(value)
            code = self._next()
        return found if code == 93 else _ODD

    # -- writing -------------------------------------------------------------------------------

    @cython.cfunc
    def _put(self, value: object, to: Writer, depth: cython.int) -> object:
        if type(value) is str:
            to.text(value)
        elif value is True:
            to.put(b"true")
        elif value is False:
            to.put(b"false")
        elif type(value) is int:
            _put_number(value, to)
        elif type(value) is dict and depth < _DEEPEST:
            self._put_object(value, to, depth + 1)
        elif type(value) is list and depth < _DEEPEST:
            self._put_array(value, to, depth + 1)
        else:
            to.put(_dumps(value))
        return None

    @cython.cfunc
    def _put_object(self, items: dict, to: Writer, depth: cython.int) -> object:  # type: ignore[type-arg]
        first: cython.bint = True
        to.put(b"{")
        for name, value in items.items():
            if type(name) is not str:
                raise TypeError("a name is a text")
            if not first:
                to.put(b",")
            first = False
            to.text(name)
            to.put(b":")
            self._put(value, to, depth)
        to.put(b"}")
        return None

    @cython.cfunc
    def _put_array(self, items: list, to: Writer, depth: cython.int) -> object:  # type: ignore[type-arg]
        first: cython.bint = True
        to.put(b"[")
        for value in items:
            if not first:
                to.put(b",")
            first = False
            self._put(value, to, depth)
        to.put(b"]")
        return None


@cython.cfunc
def _put_number(value: object, to: Writer) -> object:
    """A whole number; one that JSON's readers may not hold is orjson's to refuse."""
    if not cython.compiled:
        return to.put(orjson.dumps(value))
    try:
        number: cython.longlong = value
    except OverflowError:
        return to.put(_dumps(value))
    return to.number(number)


@cython.cfunc
@cython.exceptval(-1, check=False)
def _spells(name: str, chars: cython.p_const_char, length: cython.Py_ssize_t) -> cython.int:
    """Whether a name is these letters."""
    size: cython.Py_ssize_t = 0
    letters: cython.p_const_char = PyUnicode_AsUTF8AndSize(name, cython.address(size))  # noqa: F821
    return size == length and memcmp(letters, chars, length) == 0  # noqa: F821
