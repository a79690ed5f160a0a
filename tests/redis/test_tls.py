"""TLS to a server, to a cluster and to sentinels, with certificates on both sides.

The servers may have been built without TLS, so doors stand before them: see `doors`.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.crc import key_slot

from loadtests.bench.processes import free_port
from services.tasks.app import make
from tests.redis import sentinels
from tests.redis.certificates import Authority
from tests.redis.conftest import Market, OpenMarket, dial_and_publish
from tests.redis.doors import Door, by_tls, by_tls_or_plainly
from tests.redis.sentinels import SLOW_DAY_MS, Watched
from tests.redis.servers import Server, until
from ussd_engine.errors import StoreError
from ussd_engine.redis_clients import client
from ussd_engine.redis_store import open_store
from ussd_engine.settings import Settings


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("tls") / "certificates")
    authority.sign("server")
    authority.sign("elsewhere", host="elsewhere", address="192.0.2.1")
    authority.sign("engine")
    return authority


@pytest.fixture
def certificates(authority: Authority) -> str:
    """What a URL says of them."""
    folder = authority.folder
    return f"ssl_ca_certs={folder}/ca.pem&ssl_certfile={folder}/engine.pem&ssl_keyfile={folder}/engine.key"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def door(server: Server, authority: Authority) -> Iterator[Door]:
    with by_tls(server.port, authority) as door:
        yield door


async def test_turns_by_tls_with_certificates_on_both_sides(
    door: Door, certificates: str, open_market: OpenMarket, market: Market
) -> None:
    await dial_and_publish(f"rediss://{door.host}/0?{certificates}", open_market, market)
    assert door.guests == {"engine"}


async def test_a_server_whose_certificate_is_not_trusted_is_refused(door: Door, authority: Authority) -> None:
    url = f"rediss://{door.host}/0"
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        await open_store(url)
    with pytest.raises(StoreError, match="does not answer"):
        await open_store(f"{url}?ssl_ca_certs={authority.folder}/ca.pem")  # it wants ours too
    with pytest.raises(StoreError, match="does not answer"):
        await open_store(url.replace("rediss", "redis"))
    assert door.guests == set()


async def test_a_certificate_of_another_host_is_refused_unless_told(
    server: Server, authority: Authority, certificates: str
) -> None:
    with by_tls(server.port, authority, "elsewhere") as door:
        url = f"rediss://{door.host}/0?{certificates}"
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
            await open_store(url)
        store = await open_store(f"{url}&ssl_check_hostname=false")
        assert await store.call("PING") == b"PONG"
        await store.close()


async def test_a_connection_by_tls_that_was_lost_is_opened_again_by_tls(
    server: Server, door: Door, certificates: str
) -> None:
    store = await open_store(f"rediss://{door.host}/0?{certificates}", timeout_s=20.0)
    server.kill()
    await asyncio.to_thread(until, store.away, "the loss is noticed")
    waits = store.call("PING")
    server.start()
    assert await waits == b"PONG"
    await store.close()


def test_tasks_wait_behind_tls(server: Server, door: Door, certificates: str) -> None:
    celery = make(Settings(_env_file=None, celery_broker_url=f"rediss://{door.host}/1?{certificates}"))
    celery.send_task("services.tasks.upkeep.prune_answers", queue="upkeep", retry=False)
    assert list(server.ask("INFO", "keyspace")) == ["db1"]
    celery.close()
    assert door.guests == {"engine"}


@pytest.fixture
def doors_of_a_cluster(tmp_path: Path, authority: Authority) -> Iterator[list[tuple[Server, Door]]]:
    """Two masters with half of the slots each. They say that they are where their doors are."""
    with ExitStack() as stack:
        pairs = []
        for number in range(2):
            ports = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
            node = Server(tmp_path / str(number), ports)
            door = stack.enter_context(by_tls(node.port, authority))
            node._options["cluster-announce-port"] = str(door.port)
            pairs.append((stack.enter_context(node), door))
        (one, _), (two, _) = pairs
        one.ask("CLUSTER ADDSLOTSRANGE", 0, 8191)
        two.ask("CLUSTER ADDSLOTSRANGE", 8192, 16383)
        two.ask("CLUSTER SET-CONFIG-EPOCH", 2)
        one.ask("CLUSTER MEET", "127.0.0.1", two.port, two._options["cluster-port"])
        for node in (one, two):
            until(lambda node=node: "cluster_state:ok" in node.ask("CLUSTER INFO"), "the cluster is whole")
        yield pairs


async def test_a_cluster_by_tls(
    doors_of_a_cluster: list[tuple[Server, Door]], certificates: str, open_market: OpenMarket, market: Market
) -> None:
    (one, first), (two, second) = doors_of_a_cluster
    url = f"rediss+cluster://{first.host}?{certificates}"
    await dial_and_publish(url, open_market, market)
    store = await open_store(url)
    assert (await store.call("GET", "a"), await store.call("GET", "b")) == (None, None)
    slot = key_slot(b"b")
    for node in (two, one):
        node.ask("CLUSTER SETSLOT", slot, "NODE", two.ask("CLUSTER MYID"))
    assert await store.call("SET", "b", "moved") == b"OK"
    assert store.link_for("b")._address.shown == second.host
    assert two.ask("GET", "b") == "moved"
    await store.close()
    assert first.guests == second.guests == {"engine"}


@dataclass
class Guarded:
    """A master, its replica and a sentinel, each behind a door."""

    watched: Watched
    doors: dict[Server, Door]
    sentinel: Door

    def url(self, scheme: str = "rediss+sentinel") -> str:
        return f"{scheme}://:data@{self.sentinel.host}/umoja/2?sentinel_password=watch"

    def guests(self) -> list[set[str]]:
        """Who came by TLS to the sentinel, to the master and to the replica."""
        known = self.watched
        return [door.guests for door in (self.sentinel, self.doors[known.master], self.doors[known.replica])]


@pytest.fixture(scope="module")
def all_guarded(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Guarded]:
    """The sentinel tells everybody of the doors. It has no TLS either, so those of the data also let in
    whoever speaks plainly; its own does not."""
    with ExitStack() as stack:
        doors: dict[Server, Door] = {}

        def door(server: Server) -> int:
            doors[server] = stack.enter_context(by_tls_or_plainly(server.port, authority))
            return doors[server].port

        folder = tmp_path_factory.mktemp("watched")
        known = stack.enter_context(sentinels.watched(folder, door, down_after_ms=SLOW_DAY_MS))
        yield Guarded(known, doors, stack.enter_context(by_tls(known.sentinel.port, authority)))


@pytest.fixture
def guarded(all_guarded: Guarded) -> Guarded:
    for guests in all_guarded.guests():
        guests.clear()
    return all_guarded


async def test_sentinels_by_tls_name_a_master_that_is_reached_by_tls(
    guarded: Guarded, certificates: str, open_market: OpenMarket, market: Market
) -> None:
    await dial_and_publish(f"{guarded.url()}&{certificates}", open_market, market)
    assert guarded.guests() == [{"engine"}, {"engine"}, set()]


async def test_a_new_master_is_reached_by_tls_too(guarded: Guarded, certificates: str) -> None:
    store = await open_store(f"{guarded.url()}&{certificates}", timeout_s=20.0)
    assert guarded.guests() == [{"engine"}, {"engine"}, set()]
    await asyncio.to_thread(guarded.watched.fail_over)
    answered = b""
    while answered != b"OK":
        with contextlib.suppress(StoreError):  # of the connection that was lost, or a server that only reads
            answered = await store.call("SET", "a", "after")
    await store.close()
    assert guarded.watched.master.ask("ROLE")[0] == "master"
    assert guarded.guests() == [{"engine"}, {"engine"}, {"engine"}]


async def test_redis_py_and_tasks_find_the_same_master_by_tls(guarded: Guarded, certificates: str) -> None:
    url = f"{guarded.url()}&{certificates}"
    redis = client(url)
    assert await redis.set("a", "b")
    await redis.aclose()
    assert guarded.guests() == [{"engine"}, {"engine"}, set()]
    for guests in guarded.guests():
        guests.clear()
    celery = make(Settings(_env_file=None, redis_url=url))
    celery.send_task("services.tasks.upkeep.prune_answers", queue="upkeep", retry=False)
    celery.close()
    assert guarded.watched.master.ask("INFO", "keyspace")["db2"]["keys"] > 1
    assert guarded.guests() == [{"engine"}, {"engine"}, set()]


async def test_sentinels_are_trusted_by_their_certificate_only(
    guarded: Guarded, authority: Authority
) -> None:
    with pytest.raises(StoreError, match=r"no sentinel names the master umoja .*CERTIFICATE_VERIFY_FAILED"):
        await open_store(guarded.url())
    with pytest.raises(StoreError, match="no sentinel names the master umoja"):
        await open_store(f"{guarded.url()}&ssl_ca_certs={authority.folder}/ca.pem")  # it wants ours too
    with pytest.raises(StoreError, match="no sentinel names the master umoja"):
        await open_store(guarded.url("redis+sentinel"))
    assert guarded.guests() == [set(), set(), set()]
