"""Requests that are nearly plain, or nothing at all: lane and aiohttp read each alike, byte for byte.

Each is sent on a connection that has asked a plain one before, so that the lane has it first. What "alike"
means where there is no HTTP any more is said in `tests.server.wire.alike`.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lane.test_framing import NOT_PLAIN
from tests.server.conftest import Serve, Twins
from tests.server.wire import alike, cut_at, everything, form, one_by_one, post, read_answer

PLAIN = post(form("1"))
# Whatever length is read, one of these is the next request, and the last one ends the connection.
LAST = post(form("2")) + post(form("3"), extra="Connection: close\r\n")
FOLLOWING = post(form("2")) * 40 + LAST
# What comes in one piece with an offer to upgrade is lost in aiohttp: nobody pipelines behind one.
ODD = {name: request for name, request in NOT_PLAIN.items() if name != "upgrade"}


def served_path(request: bytes) -> bytes:
    """A request of the lane's own tests, on the server's path and with a form that is understood."""
    return request.replace(b"/ussd", b"/api/v1/ussd", 1)


async def assert_alike(twins: Twins, pieces: list[bytes]) -> None:
    fast, slow = await twins.both(pieces)
    apart = b"" if fast == slow else await everything(twins.slow.port, one_by_one(b"".join(pieces)))
    assert alike(fast, slow, apart), pieces
    assert fast.startswith(b"HTTP/1.1 200 OK\r\n"), "the plain one is answered, whatever is behind it"


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


@pytest.mark.parametrize("name", ODD)
async def test_what_the_lane_does_not_read_is_read_as_aiohttp_reads_it(twins: Twins, name: str) -> None:
    odd = served_path(ODD[name])
    for request in (odd, odd.replace(b"\r\n\r\na", b"\r\n\r\n" + form("7"))):
        torn = cut_at(request, range(1, len(request), 1 + len(request) // 500))
        await assert_alike(twins, [PLAIN, request, FOLLOWING])
        await assert_alike(twins, [PLAIN + request + LAST])
        await assert_alike(twins, [PLAIN, *torn, LAST])


PIECES = st.sampled_from(
    [b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x7f", b"\x80", b":", b",", b"0", b"9", b"*",
     b"\r\n ", b"chunked", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\x0b", b"_"]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 160), st.integers(0, 2), PIECES | st.binary(max_size=2)), min_size=1, max_size=3
)
HEADERS = st.sampled_from(["", "X-A: b\r\n", "Connection: keep-alive\r\n"])


# Where pieces begin: often the odd one comes in a piece of its own, or its first bytes with the plain one.
CUTS = st.lists(st.integers(1, 500) | st.just(len(PLAIN)), max_size=3)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=HEADERS, edits=EDITS, cuts=CUTS)
async def test_a_plain_request_with_a_few_bytes_changed_is_read_alike(
    twins: Twins, extra: str, edits: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    request = bytearray(post(form("5"), extra=extra))
    head = request.index(b"\r\n\r\n") + 4
    for at, instead_of, piece in edits:
        request[at % head : at % head + instead_of] = piece
    await assert_alike(twins, cut_at(PLAIN + request + FOLLOWING, cuts))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=60), cuts=CUTS)
async def test_garbage_behind_a_plain_request_is_refused_alike(
    twins: Twins, garbage: bytes, cuts: list[int]
) -> None:
    await assert_alike(twins, cut_at(PLAIN + garbage + LAST, cuts))
