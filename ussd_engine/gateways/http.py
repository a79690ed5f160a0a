"""The gateway's side of HTTP: read a small body, say one answer, at the least cost aiohttp allows.

A turn's answer is a few dozen bytes under a head that is the same each time. `web.Response` builds that
head anew, in 9 µs; `Lean` writes head and body in one go. It is what aiohttp's protocol asks of a
response (`prepare`, `write_eof`, `keep_alive`, `force_close`) and no more: nothing off the gateway's
routes uses it.
"""

import asyncio
import logging
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from ussd_engine.errors import GatewayError
from ussd_engine.gateways.answer import HttpAnswer
from ussd_engine.observe import Board, get_logger

log = get_logger("ussd.http")

DEAF_S = 300.0  # how long a caller may leave its answers unread; a quiet connection is kept as long

_EXPECT_CONTINUE = "100-continue"


class Head:
    """The head of a gateway's answers, up to the length of the body. Knows the date."""

    __slots__ = ("_fixed", "_second", "_start")

    def __init__(self, answer: HttpAnswer) -> None:
        """answer: one of those it will be the head of; its body does not matter."""
        headers = [("Content-Type", answer.content_type), *answer.headers.items()]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._fixed = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{lines}"
        self._second = 0
        self._start = b""

    def before(self, body: bytes, connection: bytes = b"") -> bytes:
        """The whole answer. connection: a Connection header's line, or nothing."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._start = self.start(now)
        return b"%b%d\r\n%b\r\n%b" % (self._start, len(body), connection, body)

    def start(self, second: int) -> bytes:
        """All up to the length, at that second since the epoch."""
        return f"{self._fixed}Date: {formatdate(second, usegmt=True)}\r\nContent-Length: ".encode()


class Lean:
    """A finished answer on its way out; aiohttp's protocol sends it as it would a web.Response."""

    __slots__ = ("_body", "_head", "_last", "body_length", "keep_alive", "status")

    def __init__(self, head: Head, body: bytes) -> None:
        self._head = head
        self._body = body
        self.status = 200
        self.body_length = len(body)
        self.keep_alive: bool | None = None
        self._last = False

    def force_close(self) -> None:
        """Let this be the last answer on its connection, and say so in it."""
        self._last = True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the caller is gone")
        self.keep_alive = request.keep_alive and not self._last
        connection = b""
        if not self.keep_alive:
            connection = b"Connection: close\r\n"
        elif request.version.minor == 0:
            connection = b"Connection: keep-alive\r\n"
        transport.write(self._head.before(self._body, connection))
        if request.protocol.writing_paused:  # the caller sends more than it reads
            try:
                async with asyncio.timeout(DEAF_S):
                    await request.writer.drain()
            except TimeoutError:
                transport.abort()  # a close would wait until it has read
                raise ConnectionResetError("the caller does not read") from None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


class UnreadableLog(logging.Logger):
    """What aiohttp's protocol says of its connections, without what was sent on them.

    aiohttp quotes a request it cannot read in its error, PIN and all. Here such a request is counted and
    its kind of fault logged; everything else goes on to the root logger.
    """

    def __init__(self, board: Board) -> None:
        super().__init__("ussd.http")
        self.parent = logging.getLogger()
        self._unreadable = board.rejected.labels("http", "unreadable")

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        """Log an error, unless it quotes a request."""
        if isinstance(exc_info, HttpProcessingError):
            self._unreadable.inc()
            log.warning("request unreadable", fault=type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **more)

    def debug(self, msg: object, *args: object, exc_info: Any = None, **more: Any) -> None:
        """Log a detail, unless it quotes a request: aiohttp calls what is not even HTTP a detail."""
        if isinstance(exc_info, HttpProcessingError):
            self.exception(msg, *args, exc_info=exc_info)
        else:
            super().debug(msg, *args, exc_info=exc_info, **more)


def body_at_hand(request: web.BaseRequest) -> bytes | None:
    """The whole body when it came with the head, as it nearly always does; else None."""
    content = request.content
    return content.read_nowait() if content.is_eof() else None


async def read_body(request: web.BaseRequest, limit: int, patience_s: float) -> bytes:
    """The body, at most `limit` bytes of it, within `patience_s`. Raises GatewayError otherwise."""
    length = request.content_length
    if length is not None and length > limit:
        raise too_large(limit)
    if hdrs.EXPECT in request.headers:
        await _say_continue(request)
    parts = bytearray()
    try:
        async with asyncio.timeout(patience_s):
            while not request.content.at_eof():
                parts += await request.content.readany()
                if len(parts) > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise GatewayError("the body did not arrive in time", status=408, reason="slow_body") from None
    except web.RequestPayloadError:
        raise GatewayError("the body is malformed", reason="malformed_body") from None
    except ConnectionError:
        raise GatewayError("the caller hung up", reason="hung_up") from None
    return bytes(parts)


def too_large(limit: int) -> GatewayError:
    """The refusal of a body over the limit."""
    return GatewayError(f"the body is longer than {limit} bytes", status=413, reason="too_large")


async def _say_continue(request: web.BaseRequest) -> None:
    if request.headers[hdrs.EXPECT].lower() != _EXPECT_CONTINUE:
        raise GatewayError("only Expect: 100-continue is understood", status=417, reason="expect")
    if request.transport is not None and request.version.minor > 0:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
