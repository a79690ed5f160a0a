"""The place of one web server among equals on one port: what its supervisor hands it, and what they say.

The supervisor (see workers.py) opens the listening sockets, one set for each place, and keeps them open.
A process in a place inherits them. So the callers who wait in a socket's queue outlive the process that
was to serve them: its successor finds them there.

The two talk over a socket pair. The process says `{"problems": {…}}` once everything is loaded, and waits;
it takes no caller before the supervisor answers `go`. After that they use signals: SIGHUP means that a
successor has the place, SIGTERM that everything ends.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson

from ussd_engine.errors import UssdError

BACKLOG = 4096
GO = b"go\n"


@dataclass(slots=True, frozen=True)
class Offer:
    """A place as it is written on the command line of the process that is to take it.

    listen and channel are file descriptors; core is the processor to stay on; metrics is the file to keep
    this process's metrics in.
    """

    number: int
    listen: Sequence[int]
    channel: int
    core: int | None
    metrics: str

    def written(self) -> str:
        """For the command line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises UssdError when nobody wrote it for us."""
        try:
            return cls(**orjson.loads(text))
        except (orjson.JSONDecodeError, TypeError):
            raise UssdError("`--place` is what a supervisor tells its workers. Use --workers.") from None


class Place:
    """A place that this process has taken."""

    def __init__(self, offer: Offer) -> None:
        """Raises UssdError when the descriptors are not there."""
        try:
            self.sockets = [socket.socket(fileno=number) for number in offer.listen]
            self._channel = socket.socket(fileno=offer.channel)
        except OSError:
            raise UssdError(f"Place {offer.number} has no supervisor that would hold it open.") from None
        for held in (*self.sockets, self._channel):
            held.set_inheritable(False)
            held.setblocking(False)
        self.number = offer.number
        self.metrics = Path(offer.metrics)
        self._supervisor = os.getppid()
        if offer.core is not None:  # before the first thread is there: those to come inherit it
            os.sched_setaffinity(0, {offer.core})

    @property
    def orphaned(self) -> bool:
        """Whether the supervisor is gone."""
        return os.getppid() != self._supervisor

    async def until_go(self, problems: Mapping[str, str]) -> bool:
        """Say that everything is loaded, and with what problems. False when we are not wanted."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(self._channel, orjson.dumps({"problems": problems}) + b"\n")
            return await loop.sock_recv(self._channel, len(GO)) == GO
        return False


def cores() -> list[int]:
    """The processors this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def listening_sockets(host: str, port: int, places: int) -> list[list[socket.socket]]:
    """The sockets of each place: one for each address the host has. Port 0 takes a free one, for all.

    Raises UssdError when that cannot be had.
    """
    opened: list[list[socket.socket]] = []
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for _ in range(places):
            opened.append([])
            for family, address in dict.fromkeys((found[0], found[4]) for found in addresses):
                taken = opened[0][0].getsockname()[1] if opened[0] else port
                opened[-1].append(_listening(family, (address[0], taken, *address[2:])))
    except OSError as error:
        for held in (held for sockets in opened for held in sockets):
            held.close()
        raise UssdError(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
    return opened


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind(address)
        held.listen(BACKLOG)
    except BaseException:
        held.close()
        raise
    return held
