"""The same traffic through the fast lane and through aiohttp alone: every byte of every answer is equal.

Each connection carries a random row of requests, good and bad, cut into random pieces, and ends with one
that asks for the connection to be closed; so both servers are read to the end. (What is not HTTP at all is
in test_bad_requests: aiohttp drops whole requests that came in one piece with it, the lane answers them.)
"""

import asyncio
import random
import re

import pytest

from tests.server.conftest import Serve
from tests.server.wire import chunked, form, post

CLOSE = "Connection: close\r\n"
GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
ROW = [
    post(form("1")),
    post(form("1*500")),
    post(form("99")),
    post(form("💸")),
    post(form("a" * 512)),
    post(form("1"), media="application/x-www-form-urlencoded; charset=UTF-8"),
    post(form("1"), extra="Connection: keep-alive\r\nUser-Agent: at/1.0\r\nAccept: */*\r\n"),
    post(form("1"), extra="X-Empty:\r\n"),
    post(form("1"), path="/api/v1/ussd?x=1"),
    post(form("1"), path="http://localhost/api/v1/ussd"),
    post(form("1") + b"&extra=1"),
    post(form("1") + b"%"),
    post(form("1") + b"%00"),
    post(form("a" * 513)),
    post(b""),
    post(form("1"), media="text/plain"),
    post(form("1"), media=""),
    post(
        b'{"sessionId":"1","phoneNumber":254711000126,"serviceCode":"*1#","text":5}', media="application/json"
    ),
    post(form("1"), method="PUT"),
    post(form("1") + b"&status=Success", path="/api/v1/ussd/events"),
    post(form("1"), path="/nowhere"),
    chunked(form("1"), b"*2"),
    GET_HEALTH,
]
# What ends a connection, each in its own way.
LAST = [
    post(form("end"), extra=CLOSE),
    post(b"a" * 9000, extra=CLOSE),
    post(form("end"), version="1.0"),
    chunked(form("end")).replace(b"Host:", CLOSE.encode() + b"Host:"),
]


@pytest.mark.parametrize("seed", range(40))
async def test_a_random_conversation_is_answered_with_the_same_bytes_by_both(serve: Serve, seed: int) -> None:
    dice = random.Random(seed)
    traffic = b"".join([*dice.choices(ROW, k=dice.randint(0, 6)), dice.choice(LAST)])
    cuts = sorted(dice.sample(range(1, len(traffic)), k=min(dice.randint(0, 5), len(traffic) - 1)))
    pieces = [traffic[start:end] for start, end in zip([0, *cuts], [*cuts, len(traffic)], strict=True)]
    fast, slow = await serve(lane=True), await serve(lane=False)
    answers = [await conversation(served.port, pieces) for served in (fast, slow)]
    assert answers[0] == answers[1]
    assert answers[0].startswith(b"HTTP/1.1 ")
    assert fast.engine.turns == slow.engine.turns
    assert fast.engine.events == slow.engine.events


async def conversation(port: int, pieces: list[bytes]) -> bytes:
    """Everything a server says to these pieces, but for what is never twice the same."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0)
    said = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return re.sub(rb"\r\n(Date|X-Request-Id): [^\r]*", b"", said)
