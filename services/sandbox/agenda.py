"""What is still to happen, in order of time: payments to carry out, callbacks to post, prompts to expire.

A running sandbox starts each job when its time has come. `settle` does all that is left at once, one
after another in order of time, so that a test needs no sleep and a run repeats. `advance` moves the
clock. A paused agenda does nothing but through these two.

A job that waits for a person (`waits`: a prompt's expiry) is not hurried by settle.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ussd_engine.observe.logs import get_logger

log = get_logger(__name__)

Work = Callable[[], Awaitable[None]]


class Clock:
    """The sandbox's time: the world's, and how far it was moved on."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ahead = timedelta()

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return self._now() + self._ahead

    def move_to(self, moment: datetime) -> None:
        """It is that late now; never earlier than it was."""
        self._ahead += max(timedelta(), moment - self.now())


@dataclass(order=True, slots=True)
class Job:
    """Something to do at a time."""

    due: datetime
    number: int
    work: Work = field(compare=False)
    waits: bool = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Agenda:
    """All jobs. Its methods belong to one event loop."""

    def __init__(self, clock: Clock, *, paused: bool) -> None:
        self._clock = clock
        self._paused = paused
        self._jobs: list[Job] = []
        self._number = 0
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self.failures: list[BaseException] = []  # of ours, not of a client

    def at(self, due: datetime, work: Work, *, waits: bool = False) -> Job:
        """Do this then."""
        self._number += 1
        job = Job(due, self._number, work, waits)
        heapq.heappush(self._jobs, job)
        self._changed.set()
        return job

    def after(self, seconds: float, work: Work, *, waits: bool = False) -> Job:
        """Do this so many seconds from now."""
        return self.at(self._clock.now() + timedelta(seconds=seconds), work, waits=waits)

    def pause(self, paused: bool) -> None:
        """Stop doing things by itself, or begin again."""
        self._paused = paused
        self._changed.set()

    def start(self) -> None:
        """Begin. Call it in the loop that serves."""
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Drop what is running. The journal has what was not done."""
        tasks = [*self._running, *([self._runner] if self._runner else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settle(self, timeout_s: float) -> bool:
        """Do everything now, except what waits for a person. False when time ran out before."""
        return await self._do_all(lambda: self._pop(None, waiting=False), timeout_s)

    async def advance(self, seconds: float, timeout_s: float) -> bool:
        """Move the clock, and do what is due by then at its own time, waiting prompts included."""
        until = self._clock.now() + timedelta(seconds=seconds)

        def next_job() -> Job | None:
            job = self._pop(until, waiting=True)
            self._clock.move_to(job.due if job else until)
            return job

        done = await self._do_all(next_job, timeout_s)
        self._changed.set()
        return done

    async def _do_all(self, next_job: Callable[[], Job | None], timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            job = next_job()
            waited_for = {self._start(job)} if job else set(self._running)
            if not waited_for:
                break
            _, late = await asyncio.wait(waited_for, timeout=deadline - loop.time())
            if late:
                return False
        if self.failures:
            raise RuntimeError("a job of the sandbox failed") from self.failures.pop()
        return True

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            job = None if self._paused else self._pop(self._clock.now(), waiting=True)
            if job:
                self._start(job)
                continue
            try:
                await asyncio.wait_for(self._changed.wait(), self._until_next())
            except TimeoutError:
                continue

    def _until_next(self) -> float | None:
        if self._paused or not self._jobs:
            return None
        return max(0.0, (self._jobs[0].due - self._clock.now()).total_seconds())

    def _pop(self, due_by: datetime | None, *, waiting: bool) -> Job | None:
        """The first job in time, taken off: one due by then, and with `waiting` also one that waits."""
        passed: list[Job] = []
        found = None
        while self._jobs and found is None:
            job = heapq.heappop(self._jobs)
            if job.cancelled:
                continue
            if due_by is not None and job.due > due_by:
                passed.append(job)
                break
            if job.waits and not waiting:
                passed.append(job)
            else:
                found = job
        for job in passed:
            heapq.heappush(self._jobs, job)
        return found

    def _start(self, job: Job) -> asyncio.Task[None]:
        task = asyncio.create_task(self._perform(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _perform(self, job: Job) -> None:
        try:
            await job.work()
        except Exception as error:
            log.exception("sandbox_job_failed")
            self.failures.append(error)
