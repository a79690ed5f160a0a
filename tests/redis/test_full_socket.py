"""A Redis that reads nothing for a while: the socket is full, and what is asked meanwhile is kept back."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.redis.wire import Wire
from ussd_engine.errors import StoreError
from ussd_engine.redis_link import RedisLink

CARGO = b"x" * 16_384
MOST = 4_000

Asked = list["asyncio.Future[Any]"]


@pytest.fixture
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    async with Wire(redis_url) as wire:
        yield wire


class Pile:
    """A new list. The reply to a push is how many there were so far: it tells what was lost, done twice, or
    done out of order."""

    def __init__(self, link: RedisLink) -> None:
        self.link = link
        self.key = uuid.uuid4().hex

    def push(self, cargo: bytes = b"") -> "asyncio.Future[Any]":
        return self.link.call("RPUSH", self.key, cargo)

    async def fill(self, wire: Wire) -> Asked:
        """Push until the socket is full; what was asked."""
        wire.reads.clear()
        asked = []
        while not self.link._paused:
            asked.append(self.push(CARGO))
            await asyncio.sleep(0)  # it leaves with this tick
            assert len(asked) < MOST
        return asked


def waiting(link: RedisLink) -> int:
    """The bytes that Python keeps for the socket."""
    assert link._transport is not None
    return link._transport.get_write_buffer_size()


async def test_what_is_asked_while_the_socket_is_full_leaves_later_and_in_order(wire: Wire) -> None:
    link = RedisLink(wire.url, timeout_s=30.0)
    await link.open()
    pile = Pile(link)
    asked = await pile.fill(wire)
    full = waiting(link)
    for _ in range(20):
        asked += [pile.push() for _ in range(100)]  # more than are worth a write of their own
        await asyncio.sleep(0)
    assert (len(link.pipeline.unsent), waiting(link) <= full) == (2_000, True)
    wire.reads.set()
    assert await asyncio.gather(*asked) == list(range(1, len(asked) + 1))
    assert wire.connections == 1
    await link.call("DEL", pile.key)
    await link.close()


async def test_what_was_kept_back_from_a_lost_connection_leaves_by_the_next(wire: Wire) -> None:
    link = RedisLink(wire.url, timeout_s=30.0)
    await link.open()
    pile = Pile(link)
    sent = await pile.fill(wire)
    kept = [pile.push() for _ in range(200)]
    wire.cut()
    wire.reads.set()
    assert await asyncio.gather(*kept) == list(range(1, 201))
    for outcome in await asyncio.gather(*sent, return_exceptions=True):
        assert isinstance(outcome, StoreError)
        assert "was lost" in str(outcome)
    assert wire.connections == 2
    await link.call("DEL", pile.key)
    await link.close()


async def test_a_server_that_never_reads_costs_everybody_their_time_and_no_more(wire: Wire) -> None:
    timeout_s, slow_day_s = 1.0, 2.0
    link = RedisLink(wire.url, timeout_s=timeout_s, max_in_flight=MOST)
    await link.open()
    pile = Pile(link)
    asked = await pile.fill(wire)
    loop = asyncio.get_running_loop()
    began, ended = loop.time(), []
    asked += [pile.push() for _ in range(MOST - link.pipeline.pending.size)]
    for call in asked:
        call.add_done_callback(lambda _: ended.append(loop.time()))
    with pytest.raises(StoreError, match=f"{MOST} commands in flight"):
        await pile.push()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert {str(outcome) for outcome in outcomes} == {"Redis did not answer in time"}
    assert max(ended) - began < timeout_s + 0.2 + slow_day_s
    assert (link.pipeline.pending.size, link.pipeline.unsent) == (0, [])
    wire.reads.set()
    async with asyncio.timeout(30):
        answer = b""
        while answer != b"PONG":
            with contextlib.suppress(StoreError):
                answer = await link.call("PING")
    await link.close()
