"""Running asynchronous work in a Celery worker: one event loop and one set of connections a process.

Celery's children are plain: they call a function and wait. The loop lives in a thread beside, so that
connections stay alive between tasks. Pool and HTTP client are made by the first task of a process, after
the fork, and go with it.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
import httpx

from services import failpoints, outbox
from services.tasks.app import LONGEST_TASK_S
from ussd_engine.settings import Settings, settings

POOL = 2  # connections of a process: it does one task at a time
PATIENCE_S = LONGEST_TASK_S - 15  # our own limit, before Celery kills the process

Result = TypeVar("Result")


@dataclass(slots=True, frozen=True)
class Tools:
    """What a task works with. http knows no server: each client says where to."""

    settings: Settings
    pool: Any
    http: httpx.AsyncClient


class _Loop:
    """The loop of one process, and its tools."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="tasks", daemon=True).start()
        self._tools: Tools | None = None

    async def tools(self) -> Tools:
        if self._tools is None:
            failpoints.require_none()
            chosen = settings()
            pool = await asyncpg.create_pool(
                chosen.database_url, min_size=0, max_size=POOL, timeout=5, command_timeout=PATIENCE_S
            )
            self._tools = Tools(chosen, pool, httpx.AsyncClient(timeout=httpx.Timeout(20, connect=5)))
        return self._tools


_made: _Loop | None = None


def run(work: Callable[[Tools], Awaitable[Result]]) -> Result:
    """Do the work and wait for it. Raises what it raises, TimeoutError when it takes too long."""
    global _made  # noqa: PLW0603 - one a process is the point
    if _made is None or _made.pid != os.getpid():
        _made = _Loop()
    kept = _made

    async def bounded() -> Result:
        async with asyncio.timeout(PATIENCE_S):
            return await work(await kept.tools())

    return asyncio.run_coroutine_threadsafe(bounded(), kept.loop).result()


def consume(row: int, work: Callable[[Tools], Awaitable[datetime | None]]) -> None:
    """Do what an outbox row asks for, unless it is done. The work gives None when nothing is left to do,
    else when to come again. When it raises, the row is not done, and the relay brings it again."""

    async def once(tools: Tools) -> None:
        if await outbox.is_done(tools.pool, row):
            return
        again = await work(tools)
        failpoints.here("task.worked")
        if again is None:
            await outbox.done(tools.pool, row)
        else:
            await outbox.again(tools.pool, row, again)

    run(once)
