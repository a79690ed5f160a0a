import aiohttp
import httpx
import pytest

from tests.phone.standin import StandIn
from ussd_engine.phone.reloads import PATH, Reload, findings_of, tell_phones
from ussd_engine.settings import Settings

FINDING = "menus/umoja/loans.yaml:14:9: no state quoet\n    to: quoet\n        ^"


async def test_a_reload_that_failed_reaches_every_phone(server: str, standin: StandIn) -> None:
    await tell_phones(server, Reload(ok=False, findings=[FINDING]))
    for number in ("+254711000001", "+254711000002"):
        (event,) = standin.events.recent(number)
        assert (event.kind, event.fields) == ("reload", {"ok": False, "bundle": "", "findings": [FINDING]})


async def test_news_for_a_server_that_is_away_is_dropped() -> None:
    await tell_phones("http://127.0.0.1:9", Reload(ok=True, bundle="umoja-1"))


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b'{"ok": true}', 415),
        ("application/x-www-form-urlencoded", b"ok=true", 415),
        ("application/json", b"{", 400),
        ("application/json", b'{"ok": "yes"}', 400),
        ("application/json", b'{"ok": true, "msisdn": "1"}', 400),
        ("application/json", b'{"ok": true, "findings": [1]}', 400),
    ],
)
async def test_nothing_else_is_taken(
    server: str, standin: StandIn, content_type: str, body: bytes, status: int
) -> None:
    async with (
        aiohttp.ClientSession(server) as http,
        http.post(PATH, data=body, headers={"Content-Type": content_type}) as answer,
    ):
        assert answer.status == status
    assert standin.events.recent("+254711000001") == []


def test_more_findings_than_fit_are_counted_off() -> None:
    many = "\n\n".join([FINDING] * 500)
    findings = findings_of(many)
    assert findings[0] == FINDING
    assert findings[-1] == "There are more: run ussd check"
    assert findings_of(FINDING) == [FINDING]


@pytest.mark.parametrize("filling", ["x", "ũ", "\n", '"', "😀"])
def test_the_most_findings_fit_the_servers_bound(filling: str) -> None:
    findings = findings_of("\n\n".join([f"a{filling}" * 40] * 200))
    body = httpx.Request("POST", "http://localhost", json=Reload(ok=False, findings=findings).model_dump())
    assert 4000 < len(body.content) < Settings().max_body
