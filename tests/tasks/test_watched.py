"""What a monitor and a reader of logs see of the processes without a page."""

import re
from asyncio.subprocess import Process

import orjson
import pytest
from redis.asyncio import Redis

from services.monitoring.page import EVERY_S, Page
from tests.tasks.conftest import Yard

SEND = "services.tasks.sms.send"
NUMBER = re.compile(r"(?<![\w*])\+?254[17]\d{8}(?!\d)")


async def counted(yard: Yard, page: Page) -> dict[tuple[str, ...], float]:
    page._read_at = -EVERY_S
    await page.sample()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in page.collect()
        for sample in family.samples
    }


@pytest.mark.timeout(120)
async def test_what_workers_count_outlives_them_and_their_logs_are_json_with_nothing_private(
    yard: Yard,
) -> None:
    processes: dict[str, Process] = {
        name: await yard.start("ussd_engine.cli", name, *more)
        for name, *more in (("relay",), ("worker", "--concurrency=1"), ("beat",))
    }
    await yard.lent()
    await yard.until(yard.done)
    async with Redis.from_url(yard.redis_url) as redis:
        page = Page(yard.pool, redis)

        async def counts() -> bool:
            told = await counted(yard, page)
            return told.get(("umoja_tasks_total", SEND, "done"), 0) >= 1 and len(page.ages) == 3

        await yard.until(counts)
        said = {name: await yard.kill(process) for name, process in processes.items()}
        told = await counted(yard, page)
        assert told["umoja_tasks_total", SEND, "done"] == told["umoja_tasks_started_total", SEND] == 1
        assert told["umoja_task_seconds_count", SEND] == 1
        assert {name[1] for name in told if name[0] == "umoja_heard_of_seconds"} == set(processes)

    for name, text in said.items():
        lines = [line for line in text.splitlines() if line.strip()]
        for line in lines:
            held = orjson.loads(line)
            assert {"event", "level", "timestamp"} <= set(held), (name, line)
        assert not NUMBER.search(text), (name, NUMBER.search(text))
        assert yard.phone.msisdn not in text, name
        assert not re.search(r"\b(pin|password|secret)\"?[:=] ?\"?\w", text, re.I), name
    assert [name for name, text in said.items() if not text.strip()] == []


async def test_a_process_that_is_killed_counts_as_begun_and_not_as_ended(yard: Yard) -> None:
    await yard.lent()
    dying = await yard.worker(USSD_FAILPOINT="sms.sending")
    relay = await yard.relay()
    await yard.hears(dying, b"signal 9 (SIGKILL)")
    await yard.kill(relay)
    await yard.kill(dying)
    async with Redis.from_url(yard.redis_url) as redis:
        told = await counted(yard, Page(yard.pool, redis))
    assert told["umoja_tasks_started_total", SEND] >= 1
    assert ("umoja_tasks_total", SEND, "done") not in told
