"""Rate limits: in Redis, in a cluster of Redis, and without any Redis."""

import asyncio
import re
from pathlib import Path

import pytest

from services.api.limits import AWAY_S, TAKE, Limiter, LimitSettings, Rate, Taken, rate, read_limits
from services.api.operation import Limit
from tests.redis.servers import Cluster, Server
from ussd_engine.errors import SettingsError
from ussd_engine.redis_clients import client

LIMITS = LimitSettings(_env_file=None)


async def takes(
    limiter: Limiter, times: int, who: str = "person:1", limit: Limit = Limit.LIST
) -> list[Taken]:
    return [await limiter.take(limit, who) for _ in range(times)]


async def test_ten_a_minute_then_no_more_and_the_answer_says_how_long_to_wait(redis_url: str) -> None:
    redis = client(redis_url)
    try:
        taken = await takes(Limiter(redis, LIMITS), 11)
        assert [one.allowed for one in taken] == [True] * 10 + [False]
        assert taken[0].headers == {"RateLimit-Policy": '"list";q=10;w=60', "RateLimit": '"list";r=9;t=6'}
        assert taken[0].retry_after_s is None
        last = taken[-1]
        assert last.retry_after_s in range(1, 7)
        assert last.headers["Retry-After"] == str(last.retry_after_s)
        assert re.fullmatch(r'"list";r=0;t=(59|60)', last.headers["RateLimit"])
        # Somebody else, and another class, have their own.
        assert (await takes(Limiter(redis, LIMITS), 1, "person:2"))[0].allowed
        assert (await takes(Limiter(redis, LIMITS), 1, limit=Limit.READ))[0].allowed
        keys = await redis.keys("*")
        assert sorted(keys) == [b"rl:{list:person:1}", b"rl:{list:person:2}", b"rl:{read:person:1}"]
        assert [key for key in keys if not 0 < await redis.pttl(key) <= 60_000] == []
    finally:
        await redis.aclose()


async def test_processes_count_together_and_nothing_is_lost_at_once(redis_url: str) -> None:
    clients = [client(redis_url) for _ in range(4)]
    try:
        limiters = [Limiter(one, LIMITS) for one in clients]
        taken = await asyncio.gather(*(limiters[n % 4].take(Limit.LIST, "key:7") for n in range(40)))
        assert sum(one.allowed for one in taken) == 10
    finally:
        for one in clients:
            await one.aclose()


async def test_what_was_taken_comes_back_evenly(redis_url: str) -> None:
    redis = client(redis_url)
    limits = LIMITS.model_copy(update={"list": Rate(10, 1)})
    try:
        assert not (await takes(Limiter(redis, limits), 11))[-1].allowed
        # A tenth of a second later by Redis's clock one is free: move what is kept, not the clock.
        moved = "redis.call('SET', KEYS[1], string.format('%.0f', redis.call('GET', KEYS[1]) - ARGV[1]))"
        await redis.eval(moved, 1, "rl:{list:person:1}", 300_000)
        assert [one.allowed for one in await takes(Limiter(redis, limits), 5)][:3] == [True] * 3
    finally:
        await redis.aclose()


async def test_in_a_cluster_the_key_has_one_slot(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        redis = client("redis+cluster://" + ",".join(node.host for node in cluster.masters))
        try:
            limiter = Limiter(redis, LIMITS.model_copy(update={"redis_timeout_s": 5.0}))
            for who in range(6):  # on several nodes, each of which learns the script
                allowed = [one.allowed for one in await takes(limiter, 11, f"person:{who}")]
                assert allowed == [True] * 10 + [False]
        finally:
            await redis.aclose()
        assert sum(int(node.ask("DBSIZE")) for node in cluster.masters) == 6


async def test_without_redis_each_process_keeps_the_same_rate(tmp_path: Path) -> None:
    server = Server(tmp_path / "redis")
    with server:
        redis = client(f"redis://{server.host}")
        limiter = Limiter(redis, LIMITS)
        assert (await takes(limiter, 1))[0].headers["RateLimit"] == '"list";r=9;t=6'
        server.kill()
        taken = await takes(limiter, 11)
        assert [one.allowed for one in taken] == [True] * 10 + [False]
        login = await takes(limiter, LIMITS.login.most + 1, "address:10.0.0.1", Limit.LOGIN)
        assert [one.allowed for one in login] == [True] * LIMITS.login.most + [False]
        assert int(login[-1].headers["Retry-After"]) == login[-1].retry_after_s

        server.start()  # and it counts in Redis again, without anybody doing anything
        async with asyncio.timeout(20):
            while not await _counts_in(server, limiter):
                await asyncio.sleep(AWAY_S / 5)
        await redis.aclose()


async def _counts_in(server: Server, limiter: Limiter) -> bool:
    await limiter.take(Limit.READ, "person:3")
    return "rl:{read:person:3}" in server.ask("KEYS *")


async def test_a_redis_that_hangs_costs_one_wait_and_then_none(tmp_path: Path) -> None:
    with Server(tmp_path / "redis") as server:
        redis = client(f"redis://{server.host}")
        limiter = Limiter(redis, LIMITS)
        await takes(limiter, 1)
        loop = asyncio.get_running_loop()
        with server.frozen():
            began = loop.time()
            taken = await takes(limiter, 11)
            took = loop.time() - began
        assert [one.allowed for one in taken] == [True] * 10 + [False]
        assert took < 11 * LIMITS.redis_timeout_s / 2
        await redis.aclose()


async def test_the_script_counts_as_the_process_does(redis_url: str) -> None:
    """The same takes at the same moments: the script's clock is set beside the process's."""
    redis = client(redis_url)
    try:
        for most, window in ((1, 1), (3, 60), (1000, 1), (7, 86_400)):
            limits = LIMITS.model_copy(update={"read": Rate(most, window)})
            both = [Limiter(redis, limits), Limiter(None, limits)]
            counted = [(await takes(one, 4, f"{most}", Limit.READ)) for one in both]
            lefts = [[re.findall(r"r=(\d+)", one.headers["RateLimit"]) for one in side] for side in counted]
            if most != 1000:  # in which more come back while we ask
                assert lefts[0] == lefts[1]
            assert [one.allowed for one in counted[0]] == [one.allowed for one in counted[1]]
        assert "tostring" not in TAKE  # which would round the microseconds
    finally:
        await redis.aclose()


def test_rates_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (LIMITS.list, str(LIMITS.list)) == (Rate(10, 60), "10/minute")
    monkeypatch.setenv("API_LIMIT_LIST", "200/hour")
    assert read_limits().list == Rate(200, 3600)
    for wrong in ("0/minute", "ten", "10/fortnight", "-1/minute"):
        with pytest.raises(ValueError, match="a rate such as 10/minute"):
            rate(wrong)
        monkeypatch.setenv("API_LIMIT_CHANGE", wrong)
        with pytest.raises(SettingsError, match=r"API_LIMIT_CHANGE must be a rate such as 10/minute"):
            read_limits()


async def test_a_process_forgets_whom_it_has_not_seen_longest() -> None:
    limiter = Limiter(None, LIMITS)
    for number in range(20_050):
        await limiter.take(Limit.READ, f"address:{number}")
    assert len(limiter._local._back_us) == 20_000
