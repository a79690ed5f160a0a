"""TLS in front of a server that speaks none, as a balancer does it. What is tested is our end of it.

A door runs in a thread of its own: whoever waits for a server here may do so without a loop.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.redis.certificates import Authority

HANDSHAKE = b"\x16"  # what TLS begins with, and no command of Redis


class Door:
    """A port that relays to another one of loopback, which need not be there yet."""

    def __init__(self, behind: int, tls: ssl.SSLContext | None = None, *, plainly: int | None = None) -> None:
        """plainly: where to lead those who do not speak TLS; only of a door that has none itself."""
        self.port = 0
        self.guests: set[str] = set()
        """The names in the certificates of those who came in."""
        self._behind = behind
        self._plainly = plainly
        self._tls = tls
        self._loop: asyncio.AbstractEventLoop
        self._leave: asyncio.Event

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def open(self) -> Iterator["Door"]:
        """Relay meanwhile."""
        opened = threading.Event()
        thread = threading.Thread(target=asyncio.run, args=(self._stay(opened),))
        thread.start()
        opened.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._leave.set)
            thread.join()

    async def _stay(self, opened: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        opened.set()
        await self._leave.wait()
        server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert") or {}
        self.guests |= {value for part in certificate.get("subject", ()) for _, value in part}
        gone = OSError, asyncio.CancelledError  # Python 3.11 logs that a handler was cancelled
        with contextlib.suppress(*gone), contextlib.closing(writer):
            first = await reader.read(1)
            plain = self._plainly is not None and first != HANDSHAKE
            there, back = await asyncio.open_connection("127.0.0.1", self._plainly if plain else self._behind)
            back.write(first)
            with contextlib.closing(back):
                ways = [asyncio.create_task(way) for way in (_pump(reader, back), _pump(there, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def secured(authority: Authority, name: str = "server") -> ssl.SSLContext:
    """With a certificate for each side, ours by this name."""
    folder = authority.folder
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def by_tls(port: int, authority: Authority, name: str = "server") -> Iterator[Door]:
    """A door for TLS and nothing else."""
    with Door(port, secured(authority, name)).open() as door:
        yield door


@contextmanager
def by_tls_or_plainly(port: int, authority: Authority) -> Iterator[Door]:
    """A door at which servers that have no TLS meet as well: each finds the others where we find them. Its
    guests are those who came by TLS."""
    with by_tls(port, authority) as inner, Door(inner.port, plainly=port).open() as door:
        door.guests = inner.guests
        yield door
