"""What passes for a Redis: it answers as a test has it, also what a real one would not say when asked to."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

import hiredis

Answer = Callable[[list[bytes]], bytes | None]


class Peer:
    """A server by TCP. It remembers when it was knocked at."""

    def __init__(self, answer: Answer) -> None:
        """answer: the bytes of the reply to a command; None to hang up."""
        self.answer = answer
        self.knocks: list[float] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Hang up on everybody."""
        for writer in self._writers:
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks.append(asyncio.get_running_loop().time())
        self._writers.add(writer)
        commands = hiredis.Reader()
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while data := await reader.read(65536):
                commands.feed(data)
                while (command := commands.gets()) is not False:
                    reply = self.answer(command)
                    if reply is None:
                        return
                    writer.write(reply)
        self._writers.discard(writer)
