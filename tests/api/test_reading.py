"""The strict edge: what a request may hold, and what is said of one that may not."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api import toy
from tests.api.conftest import Api


@pytest.fixture
async def toys(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with toy.served(api) as client:
        yield client


async def test_a_path_a_query_and_a_body_arrive_as_their_types(toys: httpx.AsyncClient) -> None:
    path = await toys.get("/toys/-7/a%20b%2Fc/2026-11-23")
    assert path.json() == {"said": "(-7, 'a b/c', datetime.date(2026, 11, 23))"}
    query = await toys.get(
        "/toys?most=3&since=2026-01-02&open=true&colour=red&words=1&words=x&numbers=4&share=1&price=1.10"
    )
    assert query.json()["said"] == (
        "{'most': 3, 'since': datetime.date(2026, 1, 2), 'open': True, 'colour': <Colour.RED: 'red'>, "
        "'words': ['1', 'x'], 'numbers': [4], 'share': 1.0, 'price': Decimal('1.10')}"
    )
    body = await toys.post("/toys", json={"amount_cents": 5, "parts": [{"name": "é"}]})
    assert body.json() == {"said": "{'amount_cents': 5, 'parts': [{'name': 'é'}]}"}
    nothing = await toys.post("/toys/nothing")
    assert (nothing.status_code, nothing.content, nothing.headers["X-Toy"]) == (204, b"", "yes")


ADDRESSES = [
    ("/toys/x/a/2026-11-23", "path.number"),
    ("/toys/1.0/a/2026-11-23", "path.number"),
    ("/toys/1_0/a/2026-11-23", "path.number"),
    ("/toys/%D9%A3/a/2026-11-23", "path.number"),
    ("/toys/9223372036854775808/a/2026-11-23", "path.number"),
    (f"/toys/{'9' * 5000}/a/2026-11-23", "path.number"),
    ("/toys/1/%00/2026-11-23", "path.name"),
    (f"/toys/1/{'a' * 201}/2026-11-23", "path.name"),
    ("/toys/1/a/2026-02-30", "path.day"),
    ("/toys/1/a/20261123", "path.day"),
    ("/toys?nope=1", "query.nope"),
    ("/toys?most=1&most=2", "query.most"),
    ("/toys?most=", "query.most"),
    ("/toys?most=0", "query.most"),
    ("/toys?most=1.0", "query.most"),
    ("/toys?most=%201", "query.most"),
    ("/toys?most=99999999999999999999", "query.most"),
    ("/toys?numbers=9223372036854775808", "query.numbers.0"),
    ("/toys?open=yes", "query.open"),
    ("/toys?colour=blue", "query.colour"),
    ("/toys?since=1700000000", "query.since"),
    ("/toys?share=nan", "query.share"),
    ("/toys?words=%00", "query.words.0"),
    ("/toys/1/a/2026-11-23?x=1", "query.x"),
]


async def test_what_the_address_may_not_hold(toys: httpx.AsyncClient) -> None:
    for path, where in ADDRESSES:
        answer = await toys.get(path)
        said = answer.json()
        assert (answer.status_code, said["type"]) == (422, "/problems/invalid"), said
        assert said["errors"][0]["where"] == where
        assert answer.headers["Content-Type"] == "application/problem+json"


BODIES: list[tuple[str | bytes, str]] = [
    ('{"amount_cents": 1, "nope": 1}', "body.nope"),
    ('{"amount_cents": "1"}', "body.amount_cents"),
    ('{"amount_cents": 1.5}', "body.amount_cents"),
    ('{"amount_cents": true}', "body.amount_cents"),
    ('{"amount_cents": null}', "body.amount_cents"),
    ("{}", "body.amount_cents"),
    ("[]", "body"),
    ("null", "body"),
    ('{"amount_cents": 9223372036854775808}', "body.amount_cents"),
    ('{"amount_cents": ' + "9" * 4000 + "}", "body.amount_cents"),
    ('{"amount_cents": 1, "rate": 1e999}', "body.rate"),
    ('{"amount_cents": 1, "note": "\\u0000"}', "body.note"),
    ('{"amount_cents": 1, "a\\u0000": 1}', "body"),
    ('{"amount_cents": 1, "parts": [{"name": "a\\u0000"}]}', "body.parts.0.name"),
    ('{"amount_cents": 1, "parts": [{"name": "a", "more": 1}]}', "body.parts.0.more"),
    ("", "body"),
]


async def test_what_a_body_may_not_hold(api: Api, toys: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content, where in BODIES:
        answer = await toys.post("/toys", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid"), content[:80]
        assert answer.json()["errors"][0]["where"] == where, (content[:80], answer.json())
    for broken in (
        "{",
        "nope",
        '{"amount_cents": NaN}',
        '{"note": "\\ud800"}',
        "[" * 5000,
        b"\xff",
        b'{"a": "\xff"}',
    ):
        answer = await toys.post("/toys", content=broken, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed"), broken[:80]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await toys.post("/toys", content='{"amount_cents": 1}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["type"]) == (415, "/problems/wrong-type"), kind
    large = await toys.post("/toys", content=b" " * (1024 * 1024 + 1), headers=headers)
    assert (large.status_code, large.json()["type"]) == (413, "/problems/too-large")
    unwanted = await toys.post("/toys/nothing", json={"a": 1})
    assert (unwanted.status_code, unwanted.json()["errors"][0]["where"]) == (422, "body")
    assert (await toys.post("/toys/nothing", json={})).status_code == 204
    assert await api.pool.fetchval("select count(*) from toy") == 0
    with_charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await toys.post("/toys", content='{"amount_cents": 1}', headers=with_charset)).status_code == 200


async def test_many_faults_are_told_together_and_none_repeats_what_was_sent(toys: httpx.AsyncClient) -> None:
    answer = await toys.post("/toys", json={"amount_cents": "secretword", "rate": "secretword", "nope": 1})
    said = answer.json()
    assert said["detail"] == "3 values are not allowed."
    assert {fault["where"] for fault in said["errors"]} == {"body.amount_cents", "body.rate", "body.nope"}
    assert "secretword" not in answer.text


RAISED = [
        ("ours", 500, "broken"), ("same", 409, "same-person"), ("decided", 409, "conflict"),
        ("redis", 503, "away"), ("postgresql", 503, "away"), ("late", 503, "away"), ("closed", 503, "away"),
        ("cut", 503, "away"),
        ("problem", 409, "conflict"),
]  # fmt: skip


async def test_what_a_handler_raises_undoes_it_and_is_a_problem(api: Api, toys: httpx.AsyncClient) -> None:
    for how, status, kind in RAISED:
        answer = await toys.post(f"/toys/wrong/{how}")
        said = answer.json()
        assert (answer.status_code, said["type"], said["status"]) == (status, f"/problems/{kind}", status)
        assert said["request_id"] == answer.headers["X-Request-Id"]
        assert "254711000001" not in answer.text
        assert answer.headers.get("X-Toy") == ("yes" if how == "problem" else None)
    assert await api.pool.fetchval("select count(*) from toy") == 0
    assert await api.audit("wrong") == []


async def test_what_postgresql_refuses_is_never_a_500(toys: httpx.AsyncClient) -> None:
    answers = [await toys.post(f"/toys/sql/{how}") for how in ("check", "large", "nul")]
    assert [answer.status_code for answer in answers] == [409, 422, 422]


async def test_a_deadlocks_victim_is_run_once_more(api: Api, toys: httpx.AsyncClient) -> None:
    assert (await toys.post("/toys/deadlock/1")).json() == {"times": 2}
    assert await api.pool.fetchval("select count(*) from toy") == 1
    (row,) = await api.audit("deadlock")
    assert (row["subject"], json.loads(row["before"]), json.loads(row["after"])) == (
        "toy:1",
        {"b": 2},
        {"b": 3},
    )
    toy.RUNS.clear()
    twice = await toys.post("/toys/deadlock/2")
    assert (twice.status_code, twice.headers["Retry-After"]) == (503, "2")
    assert await api.pool.fetchval("select count(*) from toy") == 1


async def test_an_export_is_sent_as_it_is_made_and_broken_off_when_it_fails(toys: httpx.AsyncClient) -> None:
    whole = await toys.get("/toys/export/2000")
    assert whole.text == "".join(f"{row}\n" for row in range(2000))
    assert whole.headers["Transfer-Encoding"] == "chunked"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="toys--of--2026.csv"'
    assert whole.headers["Content-Type"] == "text/csv"
    assert (await toys.get("/toys/export/0")).text == ""
    with pytest.raises(httpx.RemoteProtocolError):
        await toys.get("/toys/export/2001")


async def ask(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    return await api.nobody.request(method, path, **more)


async def test_what_is_not_there_is_a_problem_too(api: Api) -> None:
    for path in ("/nothing", "/admin/staff/", "/admin/nope", ""):
        missing = await ask(api, "GET", path or "/")
        assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found"), path
    wrong = await ask(api, "DELETE", "/admin/staff")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "/problems/wrong-method")
    assert wrong.headers["Allow"] == "GET, POST"
    assert (await ask(api, "HEAD", "/auth/me")).status_code == 405
    assert (await ask(api, "TRACE", "/auth/me")).status_code == 405
    assert (await ask(api, "OPTIONS", "/auth/me")).status_code == 405
    assert (await ask(api, "GET", "/ussd-nothing")).headers["X-Content-Type-Options"] == "nosniff"


async def test_every_answer_has_an_id_and_the_headers_that_keep_browsers_careful(api: Api) -> None:
    answers = [
        await api.as_("viewer").get("/auth/me"),
        await ask(api, "GET", "/auth/me"),
        await ask(api, "GET", "/x"),
        await api.as_("admin").post("/admin/staff", json={}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 401, 404, 422]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers  # this is development
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(ids)) == 4
    own = await api.nobody.get("/auth/me", headers={"X-Request-Id": "trace-0001.A_b"})
    assert own.headers["X-Request-Id"] == own.json()["request_id"] == "trace-0001.A_b"
    for odd in ("short", "with space", "x" * 65, 'a"b<c>def', "-begins-wrong"):
        given = (await api.nobody.get("/auth/me", headers={"X-Request-Id": odd})).headers["X-Request-Id"]
        assert given != odd


async def test_outside_development_browsers_are_told_to_stay_with_tls(api: Api) -> None:
    object.__setattr__(api.settings, "env", "production")
    answer = await ask(api, "GET", "/auth/me")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_another_sites_page_may_read_only_when_its_origin_is_named(api: Api) -> None:
    asking = {"Origin": "https://staff.example.org", "Access-Control-Request-Method": "POST"}
    assert (await ask(api, "OPTIONS", "/admin/staff", headers=asking)).status_code == 405

    api.desk.api.cors_origins = ("https://staff.example.org",)
    allowed = await ask(api, "OPTIONS", "/admin/staff", headers=asking)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://staff.example.org"
    assert "Idempotency-Key" in allowed.headers["Access-Control-Allow-Headers"]
    answer = await api.as_("viewer").get("/auth/me", headers={"Origin": "https://staff.example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://staff.example.org"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    other = await api.as_("viewer").get("/auth/me", headers={"Origin": "https://evil.example.org"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"
    refused = await ask(
        api, "OPTIONS", "/admin/staff", headers=asking | {"Origin": "https://evil.example.org"}
    )
    assert "Access-Control-Allow-Origin" not in refused.headers


async def raw(api: Api, head: bytes) -> int:
    """The status of an answer to these bytes."""
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


async def test_bytes_that_are_no_text_are_never_our_fault(api: Api) -> None:
    token = api.as_("admin").headers["Authorization"].encode()
    by = b"\r\nAuthorization: " + token
    for start in (
        b"GET /api/v1/admin/staff?\xff=1 HTTP/1.1", b"GET /api/v1/admin/staff?a=\xff HTTP/1.1",
        b"GET /api/v1/admin/staff?%ff=%fe HTTP/1.1", b"GET /api/v1/\xff HTTP/1.1",
        b"GET /api/v1/%ff HTTP/1.1",
        b"DELETE /api/v1/admin/keys/%ff HTTP/1.1", b"DELETE /api/v1/admin/keys/1?%ed%a0%80 HTTP/1.1",
        b"DELETE /api/v1/admin/keys/1 HTTP/1.1\r\nIdempotency-Key: \xff",
        b"GET /api/v1/admin/staff HTTP/1.1\r\nX-Request-Id: \xff\xff\xff\xff\xff\xff\xff\xff",
        b"GET /api/v1/admin/staff HTTP/1.1\r\nX-Forwarded-For: \xff\r\nOrigin: \xff\r\nCookie: umoja=\xff",
        b"POST /api/v1/admin/staff HTTP/1.1\r\nContent-Type: \xff\r\nContent-Length: 0",
    ):  # fmt: skip
        assert await raw(api, start + by) < 500, start
    for header in (b"Authorization: Bearer \xff", b"X-API-Key: umk_\xff_\xff", b"Cookie: umoja=umc_\xff"):
        assert await raw(api, b"GET /api/v1/admin/staff HTTP/1.1\r\n" + header) == 401


async def test_while_postgresql_is_away_everybody_is_told_to_come_again(api: Api) -> None:
    viewer = api.as_("viewer")
    await api.desk.pool.close()
    answers = [
        await viewer.get("/auth/me"),
        await api.nobody.post("/auth/login", json={"email": "a@example.org", "password": "x"}),
    ]
    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [
        (503, "/problems/away")
    ] * 2
