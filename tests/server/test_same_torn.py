"""Requests for the lane, and mixes of those and others, torn at every byte: all answers are the same bytes.

The pieces arrive as reads of their own (see `everything`), and many connections are open at once. In a row
for the lane one connection serves for all cuts; a mix needs one for each, for it leaves the lane.
"""

import asyncio
import itertools
from collections.abc import Iterable

import pytest

from tests.server.conftest import Desks, Twins
from tests.server.wire import alike, chunked, cut_at, everything, form, one_by_one, post

AT_ONCE = 100  # cuts that are tried at the same time
CONTINUE = "Expect: 100-continue\r\n"
KEEP = "Connection: keep-alive\r\n"
CLOSE = "Connection: close\r\n"
GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
FIRST = post(form("1"))
LAST = GET_HEALTH.replace(b"Host", CLOSE.encode() + b"Host")
MIX = (
    FIRST
    + chunked(form("2")[:9], form("2")[9:])
    + GET_HEALTH
    + post(form("3"), version="1.0", extra=KEEP)
    + LAST
)
# What comes behind a plain request, each in its own mix. The last six are not HTTP.
ODD = {
    "Expect": post(form("2"), extra=CONTINUE),
    "HTTP/1.0": post(form("2"), version="1.0"),
    "close": post(form("2"), extra=CLOSE),
    "a bad form": post(form("2") + b"%zz"),
    "a length and chunks": chunked(form("2")).replace(b"Host", b"Content-Length: 3\r\nHost"),
    "chunks and a length": chunked(form("2")).replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n", 1),
    "two lengths": post(form("2"), extra="Content-Length: 3\r\n"),
    "chunks in disguise": post(b"5\r\n12345\r\n0\r\n\r\n", extra="Transfer-Encoding : chunked\r\n"),
    "a request in a body that is too short for it": post(b"", extra="X: y\r\n") + form("2"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
}
_numbers = itertools.count(1)


async def differences(twins: Twins | Desks, traffics: Iterable[tuple[int, bytes]]) -> list[int]:
    """Where traffic was torn in two and then answered differently."""
    found: list[int] = []
    waiting = list(traffics)
    while waiting:
        now, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        said = await asyncio.gather(*(twins.both(cut_at(traffic, [cut])) for cut, traffic in now))
        apart = (
            await everything(twins.slow.port, one_by_one(now[0][1])) if any(a != b for a, b in said) else b""
        )
        found += [cut for (cut, _), answers in zip(now, said, strict=True) if not alike(*answers, apart)]
    return found


async def test_a_mix_of_requests_torn_in_two_at_any_byte_is_answered_alike(twins: Twins) -> None:
    assert await differences(twins, ((cut, MIX) for cut in range(1, len(MIX)))) == []
    fast, slow = twins.heard()
    assert [turn.text for turn in fast[0]].count("2") == len(MIX) - 1
    assert sorted(fast[0]) == sorted(slow[0])


async def test_a_mix_of_requests_one_byte_at_a_time_is_answered_alike(twins: Twins) -> None:
    whole, torn = await twins.both([MIX]), await twins.both(one_by_one(MIX))
    assert {whole, torn} == {(whole[0], whole[0])}


@pytest.mark.parametrize("name", ODD)
async def test_a_request_behind_a_plain_one_is_answered_alike_wherever_it_is_torn(
    twins: Twins, name: str
) -> None:
    traffic = FIRST + ODD[name] + LAST
    head = traffic.index(b"\r\n\r\n", len(FIRST)) + 4
    cuts = [*range(len(FIRST) - 2, head + 5), len(FIRST + ODD[name]), len(FIRST + ODD[name]) + 1]
    assert await differences(twins, ((cut, traffic) for cut in cuts)) == []
    fast, slow = await twins.both(one_by_one(traffic))
    assert alike(fast, slow, slow)


def dial(extra: str = "") -> bytes:
    """A new session of a phone that was never seen."""
    phone = f"+2547{next(_numbers):08}"
    return post(form(session=f"ATUid_{phone}", phone=phone), extra=extra)


async def test_plain_turns_torn_at_any_byte_are_answered_alike(desks: Desks) -> None:
    """Two at each cut, all on one connection: the lane knows their heads, but for the first ones'."""
    size = len(dial() + dial(KEEP))
    pieces = [piece for cut in range(1, size) for piece in cut_at(dial() + dial(KEEP), [cut])]
    fast, slow = await desks.both([*pieces, *one_by_one(dial() + dial(KEEP)), LAST])
    assert fast == slow
    assert fast.count(b"CON Desk\n1. ") == desks.fast.plain == 2 * size
    assert desks.fast.asked == 0


async def test_plain_turns_and_what_is_not_for_the_lane_torn_at_any_byte_are_answered_alike(
    desks: Desks,
) -> None:
    size = len(dial() + GET_HEALTH + LAST)
    mixes = ((cut, dial() + GET_HEALTH + LAST) for cut in range(1, size))
    assert await differences(desks, mixes) == []
    assert desks.fast.plain == size - 1
    assert desks.fast.asked == 0
