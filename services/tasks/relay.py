"""The outbox's relay: publishes what is due to Celery. `ussd relay` runs it, one process.

It is a process of its own: it sits on a connection that listens, where beat sleeps and a worker's children
each have a loop; so a loan's money is asked for within milliseconds of its commit. Several relays may run:
each takes rows that no other has locked. One round:

    1. lock some rows that are due and not done
    2. publish each, under the row's number as the task's id
    3. mark them: sent, and due again later

A crash between 2 and 3 publishes them again; so does a row that nobody did in time. Consumers do their
work once (services/outbox.py). When Redis lost everything, every row that was not done is due again within
an hour: nothing is lost that PostgreSQL has.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from services import failpoints, outbox
from services.monitoring.shared import Link
from services.tasks.topics import TASKS
from ussd_engine.observe import tracing
from ussd_engine.pool import FAILURES
from ussd_engine.settings import settings

CHANNEL = "outbox"
BATCH = 100
POLL_S = 1.0  # between looks when nobody wakes it: rows that are due again, notices that got lost
RETRY_S = 2.0  # after PostgreSQL or Redis failed
AGAIN_S = 600.0  # a row that was published is due again after so long, then twice as long, up to
LONGEST_AGAIN_S = 3600.0
REPORT_S = 60.0
BROKER_TIMEOUT_S = 5.0

log = structlog.get_logger("umoja.relay")

TAKE = """
select id, topic, payload::text as payload
from outbox
where done_at is null
and due_at <= now()
and topic = any($1)
order by due_at, id
limit $2
for update skip locked
"""

MARK = """
update outbox
set sent_at = now(),
    attempts = attempts + 1,
    due_at = now() + make_interval(secs => least($2 * power(2, least(attempts, 10)), $3))
where id = any($1)
"""

PRUNE = """
delete from outbox
where id in (
    select id
    from outbox
    where done_at < now() - make_interval(days => $1)
    order by done_at
    limit $2
)
"""


@dataclass(slots=True, frozen=True)
class Backlog:
    """What waits: rows due now and since when (seconds), rows published but not done, and of them those
    that were published more than three times."""

    due: int
    unfinished: int
    stuck: int
    lag_s: float


def publisher(app: Celery) -> Callable[[int, str, bytes], None]:
    """Publish one row, through the app; raises OperationalError or OSError when the broker is away."""
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "socket_timeout": BROKER_TIMEOUT_S,
        "socket_connect_timeout": BROKER_TIMEOUT_S,
    }

    def publish(row: int, topic: str, payload: bytes) -> None:
        arguments = {"row": row, **orjson.loads(payload)}
        parent = arguments.pop(tracing.HEADER, None)
        headers = {tracing.HEADER: parent} if parent else None
        app.send_task(TASKS[topic], kwargs=arguments, task_id=str(row), headers=headers, retry=False)

    return publish


def topics_of(app: Celery) -> list[str]:
    """The topics whose tasks this app has."""
    app.loader.import_default_modules()
    return [topic for topic, task in TASKS.items() if task in app.tasks]


async def round_(
    connection: Any,
    publish: Callable[[int, str, bytes], None],
    topics: Sequence[str],
    again_s: float = AGAIN_S,
) -> int:
    """Publish some of what is due; how many. Zero: nothing is due that nobody else has."""
    async with connection.transaction():
        rows = await connection.fetch(TAKE, topics, BATCH)
        if not rows:
            return 0
        for row in rows:
            await asyncio.to_thread(publish, row["id"], row["topic"], row["payload"])
        failpoints.here("relay.published")
        await connection.execute(MARK, [row["id"] for row in rows], again_s, LONGEST_AGAIN_S)
        return len(rows)


async def backlog(connection: Any) -> Backlog:
    """What waits now."""
    return Backlog(**await connection.fetchrow(outbox.BACKLOG))


async def run(
    database_url: str,
    app: Celery,
    stop: asyncio.Event,
    *,
    poll_s: float = POLL_S,
    again_s: float = AGAIN_S,
) -> None:
    """Relay until `stop`. Whatever fails is tried again."""
    failpoints.require_none()
    publish, topics = publisher(app), topics_of(app)
    link = Link(settings().redis_url)
    while not stop.is_set():
        try:
            await _listen(database_url, publish, topics, stop, poll_s, again_s, link)
        except (*FAILURES, OperationalError) as error:
            log.warning("relay_waits", error=type(error).__name__, again_s=RETRY_S)
            await _until(stop, RETRY_S)


async def _listen(
    database_url: str,
    publish: Callable[[int, str, bytes], None],
    topics: Sequence[str],
    stop: asyncio.Event,
    poll_s: float,
    again_s: float,
    link: Link,
) -> None:
    """One connection's life."""
    connection = await asyncpg.connect(
        database_url, timeout=5, command_timeout=30, server_settings={"application_name": "umoja-relay"}
    )
    woken = asyncio.Event()
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: woken.set())
    try:
        await connection.add_listener(CHANNEL, lambda *_: woken.set())
        log.info("relaying", topics=list(topics))
        told = 0.0
        while not stop.is_set():
            woken.clear()
            if stop.is_set():
                return
            await asyncio.to_thread(link.alive, "relay")
            if await round_(connection, publish, topics, again_s):
                continue
            told = await _tell(connection, told)
            await _until(woken, poll_s)
    finally:
        stopping.cancel()
        with contextlib.suppress(*FAILURES):
            await connection.close(timeout=1)


async def _tell(connection: Any, told: float) -> float:
    """Keep and log the backlog now and then, when there is one."""
    now = asyncio.get_running_loop().time()
    if now - told < REPORT_S:
        return told
    waits = await backlog(connection)
    if waits.due or waits.unfinished:
        level = log.warning if waits.stuck else log.info
        level("outbox", due=waits.due, unfinished=waits.unfinished, stuck=waits.stuck, lag_s=waits.lag_s)
    return now


async def _until(event: asyncio.Event, most_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), most_s)
