"""What the cache may never do is answer what has changed. In the process, in memcached, in two of them.

`truth` stands for the database where it need not be one: a change of it is told, as PostgreSQL tells.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from services.api.cache import Cache
from services.api.cache_stores import Away, Local, Memcached, Store
from tests.api.memcached import Memcached as Server

STORES = ["local", "memcached", "two of them"]


_names = (f"test {number}" for number in range(10**9))


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    made: Store = Local()
    if request.param != "local":
        running = request.getfixturevalue("memcacheds")[: 1 if request.param == "memcached" else 2]
        made = Memcached([("127.0.0.1", one.port) for one in running], timeout_s=2.0)
    yield made
    await made.close()


@pytest.fixture
async def cache(store: Store) -> Cache:
    """One that hears of what a test tells it."""
    made = Cache(store, next(_names))
    made.hears()
    return made


@dataclass
class Truth:
    """What is so, by tag; and how often it was read."""

    now: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    slowness_s: float = 0.0

    def read(self, tag: str) -> Callable[[], Awaitable[int]]:
        async def make() -> int:
            self.reads += 1
            found = self.now.get(tag, 0)
            await asyncio.sleep(self.slowness_s)
            return found

        return make


# ---- kept, and no longer


async def test_what_is_read_is_kept_until_it_changes(cache: Cache) -> None:
    truth = Truth({"loan:1": 1, "loan:2": 2})

    async def ask(tag: str) -> int:
        return await cache.get_or_make(f"the page of {tag}", [tag], truth.read(tag))

    assert [await ask("loan:1"), await ask("loan:2"), await ask("loan:1"), await ask("loan:1")] == [
        1,
        2,
        1,
        1,
    ]
    assert truth.reads == 2
    truth.now["loan:1"] = 10
    await cache.forget("loan:1")
    assert [await ask("loan:1"), await ask("loan:2"), await ask("loan:1")] == [10, 2, 10]
    assert truth.reads == 3


@pytest.mark.parametrize(
    ("kept", "told", "stays"),
    [
        (["loan:1"], "loan:1", False),
        (["loan:1"], "loan:2", True),
        (["loan:1"], "loan", False),  # all of them
        (["loan"], "loan:1", False),  # a list
        (["loan"], "loan", False),
        (["borrower:7", "loan:1"], "loan:1", False),
        (["borrower:7", "loan:1"], "sms", True),
        (["loan:1"], "loan:11", True),
    ],
)
async def test_which_tags_a_change_touches(cache: Cache, kept: list[str], told: str, stays: bool) -> None:
    truth = Truth({"it": 1})
    await cache.get_or_make("a page", kept, truth.read("it"))
    truth.now["it"] = 2
    await cache.forget(told)
    assert await cache.get_or_make("a page", kept, truth.read("it")) == (1 if stays else 2)


async def test_the_triggers_words_for_very_many_touch_each(cache: Cache) -> None:
    truth = Truth({"it": 1})
    for tags in (["loan:1"], ["loan"], ["borrower:9"]):
        await cache.get_or_make(str(tags), tags, truth.read("it"))
    cache.heard(["journal", "loan:*", "borrower:*"])
    truth.now["it"] = 2
    got = [await cache.get_or_make(str(tags), tags, truth.read("it")) for tags in (["loan:1"], ["loan"])]
    assert got == [2, 1]  # a list of loans shows nothing of journals, unless it is tagged so
    assert await cache.get_or_make("['borrower:9']", ["borrower:9"], truth.read("it")) == 2


async def test_what_was_read_before_a_change_and_stored_after_it_is_never_answered(cache: Cache) -> None:
    truth = Truth({"loan:1": 1})
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> int:
        found = truth.now["loan:1"]
        reading.set()
        await go_on.wait()
        return found

    first = asyncio.create_task(cache.get_or_make("page", ["loan:1"], slow))
    await reading.wait()
    truth.now["loan:1"] = 2
    await cache.forget("loan:1")
    # Who asks now does not join the reader who began before the change.
    assert await cache.get_or_make("page", ["loan:1"], truth.read("loan:1")) == 2
    go_on.set()
    assert await first == 1  # it asked before the change
    assert await cache.get_or_make("page", ["loan:1"], truth.read("loan:1")) == 2


async def test_a_value_ends_by_itself(store: Store) -> None:
    cache = Cache(store, next(_names))
    cache.hears()
    truth = Truth({"it": 1})
    await cache.get_or_make("page", ["loan:1"], truth.read("it"), ttl_s=1)
    truth.now["it"] = 2  # and nobody tells
    async with asyncio.timeout(10):
        while await cache.get_or_make("page", ["loan:1"], truth.read("it"), ttl_s=1) == 1:
            await asyncio.sleep(0.1)


async def test_many_writers_and_readers_at_once_and_never_an_old_answer(store: Store) -> None:
    """Two processes share what is shared. A reader notes what is so when it asks; the answer may be newer,
    and never older. The seed is part of the failure."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    space = next(_names)
    caches = [Cache(store, space) for _ in range(2 if store.shared else 1)]
    for one in caches:
        one.hears()
    truth = Truth({f"loan:{n}": 0 for n in range(4)}, slowness_s=0.0005)
    told = dict(truth.now)  # changes of which every process has heard
    ends = asyncio.get_running_loop().time() + 1.5
    asked = 0

    async def write() -> None:
        while asyncio.get_running_loop().time() < ends:
            tag = chance.choice(list(truth.now))
            truth.now[tag] = changed = truth.now[tag] + 1
            await asyncio.sleep(chance.random() * 0.002)  # committed; the notice is on its way
            if chance.random() < 0.5:
                await caches[0].forget(tag)
            for one in caches:
                one.heard([tag, "loan"])
            told[tag] = max(told[tag], changed)
            await asyncio.sleep(chance.random() * 0.01)

    async def read() -> None:
        nonlocal asked
        while asyncio.get_running_loop().time() < ends:
            tag, one = chance.choice(list(truth.now)), chance.choice(caches)
            least = told[tag]
            if chance.random() < 0.3:
                got = (await one.get_or_make("all", ["loan"], _all_of(truth)))[tag]
            else:
                got = await one.get_or_make(tag, [tag], truth.read(tag))
            asked += 1
            assert least <= got <= truth.now[tag], (seed, tag, least, got)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.003)

    await asyncio.gather(*(write() for _ in range(4)), *(read() for _ in range(24)))
    assert sum(one.counts.hits for one in caches) > 0, seed
    assert asked > 100


def _all_of(truth: Truth) -> Callable[[], Awaitable[dict[str, int]]]:
    async def make() -> dict[str, int]:
        found = dict(truth.now)
        await asyncio.sleep(truth.slowness_s)
        return found

    return make


# ---- no stampede


async def test_a_crowd_at_once_makes_a_value_once_in_all_processes(store: Store) -> None:
    space = next(_names)
    caches = [Cache(store, space) for _ in range(3 if store.shared else 1)]
    for one in caches:
        one.hears()
        await one._pay()
    truth = Truth({"it": 5}, slowness_s=0.1)
    asked = [caches[n % len(caches)].get_or_make("page", ["loan:1"], truth.read("it")) for n in range(90)]
    assert await asyncio.gather(*asked) == [5] * 90
    assert truth.reads == 1


async def test_what_cannot_be_made_fails_for_all_who_wait_and_is_tried_again(cache: Cache) -> None:
    makes = 0

    async def fails() -> int:
        nonlocal makes
        makes += 1
        await asyncio.sleep(0.01)
        raise LookupError("no such loan")

    async def ask() -> str:
        try:
            return str(await cache.get_or_make("page", ["loan:1"], fails))
        except LookupError as error:
            return str(error)

    assert await asyncio.gather(*(ask() for _ in range(20))) == ["no such loan"] * 20
    assert makes == 1
    assert await cache.get_or_make("page", ["loan:1"], Truth({"it": 1}).read("it")) == 1


async def test_who_goes_away_does_not_take_it_from_the_others(cache: Cache) -> None:
    truth = Truth({"it": 5}, slowness_s=0.05)
    first = asyncio.create_task(cache.get_or_make("page", ["loan:1"], truth.read("it")))
    second = asyncio.create_task(cache.get_or_make("page", ["loan:1"], truth.read("it")))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == 5
    assert truth.reads == 1


async def test_each_who_asks_has_a_copy_of_their_own(cache: Cache) -> None:
    async def make() -> list[int]:
        await asyncio.sleep(0.01)
        return [1]

    both = await asyncio.gather(*(cache.get_or_make("page", [], make) for _ in range(2)))
    both[0].append(2)
    assert both[1] == [1] == await cache.get_or_make("page", [], make)


# ---- memcached goes


async def test_memcached_killed_in_the_middle_makes_it_slower_and_never_wrong(memcached: Server) -> None:
    store = Memcached([("127.0.0.1", memcached.port)])
    cache = Cache(store, next(_names))
    cache.hears()
    paying = asyncio.create_task(cache.pay())
    truth = Truth({"loan:1": 0})
    failures: list[object] = []
    over = asyncio.Event()

    async def read() -> None:
        while not over.is_set():
            least = truth.now["loan:1"]
            got = await cache.get_or_make("page", ["loan:1"], truth.read("loan:1"))
            if not least <= got <= truth.now["loan:1"]:
                failures.append((least, got))
            await asyncio.sleep(0.001)

    async def change() -> None:
        truth.now["loan:1"] += 1
        await cache.forget("loan:1")

    readers = [asyncio.create_task(read()) for _ in range(8)]
    for _ in range(20):
        await change()
        await asyncio.sleep(0.005)
    memcached.kill()
    for _ in range(20):
        await change()
        await asyncio.sleep(0.005)
    await asyncio.to_thread(memcached.start)
    hits = cache.counts.hits
    async with asyncio.timeout(20):  # it is used again by itself
        while cache.counts.hits == hits:
            await asyncio.sleep(0.05)
    await change()
    over.set()
    await asyncio.gather(*readers)
    paying.cancel()
    await store.close()
    assert failures == []


async def test_a_memcached_that_hangs_and_comes_back_does_not_bring_back_what_it_had(
    memcached: Server,
) -> None:
    store = Memcached([("127.0.0.1", memcached.port)])
    cache = Cache(store, next(_names))
    cache.hears()
    truth = Truth({"loan:1": 1})

    async def ask() -> int:
        return await cache.get_or_make("page", ["loan:1"], truth.read("loan:1"))

    assert [await ask(), await ask()] == [1, 1]
    with memcached.frozen():
        truth.now["loan:1"] = 2
        began = asyncio.get_running_loop().time()
        await cache.forget("loan:1")  # memcached does not hear of it
        assert [await ask() for _ in range(50)] == [2] * 50
        assert asyncio.get_running_loop().time() - began < 2  # it was waited for once, not fifty times
    # It answers again, with the old value and the old versions.
    paying = asyncio.create_task(cache.pay())
    hits = cache.counts.hits
    async with asyncio.timeout(20):
        while cache.counts.hits == hits:
            assert await ask() == 2
            await asyncio.sleep(0.02)
    paying.cancel()
    await store.close()


async def test_one_node_of_two_gone_leaves_the_other_ones_values(
    memcacheds: list[Server], memcached: Server
) -> None:
    store = Memcached([("127.0.0.1", memcacheds[0].port), ("127.0.0.1", memcached.port)])
    cache = Cache(store, next(_names))
    cache.hears()
    truth = Truth({"it": 1})
    keys = [f"page {number}" for number in range(40)]

    async def ask_all() -> set[int]:
        return {await cache.get_or_make(key, [], truth.read("it")) for key in keys}

    assert await ask_all() == {1}
    memcached.kill()
    assert await ask_all() == {1}
    before = truth.reads
    assert await ask_all() == {1}
    assert 0 < truth.reads - before < 40  # what is on the other node is still there
    await store.close()


async def test_what_is_too_large_for_memcached_is_made_each_time(memcacheds: list[Server]) -> None:
    store = Memcached([("127.0.0.1", memcacheds[0].port)], timeout_s=2.0)
    cache = Cache(store, next(_names))
    cache.hears()

    async def large() -> str:
        return "x" * 1_500_000

    for _ in range(2):
        assert len(await cache.get_or_make("large", ["loan"], large)) == 1_500_000
    assert cache.counts.made == 2
    await store.close()


async def test_too_many_at_once_go_without_memcached(memcacheds: list[Server]) -> None:
    store = Memcached([("127.0.0.1", memcacheds[0].port)])
    cache = Cache(store, next(_names))
    cache.hears()
    truth = Truth({"it": 1})
    asked = (cache.get_or_make(f"page {number}", ["loan"], truth.read("it")) for number in range(500))
    assert set(await asyncio.gather(*asked)) == {1}
    with pytest.raises(Away):
        await asyncio.gather(*(store.get_many(["x"]) for _ in range(500)))
    await store.close()
