"""Speak HTTP by hand: what a client library would never send has to be answered too."""

import asyncio
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
MSISDN = "254711000126"
CODE = "*384*89598#"
PATIENCE_S = 60  # with a server that says nothing: the machine may be busy
# What aiohttp says, masked, to what it cannot read; then it closes.
UNREADABLE = re.compile(
    rb"HTTP/1\.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: (\d+)\r\n"
    rb"Date: \*\r\nServer: [^\r]*\r\n\r\n(.*)",
    re.DOTALL,
)
# Turns of the loop until a server on it reads a new connection; until it has read a piece; and more of them
# for each request in the piece, until it has begun to answer that: whether it asks for the body with a `100
# Continue`, or closes behind a refusal, depends on whether the body has come by then.
ACCEPTED = 8
READ = 5
BEGUN = 5


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: str


def form(text: str = "", session: str = "ATUid_1", phone: str = f"+{MSISDN}", code: str = CODE) -> bytes:
    """A turn as Africa's Talking sends it."""
    fields = {
        "sessionId": session,
        "serviceCode": code,
        "phoneNumber": phone,
        "networkCode": "63902",
        "text": text,
    }
    return urlencode(fields).encode()


def post(
    body: bytes = b"", path: str = "/api/v1/ussd", media: str = FORM, extra: str = "", version: str = "1.1",
    method: str = "POST",
) -> bytes:  # fmt: skip
    """A whole request with a Content-Length."""
    typed = f"Content-Type: {media}\r\n" if media else ""
    head = f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n{typed}{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(*chunks: bytes, path: str = "/api/v1/ussd") -> bytes:
    """A whole request in chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"".join(
        b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")
    )


async def ask(port: int, *pieces: bytes) -> Answer:
    """Send a request, in pieces if there are several, and read its answer."""
    (answer,) = await converse(port, *pieces, answers=1)
    return answer


async def converse(port: int, *pieces: bytes, answers: int) -> list[Answer]:
    """Send pieces on one connection and read that many answers, which must be all there are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            try:
                writer.write(piece)
                await writer.drain()
            except ConnectionError:
                break  # refused early: the answer is there to be read
            await asyncio.sleep(0)
        return [await asyncio.wait_for(read_answer(reader), 10) for _ in range(answers)]
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    return Answer(int(line.split(" ")[1]), headers, body.decode())


async def everything(port: int, pieces: Iterable[bytes], *, ended: bool = False) -> bytes:
    """All that a server says to these pieces until it closes, masked. Each piece is a read of its own there:
    the next leaves when the server, which is on this loop, has had its turn. ended: the caller then closes
    its half of the connection, and still listens.

    On a bare socket: a stream that fails to send throws away what has come and is not read yet.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as caller:
        caller.setblocking(False)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(caller, ("127.0.0.1", port))
        sending = asyncio.create_task(_send(caller, pieces, ended=ended))
        said = b""
        try:
            while part := await asyncio.wait_for(loop.sock_recv(caller, 65536), PATIENCE_S):
                said += part
        except ConnectionError:
            pass  # it has closed with something of ours unread; what it said before is here
        finally:
            sending.cancel()
    return masked(said)


class Line:
    """A connection that is kept, for one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        line = cls(*await asyncio.open_connection("127.0.0.1", port))
        await turns_of_the_loop(ACCEPTED)
        return line

    async def ask(self, pieces: Iterable[bytes]) -> bytes:
        """The next answer, masked, to a request that comes in these pieces."""
        for piece in pieces:
            self._writer.write(piece)
            await turns_of_the_loop(READ + BEGUN * piece.count(b" HTTP/1."))
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
        assert length is not None
        return masked(head + await asyncio.wait_for(self._reader.readexactly(int(length[1])), PATIENCE_S))

    async def close(self) -> None:
        """Ask for a last answer, which must be all that is left to be said."""
        self._writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        left = await asyncio.wait_for(self._reader.read(), PATIENCE_S)
        assert left.startswith(b"HTTP/1.1 200 OK")
        assert left.endswith(b'\r\n\r\n{"status":"live"}')
        self.hang_up()

    def hang_up(self) -> None:
        self._writer.close()


async def _send(caller: socket.socket, pieces: Iterable[bytes], *, ended: bool) -> None:
    loop = asyncio.get_running_loop()
    await turns_of_the_loop(ACCEPTED)
    try:
        for piece in pieces:
            await loop.sock_sendall(caller, piece)
            if not ended:  # else the answer might leave before the end is seen
                await turns_of_the_loop(READ + BEGUN * piece.count(b" HTTP/1."))
        if ended:
            caller.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # refused early: the answer is there to be read


async def turns_of_the_loop(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def one_by_one(traffic: bytes) -> list[bytes]:
    """Each byte a piece."""
    return [traffic[at : at + 1] for at in range(len(traffic))]


def cut_at(traffic: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Traffic in pieces that begin at these places, as far as it has them."""
    places = sorted({cut for cut in cuts if 0 < cut < len(traffic)})
    return [traffic[start:end] for start, end in zip([0, *places], [*places, len(traffic)], strict=True)]


def masked(raw: bytes) -> bytes:
    """What was said, with what is never twice the same put out of sight; where it stands is still seen."""
    return re.sub(rb"(?<=\r\n)(Date|X-Request-Id): [^\r]*", rb"\1: *", raw)


def alike(fast: bytes, slow: bytes, apart: bytes) -> bool:
    """Whether the server with the lane said what the other one said. apart: what aiohttp says when each byte
    of the same traffic comes alone.

    They say the same, with one exception. What is not HTTP is always aiohttp's (so is what follows a request
    that closes the connection), and aiohttp judges one read as a whole: its 400 quotes the read, and whole
    requests in front, of the same read, get no answer. The lane answers its own requests out of a read, and
    hands over in one what it held back. So where both end with that 400, its text may differ, and of the
    answers in front of it the last ones may be missing in either.
    """
    if fast == slow:
        return True
    ends = [UNREADABLE.search(said) for said in (fast, slow)]
    due = UNREADABLE.sub(b"", apart)
    for said, end in zip((fast, slow), ends, strict=True):
        if end is None or len(end[2]) != int(end[1]):
            return False
        before = said[: end.start()]
        if not due.startswith(before) or due[len(before) :][:5] not in (b"", b"HTTP/"):
            return False
    return True


def without_date(raw: bytes) -> bytes:
    """An answer's bytes, for comparison with another's."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", raw)
