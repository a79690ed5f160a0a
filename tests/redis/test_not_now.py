"""Servers that answer, and say that they can do nothing just now: nobody is told anything wrong."""

import asyncio
from pathlib import Path

import pytest

from tests.redis.peer import Peer
from tests.redis.servers import Server
from ussd_engine.errors import StoreError
from ussd_engine.redis_store import open_store


async def test_a_replica_whose_master_is_dead_is_left_until_it_is_a_master_itself(tmp_path: Path) -> None:
    with Server(tmp_path / "redis", {"replica-serve-stale-data": "no"}) as server:
        url = f"redis://{server.host}"
        store = await open_store(url, timeout_s=20.0)
        assert await store.call("SET", "a", "kept") == b"OK"
        server.ask("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(StoreError, match=r"^MASTERDOWN"):
            await store.call("GET", "a")
        waits = store.call("GET", "a")
        with pytest.raises(StoreError, match=f"refuses us at {server.host}: MASTERDOWN"):
            await open_store(url)
        before = server.refusals("MASTERDOWN")
        while server.refusals("MASTERDOWN") < before + 2:  # it is knocked at again
            assert not waits.done()
            await asyncio.sleep(0.01)
        assert store.away() == f"Redis does not answer at {server.host}"
        server.ask("REPLICAOF", "NO", "ONE")
        assert await waits == b"kept"
        assert store.away() == ""
        await store.close()


class OneNode:
    """Answers for a cluster of one node, which refuses so many commands before it carries one out."""

    def __init__(self, refusal: str) -> None:
        self.refusal = refusal
        self.refuses = 0
        self.done = 0
        self.port = 0

    def __call__(self, command: list[bytes]) -> bytes:
        match command[0]:
            case b"CLUSTER":
                node = f"*3\r\n$9\r\n127.0.0.1\r\n:{self.port}\r\n$4\r\nnode\r\n"
                return f"*1\r\n*3\r\n:0\r\n:16383\r\n{node}".encode()
            case b"PING":
                return b"+PONG\r\n"
            case b"HELLO":
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case b"CLIENT":
                return b"+OK\r\n"
        if self.refuses:
            self.refuses -= 1
            return f"-{self.refusal}\r\n".encode()
        self.done += 1
        return f":{self.done}\r\n".encode()


@pytest.mark.parametrize(
    "refusal",
    [
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
    ],
)
async def test_a_node_of_a_cluster_that_cannot_now_is_asked_again(refusal: str) -> None:
    node = OneNode(refusal)
    async with Peer(node) as peer:
        node.port = peer.port
        store = await open_store(f"redis+cluster://{peer.host}", timeout_s=20.0)
        assert await store.call("INCR", "a") == 1
        node.refuses = 5
        assert await store.call("INCR", "a") == 2
        assert (node.refuses, node.done) == (0, 2)  # not once too often
        await store.close()


async def test_what_a_node_said_all_the_time_is_said_in_the_end() -> None:
    node = OneNode("MASTERDOWN Link with MASTER is down")
    async with Peer(node) as peer:
        node.port = peer.port
        store = await open_store(f"redis+cluster://{peer.host}", timeout_s=0.5)
        node.refuses = 1_000_000
        with pytest.raises(StoreError, match=r"did not answer in time: (MASTERDOWN|no connection to)"):
            await store.call("INCR", "a")
        assert node.done == 0
        await store.close()
