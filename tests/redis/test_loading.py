"""A server that starts with much data answers LOADING for a while: nobody is told anything wrong."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.exceptions import BusyLoadingError

from tests.redis.conftest import Market, OpenMarket, crowd
from tests.redis.servers import Server, until
from ussd_engine.errors import StoreError
from ussd_engine.redis_store import open_store

SLOW = {"key-load-delay": "1000", "loading-process-events-interval-bytes": "1024"}
KEYS = 800  # at a millisecond or so each


def start_slowly(server: Server) -> None:
    server._options |= SLOW
    server.start(wait=False)
    until(lambda: _loading(server), "it says LOADING")


def _loading(server: Server) -> bool:
    try:
        server.ask("GET", "key:1")
    except BusyLoadingError:
        return True
    raise AssertionError("it was never seen loading")


async def test_calls_wait_until_a_server_has_loaded(tmp_path: Path) -> None:
    with Server(tmp_path / "redis") as server:
        server.ask("DEBUG", "POPULATE", KEYS, "key", 100)
        server.ask("SAVE")
        store = await open_store(f"redis://{server.host}", timeout_s=5.0)
        server.kill()
        await asyncio.to_thread(start_slowly, server)
        assert (await store.call("GET", "key:1")).startswith(b"value:1")
        await store.close()


async def test_who_starts_while_a_server_loads_is_told_so(tmp_path: Path) -> None:
    with Server(tmp_path / "redis") as server:
        server.ask("DEBUG", "POPULATE", KEYS, "key", 100)
        server.ask("SAVE")
        server.kill()
        await asyncio.to_thread(start_slowly, server)
        with pytest.raises(StoreError, match="LOADING"):
            await open_store(f"redis://{server.host}")


async def test_turns_go_on_when_the_server_was_killed_and_loads_what_it_had(
    tmp_path: Path, open_market: OpenMarket, market: Market
) -> None:
    """What it had is older than what the phones saw: the rest of each dialog is rebuilt from its text."""
    with Server(tmp_path / "redis") as server:
        server.ask("DEBUG", "POPULATE", KEYS, "key", 100)
        engine = await open_market(f"redis://{server.host}")
        async with crowd(engine, market, 8, forgotten=True) as people:
            await people.more(100)
            await asyncio.to_thread(server.ask, "SAVE")
            await people.more(100)
            server.kill()
            began = time.monotonic()
            await asyncio.to_thread(start_slowly, server)
            assert engine.limping()["redis"].startswith("Redis does not answer")
            await people.more(100)
            assert time.monotonic() - began > 0.5
            await people.more(200)
        assert engine.limping() == {}
