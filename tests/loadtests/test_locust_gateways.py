"""The gateways a load test plays: what they write is what the server reads, and the other way round."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from loadtests.gateways import AFRICASTALKING, Gateway, Press, gateway_of
from loadtests.reading import LoadTestError
from ussd_engine.gateways import Adapter
from ussd_engine.turn import Family, Reply, Turn

MAPS = Path(__file__).parents[1] / "gateways" / "maps"
FIRST = Press("s1", "254711000001", "*384*89598#", "", "", first=True)
LATER = Press("s1", "254711000001", "*384*89598#", "1*Wanjirũ", "Wanjirũ", first=False)


def read(gateway: Gateway, press: Press) -> Turn:
    """What the server makes of a request."""
    method, address, body, headers = gateway.request(gateway.form(press))
    url = urlsplit(address)
    assert url.path == gateway.path
    turn = Adapter(gateway.map, 8192).understand(
        method, headers.get("Content-Type", ""), url.query, (body or "").encode()
    )
    assert isinstance(turn, Turn)
    return turn


@pytest.fixture(params=["africastalking", "safaricom", "airtel"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    if request.param == "africastalking":
        return AFRICASTALKING
    return gateway_of(MAPS / f"{request.param}.yaml")


def test_the_server_reads_what_is_written(gateway: Gateway) -> None:
    first, later = read(gateway, FIRST), read(gateway, LATER)
    for turn in first, later:
        assert (turn.gateway, turn.session_id) == (gateway.name, "s1")
        assert (turn.msisdn, turn.service_code) == ("254711000001", "*384*89598#")
    if gateway.repeats_all:
        assert (first.text, later.text) == ("", "1*Wanjirũ")
    else:
        assert first.family is Family.DIALLED
        assert (first.first, later.first, later.text) == (True, False, "Wanjirũ")


def test_what_it_hears_is_what_was_said(gateway: Gateway) -> None:
    adapter = Adapter(gateway.map, 8192)
    for more, word in (True, "CON"), (False, "END"):
        answer = adapter.answer(Reply("Karibu\n1. Go {on}", more))
        assert gateway.heard(answer.body.decode(), answer.headers) == f"{word} Karibu\n1. Go {{on}}"
    assert gateway.heard("<h1>Bad gateway</h1>", {}) == "<h1>Bad gateway</h1>"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hubtel", "it sends JSON"),
        ("infobip", "it has fields in its path"),
        ("nowhere", "there is no map"),
    ],
)
def test_a_map_it_cannot_play_is_told(name: str, said: str) -> None:
    with pytest.raises(LoadTestError, match=said):
        gateway_of(MAPS / f"{name}.yaml")
