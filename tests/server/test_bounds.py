"""The bounds of a connection, over TCP: who is slow, quiet, deaf or asks for too much at once."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from core_ext import lane as lanes
from core_ext.head import MAX_HEADERS
from tests.server.conftest import Echo, Serve, Served
from tests.server.wire import ask, converse, form, post, read_answer
from ussd_engine import front, server
from ussd_engine.gateways import http
from ussd_engine.observe import Board
from ussd_engine.server import Running, make_app
from ussd_engine.settings import Settings

TICK_S = 0.05
QUIET_S = 0.5
BODY_S = 0.1
PATIENCE_S = 60  # of a test: it says how busy the machine may be
BUFFER = 16 * 1024  # of a socket, where the kernel is to keep little
HIGH_WATER = 64 * 1024  # what a transport keeps for a peer before it says so
MANY = 3000
AT_ONCE = 20


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose connections are looked at, and closed, after parts of a second."""
    monkeypatch.setattr(front, "_TICK_S", TICK_S)
    monkeypatch.setattr(server, "KEEPALIVE_S", QUIET_S)


async def the_end(reader: asyncio.StreamReader) -> bytes:
    """What is still said until the server closes."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionResetError:  # it closed while we were sending
        return b""


# -- slow and quiet peers ----------------------------------------------------------------------------


async def test_a_head_that_does_not_come_is_waited_for_so_long(serve: Serve, lane: bool, hasty: None) -> None:
    served = await serve(lane=lane)
    began = asyncio.get_running_loop().time()

    async def send(part: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(part)
        try:
            return await the_end(reader)
        finally:
            writer.close()

    assert await asyncio.gather(*map(send, [b"", b"P", post(form("1"))[:60], b"GET /hea"])) == [b""] * 4
    assert asyncio.get_running_loop().time() - began >= QUIET_S


async def test_a_head_that_comes_byte_by_byte_is_waited_for_no_longer(
    serve: Serve, lane: bool, hasty: None
) -> None:
    served = await serve(lane=lane)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(form("1")).partition(b"\r\n\r\n")[0] + b"\r\nX: ")
    ended = asyncio.create_task(the_end(reader))
    while not ended.done():
        writer.write(b"y")
        await asyncio.wait({ended}, timeout=TICK_S / 2)
    assert ended.result() == b""
    writer.close()


async def test_a_connection_that_asks_no_more_is_kept_so_long(serve: Serve, lane: bool, hasty: None) -> None:
    served = await serve(lane=lane)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    began = asyncio.get_running_loop().time()
    writer.write(post(form("1")))
    assert (await read_answer(reader)).body == "CON You said: 1"
    assert await the_end(reader) == b""
    assert asyncio.get_running_loop().time() - began >= QUIET_S
    writer.close()


@pytest.mark.parametrize("missing", [1, len(form("2"))])
async def test_a_body_that_does_not_come_is_given_up_behind_an_answer_too(
    serve: Serve, lane: bool, hasty: None, missing: int
) -> None:
    served = await serve(lane=lane, read_timeout_s=BODY_S)
    answers = await converse(served.port, post(form("1")), post(form("2"))[:-missing], answers=2)
    assert [(answer.status, answer.body) for answer in answers] == [
        (200, "CON You said: 1"), (408, "the body did not arrive in time.\n"),
    ]  # fmt: skip
    assert len(served.engine.turns) == 1


# -- large heads -------------------------------------------------------------------------------------


HEADS = {
    "64 headers": ("X: y\r\n" * 61, 200),
    "65 headers": ("X: y\r\n" * 62, 200),
    "128 headers": ("X: y\r\n" * 125, 200),
    "129 headers": ("X: y\r\n" * 126, 400),
    "8 KB": (f"X: {'y' * 8000}\r\n", 200),
    "16 KB": (f"X: {'y' * 8000}\r\n" * 2, 200),
    "a value of 8190 bytes": (f"X: {'y' * 8190}\r\n", 200),
    "a longer one": (f"X: {'y' * 8191}\r\n", 400),
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_past_the_lanes_bounds_has_aiohttps(serve: Serve, lane: bool, name: str) -> None:
    extra, status = HEADS[name]
    served = await serve(lane=lane)
    assert (await ask(served.port, post(form("1"), extra=extra))).status == status


# -- peers that ask for much and peers that are deaf -------------------------------------------------


def on_uvloop(test: Coroutine[Any, Any, None]) -> None:
    """Run on the loop that `ussd serve` has; its transports are others than asyncio's."""
    uvloop.run(asyncio.wait_for(test, PATIENCE_S))


@asynccontextmanager
async def serving(lane: bool, engine: Echo) -> AsyncIterator[Served]:
    """A server for whose connections the kernel keeps little."""
    listening = narrow_socket()
    listening.bind(("127.0.0.1", 0))
    settings, board = Settings(_env_file=None, env="test", drain_s=2.0), Board()
    running = Running(make_app(settings, engine, board), settings, board)
    await running.start([listening], lane=lane)
    try:
        yield Served(running, engine, board)
    finally:
        await running.stop()


def narrow_socket() -> socket.socket:
    made = socket.socket()
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    made.setblocking(False)
    return made


@asynccontextmanager
async def pipelining(served: Served, count: int) -> AsyncIterator[tuple[socket.socket, asyncio.Task[None]]]:
    """A peer that sends requests of so many phones one behind the other, and the task that does."""
    loop = asyncio.get_running_loop()
    requests = b"".join(post(form(f"{number}*1", phone=f"+254711{number:06}")) for number in range(count))
    with narrow_socket() as peer:
        await loop.sock_connect(peer, ("127.0.0.1", served.port))
        yield peer, asyncio.create_task(loop.sock_sendall(peer, requests))


def transport_of_the_peer(served: Served) -> asyncio.Transport | None:
    """The server's end of the only connection, whoever has it now; None: neither has it yet."""
    running = served.running
    lane_s = list(running._front._route.lanes) if running._front is not None else []
    assert running._runner.server is not None
    found = [holder.transport for holder in (*lane_s, *running._runner.server.connections)]
    return found[0] if found else None


async def until(held: Callable[[asyncio.Transport], bool], served: Served) -> asyncio.Transport:
    """Wait until this is so of the server's end of the connection."""
    while (transport := transport_of_the_peer(served)) is None or not held(transport):
        await asyncio.sleep(0)
    return transport


def is_known_as_deaf(transport: asyncio.Transport) -> bool:
    """Nothing of it is read any more, for it does not read: for the lane's turns, here, never wait."""
    return not transport.is_reading() and getattr(transport.get_protocol(), "writing_paused", True)


async def said(peer: socket.socket, count: int) -> list[str]:
    """The texts of so many answers."""
    received = b""
    while received.count(b"You said: ") < count or not received.endswith(b"*1"):
        received += await asyncio.get_running_loop().sock_recv(peer, 1 << 20)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == count
    return re.findall(r"CON You said: (\d+)\*1", received.decode())


IN_ORDER = [str(number) for number in range(MANY)]


async def test_who_never_reads_is_read_no_more_and_loses_no_answer(lane: bool) -> None:
    await asyncio.to_thread(on_uvloop, _deaf(lane))


async def _deaf(lane: bool) -> None:
    engine = Echo()
    async with serving(lane, engine) as served, pipelining(served, MANY) as (peer, sending):
        transport = await until(is_known_as_deaf, served)
        answered = len(engine.turns)
        for _ in range(20):  # others are served
            assert (await ask(served.port, post(form("me")))).body == "CON You said: me"
        assert not sending.done()
        assert len(engine.turns) == answered + 20
        assert answered < MANY / 2
        assert transport.get_write_buffer_size() < 2 * HIGH_WATER
        assert await said(peer, MANY) == IN_ORDER
        await sending


async def test_who_never_reads_is_cut_off_in_the_end(
    lane: bool, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEAF_S", QUIET_S)
    await asyncio.to_thread(on_uvloop, _given_up(lane))


async def _given_up(lane: bool) -> None:
    async with serving(lane, Echo()) as served, pipelining(served, MANY) as (_, sending):
        while transport_of_the_peer(served) is None:
            await asyncio.sleep(0)
        while transport_of_the_peer(served) is not None:
            await asyncio.sleep(TICK_S)
        with pytest.raises(ConnectionError):
            await sending
        assert served.board.in_flight.value() == 0


async def test_so_many_requests_of_a_connection_are_under_way_and_the_rest_waits(lane: bool) -> None:
    await asyncio.to_thread(on_uvloop, _greedy(lane))


async def _greedy(lane: bool) -> None:
    engine = Echo(held=asyncio.Event())
    most = lanes.MAX_UNDER_WAY if lane else 1
    async with serving(lane, engine) as served, pipelining(served, MANY) as (peer, sending):
        await until(lambda end: len(engine.turns) == most and not end.is_reading(), served)
        assert not sending.done()
        assert served.board.in_flight.value() == most
        assert engine.held is not None
        engine.held.set()
        assert await said(peer, MANY) == IN_ORDER
        await sending


# -- answers of one tick -----------------------------------------------------------------------------


async def test_answers_of_one_tick_come_in_one_segment() -> None:
    await asyncio.to_thread(on_uvloop, _at_once())


async def _at_once() -> None:
    engine = Echo(held=asyncio.Event())
    async with serving(True, engine) as served, pipelining(served, AT_ONCE) as (peer, sending):
        while len(engine.turns) < AT_ONCE:
            await asyncio.sleep(0)
        await sending
        assert engine.held is not None
        engine.held.set()
        assert await said(peer, AT_ONCE) == IN_ORDER[:AT_ONCE]
        assert segments(peer) == 1


def segments(peer: socket.socket) -> int:
    """How many segments with data have come: one for each write, as nothing is held back (TCP_NODELAY)."""
    told = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if len(told) < 156:
        pytest.skip("this system does not count segments")
    (count,) = struct.unpack_from("=I", told, 152)  # tcpi_data_segs_in, of linux/tcp.h
    return int(count)


# -- the page ----------------------------------------------------------------------------------------


def test_the_page_tells_the_bounds_that_are(repository: Path) -> None:
    page = (repository / "docs" / "running.md").read_text().partition("## Connections")[2]
    table = page.partition("\n## ")[0]
    for told in (
        f"{server.KEEPALIVE_S:.0f} s", f"{front._TICK_S:.0f} to {2 * front._TICK_S:.0f} s",
        f"{lanes.MAX_HEAD // 1024} KB", f"{MAX_HEADERS} headers", f"{lanes.MAX_UNDER_WAY} ",
        "`MAX_BODY`", "`READ_TIMEOUT_S`", f"{HIGH_WATER // 1024} KB",
    ):  # fmt: skip
        assert told in table, f"docs/running.md does not say {told}"
