"""The master that sentinels name: found, left when it is one no more, and found again."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.tasks.app import make
from tests.redis import sentinels
from tests.redis.conftest import Market, OpenMarket, crowd
from tests.redis.sentinels import Watched
from ussd_engine.errors import StoreError
from ussd_engine.redis_clients import client
from ussd_engine.redis_store import open_store
from ussd_engine.settings import Settings


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with sentinels.watched(tmp_path) as watched:
        yield watched


async def test_turns_go_on_when_the_master_is_killed_and_the_replica_takes_over(
    watched: Watched, open_market: OpenMarket, market: Market
) -> None:
    engine = await open_market(watched.url)
    async with crowd(engine, market, forgotten=True) as people:
        await people.more(200)
        watched.master.kill()
        await people.more(500)
        assert await engine.ready() == {}
        assert engine.limping() == {}
    assert watched.replica.ask("ROLE")[0] == "master"
    assert list(watched.replica.ask("INFO", "keyspace")) == ["db2"]


async def test_a_master_that_was_made_a_replica_is_left_for_the_new_one(watched: Watched) -> None:
    store = await open_store(watched.url)
    assert await store.call("SET", "a", "before") == b"OK"
    await asyncio.to_thread(watched.fail_over)
    answered = b""
    while answered != b"OK":
        with contextlib.suppress(StoreError):  # of the connection that was lost, or a server that only reads
            answered = await store.call("SET", "a", "after")
    assert watched.master.ask("ROLE")[0] == "master"
    assert await store.call("GET", "a") == b"after"
    await store.close()


async def test_redis_py_finds_the_same_master(watched: Watched) -> None:
    redis = client(watched.url)
    assert await redis.set("a", "b")
    store = await open_store(watched.url)
    assert await store.call("GET", "a") == b"b"
    await store.close()
    await redis.aclose()


async def test_no_master_of_that_name_is_said_plainly(watched: Watched) -> None:
    with pytest.raises(
        StoreError, match=rf"names the master other .*{watched.sentinel.host} knows no healthy one"
    ):
        await open_store(watched.url.replace("/umoja/", "/other/"))


async def test_a_wrong_password_for_the_sentinels_or_for_the_data_is_said_at_once(watched: Watched) -> None:
    with pytest.raises(StoreError, match=f"{watched.sentinel.host}: .*(WRONGPASS|invalid username-password)"):
        await open_store(watched.url.replace("password=watch", "password=wrong"))
    with pytest.raises(StoreError, match=r"refuses us.*WRONGPASS"):
        await open_store(watched.url.replace(":data@", ":wrong@"))


def test_tasks_wait_at_the_same_master(watched: Watched) -> None:
    celery = make(Settings(_env_file=None, redis_url=watched.url))
    celery.send_task("services.tasks.upkeep.prune_answers", queue="upkeep", retry=False)
    assert watched.master.ask("INFO", "keyspace")["db2"]["keys"] > 0
    with celery.connection_for_read() as connection:
        assert connection.default_channel.client.llen("upkeep") == 1
    celery.close()
