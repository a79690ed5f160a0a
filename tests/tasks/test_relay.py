import asyncio
import signal
from typing import Any

import asyncpg
import pytest
import redis

from services import outbox
from services.tasks import relay
from services.tasks.app import make
from services.tasks.topics import TASKS
from tests.tasks.conftest import Yard
from ussd_engine.settings import Settings

TOPICS = list(TASKS)


class Published:
    """A broker that keeps what is published."""

    def __init__(self, fails: int = 0) -> None:
        self.rows: list[int] = []
        self.fails = fails

    def __call__(self, row: int, topic: str, payload: bytes) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the broker is away")
        self.rows.append(row)


async def put(pool: Any, number: int, topic: str = outbox.SMS) -> list[int]:
    """Rows of the outbox; their numbers."""
    async with pool.acquire() as connection:
        for each in range(number):
            await outbox.put(connection, f"test:{topic}:{each}", topic, {"sms_id": each})
        rows = await connection.fetch("select id from outbox where topic = $1 order by id", topic)
        return [row["id"] for row in rows]


async def round_(pool: Any, publish: Published, topics: list[str] = TOPICS, again_s: float = 600) -> int:
    async with pool.acquire() as connection:
        return await relay.round_(connection, publish, topics, again_s)


async def test_what_is_due_is_published_once_and_again_only_when_nobody_did_it(yard: Yard) -> None:
    rows, publish = await put(yard.pool, 3), Published()
    assert await round_(yard.pool, publish) == 3
    assert await round_(yard.pool, publish) == 0
    assert publish.rows == rows

    async with yard.pool.acquire() as connection:
        await outbox.done(connection, rows[1])
    await yard.due_now()
    assert await round_(yard.pool, publish) == 2
    assert publish.rows == [*rows, rows[0], rows[2]]


async def test_two_relays_share_the_rows(yard: Yard) -> None:
    rows = await put(yard.pool, 250)
    publish = Published()

    async def drain() -> None:
        while await round_(yard.pool, publish):
            pass

    await asyncio.gather(*(drain() for _ in range(4)))
    assert sorted(publish.rows) == rows


async def test_a_row_whose_task_the_workers_lack_waits(yard: Yard) -> None:
    await put(yard.pool, 1, "something.else")
    assert await round_(yard.pool, Published()) == 0


async def test_when_the_broker_fails_nothing_is_marked(yard: Yard) -> None:
    rows, publish = await put(yard.pool, 3), Published(fails=1)
    with pytest.raises(ConnectionError):
        await round_(yard.pool, publish)
    assert await round_(yard.pool, publish) == 3
    assert publish.rows == rows


async def test_a_row_that_stays_undone_is_published_later_and_later_but_at_least_hourly(yard: Yard) -> None:
    await put(yard.pool, 1)
    waits = []
    for _ in range(6):
        await yard.due_now()
        await round_(yard.pool, Published())
        waits.append(await yard.pool.fetchval("select extract(epoch from due_at - sent_at)::int from outbox"))
    assert waits == [600, 1200, 2400, 3600, 3600, 3600]
    async with yard.pool.acquire() as connection:
        waits_now = await relay.backlog(connection)
    assert (waits_now.due, waits_now.unfinished, waits_now.stuck) == (0, 1, 1)


async def test_pruning_takes_what_is_done_and_old(yard: Yard) -> None:
    rows = await put(yard.pool, 3)
    await yard.pool.execute("update outbox set done_at = now() - interval '31 days' where id = $1", rows[0])
    await yard.pool.execute("update outbox set done_at = now() where id = $1", rows[1])
    assert await yard.pool.execute(relay.PRUNE, 30, 100) == "DELETE 1"
    async with yard.pool.acquire() as connection:
        assert [await outbox.is_done(connection, row) for row in rows] == [True, True, False]


async def test_a_commit_wakes_the_relay(yard: Yard) -> None:
    woken = asyncio.Event()
    listening = await asyncpg.connect(yard.pg_url)
    await listening.add_listener(relay.CHANNEL, lambda *_: woken.set())
    await put(yard.pool, 1)
    async with asyncio.timeout(10):
        await woken.wait()
    await listening.close()


@pytest.mark.timeout(120)
async def test_a_relay_killed_between_publishing_and_marking_publishes_again_and_one_sms_is_sent(
    yard: Yard,
) -> None:
    await yard.lent()
    dying = await yard.relay(USSD_FAILPOINT="relay.published")
    assert await yard.died(dying) == -signal.SIGKILL
    assert yard.waiting() == 1
    assert (await yard.outbox())["sent_at"] is None

    await yard.relay()
    await yard.until(
        lambda: yard.pool.fetchval(
            "select bool_and(sent_at is not null) from outbox where topic = 'sms.send'"
        )
    )
    assert yard.waiting() == 2
    await yard.worker()
    await yard.until(yard.done)
    await yard.until(lambda: asyncio.to_thread(lambda: yard.waiting() == 0))

    assert (await yard.sms())["state"] == "accepted"
    assert yard.received() == 1


@pytest.mark.parametrize("end", [
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
])  # fmt: skip
async def test_a_relay_connects_again_however_its_connection_ended(
    end: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, ends = asyncio.Event(), [end]

    async def listen(*_: Any) -> None:
        if ends:
            raise ends.pop()
        stop.set()

    monkeypatch.setattr(relay, "_listen", listen)
    monkeypatch.setattr(relay, "RETRY_S", 0.0)
    await asyncio.wait_for(relay.run("postgresql://nowhere", make(Settings()), stop), 20)


@pytest.mark.timeout(120)
async def test_a_relay_goes_on_when_postgresql_ended_its_connection(yard: Yard) -> None:
    await yard.relay()
    ours = "from pg_stat_activity where application_name = 'umoja-relay' and datname = current_database()"
    await yard.until(lambda: yard.pool.fetchval(f"select count(*) {ours}"))
    await yard.pool.execute(f"select pg_terminate_backend(pid) {ours}")

    await yard.lent()
    await yard.until(lambda: asyncio.to_thread(lambda: yard.waiting() == 1))


@pytest.mark.timeout(120)
async def test_redis_may_be_emptied_between_relay_and_worker(yard: Yard) -> None:
    await yard.lent()
    first = await yard.relay()
    await yard.until(lambda: asyncio.to_thread(lambda: yard.waiting() == 1))
    await yard.kill(first)
    with redis.Redis.from_url(yard.redis_url) as client:
        client.flushdb()
    assert yard.waiting() == 0

    await yard.due_now()  # ten minutes later
    await yard.relay()
    await yard.worker()
    await yard.until(yard.done)
    assert yard.received() == 1


@pytest.mark.timeout(120)
async def test_a_relay_without_its_broker_waits_and_says_so(yard: Yard) -> None:
    await yard.lent()
    alone = await yard.relay(REDIS_URL="redis://127.0.0.1:9/0")
    for _ in range(2):
        await yard.hears(alone, b"relay_waits")
    assert (await yard.outbox())["sent_at"] is None
    assert alone.returncode is None
