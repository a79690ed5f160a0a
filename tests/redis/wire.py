"""A network between us and a Redis, which a test can break."""

import asyncio
import contextlib


class Wire:
    """Relays to a Redis. While `silent` it passes nothing on; while `reads` is not set, it does not read
    what it is sent, and the socket of whoever sends fills up."""

    def __init__(self, redis_url: str) -> None:
        self._path = redis_url.removeprefix("unix://").partition("?")[0]
        self._writers: list[asyncio.StreamWriter] = []
        self.silent = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.connections = 0
        self.port = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Nothing listens here until `listen` again."""
        self._server.close()
        self.cut()

    async def __aenter__(self) -> "Wire":
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        up_reader, up_writer = await asyncio.open_unix_connection(self._path)
        self._writers += [writer, up_writer]
        await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self.reads.wait()
                if not self.silent:
                    writer.write(data)
        writer.close()
