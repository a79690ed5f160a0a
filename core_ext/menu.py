"""A menu version as plain turns need it."""

from typing import Any

import cython

from .cells import Count
from .visits import Seats
from .writer import Writer


@cython.cclass
class Menu:
    """A menu version that answers a service code, as plain turns need it."""

    def __init__(self, bundle: Any, code: str, starts: Count, ends: Count) -> None:
        """bundle: has a name, a service, a program and ttl_s. starts, ends: counters of its sessions."""
        self.bundle = bundle
        self.name = bundle.name.encode()
        self.program = bundle.program
        self.declared = bundle.program.subscriber
        self.starts = starts
        self.ends = ends
        self._code = code.encode()
        self._service = bundle.service.encode()
        ttl = str(bundle.ttl_s * 1000).encode()
        self.ttl = b"\r\n$%d\r\n%b\r\n" % (len(ttl), ttl)
        self._behind = b"}:%b\r\n" % self._code
        self._behind_profile = b"}:profile:%b\r\n" % self._service
        self._measure(len(b"254712345678"))
        self.networks: dict = {}  # type: ignore[type-arg]
        self.seats: Seats | None = None  # that were asked for last, and by which network
        self.network = ""

    @cython.cfunc
    def key(self, to: Writer, msisdn: bytes) -> object:
        """The session's key, as Redis wants it."""
        if len(msisdn) != self._length:
            self._measure(len(msisdn))
        to.put(self._before)
        to.put(msisdn)
        return to.put(self._behind)

    @cython.cfunc
    def profile_key(self, to: Writer, msisdn: bytes) -> object:
        """The profile's key, as Redis wants it."""
        if len(msisdn) != self._length:
            self._measure(len(msisdn))
        to.put(self._before_profile)
        to.put(msisdn)
        return to.put(self._behind_profile)

    @cython.cfunc
    def _measure(self, length: cython.Py_ssize_t) -> object:
        """How the keys of numbers of this length begin: most numbers are as long as the one before."""
        self._before = b"$%d\r\nussd:{" % (length + len(b"ussd:{}:") + len(self._code))
        self._before_profile = b"$%d\r\nussd:{" % (length + len(b"ussd:{}:profile:") + len(self._service))
        self._length = length
        return None
