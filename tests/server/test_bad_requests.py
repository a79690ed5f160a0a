"""Every request that is not the gateway's gets a clear 4xx, a metric and a log line; never a 500."""

import asyncio
import gzip
import logging

import pytest

from tests.server.conftest import Serve
from tests.server.wire import CODE, FORM, Answer, ask, chunked, converse, form, post, read_answer
from ussd_engine import front

USSD = "/api/v1/ussd"
MISSING = form().replace(b"&text=", b"")
JSON = "application/json"
TYPES = f"Content-Type must be {FORM} or {JSON}, in UTF-8.\n"

REFUSED = {
    "missing field": (post(MISSING), 400, "missing_field", "text is missing.\n"),
    "missing session": (
        post(form().replace(b"sessionId=ATUid_1&", b"")), 400, "missing_field", "sessionId is missing.\n",
    ),
    "empty body": (post(), 400, "missing_field", "sessionId is missing.\n"),
    "wrong type": (
        post(b'{"sessionId":"1","phoneNumber":"+254711000126","serviceCode":"*1#","text":[]}', media=JSON),
        400, "wrong_type", "text must be text.\n",
    ),
    "not JSON": (post(form(), media=JSON), 400, "malformed", "the body is not JSON.\n"),
    "1 MB body": (post(b"a" * 1_000_000), 413, "too_large", "the body is longer than 8192 bytes.\n"),
    "1 MB in chunks": (
        chunked(*[b"a" * 50_000] * 20), 413, "too_large", "the body is longer than 8192 bytes.\n",
    ),
    "bad percent-encoding": (
        post(form() + b"%zz"), 400, "percent_encoding", "the form has a bad percent-escape.\n",
    ),
    "cut percent-encoding": (
        post(form() + b"%2"), 400, "percent_encoding", "the form has a bad percent-escape.\n",
    ),
    "NUL": (post(form() + b"1%00"), 400, "control_character", "the request holds a control character.\n"),
    "raw NUL": (post(form() + b"\0"), 400, "control_character", "the request holds a control character.\n"),
    "not UTF-8": (post(form() + b"\xff"), 400, "encoding", "the form is not UTF-8.\n"),
    "field twice": (post(form() + b"&text=2"), 400, "duplicate_field", "the form has a field twice.\n"),
    "no phone number": (
        post(form(phone="12")), 400, "phone_number", "phoneNumber is not a phone number.\n",
    ),
    "text too long": (
        post(form("1" * 513)), 400, "wrong_length", "text must have 0 to 512 characters.\n",
    ),
    "GET": (post(method="GET", media=""), 405, "method", "use POST here.\n"),
    "PUT": (post(form(), method="PUT"), 405, "method", "use POST here.\n"),
    "wrong content type": (post(form(), media="text/plain"), 415, "content_type", TYPES),
    "no content type": (post(form(), media=""), 415, "content_type", TYPES),
    "no content-length": (
        f"POST {USSD} HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n\r\n".encode(),
        400, "missing_field", "sessionId is missing.\n",
    ),
    "strange Expect": (
        post(form("1"), extra="Expect: miracles\r\n")[:-4], 417, "expect",
        "only Expect: 100-continue is understood.\n",
    ),
    "event without status": (
        post(form(), path=f"{USSD}/events"), 400, "missing_field", "status is missing.\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_request_is_refused_with_its_reason(
    serve: Serve, lane: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    request, status, reason, sentence = REFUSED[name]
    served = await serve(lane=lane)
    with caplog.at_level(logging.WARNING):
        answer = await ask(served.port, request)
    assert (answer.status, answer.body) == (status, sentence)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert served.board.rejected.value("africastalking", reason) == 1
    assert not served.engine.turns
    assert not served.engine.events


async def test_a_405_says_which_method_is_right(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    answer = await ask(served.port, post(method="GET", media=""))
    assert answer.headers["Allow"] == "POST"


async def test_a_refusal_is_logged_with_the_id_that_was_answered(
    serve: Serve, lane: bool, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(lane=lane)
    with caplog.at_level(logging.WARNING):
        answer = await ask(served.port, post(MISSING))
    (line,) = [record for record in caplog.records if record.name == "ussd.gateways"]
    assert line.msg["request_id"] == answer.headers["X-Request-Id"]
    assert line.msg["reason"] == "missing_field"
    assert line.msg["caller"] == "127.0.0.1"


@pytest.mark.parametrize("text", ["💸", "Ongezá", "7*a*b*****", " ", "a&b=c%+"])
async def test_whatever_a_phone_can_type_reaches_the_engine(serve: Serve, lane: bool, text: str) -> None:
    served = await serve(lane=lane)
    answer = await ask(served.port, post(form(text)))
    assert (answer.status, answer.body) == (200, f"CON You said: {text}")


async def test_a_body_in_chunks_is_a_body(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    body = form("1*500")
    answer = await ask(served.port, chunked(body[:7], body[7:30], body[30:]))
    assert answer.body == "CON You said: 1*500"


async def test_a_request_byte_by_byte_is_a_request(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    request = post(form("1"))
    answer = await ask(served.port, *(request[at : at + 1] for at in range(len(request))))
    assert answer.body == "CON You said: 1"


async def test_requests_sent_at_once_are_answered_in_order(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    together = post(form("1")) + post(MISSING) + post(form("2")) + post(form("3*99"))
    answers = await converse(served.port, together, answers=4)
    assert [answer.body for answer in answers] == [
        "CON You said: 1", "text is missing.\n", "CON You said: 2", "END You said: 3*99",
    ]  # fmt: skip


async def test_a_compressed_bomb_is_too_large(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    bomb = gzip.compress(b"a" * 5_000_000)
    assert len(bomb) < served.running._settings.max_body
    answer = await ask(served.port, post(bomb, extra="Content-Encoding: gzip\r\n"))
    assert answer.status == 413


async def test_a_caller_that_waits_for_100_continue_gets_it(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    request = post(form("1"), extra="Expect: 100-continue\r\n")
    head, _, body = request.partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head + b"\r\n\r\n")
    assert await read_answer(reader) == Answer(100, {}, "")
    writer.write(body)
    assert (await read_answer(reader)).body == "CON You said: 1"
    writer.close()


async def test_a_body_that_never_comes_is_given_up(
    serve: Serve, lane: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "_TICK_S", 0.02)  # the lane leaves it to aiohttp after two
    served = await serve(lane=lane, read_timeout_s=0.05)
    answer = await ask(served.port, post(form("1"))[:-1])
    assert (answer.status, answer.body) == (408, "the body did not arrive in time.\n")
    assert served.board.rejected.value("africastalking", "slow_body") == 1
    assert not served.engine.turns


@pytest.mark.parametrize("raw", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n",
    b"POST /api/v1/ussd HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/ussd HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1",
    chunked(b"a").replace(b"Transfer-Encoding", b"Content-Length: 3\r\nTransfer-Encoding"),
    b"POST /api/v1/ussd HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
])  # fmt: skip
async def test_what_is_not_http_is_a_400(
    serve: Serve, lane: bool, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(lane=lane)
    with caplog.at_level(logging.DEBUG):
        answer = await ask(served.port, raw)
    assert answer.status == 400
    assert "Traceback" not in answer.body
    assert served.board.rejected.value("http", "unreadable") == 1
    assert [record.msg["event"] for record in caplog.records if record.name == "ussd.http"] == [
        "request unreadable"
    ]


async def test_a_request_that_cannot_be_read_is_not_quoted_in_the_log(
    serve: Serve, lane: bool, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(lane=lane)
    with caplog.at_level(logging.DEBUG):
        answer = await ask(served.port, b"text=1*4821 HTTP/1.1\r\nX: 4821\r\n\r\n")
    assert answer.status == 400
    assert "4821" not in caplog.text


async def test_an_unknown_path_is_a_problem_in_json(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    answer = await ask(served.port, post(form(), path="/api/v1/ussdd"))
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert '"detail":"There is nothing at /api/v1/ussdd."' in answer.body


async def test_http_1_0_is_answered_and_closed(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    answer = await ask(served.port, post(form("1"), version="1.0"))
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    kept = await ask(served.port, post(form("1"), version="1.0", extra="Connection: keep-alive\r\n"))
    assert kept.headers["Connection"] == "keep-alive"


async def test_a_session_id_may_not_be_endless(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    answer = await ask(served.port, post(form(session="s" * 129)))
    assert answer.body == "sessionId must have 1 to 128 characters.\n"
    assert (await ask(served.port, post(form(session="s" * 128, code=CODE)))).status == 200
