"""Passwords, and a user who may do no more than the engine needs. For TLS see `test_tls`."""

import re
from pathlib import Path

import pytest
from redis.crc import key_slot

from tests.redis.conftest import Market, OpenMarket, dial_and_publish
from tests.redis.servers import Cluster, Server
from ussd_engine.errors import StoreError
from ussd_engine.redis_clients import client
from ussd_engine.redis_store import open_store


def acl_line(repository: Path) -> list[str]:
    """The rules of docs/running.md, word by word."""
    found = re.search(r"^user ussd (on .*)$", (repository / "docs" / "running.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split()


def denied(server: Server) -> list[object]:
    return list(server.ask("ACL", "LOG"))


async def test_the_documented_user_may_do_what_the_engine_does_and_nothing_else(
    repository: Path, tmp_path: Path, open_market: OpenMarket, market: Market
) -> None:
    with Server(tmp_path / "redis") as server:
        server.ask("ACL", "SETUSER", "ussd", *acl_line(repository))
        url = f"redis://ussd:secret@{server.host}/3"
        await dial_and_publish(url, open_market, market)
        assert denied(server) == []
        store = await open_store(url)
        for refused in (("FLUSHALL",), ("KEYS", "*"), ("GET", "other"), ("CONFIG", "GET", "*")):
            with pytest.raises(StoreError, match="NOPERM"):
                await store.call(*refused)
        await store.close()


async def test_the_documented_user_may_do_what_the_engine_does_in_a_cluster(
    repository: Path, cluster: Cluster, open_market: OpenMarket, market: Market
) -> None:
    nodes = [node for node in cluster.nodes if node.ask("ROLE")[0] == "master"]
    for node in nodes:
        node.ask("ACL", "SETUSER", "ussd", *acl_line(repository))
    url = f"redis+cluster://ussd:secret@{nodes[0].host}"
    await dial_and_publish(url, open_market, market)
    store = await open_store(url)
    slot = key_slot(b"ussd:moved")
    source = cluster.begin_move(slot, cluster.spare)
    assert await store.call("GET", "ussd:moved") is None  # ASKING
    cluster.end_move(slot, source, cluster.spare)
    cluster.move(slot, source)
    await store.close()
    assert [entry for node in nodes for entry in denied(node)] == []


async def test_a_wrong_password_is_said_at_once(tmp_path: Path) -> None:
    with Server(tmp_path / "redis", {"requirepass": "right"}, login={"password": "right"}) as server:
        for scheme in ("redis", "redis+cluster"):
            for url in (f"{scheme}://:wrong@{server.host}", f"{scheme}://nobody:right@{server.host}"):
                with pytest.raises(
                    StoreError, match=r"refuses us at .*(WRONGPASS|invalid username)"
                ) as raised:
                    await open_store(url)
                assert "right" not in str(raised.value)
        with pytest.raises(StoreError, match=r"refuses us at .*NOAUTH"):
            await open_store(f"redis://{server.host}")


async def test_certificates_that_cannot_be_read_are_named() -> None:
    for url in (
        "rediss://cache?ssl_ca_certs=/not/there.pem",
        "rediss+cluster://cache?ssl_ca_certs=/not/there.pem",
    ):
        with pytest.raises(StoreError, match=r"certificates cannot be used \(/not/there\.pem\)"):
            await open_store(url)
    with pytest.raises(StoreError, match=r"certificates cannot be used"):
        client("rediss://cache?ssl_certfile=/not/there.pem")
