"""A session's record as a plain turn reads and writes it: the fields it needs, at their places.

The record is one JSON object whose fields always come in the same order (ussd_engine/sessions.py writes
it). So a plain turn need not make an object of all of it: it compares who the session is of, reads four
values, and hands the dialog alone to orjson. What it writes is byte for byte what orjson writes of the
whole; a test holds that.

Rule: whatever is not at its place makes `read` say no.
"""

import cython
import orjson

from .joined import joined

_REV = b'{"rev":"'
_BUNDLE = b',"bundle":"'
_TURN = b'","turn":'
_CONSUMED = b',"consumed":'
_DIGEST = b',"digest":"'
_STARTED = b'","started":'
_SEEN = b',"seen":'
_MORE = b',"more":true,"reply":"'
_DIALOG = b'","dialog":'
_NUMBERS = cython.declare(list, [b"%d" % number for number in range(2048)])

_loads = cython.declare(object, orjson.loads)
_dumps = cython.declare(object, orjson.dumps)


@cython.cclass
class Record:
    """What a plain turn needs of a session."""

    def __init__(self) -> None:
        self.dialog: dict = {}  # type: ignore[type-arg]
        self.more = True
        self.turn = 0
        self.seen = 0

    @cython.ccall
    def read(self, stored: bytes, owner: bytes) -> cython.bint:  # noqa: PLR0911
        """Take the fields of a record; False when it is not of this owner, when the session is over, or
        when it is not as expected.

        owner: what `owner_of` gave for the gateway and the session's id.
        """
        self.at = 0
        if not self._passed(stored, _REV):
            return False
        self._pass_text(stored)
        chars: cython.p_char = stored  # slices of it are made without a slice object
        self.expected = chars[: self.at + 1]
        start: cython.Py_ssize_t = self.at
        if not self._passed(stored, owner):
            return False
        begun: cython.Py_ssize_t = self.at
        self._pass_text(stored)
        self.bundle = stored[begun : self.at].decode("ascii")
        if not self._passed(stored, _TURN):
            return False
        self.identity = chars[start : self.at]
        self.turn = self._number(stored)
        if not self._passed(stored, _CONSUMED):
            return False
        self.consumed = self._number(stored)
        if not self._passed(stored, _DIGEST):
            return False
        begun = self.at
        self._pass_text(stored)
        self.digest = chars[begun : self.at]
        if not self._passed(stored, _STARTED):
            return False
        begun = self.at
        self._number(stored)
        self.started = chars[begun : self.at]
        if not self._passed(stored, _SEEN):
            return False
        self.seen = self._number(stored)
        if not self._passed(stored, _MORE):
            return False
        self._pass_text(stored)
        if not self._passed(stored, _DIALOG) or self.at == len(stored):
            return False
        self.dialog = _loads(chars[self.at : len(stored) - 1])  # raises when a claim follows
        return True

    @cython.cfunc
    def _passed(self, stored: bytes, expected: bytes) -> cython.bint:
        """Go past what must stand here; False: it does not."""
        length: cython.Py_ssize_t = len(expected)
        if cython.compiled:
            if len(stored) - self.at < length:
                return False
            chars: cython.p_char = stored
            wanted: cython.p_char = expected
            if memcmp(chars + self.at, wanted, length) != 0:  # type: ignore[name-defined]  # noqa: F821
                return False
        elif not stored.startswith(expected, self.at):
            return False
        self.at += length
        return True

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _pass_text(self, stored: bytes) -> cython.Py_ssize_t:
        """Go to the quote that ends the text begun here, or to the end; the place reached."""
        length: cython.Py_ssize_t = len(stored)
        at: cython.Py_ssize_t = self.at
        code: cython.int
        while at < length:
            code = stored[at]
            if code == 34:
                break
            at += 2 if code == 92 else 1  # what follows a backslash is part of the text
        self.at = at
        return at

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.exceptval(check=False)
    def _number(self, stored: bytes) -> cython.longlong:
        """The whole number that begins here; the place behind it is reached then."""
        number: cython.longlong = 0
        length: cython.Py_ssize_t = len(stored)
        at: cython.Py_ssize_t = self.at
        code: cython.int
        length = min(length, at + 18)  # no longer one is a number of ours
        while at < length:
            code = stored[at]
            if code < 48 or code > 57:
                break
            number = number * 10 + (code - 48)
            at += 1
        self.at = at
        return number


@cython.ccall
def owner_of(gateway: bytes, session_id: str) -> bytes:
    """How a record's fields between its revision and its bundle read. gateway: what `gateway_of` gave."""
    written: bytes = session_id.encode()
    if not _is_plain(written):
        return joined((gateway, _dumps(session_id), _BUNDLE))
    return joined((gateway, b'"', written, b'"', _BUNDLE))


@cython.cfunc
@cython.boundscheck(False)
@cython.wraparound(False)
def _is_plain(text: bytes) -> cython.bint:
    """Whether JSON writes this as it is: printable ASCII, no quote, no backslash."""
    chars: cython.p_uchar = text
    at: cython.Py_ssize_t
    for at in range(len(text)):
        if chars[at] < 32 or chars[at] > 126 or chars[at] == 34 or chars[at] == 92:
            return False
    return True


def gateway_of(gateway: str) -> bytes:
    """How a record's fields between its revision and its id read."""
    return b'","gateway":' + orjson.dumps(gateway) + b',"id":'


@cython.ccall
def identity_of(owner: bytes, bundle: str) -> bytes:
    """How a new record's fields between its revision and its turn read."""
    return joined((owner, bundle.encode(), _TURN))


@cython.ccall
def written(record: Record, rev: bytes, seen: bytes, reply: str, dialog: dict) -> bytes:  # type: ignore[type-arg]
    """The record's bytes, with these fields new. seen: epoch milliseconds."""
    shown: bytes = _dumps(reply)
    return joined(
        (
            _REV, rev, record.identity, _digits(record.turn), _CONSUMED, _digits(record.consumed), _DIGEST,
            record.digest, _STARTED, record.started, _SEEN, seen,
            b',"more":true,"reply":' if record.more else b',"more":false,"reply":', shown,
            b',"dialog":', _dumps(dialog), b"}",
        )
    )  # fmt: skip


@cython.cfunc
def _digits(number: cython.longlong) -> bytes:
    return _NUMBERS[number] if 0 <= number < 2048 else str(number).encode()
