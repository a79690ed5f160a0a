"""The link to Redis: replies in order, a bound on everything, and what happens when the network breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import pytest

from tests.redis.wire import Wire
from ussd_engine.errors import StoreError
from ussd_engine.redis_link import RedisLink, ReplyError


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(redis_url)
    await link.open()
    yield link
    await link.close()


@pytest.fixture
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    async with Wire(redis_url) as wire:
        yield wire


async def test_replies_come_to_their_callers_in_order(link: RedisLink) -> None:
    futures = [link.call("ECHO", str(number)) for number in range(2000)]
    assert [int(reply) for reply in await asyncio.gather(*futures)] == list(range(2000))


async def test_an_error_reply_reaches_its_caller_and_nobody_else(link: RedisLink) -> None:
    before, wrong, after = link.call("PING"), link.call("NONSENSE"), link.call("PING")
    with pytest.raises(ReplyError, match="unknown command"):
        await wrong
    assert (await before, await after) == (b"PONG", b"PONG")


async def test_a_caller_that_gave_up_does_not_shift_the_others(link: RedisLink) -> None:
    first, second = link.call("ECHO", "one"), link.call("ECHO", "two")
    first.cancel()
    assert await second == b"two"


async def test_calls_have_a_bound(redis_url: str) -> None:
    link = RedisLink(redis_url, max_in_flight=2)
    await link.open()
    calls = [link.call("PING") for _ in range(3)]
    with pytest.raises(StoreError, match="2 commands in flight"):
        await calls[2]
    await asyncio.gather(*calls[:2])
    await link.close()


async def test_no_redis_is_said_plainly() -> None:
    with pytest.raises(StoreError, match="does not answer at"):
        await RedisLink("redis://127.0.0.1:1/0").open()


async def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(StoreError, match="redis://"):
        RedisLink("http://localhost")


async def test_a_wrong_password_is_said_at_once(redis_url: str) -> None:
    with pytest.raises(StoreError):
        await RedisLink(redis_url.replace("unix://", "unix://someone:wrong@")).open()


async def test_a_cut_connection_fails_what_was_sent_and_is_opened_again(wire: Wire) -> None:
    again = asyncio.Event()
    link = RedisLink(wire.url, on_reconnect=again.set)
    await link.open()
    sent = link.call("BLPOP", "nothing", 0)
    await asyncio.sleep(0)  # the write leaves with this tick
    wire.cut()
    with pytest.raises(StoreError, match="lost"):
        await sent
    assert await link.call("PING") == b"PONG"
    assert again.is_set()
    assert wire.connections == 2
    await link.close()


async def test_a_server_that_greets_and_leaves_at_once_is_tried_again() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range({1: 2, 2: 1}.get(connections, 100)):
            await reader.readuntil(b"PING\r\n")
            writer.write(b"+PONG\r\n")
        writer.close()

    async with asyncio.timeout(10), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        link = RedisLink(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout_s=0.5)
        await link.open()
        assert await link.call("PING") == b"PONG"
        while connections < 3:  # a call that the second takes along fails
            with contextlib.suppress(StoreError):
                await link.call("PING")
        assert await link.call("PING") == b"PONG"
        await link.close()


async def test_a_silent_redis_costs_a_caller_its_time_and_no_more(wire: Wire) -> None:
    link = RedisLink(wire.url, timeout_s=0.3)
    await link.open()
    wire.silent = True
    began = asyncio.get_running_loop().time()
    with pytest.raises(StoreError):
        await link.call("PING")
    assert asyncio.get_running_loop().time() - began < 1.5
    wire.silent = False
    assert await link.call("PING") == b"PONG"  # on a new connection: the old one was out of step
    assert wire.connections >= 2
    await link.close()


async def test_a_closed_link_refuses_calls(redis_url: str) -> None:
    link = RedisLink(redis_url)
    await link.open()
    await link.close()
    with pytest.raises(StoreError, match="closed"):
        await link.call("PING")


class ShutAtOnce(RedisLink):
    """Its next connections are closed in the breath that opened them, as by a Redis with too many clients,
    or a balancer with no server behind it."""

    shut = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.shut:
            self.shut -= 1
            cast(asyncio.Transport, transport).abort()


async def test_a_door_shut_at_once_is_knocked_at_again(wire: Wire) -> None:
    link = ShutAtOnce(wire.url)
    await link.open()
    link.shut = 3
    wire.cut()
    await asyncio.sleep(0.01)

    async def answered() -> bytes:
        while True:
            with contextlib.suppress(StoreError):  # it was sent through a door that was shut
                return cast(bytes, await link.call("PING"))

    assert await asyncio.wait_for(answered(), 1.5) == b"PONG"
    assert link.shut == 0
    await link.close()


async def test_a_call_ends_in_its_time_although_a_new_connection_never_greets(wire: Wire) -> None:
    link = RedisLink(wire.url.replace("/0", "/9"), timeout_s=0.6)
    await link.open()
    loop = asyncio.get_running_loop()
    await wire.leave()
    await asyncio.sleep(0.02)
    began = loop.time()
    call = link.call("PING")
    wire.silent = True
    loop.call_later(0.2, lambda: asyncio.ensure_future(wire.listen()))
    with pytest.raises(StoreError):
        await call
    assert loop.time() - began < 0.6 + 0.25 + 0.05
    await link.close()


async def test_a_server_that_became_a_replica_is_left(wire: Wire) -> None:
    """After a failover the name leads to another server; the old one refuses every save for ever."""
    link = RedisLink(wire.url)
    await link.open()
    await link.call("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreError, match="READONLY"):
            await link.call("SET", "a", "b")
        assert await link.call("PING") == b"PONG"
        assert wire.connections == 2
    finally:
        await link.call("REPLICAOF", "NO", "ONE")
    await link.close()


class Loading(Wire):
    """A Redis that answers at first that it is loading its data, as after a start with much of it."""

    refusals = 3

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.connections == 0 or self.refusals == 0:
            await super()._serve(reader, writer)
            return
        self.connections += 1
        self.refusals -= 1
        await reader.read(65536)
        writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        writer.close()


async def test_calls_wait_until_a_server_has_loaded_its_data(redis_url: str) -> None:
    lost = asyncio.Event()
    async with Loading(redis_url) as wire:
        link = RedisLink(wire.url, on_lost=lost.set)
        await link.open()
        wire.cut()
        await lost.wait()
        assert not link.connected
        assert await link.call("PING") == b"PONG"
        assert (wire.refusals, wire.connections, link.connected) == (0, 5, True)
        await link.close()
