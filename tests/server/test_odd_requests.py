"""Requests that are nearly plain, or nothing at all: lane and aiohttp read each alike, byte for byte.

Each is sent on a connection that has asked a plain one before, so that the lane has it first.
"""

import asyncio
import random
import re

import pytest

from tests.lane.test_framing import NOT_PLAIN
from tests.server.conftest import Serve
from tests.server.wire import form, post, read_answer

PLAIN = post(form("1"))
# Whatever length is read, one of these is the next request, and the last one ends the connection.
FOLLOWING = post(form("2")) * 40 + post(form("3"), extra="Connection: close\r\n")
AT_ONCE = 50
UNREADABLE = b"HTTP/1.0 400 Bad Request"


def served_path(request: bytes) -> bytes:
    """A request of the lane's own tests, on the server's path and with a form that is understood."""
    return request.replace(b"/ussd", b"/api/v1/ussd", 1)


async def conversation(port: int, request: bytes) -> bytes:
    """All that is said to a request and those behind it, but for what is never twice the same."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(PLAIN)
        await asyncio.wait_for(read_answer(reader), 10)
        writer.write(request)
        await asyncio.sleep(0)
        writer.write(FOLLOWING)
        said = b""
        while part := await asyncio.wait_for(reader.read(65536), 2):
            said += part
    except ConnectionError:
        pass  # what was not read any more; all before it was
    finally:
        writer.close()
    return re.sub(rb"\r\n(Date|X-Request-Id): [^\r]*", b"", said)


async def assert_alike(serve: Serve, requests: list[bytes]) -> None:
    fast, slow = await serve(lane=True), await serve(lane=False)
    for start in range(0, len(requests), AT_ONCE):
        batch = requests[start : start + AT_ONCE]
        answers = await asyncio.gather(
            *(conversation(served.port, request) for request in batch for served in (fast, slow))
        )
        for request, one, other in zip(batch, answers[::2], answers[1::2], strict=True):
            # aiohttp drops whole requests that came in one piece with one it cannot read: the lane answers.
            assert one == other or (other.startswith(UNREADABLE) and UNREADABLE in one), request


async def test_who_offers_another_protocol_is_answered_in_this_one_and_goes_on(
    serve: Serve, lane: bool
) -> None:
    """Java's client offers HTTP/2 with the first request of a connection."""
    served = await serve(lane=lane)
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for request in (post(form("1"), extra=offer), post(form("2")), post(form("3"), extra=offer)):
        writer.write(request)
        answer = await asyncio.wait_for(read_answer(reader), 10)
        assert answer.status == 200
    writer.close()


async def test_what_the_lane_does_not_read_is_read_as_aiohttp_reads_it(serve: Serve) -> None:
    # What comes in one piece with an offer to upgrade is lost in aiohttp: nobody pipelines behind one.
    odd = [served_path(request) for name, request in NOT_PLAIN.items() if name != "upgrade"]
    await assert_alike(
        serve, odd + [request.replace(b"\r\n\r\na", b"\r\n\r\n" + form("7")) for request in odd]
    )


@pytest.mark.parametrize("seed", range(4))
async def test_a_plain_request_with_a_few_bytes_changed_is_read_alike(serve: Serve, seed: int) -> None:
    dice = random.Random(seed)
    await assert_alike(serve, [mutated(dice) for _ in range(150)])


def mutated(dice: random.Random) -> bytes:
    request = bytearray(post(form("5"), extra=dice.choice(["", "X-A: b\r\n", "Connection: keep-alive\r\n"])))
    head = request.index(b"\r\n\r\n") + 4
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(head)
        piece = dice.choice(
            [b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x7f", b"\x80", b":", b",", b"0", b"9", b"*",
             b"\r\n ", b"chunked", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\x0b", b"_"]
        )  # fmt: skip
        request[at : at + dice.randint(0, 2)] = piece
    return bytes(request)
