"""A menu version as plain turns need it."""

from typing import Any

import cython

from .cells import Count
from .writer import Writer


@cython.cclass
class Menu:
    """A menu version that answers a service code, as plain turns need it."""

    def __init__(self, bundle: Any, code: str, starts: Count, ends: Count) -> None:
        """bundle: has a name, a service, a program and ttl_s. starts, ends: counters of its sessions."""
        self.bundle = bundle
        self.name = bundle.name.encode()
        self.program = bundle.program
        self.declared = bundle.program.tables["subscriber"]
        self.starts = starts
        self.ends = ends
        self._code = code.encode()
        self._service = bundle.service.encode()
        ttl = str(bundle.ttl_s * 1000).encode()
        self.ttl = b"\r\n$%d\r\n%b\r\n" % (len(ttl), ttl)
        self._behind = b"}:%b\r\n" % self._code
        self._behind_profile = b"}:profile:%b\r\n" % self._service
        self.audiences: dict = {}  # type: ignore[type-arg]

    @cython.cfunc
    def key(self, to: Writer, msisdn: bytes) -> object:
        """The session's key, as Redis wants it."""
        to.put(b"$")
        to.number(len(msisdn) + len(self._code) + 8)  # ussd:{}:
        to.put(b"\r\nussd:{")
        to.put(msisdn)
        return to.put(self._behind)

    @cython.cfunc
    def profile_key(self, to: Writer, msisdn: bytes) -> object:
        """The profile's key, as Redis wants it."""
        to.put(b"$")
        to.number(len(msisdn) + len(self._service) + 16)  # ussd:{}:profile:
        to.put(b"\r\nussd:{")
        to.put(msisdn)
        return to.put(self._behind_profile)
