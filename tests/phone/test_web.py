import json

import aiohttp
import pytest

from tests.phone.standin import CODE, StandIn
from ussd_engine.phone.web import STATIC

PHONE = "%2B254711000001"


@pytest.fixture
async def http(server: str) -> aiohttp.ClientSession:
    async with aiohttp.ClientSession(server) as session:
        yield session


async def test_the_page_allows_its_own_files_and_nothing_else(http: aiohttp.ClientSession) -> None:
    async with http.get("/phone") as page:
        policy = page.headers["Content-Security-Policy"]
        text = await page.text()
    assert (page.status, page.content_type) == (200, "text/html")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text


@pytest.mark.parametrize("file", sorted(path.name for path in STATIC.iterdir()))
async def test_every_static_file_is_served_with_its_type(http: aiohttp.ClientSession, file: str) -> None:
    async with http.get(f"/phone/static/{file}") as answer:
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type in {"text/html", "text/css", "text/javascript", "image/svg+xml"}


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2fweb.py", "..%2f..%2f..%2fpyproject.toml", "%2fetc%2fpasswd"]
)
async def test_no_other_file_is_served(http: aiohttp.ClientSession, name: str) -> None:
    async with http.get(f"/phone/static/{name}") as answer:
        assert answer.status == 404


async def test_the_directory_lists_the_codes_and_where_to_post(http: aiohttp.ClientSession) -> None:
    async with http.get("/phone/services") as answer:
        assert await answer.json() == {
            "ussd": "/api/v1/ussd",
            "ended": "/api/v1/ussd/events",
            "services": [{"code": CODE, "service": "umoja", "screen": 160}],
        }


@pytest.mark.parametrize("query", ["", "?msisdn=", "?msisdn=abc", "?msisdn=1234567890123456"])
async def test_events_are_of_one_number(http: aiohttp.ClientSession, query: str) -> None:
    async with http.get(f"/phone/events{query}") as answer:
        assert answer.status == 400
        assert "msisdn is missing or no phone number" in await answer.text()


async def test_events_stream_as_they_happen_and_end_with_the_board(
    http: aiohttp.ClientSession, standin: StandIn
) -> None:
    standin.events.publish("254711000001", "turn", state="main", text="Karibu\n1 Mkopo")
    async with http.get(f"/phone/events?msisdn={PHONE}") as stream:
        assert stream.content_type == "text/event-stream"
        assert await read_event(stream) == ("turn", {"state": "main", "text": "Karibu\n1 Mkopo"})
        standin.events.publish("254711000001", "over", status="Success")
        assert await read_event(stream) == ("over", {"status": "Success"})
        standin.events.close()
        assert (await stream.content.read()).strip() == b""


async def test_a_stream_that_reconnects_goes_on_after_its_last_event(
    http: aiohttp.ClientSession, standin: StandIn
) -> None:
    for state in ("main", "amount"):
        standin.events.publish("254711000001", "turn", state=state)
    seen = str(standin.events.recent("254711000001")[0].number)
    async with http.get(f"/phone/events?msisdn={PHONE}", headers={"Last-Event-ID": seen}) as stream:
        assert await read_event(stream) == ("turn", {"state": "amount"})


async def test_too_many_open_pages_get_a_sentence(http: aiohttp.ClientSession, standin: StandIn) -> None:
    feeds = [standin.events.subscribe("254711000009") for _ in range(100)]
    async with http.get(f"/phone/events?msisdn={PHONE}") as answer:
        assert answer.status == 503
        assert "Close one and reload" in await answer.text()
    for feed in feeds:
        standin.events.leave(feed)


async def read_event(stream: aiohttp.ClientResponse) -> tuple[str, dict[str, object]]:
    async for line in stream.content:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            return event["kind"], event["fields"]
    raise AssertionError("the stream ended")
