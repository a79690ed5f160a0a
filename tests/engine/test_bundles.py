"""Published menu versions: sessions keep theirs, workers follow, and Redis may forget everything."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import orjson
import pytest
import redis as redis_client
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from tests.engine.conftest import CODE, SHOP, OpenEngine, Phone, Shop
from ussd_engine.bundles import Bundle, Bundles, bundle_name
from ussd_engine.engine import Engine
from ussd_engine.errors import BundleError, MenuError
from ussd_engine.observe.board import Board
from ussd_engine.plugin import Runtime
from ussd_engine.settings import Settings

FIRST = {"service.yaml": SHOP}
SECOND = {"service.yaml": SHOP.replace('menu: "Shop"', 'menu: "New shop"')}
OTHER = {
    "service.yaml": """\
service: other
codes: ["*123#"]
languages: [en]
start: bye
states:
  bye: {end: "Bye"}
"""
}
BROKEN = {"service.yaml": SHOP.replace("to: nickname", "to: nowhere")}


@pytest.fixture
def engine_settings(engine_settings: Settings, pg_url: str) -> Settings:
    engine_settings.database_url = pg_url
    engine_settings.bundle_poll_s = 0.05
    engine_settings.pg_pool = 3
    return engine_settings


@pytest.fixture
async def desk(engine_settings: Settings, engine: Engine, shop: Shop) -> AsyncIterator[Bundles]:
    """What `ussd publish` and its like use: another process, that follows nothing."""
    bundles = await Bundles.open(engine_settings, Board(), follow=False, plugins={"shop": shop})
    yield bundles
    await bundles.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.01)


def live(engine: Engine) -> str:
    bundle = engine.bundles.for_code(CODE)
    assert bundle is not None
    return bundle.name


async def follows(engine: Engine, name: str) -> None:
    async def holds() -> bool:
        return live(engine) == name

    await until(holds)


def test_a_bundle_is_named_by_its_content() -> None:
    assert bundle_name(FIRST) == bundle_name(dict(reversed(FIRST.items())))
    assert bundle_name(FIRST) != bundle_name(SECOND)


async def test_every_worker_follows_a_publication(open_shop: OpenEngine, desk: Bundles) -> None:
    workers = [await open_shop(), await open_shop()]
    name = (await desk.publish(SECOND, "amina", "wording")).name
    await asyncio.gather(*(follows(worker, name) for worker in workers))


async def test_a_session_in_flight_stays_on_its_version(engine: Engine, desk: Bundles) -> None:
    older, newer = Phone(engine, "254700000001"), Phone(engine, "254700000002")
    await older.dial()
    await older.press("2")
    await follows(engine, (await desk.publish(SECOND, "amina")).name)
    assert (await newer.dial()).startswith("New shop")
    assert (await older.press("Amina", "1")).startswith("Shop")


async def test_a_worker_that_never_had_a_version_gets_it_for_a_session_in_flight(
    engine: Engine, open_shop: OpenEngine, desk: Bundles
) -> None:
    phone = Phone(engine)
    await phone.dial()
    await desk.publish(SECOND, "amina")
    phone.engine = await open_shop()
    assert live(phone.engine) == bundle_name(SECOND)
    assert await phone.press("0") != ""
    assert (await phone.press("2", "Amina", "1")).startswith("Shop")


async def test_a_rollback_is_a_publication_of_the_version_before(engine: Engine, desk: Bundles) -> None:
    await desk.publish(SECOND, "amina")
    await desk.rollback("shop", None, "baraka")
    await follows(engine, bundle_name(FIRST))
    versions = await desk.versions("shop")
    assert [version.name for version in versions] == [
        bundle_name(FIRST), bundle_name(SECOND), bundle_name(FIRST),
    ]  # fmt: skip
    assert [version.live for version in versions] == [True, False, False]
    assert versions[0].published_by == "baraka"


async def test_a_rollback_to_nothing_says_so(desk: Bundles) -> None:
    with pytest.raises(BundleError, match="no earlier version"):
        await desk.rollback("shop", None, "amina")
    with pytest.raises(BundleError, match="no menu version"):
        await desk.rollback("shop", "0123456789ab", "amina")


async def test_versions_tell_how_many_sessions_are_still_on_each(engine: Engine, desk: Bundles) -> None:
    for number in range(3):
        await Phone(engine, f"25470000000{number}").dial()
    done = Phone(engine, "254700000009")
    await done.dial()
    await done.press("3")
    await follows(engine, (await desk.publish(SECOND, "amina")).name)
    await Phone(engine, "254700000008").dial()
    assert [(version.live, version.sessions) for version in await desk.versions("shop")] == [
        (True, 1), (False, 3),
    ]  # fmt: skip


async def test_a_broken_folder_is_not_published_and_says_where(engine: Engine, desk: Bundles) -> None:
    before = live(engine)
    with pytest.raises(MenuError, match=r"service\.yaml:\d+:\d+"):
        await desk.publish(BROKEN, "amina")
    assert [version.name for version in await desk.versions("shop")] == [before]


async def test_a_code_belongs_to_one_service(desk: Bundles) -> None:
    with pytest.raises(MenuError, match="belongs to another service"):
        await desk.publish(OTHER, "amina")


async def test_an_emptied_redis_is_filled_again(
    engine: Engine, engine_settings: Settings, open_shop: OpenEngine, desk: Bundles
) -> None:
    await follows(engine, (await desk.publish(SECOND, "amina")).name)
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    redis.flushall()

    async def filled() -> bool:
        return redis.hget("ussd:live", "shop") == bundle_name(SECOND).encode()

    await until(filled)
    assert live(await open_shop()) == bundle_name(SECOND)


async def test_a_first_start_publishes_the_folder_and_a_second_leaves_it(
    engine: Engine, open_shop: OpenEngine, desk: Bundles, engine_settings: Settings
) -> None:
    await desk.publish(SECOND, "amina")
    assert live(await open_shop()) == bundle_name(SECOND)
    assert len(await desk.versions("shop")) == 2


async def test_workers_keep_the_last_good_version_when_the_new_one_cannot_be_used(
    engine: Engine, engine_settings: Settings
) -> None:
    """Someone writes nonsense into Redis by hand."""
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    before = live(engine)
    redis.set("ussd:bundle:badbadbadbad", b'{"service.yaml": "service: shop"}')
    redis.hset("ussd:live", "shop", "badbadbadbad")
    redis.publish("ussd:published", "shop")
    await asyncio.gather(*(asyncio.sleep(0.2), Phone(engine).dial()))
    assert live(engine) == before
    assert (await Phone(engine).dial()).startswith("Shop")


async def test_a_frozen_process_does_not_keep_its_row_locks(
    engine_settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Runtime] = []

    async def start(runtime: Runtime) -> None:
        given.append(runtime)

    monkeypatch.setattr(shop, "start", start)
    bundles = await Bundles.open(engine_settings, Board(), follow=False, plugins={"shop": shop})
    try:
        await bundles.publish(FIRST, by="test")
        pool = given[0].pg
        assert pool is not None
        assert await pool.fetchval("show idle_in_transaction_session_timeout") == "15s"
    finally:
        await bundles.close()


def unbuildable(engine_settings: Settings, service: str = "shop") -> str:
    """What an older release let through is live, and this one does not build it."""
    sources = {name: text.replace("service: shop", f"service: {service}") for name, text in BROKEN.items()}
    name = bundle_name(sources)
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    redis.set(f"ussd:bundle:{name}", orjson.dumps(sources))
    redis.hset("ussd:live", service, name)
    return name


async def test_a_version_that_does_not_build_keeps_no_other_service_back(
    engine: Engine, engine_settings: Settings, desk: Bundles
) -> None:
    unbuildable(engine_settings, "another")
    await follows(engine, (await desk.publish(SECOND, "amina")).name)


async def test_a_live_version_that_does_not_build_is_mended_by_publishing(
    engine: Engine, engine_settings: Settings, open_shop: OpenEngine, shop: Shop
) -> None:
    unbuildable(engine_settings)
    with pytest.raises(MenuError):
        await open_shop()
    desk = await Bundles.open(engine_settings, Board(), follow=False, plugins={"shop": shop})
    name = (await desk.publish(SECOND, "amina")).name
    await desk.close()
    await follows(engine, name)
    assert live(await open_shop()) == name


@pytest.mark.parametrize("stored", [b"not JSON", b"[]", b'{"service.yaml": 1}', b"\xff", b"null"])
async def test_nonsense_in_redis_does_not_stop_a_worker_from_following(
    engine: Engine, engine_settings: Settings, desk: Bundles, stored: bytes
) -> None:
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    redis.set("ussd:bundle:badbadbadbad", stored)
    redis.hset("ussd:live", mapping={b"\xff": "badbadbadbad", "shop": "badbadbadbad"})
    redis.publish("ussd:published", "shop")
    await asyncio.sleep(0.15)
    redis.hdel("ussd:live", b"\xff")
    await follows(engine, (await desk.publish(SECOND, "amina")).name)


async def test_content_under_another_contents_name_is_not_used(
    engine: Engine, engine_settings: Settings, desk: Bundles
) -> None:
    second = (await desk.publish(SECOND, "amina")).name
    await desk.rollback("shop", None, "amina")
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    redis.set(f"ussd:bundle:{second}", orjson.dumps(FIRST))
    engine.bundles._known.pop(second, None)
    assert dict((await engine.bundles.load(second)).sources) == SECOND


async def test_two_who_publish_at_once_leave_redis_and_postgresql_of_one_mind(
    engine: Engine, engine_settings: Settings, shop: Shop
) -> None:
    desks = [
        await Bundles.open(engine_settings, Board(), follow=False, plugins={"shop": shop}) for _ in range(3)
    ]
    contents = [{"service.yaml": SHOP.replace('"Shop"', f'"Shop {n}"')} for n in range(6)]
    await asyncio.gather(*(desks[n % 3].publish(sources, "amina") for n, sources in enumerate(contents)))
    redis = redis_client.Redis.from_url(engine_settings.redis_url, decode_responses=True)
    newest = (await desks[0].versions("shop"))[0]
    assert redis.hget("ussd:live", "shop") == newest.name
    assert newest.live
    await follows(engine, newest.name)
    await asyncio.gather(*(desk.close() for desk in desks))


async def test_putting_back_what_is_live_does_not_undo_a_publication(
    engine: Engine, engine_settings: Settings, desk: Bundles
) -> None:
    """A worker saw Redis empty; before it puts its version back, somebody publishes another."""
    before = live(engine)
    name = (await desk.publish(SECOND, "amina")).name
    await engine.bundles._serve(await engine.bundles.load(before), unless_there=True)
    redis = redis_client.Redis.from_url(engine_settings.redis_url, decode_responses=True)
    assert redis.hget("ussd:live", "shop") == name


async def test_what_redis_does_not_take_is_not_published(desk: Bundles, engine: Engine) -> None:
    before = live(engine)
    await desk._redis.aclose()
    desk._redis = aioredis.Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(RedisError):
        await desk.publish(SECOND, "amina")
    assert engine.bundles.pool is not None
    assert await engine.bundles.pool.fetchval("SELECT count(*) FROM bundle_publication") == 1
    assert live(engine) == before


async def test_a_code_moves_to_another_service_and_is_not_taken_back_by_a_rollback(
    engine: Engine, desk: Bundles, engine_settings: Settings, shop: Shop
) -> None:
    await desk.publish({"service.yaml": SHOP.replace("*123#", "*124#")}, "amina")
    stale = await Bundles.open(engine_settings, Board(), follow=False, plugins={"shop": shop})
    await desk.publish(OTHER, "amina")
    with pytest.raises(MenuError, match="belongs to another service"):
        await stale.rollback("shop", bundle_name(FIRST), "baraka")
    await stale.close()

    async def moved() -> bool:
        return (await Phone(engine).dial()) == "Bye"

    await until(moved)


async def test_many_sessions_of_an_older_version_build_it_once(
    engine: Engine, open_shop: OpenEngine, desk: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = [Phone(engine, f"2547000000{number:02}") for number in range(20)]
    await asyncio.gather(*(phone.dial() for phone in phones))
    await desk.publish(SECOND, "amina")
    worker = await open_shop()
    built: list[str] = []
    build = worker.bundles._build

    async def counted(sources: Mapping[str, str]) -> Bundle:
        built.append(bundle_name(sources))
        return await build(sources)

    monkeypatch.setattr(worker.bundles, "_build", counted)
    for phone in phones:
        phone.engine = worker
    await asyncio.gather(*(phone.press("2") for phone in phones))
    assert built == [bundle_name(FIRST)]


async def test_versions_in_memory_have_a_bound_and_sessions_on_others_go_on(
    engine: Engine, desk: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ussd_engine.bundles._MOST_KNOWN", 2)
    phone = Phone(engine)
    await phone.dial()
    for number in range(5):
        sources = {"service.yaml": SHOP.replace('"Shop"', f'"Shop {number}"')}
        await follows(engine, (await desk.publish(sources, "amina")).name)
    for bundles in (engine.bundles, desk):
        assert len(bundles._known) <= 4
    assert bundle_name(FIRST) not in engine.bundles._known
    assert (await phone.press("2", "Amina", "1")).startswith("Shop\n")


async def test_a_dropped_call_on_a_version_that_is_gone_begins_anew(
    engine: Engine, engine_settings: Settings, desk: Bundles
) -> None:
    """It would not build any more: nobody may be kept from dialling until their old session is over."""
    phone = Phone(engine)
    await phone.dial()
    await phone.press("2", "Amina")
    redis = redis_client.Redis.from_url(engine_settings.redis_url)
    gone = unbuildable(engine_settings)
    redis.hset("ussd:live", "shop", bundle_name(FIRST))
    key = f"ussd:{{{phone.msisdn}}}:{CODE}"
    record = orjson.loads(redis.get(key) or b"")
    redis.set(key, orjson.dumps(record | {"bundle": gone}))
    assert (await phone.dial()).startswith("Shop")


async def test_workers_that_start_at_once_publish_a_folder_once(open_shop: OpenEngine) -> None:
    workers = await asyncio.gather(*(open_shop() for _ in range(4)))
    assert len(await workers[0].bundles.versions("shop")) == 1


async def test_what_one_service_knows_of_a_phone_is_not_shown_to_another(
    engine: Engine, desk: Bundles, shop: Shop
) -> None:
    club = SHOP.replace("service: shop", "service: club").replace("*123#", "*125#")
    shop.purchases["before"] = "R0"
    assert (await Phone(engine).dial()).startswith("Welcome back")
    desk._plugins = {"club": Shop()}
    engine.bundles._plugins = {"shop": shop, "club": Shop()}
    await desk.publish({"service.yaml": club}, "amina")

    async def served() -> bool:
        return engine.bundles.for_code("*125#") is not None

    await until(served)
    reply = await engine.handle(Phone(engine).turn("")._replace(service_code="*125#"))
    assert reply.text.startswith("Shop")


async def test_a_connection_comes_back_to_the_pool_at_no_cost_and_out_of_its_transaction(
    desk: Bundles,
) -> None:
    pool = desk.pool
    assert pool is not None
    async with pool.acquire() as connection:
        process = connection.get_server_pid()
        await connection.fetchval("select 'the last that was asked'")
    async with pool.acquire() as other, pool.acquire() as another:
        watching = other if another.get_server_pid() == process else another
        asked = await watching.fetchval("select query from pg_stat_activity where pid = $1", process)
    assert asked == "select 'the last that was asked'"

    async def broken_off() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("create table begun (id integer)")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await broken_off()
    assert await pool.fetchval("select to_regclass('begun')") is None


async def test_while_menus_are_compiled_a_turn_waits_for_the_interpreter_less_than_a_millisecond(
    desk: Bundles,
) -> None:
    sys.setswitchinterval(0.005)
    await desk.publish(SECOND, "amina")
    assert sys.getswitchinterval() < 0.001
