"""What the lane reads as a request, and what it leaves to the framework, however the bytes arrive."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_ext.head import MAX_HEADERS
from core_ext.lane import MAX_HEAD, MAX_HEADS, MAX_UNDER_WAY
from tests.lane.conftest import MAX_BODY, Bench, plain

HEAD = b"POST /ussd HTTP/1.1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BARE = HEAD + b"Host: a\r\n" + FORM

NOT_PLAIN = {
    "another method": b"GET /ussd HTTP/1.1\r\nHost: a\r\n\r\n",
    "another path": plain(b"a").replace(b"/ussd", b"/ussd/events"),
    "a query": plain(b"a").replace(b"/ussd", b"/ussd?a=b"),
    "HTTP/1.0": plain(b"a").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.10": plain(b"a").replace(b"HTTP/1.1", b"HTTP/1.10"),
    "two blanks": plain(b"a").replace(b"POST /", b"POST  /"),
    "a line before": b"\r\n" + plain(b"a"),
    "no host": plain(b"a").replace(b"Host: a\r\n", b""),
    "two hosts": plain(b"a", b"Host: b\r\n"),
    "no length": BARE + b"\r\n",
    "two lengths": plain(b"a", b"Content-Length: 1\r\n"),
    "two unlike lengths": plain(b"a", b"Content-Length: 0\r\n"),
    "a signed length": BARE + b"Content-Length: +1\r\n\r\na",
    "a length of zeros": BARE + b"Content-Length: 01\r\n\r\na",
    "a list of lengths": BARE + b"Content-Length: 1, 1\r\n\r\na",
    "an empty length": BARE + b"Content-Length:\r\n\r\n",
    "a length in hex": BARE + b"Content-Length: 0x1\r\n\r\na",
    "a length in other digits": BARE + "Content-Length: ١\r\n\r\na".encode(),
    "a length past the bound": plain(b"a" * (MAX_BODY + 1)),
    "a huge length": BARE + b"Content-Length: 99999999999999999999\r\n\r\na",
    "chunks": BARE + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "chunks and a length": plain(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"),
    "chunks in disguise": plain(b"a", b"Transfer-Encoding : chunked\r\n"),
    "chunks behind a fold": plain(b"a", b"X: y\r\n Transfer-Encoding: chunked\r\n"),
    "a folded header": plain(b"a", b"X: y\r\n z\r\n"),
    "a folded first header": HEAD + b" X: y\r\nHost: a\r\n" + FORM + b"Content-Length: 0\r\n\r\n",
    "expect": plain(b"a", b"Expect: 100-continue\r\n"),
    "upgrade": plain(b"a", b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
    "close": plain(b"a", b"Connection: close\r\n"),
    "close and keep-alive": plain(b"a", b"Connection: keep-alive, close\r\n"),
    "a compressed body": plain(b"a", b"Content-Encoding: gzip\r\n"),
    "a trailer": plain(b"a", b"Trailer: X\r\n"),
    "a bare LF": plain(b"a").replace(b"Host: a\r\n", b"Host: a\n"),
    "a bare CR": plain(b"a", b"X: y\rContent-Length: 3\r\n"),
    "NUL in a value": plain(b"a", b"X: \0\r\n"),
    "NUL in a name": plain(b"a", b"X\0: y\r\n"),
    "a byte above ASCII": plain(b"a", b"X: \xff\r\n"),
    "a nameless header": plain(b"a", b": y\r\n"),
    "a header without a colon": plain(b"a", b"X\r\n"),
    "a blank before the colon": plain(b"a", b"X : y\r\n"),
    "another content type": plain(b"a").replace(b"x-www-form-urlencoded", b"json"),
    "two content types": plain(b"a", FORM),
    "another charset": plain(b"a").replace(b"urlencoded", b"urlencoded; charset=utf-16"),
    "a huge head": plain(b"a", b"X: " + b"y" * MAX_HEAD + b"\r\n"),
    "very many headers": plain(b"a", b"X: y\r\n" * MAX_HEADERS),
    "what the handler does not want": plain(b"none"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
PLAIN = [
    plain(b"a"),
    plain(b""),
    plain(b"b" * MAX_BODY),
    plain(b"\r\n\r\nPOST /ussd HTTP/1.1\r\n\r\n"),
    plain(b"c", b"Connection: Keep-Alive\r\n"),
    plain(b"d", b"X:\r\nY: \r\nZ:\t z \r\n"),
    plain(b"e").replace(b"Content-Length", b"cOnTeNt-lEnGtH"),
]


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_is_handed_over_whole_wherever_it_is_torn(name: str) -> None:
    odd = NOT_PLAIN[name]
    before = plain(b"before")
    traffic = before + odd + plain(b"after")
    step = max(1, len(traffic) // 300)
    for cut in range(1, len(traffic), step):
        bench = Bench()
        bench.feed(traffic[:cut], traffic[cut:])
        assert bench.bodies == [b"before"]
        assert bench.wire.said == b"<before>"
        assert bench.wire.given == traffic[len(before) :]
        assert bench.handed_over
        assert bench.lane not in bench.route.lanes


@pytest.mark.parametrize("request_", PLAIN, ids=range(len(PLAIN)))
def test_a_plain_request_is_answered_wherever_it_is_torn(request_: bytes) -> None:
    traffic = request_ + plain(b"next")
    answers = b"<" + body_of(request_) + b"><next>"
    for cut in range(1, len(traffic)):
        bench = Bench()
        bench.feed(traffic[:cut], traffic[cut:])
        assert bench.wire.said == answers
        assert not bench.handed_over
    bench = Bench()
    bench.feed(*(traffic[n : n + 1] for n in range(len(traffic))))
    assert bench.wire.said == answers


@given(st.data())
async def test_any_mix_in_any_pieces_is_answered_in_order_up_to_what_is_not_plain(
    data: st.DataObject,
) -> None:
    good = data.draw(st.lists(st.sampled_from(PLAIN), max_size=50))
    odd = data.draw(st.sampled_from([b"", *NOT_PLAIN.values()]))
    tail = odd + data.draw(st.sampled_from(PLAIN)) if odd else b""
    traffic = b"".join(good) + tail
    seed = data.draw(st.integers(0, 2**32))
    dice = random.Random(seed)
    bench = Bench(at_once=False)
    while traffic:
        size = dice.choice([1, 20, 200, 2000, 20_000])
        if bench.wire.reading:  # a loop that was paused delivers nothing
            bench.feed(traffic[:size])
            traffic = traffic[size:]
        assert len(bench.waiting) <= MAX_UNDER_WAY
        if not bench.wire.reading or dice.random() < 0.3:
            await bench.finish(dice.randrange)
    await bench.finish(dice.randrange)
    assert bench.wire.said == b"".join(b"<" + body_of(request) + b">" for request in good)
    assert bench.wire.given == tail
    assert bench.handed_over == bool(tail)


def test_a_head_without_an_end_is_handed_over_at_the_bound(bench: Bench) -> None:
    bench.feed(HEAD + b"X: ")
    while not bench.handed_over:
        bench.feed(b"y" * 100)
        assert len(bench.wire.given) <= MAX_HEAD + 200


def test_heads_are_remembered_up_to_a_number_and_a_size(bench: Bench) -> None:
    for number in range(MAX_HEADS + 10):
        bench.feed(plain(b"a", b"X-Request-Id: %d\r\n" % number))
    assert bench.wire.said == b"<a>" * (MAX_HEADS + 10)
    assert len(bench.route.lengths) <= MAX_HEADS
    assert max(map(len, bench.route.lengths)) <= MAX_HEAD


async def test_a_request_that_is_not_plain_waits_for_the_replies_before_it(slow: Bench) -> None:
    odd = NOT_PLAIN["another method"]
    slow.feed(plain(b"a") + odd)
    slow.feed(b"more")
    assert not slow.handed_over
    await asyncio.sleep(0)
    assert not slow.wire.given
    await slow.finish()
    assert slow.wire.said == b"<a>"
    assert slow.wire.given == odd + b"more"
