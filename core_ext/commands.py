"""The two commands of a plain turn, as Redis wants them: load, and save by compare-and-set."""

import cython

from .menu import Menu
from .record import Record
from .writer import Writer

_MGET = cython.declare(bytes, b"*3\r\n$4\r\nMGET\r\n")
# How a session is saved, its key and value in between. From Valkey 8.1 and Redis 8.4 on, SET compares with
# what is stored, at half of what the script costs there; whoever is older refuses it once.
_SET_NEW = cython.declare(bytes, b"*6\r\n$3\r\nSET\r\n")
_NX = cython.declare(bytes, b"\r\n$2\r\nNX\r\n$2\r\nPX")
_SET_EQUAL = cython.declare(bytes, b"*7\r\n$3\r\nSET\r\n")
_IFEQ = cython.declare(bytes, b"\r\n$4\r\nIFEQ\r\n")
_PX = cython.declare(bytes, b"\r\n$2\r\nPX")


@cython.cclass
class Commands:
    """Writes them, one at a time."""

    def __init__(self, script: str, compares: bool, largest: int) -> None:
        """compares: whether SET does; else the script of this SHA saves. largest: bytes of a record."""
        self.compares = compares
        self._script = b"*7\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n1\r\n" % script.encode()
        self._largest = largest
        self._command = Writer()
        self._value = Writer()

    @cython.ccall
    def load(self, menu: Menu, msisdn: bytes) -> bytes:
        """Load a session and its subscriber's profile."""
        command: Writer = self._command
        command.clear()
        command.put(_MGET)
        menu.key(command, msisdn)
        menu.profile_key(command, msisdn)
        return command.taken()

    @cython.ccall
    def value(self) -> Writer:
        """Where to write the record that `save` is about to send."""
        self._value.clear()
        return self._value

    @cython.ccall
    def save(self, menu: Menu, msisdn: bytes, record: Record, first: cython.bint) -> bytes | None:
        """Save what was written, if what is stored is still what the record was read from; when first, if
        nothing is. None: it is too large."""
        command: Writer = self._command
        if self._value.size > self._largest:
            return None
        command.clear()
        if first:
            command.put(_SET_NEW)
            menu.key(command, msisdn)
            command.sized(self._value)
            command.put(_NX)
        elif self.compares:
            command.put(_SET_EQUAL)
            menu.key(command, msisdn)
            command.sized(self._value)
            command.put(_IFEQ)
            record.whole(command)
            command.put(_PX)
        else:
            command.put(self._script)
            menu.key(command, msisdn)
            record.expected(command)
            command.put(b"\r\n")
            command.sized(self._value)
        command.put(menu.ttl)
        return command.taken()
