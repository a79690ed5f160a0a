"""Whoever does not answer is knocked at again, less and less often, and never more seldom than promised."""

import asyncio
from itertools import pairwise

import pytest

from tests.redis.peer import Peer
from ussd_engine import redis_link, redis_nodes
from ussd_engine.redis_link import RedisLink
from ussd_engine.redis_nodes import Node
from ussd_engine.redis_place import place


class Moody:
    """Answers a greeting when it is in the mood, and hangs up else."""

    up = True

    def __call__(self, command: list[bytes]) -> bytes | None:
        return b"+PONG\r\n" if self.up else None


async def gaps(peer: Peer, most: int) -> list[float]:
    """The seconds between its next knocks. It hangs up before the pause begins."""
    before = len(peer.knocks)
    while len(peer.knocks) <= before + most:
        await asyncio.sleep(0.005)
    return [later - earlier for earlier, later in pairwise(peer.knocks[before : before + most + 1])]


def at_least(found: list[float], pauses: list[float]) -> bool:
    """A loop may wake some milliseconds early. How late it wakes says how busy the machine is."""
    return all(gap > pause - 0.005 for gap, pause in zip(found, pauses, strict=True))


def hang_up(peer: Peer, mood: Moody) -> None:
    mood.up = False
    peer.cut()


async def test_the_pause_before_each_new_knock_doubles_and_begins_anew_after_an_answer() -> None:
    mood = Moody()
    async with Peer(mood) as peer:
        link = RedisLink(f"redis://{peer.host}", timeout_s=20.0)
        await link.open()
        hang_up(peer, mood)
        found = await gaps(peer, 5)
        assert at_least(found, [0.02, 0.04, 0.08, 0.16, 0.32])
        mood.up = True
        assert await link.call("PING") == b"PONG"
        hang_up(peer, mood)
        [again] = await gaps(peer, 1)
        assert again < 0.64  # which would have been next
        await link.close()


async def test_the_pause_grows_no_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_link, "_LONGEST_PAUSE_S", 0.04)
    mood = Moody()
    async with Peer(mood) as peer:
        link = RedisLink(f"redis://{peer.host}")
        await link.open()
        hang_up(peer, mood)
        found = await gaps(peer, 7)
        assert at_least(found, [0.02] + [0.04] * 6)
        assert sum(found) < sum(0.02 * 2**n for n in range(7))
        await link.close()


async def test_a_node_that_was_never_there_is_knocked_at_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_nodes, "_LONGEST_PAUSE_S", 0.2)
    mood = Moody()
    mood.up = False
    async with Peer(mood) as peer:
        node = Node(place(f"redis+cluster://{peer.host}"), ("127.0.0.1", peer.port), RedisLink)
        found = await gaps(peer, 4)
        assert at_least(found, [0.05, 0.1, 0.2, 0.2])
        assert not node.connected
        mood.up = True
        await node.opening
        assert node.connected
        await node.close()
