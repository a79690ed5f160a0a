"""What every web process shows alike, whichever a scrape comes to: what PostgreSQL knows, and what the
processes without a page have counted. Neither is kept longer than EVERY_S; a store that is away leaves its
families out, and `umoja_books_up` or `umoja_shared_up` says so."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import structlog
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from services.monitoring import books, shared
from services.monitoring.shared import BUCKETS
from ussd_engine import pool

EVERY_S = 5.0
PATIENCE_S = 3.0
BRING_S = 1.0

ALERTS = ("umoja_alerts", "Times that a person was alerted, by kind", ("alert",))
STARTED = ("umoja_tasks_started", "Background tasks begun", ("task",))
ENDED = ("umoja_tasks", "Background tasks ended: done, failed, again", ("task", "outcome"))
SECONDS = ("umoja_task_seconds", "Time a background task took", ("task",))
HEARD = ("umoja_heard_of_seconds", "Since a process of this kind last said that it lives", ("process",))
SHARED_UP = ("umoja_shared_up", "1: Redis answered; 0: tasks, alerts and signs of life are missing", ())
_COUNTERS = {"alerts": ALERTS, "tasks_started": STARTED, "tasks": ENDED}

log = structlog.get_logger("umoja.monitoring")

FAILURES = (*shared.AWAY, *pool.FAILURES)


class Page:
    """A prometheus-client collector. `await sample()` before it is read."""

    def __init__(self, pool: Any, redis: Any) -> None:
        self._pool = pool
        self._redis = redis
        self._books: books.Sample | None = None
        self._counted: dict[str, float] | None = None
        self.ages: dict[str, float] = {}
        self._read_at = -EVERY_S
        self._reading = asyncio.Lock()
        self._bringing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to bring away what this process counts, such as alerts."""
        if self._redis is not None:
            self._bringing = asyncio.create_task(self._bring())

    async def stop(self) -> None:
        """End, with all that was counted brought away if Redis is there."""
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.gather(self._bringing, return_exceptions=True)
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(shared.TIMEOUT_S):
                    await shared.bring(self._redis)

    async def _bring(self) -> None:
        while True:
            await asyncio.sleep(BRING_S)
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(shared.TIMEOUT_S):
                    await shared.bring(self._redis)

    @property
    def shared_up(self) -> bool:
        """Whether Redis answered the last sample."""
        return self._counted is not None

    async def sample(self) -> None:
        """Read both anew, unless somebody did a moment ago. Never fails."""
        async with self._reading:
            if time.monotonic() - self._read_at < EVERY_S:
                return
            await asyncio.gather(self._read_books(), self._read_shared())
            self._read_at = time.monotonic()

    @property
    def known(self) -> dict[str, float]:
        """The gauges without a label, of the last sample."""
        return {gauge.name: number for gauge, label, number in self._books or () if not label}

    async def _read_books(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S), self._pool.acquire() as connection:
                self._books = await books.read(connection)
        except FAILURES as error:
            log.warning("not_sampled", what="books", error=type(error).__name__)
            self._books = None

    async def _read_shared(self) -> None:
        self._counted, self.ages = None, {}
        if self._redis is None:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await shared.bring(self._redis)
                self._counted, self.ages = await shared.read(self._redis)
        except FAILURES as error:
            log.warning("not_sampled", what="shared", error=type(error).__name__)

    def describe(self) -> Iterator[Metric]:
        """The names; so that registering does not collect."""
        for gauge in (*books.GAUGES, books.BOOKS_UP):
            yield GaugeMetricFamily(gauge.name, gauge.about)
        for name, about, labels in (*_COUNTERS.values(),):
            yield CounterMetricFamily(name, about, labels=labels)
        yield HistogramMetricFamily(SECONDS[0], SECONDS[1], labels=SECONDS[2])
        for name, about, labels in (HEARD, SHARED_UP):
            yield GaugeMetricFamily(name, about, labels=labels)

    def collect(self) -> Iterator[Metric]:
        """What the last sample says."""
        yield from self._of_books()
        yield GaugeMetricFamily(books.BOOKS_UP.name, books.BOOKS_UP.about, value=self._books is not None)
        yield from _of_counters(self._counted or {})
        yield _of_times(self._counted or {})
        heard = GaugeMetricFamily(HEARD[0], HEARD[1], labels=HEARD[2])
        for kind, age in sorted(self.ages.items()):
            heard.add_metric((kind,), age)
        yield heard
        yield GaugeMetricFamily(SHARED_UP[0], SHARED_UP[1], value=self._counted is not None)

    def _of_books(self) -> Iterator[Metric]:
        made: dict[str, GaugeMetricFamily] = {}
        for gauge, label, number in self._books or ():
            labels = (gauge.label,) if gauge.label else ()
            family = made.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.about, labels=labels))
            family.add_metric((label,) if gauge.label else (), number)
        yield from made.values()


def _of_counters(counted: dict[str, float]) -> Iterator[Metric]:
    for word, (name, about, labels) in _COUNTERS.items():
        family = CounterMetricFamily(name, about, labels=labels)
        for field, number in sorted(counted.items()):
            kind, *values = field.split("|")
            if kind == word and len(values) == len(labels):
                family.add_metric(values, number)
        yield family


def _of_times(counted: dict[str, float]) -> Metric:
    family = HistogramMetricFamily(SECONDS[0], SECONDS[1], labels=SECONDS[2])
    bounds = [*map(str, BUCKETS), "+Inf"]
    tasks = sorted({field.split("|")[1] for field in counted if field.startswith("task_bucket|")})
    for task in tasks:
        counts = [counted.get(f"task_bucket|{task}|{bound}", 0.0) for bound in bounds]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        family.add_metric((task,), buckets=buckets, sum_value=counted.get(f"task_seconds|{task}", 0.0))
    return family
