"""A limit of time that holds. `asyncio.wait_for` cancels what is late and then waits for it to end; with a
database that has stopped answering, even a rollback ends much later than any gateway waits.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_leaving: set[asyncio.Task[Any]] = set()  # cancelled and not over: the loop itself holds tasks weakly


async def within(seconds: float, asked: Coroutine[Any, Any, T]) -> T:
    """What was asked; or TimeoutError as soon as the time is up, and it is cancelled on its own time."""
    task = asyncio.create_task(asked)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            _leaving.add(task)
            task.add_done_callback(_left)
            task.cancel()


def _left(task: asyncio.Task[Any]) -> None:
    _leaving.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, or asyncio complains that nobody did
