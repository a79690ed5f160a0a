"""The server around the turns: equal answers by both ways, limits, faults, stopping, readiness, metrics."""

import asyncio
import ipaddress
import logging
from pathlib import Path

import orjson
import pytest

from tests.server.conftest import Echo, Serve
from tests.server.served import SCREEN, dial, serving
from tests.server.wire import MSISDN, ask, form, post, without_date
from ussd_engine.embedded import Servers
from ussd_engine.gateways import load_maps
from ussd_engine.gateways.routes import BUSY, FAULT
from ussd_engine.place import listening_sockets

USSD = "/api/v1/ussd"
MAPS = load_maps(Path(__file__).parent.parent / "gateways" / "maps")


def get(path: str, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


async def test_lane_and_aiohttp_answer_with_the_same_bytes(serve: Serve) -> None:
    fast, slow = await serve(lane=True), await serve(lane=False)
    for request in (
        post(form("1*500")),
        post(form("99")),
        post(form("💸")),
        post(form() + b"%"),
        post(form("1"), media="x"),
    ):
        request_once = request.replace(
            b"Host: localhost\r\n", b"Host: localhost\r\nConnection: keep-alive\r\n"
        )
        assert await raw(fast.port, request_once) == await raw(slow.port, request_once)


async def raw(port: int, request: bytes) -> bytes:
    """The bytes of an answer, but for what is never twice the same."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    received = head + await reader.read(100_000)
    writer.close()
    lines = without_date(received).split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"X-Request-Id"))


async def in_the_lane(port: int, request: bytes) -> bool:
    """Whether a server has the lane: in one piece with what is not HTTP, the lane answers a request and
    aiohttp does not. Of all they say, only this differs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request + b"\x16 not HTTP\r\n\r\n")
    said = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert said.count(b" 400 Bad Request\r\n") == 1
    return b"HTTP/1.1 200 OK\r\n" in said


async def test_the_lane_is_there_unless_it_is_left_out(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    assert await in_the_lane(served.port, post(form("1"))) == lane


async def test_the_workers_of_a_server_without_the_lane_have_none(servers: Servers, tmp_path: Path) -> None:
    async with serving(tmp_path, servers.redis_url, "--no-lane") as served:
        answers = [await ask(served.port, dial()) for _ in range(8)]  # by both, as the kernel deals them out
        assert [(answer.status, answer.body) for answer in answers] == [(200, SCREEN)] * 8
        assert [await in_the_lane(served.port, dial()) for _ in range(8)] == [False] * 8


async def test_an_exception_nobody_foresaw_is_a_sentence_and_a_log_line(
    serve: Serve, lane: bool, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(lane=lane, engine=Echo(error=ConnectionError("secret detail")))
    with caplog.at_level(logging.ERROR):
        answer = await ask(served.port, post(form("1*1234")))
    assert (answer.status, answer.body) == (200, f"END {FAULT.text}")
    assert served.board.turns.value("africastalking", "fault") == 1
    assert served.board.in_flight.value() == 0
    (line,) = [record for record in caplog.records if record.name == "ussd.gateways"]
    assert line.exc_info
    assert line.msg["session_id"] == "ATUid_1"
    assert line.msg["msisdn"] == "2547***126"


async def test_more_turns_than_may_wait_are_told_so(serve: Serve, lane: bool) -> None:
    held = asyncio.Event()
    engine = Echo(held=held)
    served = await serve(lane=lane, engine=engine, max_waiting_turns=1)
    first = asyncio.create_task(ask(served.port, post(form("1"))))
    await engine.entered.wait()
    second = await ask(served.port, post(form("2", session="ATUid_2")))
    assert (second.status, second.body) == (200, f"END {BUSY.text}")
    held.set()
    assert (await first).body == "CON You said: 1"
    assert served.board.turns.value("africastalking", "busy") == 1


async def test_a_stop_finishes_the_turns_in_flight_and_takes_no_new_ones(serve: Serve, lane: bool) -> None:
    held = asyncio.Event()
    engine = Echo(held=held)
    served = await serve(lane=lane, engine=engine)
    first = asyncio.create_task(ask(served.port, post(form("1"))))
    await engine.entered.wait()
    stopping = asyncio.create_task(served.running.stop())
    while await accepts(served.port):
        await asyncio.sleep(0)
    held.set()
    assert (await first).body == "CON You said: 1"
    await stopping


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_a_stop_does_not_wait_for_idle_connections_nor_for_ever(serve: Serve, lane: bool) -> None:
    engine = Echo(held=asyncio.Event())
    served = await serve(lane=lane, engine=engine, drain_s=0.2)
    _, idle = await asyncio.open_connection("127.0.0.1", served.port)
    stuck = asyncio.create_task(ask(served.port, post(form("1"))))
    await engine.entered.wait()
    await asyncio.wait_for(served.running.stop(), 3)
    idle.close()
    stuck.cancel()
    assert engine.held is not None
    engine.held.set()


async def test_a_stop_waits_once_for_turns_that_hang_on_both_ways(serve: Serve) -> None:
    engine = Echo(held=asyncio.Event())
    served = await serve(engine=engine, drain_s=0.5)
    closing = post(form("2"), extra="Connection: close\r\n")
    stuck = [asyncio.create_task(ask(served.port, request)) for request in (post(form("1")), closing)]
    while len(engine.turns) < 2:
        await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    await served.running.stop()
    assert asyncio.get_running_loop().time() - began < 0.9
    for asked in stuck:
        asked.cancel()
    assert engine.held is not None
    engine.held.set()


async def test_a_turn_whose_caller_hung_up_is_finished(serve: Serve, lane: bool) -> None:
    held = asyncio.Event()
    engine = Echo(held=held)
    served = await serve(lane=lane, engine=engine)
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(form("1")))
    await engine.entered.wait()
    writer.transport.abort()
    held.set()
    while served.board.in_flight.value():
        await asyncio.sleep(0)
    assert served.board.turns.value("africastalking", "more") == 1


async def test_an_event_is_noted_and_counted(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    body = form("1*1234") + b"&status=Incomplete&hopsCount=3&durationInMillis=31244&input=1*1234"
    answer = await ask(served.port, post(body, path=f"{USSD}/events"))
    assert (answer.status, answer.body) == (200, "")
    (event,) = served.engine.events
    assert (event.status, event.hops, event.duration_ms, event.msisdn) == ("Incomplete", 3, 31244, MSISDN)
    assert served.board.events.value("africastalking", "Incomplete") == 1


async def test_live_and_ready_say_how_things_are(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    assert (await ask(served.port, get("/health"))).body == '{"status":"live"}'
    ready = await ask(served.port, get("/ready"))
    assert (ready.status, orjson.loads(ready.body)) == (
        200, {"ready": True, "redis": "ok", "postgresql": "ok", "bundle": "ok"},
    )  # fmt: skip
    served.engine.problems = {"redis": "Redis does not answer"}
    ready = await ask(served.port, get("/ready"))
    assert (ready.status, orjson.loads(ready.body)["redis"]) == (503, "Redis does not answer")


async def test_metrics_count_turns_by_outcome_with_their_times(serve: Serve, lane: bool) -> None:
    served = await serve(lane=lane)
    for text in ("", "1", "99"):
        await ask(served.port, post(form(text)))
    await ask(served.port, post(b"a=b"))
    page = (await ask(served.port, get("/metrics"))).body
    assert 'ussd_turns_total{gateway="africastalking",outcome="more"} 2.0' in page
    assert 'ussd_turns_total{gateway="africastalking",outcome="end"} 1.0' in page
    assert 'ussd_turn_seconds_count{gateway="africastalking"} 3.0' in page
    assert 'ussd_rejected_total{gateway="africastalking",reason="missing_field"} 1.0' in page
    assert "ussd_turns_in_flight 0.0" in page


async def test_debug_shows_lengths_and_never_what_was_typed(serve: Serve) -> None:
    served = await serve(env="development")
    answer = await ask(
        served.port, post(form("1*Wanjiru*4821"), path=f"{USSD}-debug", extra="X-Key: hush\r\n")
    )
    shown = orjson.loads(answer.body)
    assert shown["inputs"] == [{"length": 1}, {"length": 7}, {"length": 4}]
    assert shown["msisdn"] == "2547***126"
    assert not [word for word in ("4821", "Wanjiru", "hush", MSISDN) if word in answer.body]
    refused = await ask(served.port, post(b"a=b", path=f"{USSD}-debug"))
    assert (refused.status, orjson.loads(refused.body)["why"]) == (400, "sessionId is missing")


async def test_debug_is_not_there_in_production(serve: Serve) -> None:
    served = await serve(env="production")
    assert (await ask(served.port, post(form(), path=f"{USSD}-debug"))).status == 404


async def test_a_map_says_who_may_call_and_proxies_are_believed_when_trusted(serve: Serve) -> None:
    body = (
        b'{"SessionId":"1","ServiceCode":"713*22","Type":"Initiation","Message":"*713*22#",'
        b'"Operator":"mtn","Mobile":"233244123456"}'
    )
    request = post(
        body, path="/gateways/hubtel", media="application/json", extra="X-Forwarded-For: 192.0.2.7\r\n"
    )
    distrusting = await serve(maps=[MAPS["hubtel"]])
    refused = await ask(distrusting.port, request)
    assert (refused.status, refused.body) == (403, "this address may not call here.\n")
    trusting = await serve(maps=[MAPS["hubtel"]], trusted_proxies=networks("127.0.0.0/8"))
    answer = await ask(trusting.port, request)
    assert (answer.status, orjson.loads(answer.body)["Message"]) == (200, "You said: *713*22#")
    forged = request.replace(b"192.0.2.7", b"192.0.2.7, 198.51.100.9")
    assert (await ask(trusting.port, forged)).status == 403


async def test_a_gateway_with_its_session_in_the_path_is_served(serve: Serve) -> None:
    served = await serve(maps=[MAPS["infobip"]])
    body = b'{"msisdn":"27845335367","text":"2"}'
    answer = await ask(
        served.port, post(body, path="/gateways/infobip/ab12/response", media="application/json")
    )
    assert orjson.loads(answer.body)["ussdMenu"] == "You said: 2"
    assert served.engine.turns[0].session_id == "ab12"
    over = await ask(served.port, post(body, path="/gateways/infobip/ab12/end", media="application/json"))
    assert over.status == 200
    assert served.engine.events[0].status == "Incomplete"


async def test_a_gateway_that_gets_is_served_by_its_query(serve: Serve) -> None:
    served = await serve(maps=[MAPS["airtel"]])
    answer = await ask(
        served.port, get("/gateways/airtel?SessionID=1&MSISDN=254731000126&MSC=1267&input=1267")
    )
    assert (answer.body, answer.headers["Freeflow"]) == ("You said: 1267", "FC")
    answer = await ask(served.port, get("/gateways/airtel?SessionID=1&MSISDN=254731000126&MSC=1267&input=99"))
    assert (answer.body, answer.headers["Freeflow"]) == ("You said: 99", "FB")


async def test_several_servers_share_a_port_when_asked_and_only_then(serve: Serve) -> None:
    places = listening_sockets("127.0.0.1", 0, 2)
    first, second = [await serve(sockets=sockets) for sockets in places]
    assert first.port == second.port
    assert (await ask(second.port, post(form("1")))).status == 200
    with pytest.raises(OSError, match="address already in use"):
        await serve(port=first.port)


def networks(*texts: str) -> tuple[ipaddress.IPv4Network, ...]:
    return tuple(ipaddress.IPv4Network(text) for text in texts)
