"""Speak HTTP by hand: what a client library would never send has to be answered too."""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
MSISDN = "254711000126"
CODE = "*384*89598#"


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


def without_date(raw: bytes) -> bytes:
    """An answer's bytes, for comparison with another's."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", raw)
