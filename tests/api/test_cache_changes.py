"""PostgreSQL tells every web process what changed, whoever changed it; and what holds while it does not."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel

from services import clock
from services.actions import lender
from services.api.cache import Cache
from services.api.cache_changes import KeptCache
from services.api.cached import cached, named
from services.api.calls import NOBODY, Read
from services.api.desk import Desk
from tests.api.memcached import Memcached as Server
from tests.services.world import SECRET, Phone, terms
from ussd_engine.settings import Settings

SCORE = "select score from borrower where id = $1"


def settings(pg_url: str, memcached: str = "") -> Settings:
    return Settings(_env_file=None, env="test", database_url=pg_url, memcached_host=memcached)


@asynccontextmanager
async def listening(pg_url: str, memcached: str = "") -> AsyncIterator[Cache]:
    """A web process's cache that hears."""
    kept = KeptCache(settings(pg_url, memcached))
    kept.start()
    try:
        await until_it_hears(kept.cache)
        yield kept.cache
    finally:
        await kept.stop()


async def until_it_hears(cache: Cache) -> None:
    async with asyncio.timeout(20):
        while not cache.listening:
            await asyncio.sleep(0.01)


@pytest.fixture
async def rows(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=12) as pool:
        yield pool


async def add_borrower(pool: Any, number: int = 1) -> int:
    made: int = await pool.fetchval(
        "insert into borrower (msisdn) values ($1) returning id", f"25471100{number:04}"
    )
    return made


async def score_of(cache: Cache, pool: Any, number: int) -> int:
    found: int = await cache.get_or_make(
        f"score {number}", [f"borrower:{number}"], lambda: pool.fetchval(SCORE, number)
    )
    return found


def ears(cache: Cache) -> dict[str, asyncio.Event]:
    """An event for each word that this cache has heard and dealt with."""
    heard, words = cache.heard, defaultdict(asyncio.Event)

    def also(tags: Iterable[str]) -> None:
        told = list(tags)
        heard(told)
        for word in told:
            words[word].set()

    cache.heard = also  # type: ignore[method-assign]
    return words


@pytest.mark.parametrize("where", ["local", "memcached"])
async def test_whoever_changes_a_row_no_web_process_answers_the_old_one(
    pg_url: str, rows: Any, memcacheds: list[Server], where: str
) -> None:
    host = memcacheds[0].host if where == "memcached" else ""
    async with listening(pg_url, host) as one, listening(pg_url, host) as other:
        number = await add_borrower(rows)
        heard = [ears(one), ears(other)]
        assert [await score_of(cache, rows, number) for cache in (one, other, one)] == [300] * 3
        assert one.counts.hits >= 1
        await rows.execute("update borrower set score = 640 where id = $1", number)  # as psql would
        await asyncio.gather(*(words[f"borrower:{number}"].wait() for words in heard))
        assert [await score_of(cache, rows, number) for cache in (one, other) * 3] == [640] * 6


async def test_writers_and_readers_at_once_and_no_old_answer_after_a_notice_was_handled(
    pg_url: str, rows: Any, memcacheds: list[Server]
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    host = memcacheds[0].host
    async with listening(pg_url, host) as one, listening(pg_url, host) as other:
        people = [await add_borrower(rows, n) for n in range(3)]
        known = dict.fromkeys(people, 300)  # what every process has heard of
        heard = {cache: ears(cache) for cache in (one, other)}
        ends = asyncio.get_running_loop().time() + 2.5

        async def write(mine: int) -> None:
            while asyncio.get_running_loop().time() < ends:
                score, mark = known[mine] + 1, f"note:{mine}-{known[mine]}"
                async with rows.acquire() as connection, connection.transaction():
                    await connection.execute("update borrower set score = $2 where id = $1", mine, score)
                    await connection.execute("select pg_notify('cache', $1)", mark)
                if chance.random() < 0.3:
                    await one.forget(f"borrower:{mine}")
                async with asyncio.timeout(10):
                    await asyncio.gather(*(words[mark].wait() for words in heard.values()))
                known[mine] = score
                await asyncio.sleep(chance.random() * 0.01)

        async def read() -> None:
            while asyncio.get_running_loop().time() < ends:
                number, cache = chance.choice(people), chance.choice((one, other))
                least = known[number]
                found = await score_of(cache, rows, number)
                assert least <= found <= known[number] + 1, (seed, number, least, found)
                await asyncio.sleep(chance.random() * 0.003)

        await asyncio.gather(*(write(number) for number in people), *(read() for _ in range(16)))
        assert one.counts.hits + other.counts.hits > 20, seed
        assert min(known.values()) > 305, seed


async def test_with_its_connection_lost_it_believes_nothing_until_it_listens_again(
    pg_url: str, rows: Any, memcacheds: list[Server]
) -> None:
    async with listening(pg_url, memcacheds[0].host) as cache:
        number = await add_borrower(rows)
        assert [await score_of(cache, rows, number) for _ in range(2)] == [300, 300]
        assert cache.counts.hits == 1
        killed = await rows.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = $1"
            " and datname = current_database()",
            "umoja-cache",
        )
        assert killed == 1
        async with asyncio.timeout(10):
            while cache.listening:
                await asyncio.sleep(0)
        await rows.execute("update borrower set score = 640 where id = $1", number)  # nobody hears this
        assert await score_of(cache, rows, number) == 640
        assert cache.counts.past >= 1
        await until_it_hears(cache)
        # What memcached still has from before is not believed either.
        assert [await score_of(cache, rows, number) for _ in range(2)] == [640, 640]
        assert cache.counts.hits == 2


async def test_a_process_that_starts_believes_nothing_from_before(
    pg_url: str, rows: Any, memcacheds: list[Server]
) -> None:
    number = await add_borrower(rows)
    async with listening(pg_url, memcacheds[0].host) as cache:
        assert await score_of(cache, rows, number) == 300
    await rows.execute("update borrower set score = 640 where id = $1", number)  # no web process runs
    async with listening(pg_url, memcacheds[0].host) as cache:
        assert await score_of(cache, rows, number) == 640


async def test_who_has_caught_up_finds_every_change_of_theirs(pg_url: str, rows: Any) -> None:
    kept = KeptCache(settings(pg_url))
    kept.start()
    await until_it_hears(kept.cache)
    people = [await add_borrower(rows, n) for n in range(4)]

    async def change_and_look(number: int) -> None:
        for score in range(301, 331):
            async with rows.acquire() as connection:
                await connection.execute("update borrower set score = $2 where id = $1", number, score)
                await kept.catch_up(connection)
            assert await score_of(kept.cache, rows, number) == score
            assert await score_of(kept.cache, rows, number) == score

    await asyncio.gather(*(change_and_look(number) for number in people))
    assert kept.cache.counts.hits >= 60
    assert kept._marks == {}
    await kept.stop()
    async with rows.acquire() as connection:
        await kept.catch_up(connection)  # it hears nothing: there is nothing to wait for


async def test_without_postgresql_nothing_is_kept_and_nothing_fails() -> None:
    kept = KeptCache(settings("postgresql://nobody@127.0.0.1:1/none"))
    kept.start()
    makes = iter(range(9))

    async def make() -> int:
        return next(makes)

    assert [await kept.cache.get_or_make("page", ["loan"], make) for _ in range(3)] == [0, 1, 2]
    await kept.stop()


async def test_what_a_loan_does_is_told_of_the_loan_its_borrower_and_the_lists(
    pg_url: str, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thing that can be seen of a loan changes its tags, by whatever it was changed."""
    monkeypatch.setattr(lender, "pool", rows)
    monkeypatch.setattr(lender, "secret", SECRET)
    borrower = await Phone(rows, terms()).join()
    listener = await asyncpg.connect(pg_url)
    told: list[str] = []
    await listener.add_listener("cache", lambda *words: told.extend(words[3].split()))

    async def tells() -> set[str]:
        await rows.execute("select pg_notify('cache', 'end')")
        async with asyncio.timeout(10):
            while "end" not in told:
                await asyncio.sleep(0.005)
        found, told[:] = set(told) - {"end"}, []
        return found

    ref = (await borrower.borrow()).value["ref"]
    loan = await borrower.loan_id(ref)
    person = await rows.fetchval("select borrower_id from loan where id = $1", loan)
    theirs = {f"loan:{loan}", f"borrower:{person}"}
    assert await tells() >= theirs | {"loan", "journal", "decision"}
    await borrower.money_arrives(ref)
    assert await tells() >= theirs | {"loan", "journal", "sms"}
    await borrower.pay(ref, 10_000, "R1")
    assert await tells() >= theirs | {"journal", "sms"}
    await rows.execute("update borrower set language = 'sw'")
    assert await tells() == {"borrower", f"borrower:{person}"}
    await rows.execute("update borrower set language = 'sw' where false")
    assert await tells() == set()
    await rows.execute(
        "insert into borrower (msisdn) select '25479' || n from generate_series(1000000, 1000020) as n"
    )
    assert await tells() == {"borrower", "borrower:*"}
    await rows.execute("insert into business_day (day, counts) values ($1, '{}')", clock.now().date())
    assert await tells() == {"business_day"}
    await listener.close()


class Page(BaseModel):
    """An answer."""

    ref: str
    cents: int


async def test_a_handler_keeps_its_answer_by_its_own_name_and_query(pg_url: str, rows: Any) -> None:
    async with listening(pg_url) as cache:
        desk = Desk(settings(pg_url), rows, cache=cache)
        makes = 0

        async def make() -> Page:
            nonlocal makes
            makes += 1
            return Page(ref="ABC", cents=makes)

        async def ask(key: tuple[Any, ...]) -> int:
            call = Read(desk, NOBODY, "request", "127.0.0.1")
            return (await cached(call, key, ["loan:1"], Page, make)).cents

        assert [await ask(("loan", 1)), await ask(("loan", 1)), await ask(("loan", "1"))] == [1, 1, 2]
        desk.cache = None
        assert await ask(("loan", 1)) == 3
    assert named(("a", None)) != named(("a", "None"))
    assert named((Page(ref="A", cents=1),)) != named((Page(ref="A", cents=2),))
