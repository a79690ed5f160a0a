# mypy: disable-error-code="name-defined"
"""A session's record as a plain turn reads and writes it: the fields it needs, at their places.

The record is one JSON object whose fields always come in the same order (ussd_engine/sessions.py writes
it). So a plain turn need not make objects of it: it compares who the session is of, reads four numbers,
and remembers where the fields lie that stay as they are. What it writes is byte for byte what orjson
writes of the whole; a test holds that.

Rule: whatever is not at its place makes `read` say no.
"""

import cython
import orjson

from .cursor import Cursor
from .dialog import Dialog
from .kept import Kept
from .writer import Writer

_REV = cython.declare(bytes, b'{"rev":"')
_BUNDLE = cython.declare(bytes, b'","bundle":"')
_TURN = cython.declare(bytes, b'","turn":')
_CONSUMED = cython.declare(bytes, b',"consumed":')
_DIGEST = cython.declare(bytes, b',"digest":"')
_STARTED = cython.declare(bytes, b'","started":')
_SEEN = cython.declare(bytes, b',"seen":')
_MORE = cython.declare(bytes, b',"more":true,"reply":')
_LAST = cython.declare(bytes, b',"more":false,"reply":')
_DIALOG = cython.declare(bytes, b',"dialog":')

_loads = cython.declare(object, orjson.loads)


@cython.cclass
class Record(Cursor):
    """What a plain turn needs of a session. One is read and written many times."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept()
        self.digest = b""
        self.turn = self.consumed = self.seen = 0
        self.more = True
        self._expected = self._identity = self._turn = self._digest = self._started = self._seen = 0

    @cython.ccall
    def fresh(self, gateway: bytes, session_id: bytes, bundle: bytes, now: bytes) -> object:
        """Begin the record of a new session. gateway: what `gateway_of` gave; now: epoch milliseconds."""
        identity: bytes = gateway + session_id + _BUNDLE + bundle + _TURN
        self._data = identity + now
        self.turn = 0
        self._expected = self._identity = 0
        self._turn = self._started = len(identity)
        self._seen = len(self._data)
        return None

    @cython.ccall
    @cython.exceptval(-1)
    def read(self, stored: bytes, gateway: bytes, session_id: bytes) -> cython.bint:  # noqa: PLR0911
        """Take the fields of a record; False when it is not of this session, when the session is over, or
        when it is not as expected.

        gateway: what `gateway_of` gave. session_id: one that `is_plain`.
        """
        self._data = stored
        self._at = 0
        self._end = len(stored)
        if not self._passed(_REV):
            return False
        self._pass_text()
        self._expected = self._at + 1
        self._identity = self._at
        if not (self._passed(gateway) and self._passed(session_id) and self._passed(_BUNDLE)):
            return False
        self._bundle = self._at
        self._pass_text()
        self._bundled = self._at
        if not self._passed(_TURN):
            return False
        self._turn = self._at
        self.turn = self._number()
        if not self._passed(_CONSUMED):
            return False
        self.consumed = self._number()
        if not self._passed(_DIGEST):
            return False
        self._digest = self._at
        self._pass_text()
        if not self._passed(_STARTED):
            return False
        self._started = self._at
        self._number()
        self._seen = self._at
        if not self._passed(_SEEN):
            return False
        self.seen = self._number()
        if not self._passed(_MORE) or not self._passed(b'"'):
            return False
        self._pass_text()
        self._at += 1
        return self._passed(_DIALOG) and self._at < len(stored) and stored[len(stored) - 1] == 125

    @cython.ccall
    def restore(self, dialog: Dialog) -> object:
        """The dialog of what was read. Raises ValueError when it is none, or when a claim follows it."""
        end: cython.Py_ssize_t = len(self._data) - 1
        if not self.kept.read(dialog, self._data, self._at, end):
            dialog.restore(_loads(self._data[self._at : end]))
        return None

    @cython.ccall
    @cython.exceptval(check=False)
    def is_of(self, bundle: bytes) -> cython.bint:
        """Whether the session goes by this menu version."""
        self._at, at = self._bundle, self._at
        same: cython.bint = self._passed(bundle) and self._at == self._bundled
        self._at = at
        return same

    @cython.ccall
    def bundle(self) -> str:
        """The menu version it goes by."""
        return self._data[self._bundle : self._bundled].decode("ascii")

    @cython.ccall
    @cython.exceptval(check=False)
    def was(self, digest: bytes) -> cython.bint:
        """Whether this is the digest of what was used before."""
        self._at, at = self._digest, self._at
        same: cython.bint = self._passed(digest) and self._passed(b'"')
        self._at = at
        return same

    @cython.ccall
    def expected(self, to: Writer) -> object:
        """How the stored record begins, up to its revision, as an argument of a command of Redis's."""
        return to.argument(self._data, self._expected)

    @cython.ccall
    def whole(self, to: Writer) -> object:
        """The stored record, as such an argument."""
        return to.argument(self._data, len(self._data))

    @cython.ccall
    def write(self, to: Writer, revision: Writer, now: bytes, reply: str, dialog: Dialog) -> object:
        """The record with turn, consumed, digest and more as they are now. now: epoch milliseconds."""
        to.put(_REV)
        to.append(revision)
        to.part(self._data, self._identity, self._turn)
        to.number(self.turn)
        to.put(_CONSUMED)
        to.number(self.consumed)
        to.put(_DIGEST)
        to.put(self.digest)
        to.put(_STARTED)
        to.part(self._data, self._started, self._seen)
        to.put(_SEEN)
        to.put(now)
        to.put(_MORE if self.more else _LAST)
        to.text(reply)
        to.put(_DIALOG)
        self.kept.write(dialog, to)
        to.put(b"}")
        return None

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _pass_text(self) -> cython.Py_ssize_t:
        """Go to the quote that ends the text begun here, or to the end; the place reached."""
        stored: bytes = self._data
        length: cython.Py_ssize_t = len(stored)
        at: cython.Py_ssize_t = self._at
        code: cython.int
        if cython.compiled:  # most texts hold no quote
            chars: cython.p_char = PyBytes_AS_STRING(stored)  # noqa: F821
            found = cython.cast(cython.p_char, memchr(chars + at, 34, length - at))  # noqa: F821
            if found != cython.NULL and (found - 1)[0] != 92:
                self._at = found - chars
                return self._at
        while at < length:
            code = stored[at]
            if code == 34:
                break
            at += 2 if code == 92 else 1  # what follows a backslash is part of the text
        self._at = at
        return at

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _number(self) -> cython.longlong:
        """The whole number that begins here; the place behind it is reached then."""
        number: cython.longlong = 0
        stored: bytes = self._data
        at: cython.Py_ssize_t = self._at
        last: cython.Py_ssize_t = min(cython.cast(cython.Py_ssize_t, len(stored)), at + 18)
        code: cython.int
        while at < last:  # no longer one is a number of ours
            code = stored[at]
            if code < 48 or code > 57:
                break
            number = number * 10 + (code - 48)
            at += 1
        self._at = at
        return number


@cython.ccall
@cython.boundscheck(False)
@cython.wraparound(False)
@cython.exceptval(check=False)
def is_plain(text: bytes) -> cython.bint:
    """Whether JSON writes printable ASCII as it is: no quote, no backslash."""
    if not cython.compiled:
        return not (b'"' in text or b"\\" in text)
    chars: cython.p_char = PyBytes_AS_STRING(text)  # noqa: F821
    size: cython.size_t = len(text)
    return memchr(chars, 34, size) == cython.NULL and memchr(chars, 92, size) == cython.NULL  # noqa: F821


def gateway_of(gateway: str) -> bytes:
    """How a record's fields between its revision and its id read."""
    return b'","gateway":' + orjson.dumps(gateway) + b',"id":"'
