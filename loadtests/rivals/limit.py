"""uvloop and httptools answering a constant: about as fast as HTTP is answered in Python."""

import asyncio
from typing import cast

import httptools

from loadtests.rivals import CONSTANT

_REPLY = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
    f"Content-Length: {len(CONSTANT)}\r\n\r\n{CONSTANT}"
).encode()


class _Constant(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._write(_REPLY)


async def listen(port: int, redis_url: str) -> None:  # noqa: ARG001
    """Serve the constant."""
    await asyncio.get_running_loop().create_server(_Constant, "127.0.0.1", port, backlog=1024)
