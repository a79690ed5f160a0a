"""The store on a real cluster: where commands go, slots that move, masters that die."""

import asyncio
import time

import pytest
from redis.crc import key_slot

from tests.redis.conftest import Market, OpenMarket, crowd
from tests.redis.servers import Cluster
from ussd_engine.errors import StoreError
from ussd_engine.redis_link import ReplyError
from ussd_engine.redis_store import Store, open_store
from ussd_engine.sessions import Session, Sessions


def url_of(cluster: Cluster) -> str:
    return f"redis+cluster://{cluster.masters[0].host},{cluster.masters[1].host}"


@pytest.fixture
async def store(cluster: Cluster):
    store = await open_store(url_of(cluster), timeout_s=2.0)
    yield store
    await store.close()


async def test_every_command_reaches_the_node_of_its_key(cluster: Cluster, store: Store) -> None:
    names = [f"k{number}" for number in range(300)]
    await asyncio.gather(*(store.call("SET", name, name) for name in names))
    assert await asyncio.gather(*(store.call("GET", name) for name in names)) == [n.encode() for n in names]
    for name in names[::10]:
        assert store.link_for(name)._address.shown == cluster.holder(name).host
    assert sum(node.ask("DBSIZE") for node in cluster.masters) == 300
    assert store.single is None
    assert store.away() == ""
    await store.ping()


async def test_keys_with_one_hash_tag_go_together_and_scripts_by_their_first_key(store: Store) -> None:
    keys = "k{254700}:a", "k{254700}:b"
    script = "redis.call('SET', KEYS[1], ARGV[1]); redis.call('SET', KEYS[2], ARGV[2]); return 7"
    assert await store.call("EVAL", script, 2, *keys, "x", "y") == 7
    assert await store.call("MGET", *keys) == [b"x", b"y"]
    assert await store.call("EVAL", "return 8", 0) == 8
    assert await store.call("PING") == b"PONG"
    with pytest.raises(ReplyError, match="NOSCRIPT"):
        await store.call("EVALSHA", "0" * 40, 1, keys[0])
    with pytest.raises(ReplyError, match="CROSSSLOT"):
        await store.call("MGET", "a", "b")
    assert await store.call("DEL", *keys) == 2


async def test_a_slot_that_moved_is_followed_and_its_move_is_learnt(cluster: Cluster, store: Store) -> None:
    await store.call("SET", "moved", "here")
    slot = key_slot(b"moved")
    source = cluster.begin_move(slot, cluster.spare)
    assert await store.call("GET", "moved") == b"here"  # still there
    assert await store.call("GET", "{moved}other") is None  # ASK: it could only be on the other side
    assert await store.call("SET", "{moved}new", "there") == b"OK"
    assert cluster.spare.ask("DBSIZE") == 1
    cluster.end_move(slot, source, cluster.spare)
    assert await store.call("MGET", "moved", "{moved}new") == [b"here", b"there"]  # MOVED
    assert store.link_for("moved")._address.shown == cluster.spare.host
    cluster.move(slot, source)
    assert await store.call("DEL", "moved", "{moved}new") == 2


async def test_a_move_left_half_done_costs_its_subscriber_nothing_but_time(
    cluster: Cluster, store: Store
) -> None:
    """Their session is on one side and their profile on the other, or nowhere: no command of both works."""
    sessions = Sessions(store, "secret")
    msisdn, code = "254799000111", "*1#"
    slot = key_slot(msisdn.encode())
    first = Session("at", "s", "b", {"state": "one"})
    assert await sessions.save(msisdn, code, "shop", first, 60, {"name": "Amina"})
    source = cluster.begin_move(slot, cluster.spare)
    try:
        assert cluster.carry(slot, source, cluster.spare, most=1) == 1
        loaded, profile = await sessions.load(msisdn, code, "shop")
        assert (loaded, profile) == (first, {"name": "Amina"})
        assert loaded is not None
        loaded.turn = 1
        assert await sessions.save(msisdn, code, "shop", loaded, 60, {"name": "Njeri"})
        assert not await sessions.save(msisdn, code, "shop", first, 60, {"name": "too late"})
        assert await sessions.load(msisdn, code, "shop") == (loaded, {"name": "Njeri"})
        other = Session("at", "s2", "b", {})
        assert await sessions.save(msisdn, "*2#", "other", other, 60, {"name": "new"})
        assert await sessions.load(msisdn, "*2#", "other") == (other, {"name": "new"})
    finally:
        cluster.end_move(slot, source, cluster.spare)
        cluster.move(slot, source)
    assert await sessions.load(msisdn, code, "shop") == (loaded, {"name": "Njeri"})


async def test_turns_go_on_while_slots_move(
    cluster: Cluster, open_market: OpenMarket, market: Market
) -> None:
    engine = await open_market(url_of(cluster))
    async with crowd(engine, market) as people:
        await people.more(200)
        for phone in people.phones[::4]:
            slot = key_slot(phone.msisdn.encode())
            source = await asyncio.to_thread(cluster.begin_move, slot, cluster.spare)
            await people.more(30)
            await asyncio.to_thread(cluster.carry, slot, source, cluster.spare, 1)
            await people.more(30)
            await asyncio.to_thread(cluster.end_move, slot, source, cluster.spare)
            await people.more(30)
            await asyncio.to_thread(cluster.move, slot, source)
    assert engine.limping() == {}


async def test_turns_go_on_when_a_master_is_killed(
    cluster: Cluster, open_market: OpenMarket, market: Market
) -> None:
    engine = await open_market(url_of(cluster))
    killed = cluster.owner(8000)
    async with crowd(engine, market, forgotten=True) as people:
        await people.more(200)
        killed.kill()
        away = engine.limping()
        ends = time.monotonic() + 3
        while not away and time.monotonic() < ends:
            await asyncio.sleep(0.01)
            away = engine.limping()
        assert away["redis"] == f"{killed.host} is away (slots 5462-10923)"
        assert await engine.ready() == {}  # the others serve on
        while engine.limping():
            await asyncio.sleep(0.02)
        await people.more(500)
        people.slowest_s = 0.0
        await people.more(500)
        assert people.slowest_s < 2


async def test_a_node_that_hangs_costs_its_callers_their_time_and_nobody_else(
    cluster: Cluster,
) -> None:
    store = await open_store(url_of(cluster), timeout_s=0.4)
    names = [f"h{number}" for number in range(60)]
    mute = cluster.holder(names[0])
    others = [name for name in names if cluster.holder(name) is not mute]
    began = time.monotonic()
    with mute.frozen():
        stuck = store.call("GET", names[0])
        assert await asyncio.gather(*(store.call("GET", name) for name in others)) == [None] * len(others)
        assert time.monotonic() - began < 0.4
        with pytest.raises(StoreError, match="in time"):
            await stuck
        assert time.monotonic() - began < 0.4 + 0.5
    await store.close()


async def test_nothing_is_ever_waited_for_longer_than_a_call_may_take(cluster: Cluster) -> None:
    store = await open_store(url_of(cluster), timeout_s=0.3)
    killed = cluster.holder("x")
    killed.kill()
    try:
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(StoreError):
                await store.call("GET", "x")
            assert time.monotonic() - began < 0.3 + 0.3
    finally:
        await store.close()


async def test_commands_wait_while_the_cluster_is_down(cluster: Cluster) -> None:
    """A cluster with a slot that nobody has answers CLUSTERDOWN for all its keys."""
    store = await open_store(url_of(cluster), timeout_s=20.0)
    node, slot = cluster.holder("x"), key_slot(b"x")
    beside = next(name for name in (f"b{n}" for n in range(100)) if cluster.holder(name) is node)
    before = node.refusals("CLUSTERDOWN")
    node.ask("CLUSTER DELSLOTS", slot)
    try:
        calls = asyncio.gather(store.call("SET", "x", "1"), store.call("SET", beside, "2"))
        while node.refusals("CLUSTERDOWN") < before + 4:
            assert not calls.done()
            await asyncio.sleep(0.01)
    finally:
        node.ask("CLUSTER ADDSLOTS", slot)
    assert await calls == [b"OK", b"OK"]
    assert await asyncio.gather(store.call("GET", "x"), store.call("GET", beside)) == [b"1", b"2"]
    await store.close()


async def test_whoever_waited_too_long_for_a_cluster_that_is_down_is_told_so(cluster: Cluster) -> None:
    store = await open_store(url_of(cluster), timeout_s=0.3)
    node, slot = cluster.holder("x"), key_slot(b"x")
    node.ask("CLUSTER DELSLOTS", slot)
    try:
        beside = next(name for name in (f"b{n}" for n in range(100)) if cluster.holder(name) is node)
        with pytest.raises(StoreError, match="did not answer in time: CLUSTERDOWN"):
            await store.call("GET", beside)
    finally:
        node.ask("CLUSTER ADDSLOTS", slot)
    await store.close()


async def test_a_closed_store_fails_what_waits_and_what_comes(cluster: Cluster) -> None:
    store = await open_store(url_of(cluster))
    with cluster.holder("x").frozen():
        waits = store.call("GET", "x")
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await waits
    with pytest.raises(StoreError, match="closed"):
        await store.call("GET", "x")


async def test_a_single_server_is_no_cluster(redis_server_url: str) -> None:
    with pytest.raises(StoreError, match="cluster support disabled"):
        await open_store(redis_server_url.replace("redis://", "redis+cluster://"))


async def test_no_cluster_is_said_plainly() -> None:
    with pytest.raises(StoreError, match=r"does not answer at 127\.0\.0\.1:1"):
        await open_store("redis+cluster://127.0.0.1:1")
