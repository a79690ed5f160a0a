"""Where a message, or a connection, ends in a way of its own: with the lane and without, the same bytes.

Oversize bodies in the middle, bodies that are held back until they are asked for, HTTP/1.0, and requests
behind the last one that is answered. Plain requests stand in front, and behind, which the lane would answer.
"""

import asyncio

import pytest

from tests.server.conftest import Desks, Twins
from tests.server.wire import PATIENCE_S, Line, chunked, cut_at, everything, form, masked, post

CLOSE = "Connection: close\r\n"
KEEP = "Connection: keep-alive\r\n"
EXPECT = "Expect: 100-continue\r\n"
PLAIN = post(form("1"))
LAST = post(form("last"), extra=CLOSE)
LONG = post(b"a" * 9000)
ROWS = {
    "too long": [PLAIN, LONG, PLAIN, LAST],
    "too long twice": [PLAIN, LONG, LONG, PLAIN, LAST],
    "too long, and nothing before": [LONG, PLAIN, LAST],
    "too long in one chunk": [PLAIN, chunked(b"a" * 9000), PLAIN, LAST],
    "too long in many chunks": [PLAIN, chunked(*[b"a" * 100] * 90), PLAIN, LAST],
    "too long for a phone": [PLAIN, post(form("1" * 600)), PLAIN, LAST],
    "as long as may be": [PLAIN, post(form("1") + b"&a=" + b"a" * 8086), PLAIN, LAST],
    "too long for HTTP/1.0": [PLAIN, post(b"a" * 9000, version="1.0", extra=KEEP), PLAIN, LAST],
    "too long and expected": [PLAIN, post(b"a" * 9000, extra=EXPECT), PLAIN, LAST],
    "HTTP/1.0 that stays": [PLAIN, *[post(form("2"), version="1.0", extra=KEEP)] * 2, PLAIN, LAST],
    "HTTP/1.0 first": [post(form("2"), version="1.0", extra=KEEP), PLAIN, LAST],
    "HTTP/1.0 that expects": [PLAIN, post(form("2"), version="1.0", extra=KEEP + EXPECT), PLAIN, LAST],
    "HTTP/1.0 without a host": [
        PLAIN, post(form("2"), version="1.0", extra=KEEP).replace(b"Host: localhost\r\n", b""), PLAIN, LAST,
    ],
    "expected in vain": [PLAIN, post(form("2"), extra="Expect: miracles\r\n"), PLAIN, LAST],
}  # fmt: skip


# The head of a request that wants to be told to go on, its body, and how it is answered.
HELD_BACK = {
    "a turn": (post(form("2"), extra=EXPECT), b"200 OK"),
    "one that is refused": (post(form("2") + b"%zz", extra=EXPECT), b"400 Bad Request"),
    "one that closes": (post(form("2"), extra=EXPECT + CLOSE), b"200 OK"),
    "a turn in chunks": (chunked(form("2")).replace(b"Host", EXPECT.encode() + b"Host"), b"200 OK"),
    "an event": (
        post(form("2") + b"&status=Success", path="/api/v1/ussd/events", extra=EXPECT), b"200 OK",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_is_answered_alike(twins: Twins, name: str) -> None:
    """Each request in a piece of its own, in two, head and body, the first one alone, and all in one."""
    row = ROWS[name]
    halves = [part for request in row for part in cut_at(request, [len(request) - 60])]
    parts = [part for request in row for part in head_and_body(request)]
    for pieces in (row, halves, parts, [row[0], b"".join(row[1:])], [b"".join(row)]):
        fast, slow = await twins.both(pieces)
        assert fast == slow
        assert fast.startswith(b"HTTP/1.1 ")
    heard = twins.heard()
    assert heard[0] == heard[1]


async def test_a_body_that_is_long_on_its_way_is_refused_alike(twins: Twins) -> None:
    """In reads of their own: whether all of it has come decides whether the connection is closed."""
    traffic = PLAIN + post(b"a" * 300_000) + PLAIN + LAST
    fast, slow = await twins.both(cut_at(traffic, range(0, len(traffic), 50_000)))
    assert fast == slow
    assert b" 413 " in fast


@pytest.mark.parametrize("name", HELD_BACK)
@pytest.mark.parametrize("before", [[], [PLAIN], [PLAIN, PLAIN]], ids=["first", "second", "third"])
async def test_a_body_that_is_held_back_until_it_is_asked_for_is_answered_alike(
    twins: Twins, before: list[bytes], name: str
) -> None:
    request, status = HELD_BACK[name]
    head, body = head_and_body(request)
    said = [
        await held_back(served.port, b"".join(before) + head, body + PLAIN + LAST)
        for served in (twins.fast, twins.slow)
    ]
    assert said[0] == said[1]
    asked, told = said[0]
    assert asked.count(b"HTTP/1.1 200 OK\r\n") == len(before)
    assert b"HTTP/1.1 " + status + b"\r\n" in told
    heard = twins.heard()
    assert heard[0] == heard[1]


@pytest.mark.parametrize("name", ["too long", "strange"])
async def test_a_body_nobody_wants_is_never_asked_for(twins: Twins, name: str) -> None:
    request = {
        "too long": post(b"a" * 9000, extra=EXPECT), "strange": post(form("2"), extra="Expect: miracles\r\n"),
    }[name]  # fmt: skip
    said = []
    for served in (twins.fast, twins.slow):
        line = await Line.open(served.port)
        said.append([await line.ask([PLAIN]), await line.ask([head_and_body(request)[0]])])
        line.hang_up()
    assert said[0] == said[1]
    assert b"Connection: close\r\n" in said[0][1]


async def test_a_body_that_is_held_back_behind_plain_turns_is_answered_alike(desks: Desks) -> None:
    """Their answers are still under way when the lane meets it."""
    said = []
    for desk in (desks.fast, desks.slow):
        dials = b"".join(post(form(session=f"ATUid_{n}", phone=f"+2547110001{n}")) for n in range(10, 20))
        head, body = head_and_body(post(form(session="ATUid_20", phone="+254711000120"), extra=EXPECT))
        said.append(await held_back(desk.port, dials + head, body + LAST))
    assert said[0] == said[1]
    assert said[0][0].count(b"CON Desk\n1. ") == desks.fast.plain == 10
    assert said[0][1].count(b"CON Desk\n1. ") == 1


async def test_a_caller_that_closes_its_half_behind_its_request_is_answered_by_the_lane(twins: Twins) -> None:
    """aiohttp takes that for the end of the connection, and says nothing: this one answer is not alike."""
    fast = await everything(twins.fast.port, [PLAIN], ended=True)
    assert fast.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(twins.fast.engine.turns) == 1
    assert await everything(twins.slow.port, [PLAIN], ended=True) == b""


async def test_a_caller_that_closes_its_half_within_its_request_is_told_nothing(twins: Twins) -> None:
    for served in (twins.fast, twins.slow):
        assert await everything(served.port, [PLAIN[:-1]], ended=True) == b""


def head_and_body(request: bytes) -> list[bytes]:
    return cut_at(request, [request.index(b"\r\n\r\n") + 4])


async def held_back(port: int, first: bytes, rest: bytes) -> tuple[bytes, bytes]:
    """What is said until more is asked for, and what is said to that, to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(first)
        asked = await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n"), PATIENCE_S)
        writer.write(rest)
        return masked(asked), masked(await asyncio.wait_for(reader.read(), PATIENCE_S))
    finally:
        writer.close()
