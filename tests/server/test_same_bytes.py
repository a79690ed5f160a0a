"""The same traffic through the fast lane and through aiohttp alone: every byte of every answer is equal.

Each connection carries a row of requests, good, nearly good and bad, cut into pieces anywhere, and ends with
one that asks for the connection to be closed; so both servers are read to the end. (What is not HTTP at all
is in test_odd_requests: aiohttp drops whole requests that came in one piece with it, the lane answers them.)
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.conftest import Twins
from tests.server.wire import chunked, cut_at, form, post

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
    post(form("1"), extra="Expect: 100-continue\r\n"),
    post(form("1"), version="1.0", extra="Connection: keep-alive\r\n"),
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

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
GOOD = st.builds(
    lambda text, session, phone, headers: post(
        form(text, session, phone), extra="".join(f"{name}: {value}\r\n" for name, value in headers)
    ),
    TEXTS,
    st.text("abcXYZ019_-~é ", min_size=1, max_size=30),
    st.sampled_from(["+254711000126", "254711000126", "0711000126", "+256772123456"]),
    st.lists(
        st.tuples(st.sampled_from(["X-A", "Accept", "X-Request-Id"]), st.text("ab*/;=, ", max_size=8)),
        max_size=2,
    ),
)
BAD = st.builds(lambda body, media: post(body, media=media), st.binary(max_size=40), st.sampled_from([
    "application/x-www-form-urlencoded", "application/json", "text/plain", "",
]))  # fmt: skip
REQUESTS = st.one_of(st.sampled_from(ROW), st.sampled_from(ROW), GOOD, BAD)
CUTS = st.lists(st.integers(1, 2500), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.lists(REQUESTS, max_size=7), last=st.sampled_from(LAST), cuts=CUTS)
async def test_a_conversation_is_answered_with_the_same_bytes_by_both(
    twins: Twins, row: list[bytes], last: bytes, cuts: list[int]
) -> None:
    fast, slow = await twins.both(cut_at(b"".join([*row, last]), cuts))
    assert fast == slow
    assert fast.startswith(b"HTTP/1.1 ")
    heard = twins.heard()
    assert heard[0] == heard[1]
