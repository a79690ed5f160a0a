"""Brings what a web process counts to PostgreSQL, every few seconds, beside the turns.

The funnel of the dialogs, gateways' notices of a session's end, and the process's own times and errors are
added to the rows of their hour. The rules:

1. A turn waits for none of this. Counting is in memory; a flush takes what was counted and sums it up.
2. A batch is kept once: it has a number, and PostgreSQL says whether it has that number already. So a
   batch whose acknowledgement was lost is sent again as it was.
3. PostgreSQL away: what was counted waits, bounded (counts.py), and goes with the next flush. A process
   that stops flushes. One that is killed loses what it counted since its last flush: a few seconds.
4. A session's end counts once, for its digest is kept for some days; so a gateway may tell it twice.
   Where the session stood is read from its record, which lives on for minutes: later it is unknown.
"""

import asyncio
import contextlib
import hashlib
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import asyncpg
import orjson

from ussd_engine.errors import StoreError
from ussd_engine.observe import recorder_queries as queries
from ussd_engine.observe.board import Board
from ussd_engine.observe.counts import BoardReader, Key, Sums, hour_of
from ussd_engine.observe.funnel import Notice
from ussd_engine.observe.logs import get_logger
from ussd_engine.pool import FAILURES
from ussd_engine.turn import SessionEvent

log = get_logger("ussd.recorder")

EVERY_S = 5.0
PATIENCE_S = 5.0  # for PostgreSQL, at each flush
LAST_WORDS_S = 3.0  # at the stop of a process
MOST_NOTICES = 5_000  # in one batch
_AT_ONCE = 200  # session records asked for at a time
_MICROS = 1_000_000
_MOST_MICROS = 1_000_000_000_000
_COST = re.compile(r"^\s*([A-Za-z]{3})?\s*(\d{1,6}(?:\.\d{1,8})?)\s*$", re.ASCII)
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
)
_PARTITION_MISSING = "no partition of relation"


class Store(Protocol):
    """Where sessions are."""

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        """One command to Redis."""


class Batch(NamedTuple):
    """What goes to PostgreSQL in one transaction. rows of each table, in the order of its columns."""

    number: int
    dialogs: list[Key]
    sessions: list[Key]
    server: list[Key]

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.dialogs) + len(self.sessions) + len(self.server)


class Recorder:
    """The recorder of one process: `start`, and `stop` after the last turn."""

    def __init__(self, board: Board, pool: Any, store: Store, writer: str, every_s: float = EVERY_S) -> None:
        """writer: a name no other process has, nor this one's predecessor."""
        self._board = board
        self._pool = pool
        self._store = store
        self._writer = writer
        self._every_s = every_s
        self._dialogs, self._server = Sums(), Sums()
        self._reader = BoardReader(board)
        self._numbered = 0
        self._waiting: Batch | None = None  # sent maybe, and not acknowledged
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._lost = 0
        board.funnel.recorded = True

    def start(self) -> None:
        """Flush from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Flush a last time, if PostgreSQL answers soon."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._board.funnel.recorded = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while await self.flush() and self._waiting is None and self._board.funnel.waiting:
                    pass

    async def flush(self) -> bool:
        """Bring everything counted so far. False when PostgreSQL did not take it: it waits."""
        async with self._flushing:
            await self._take()
            if self._waiting is None:
                self._waiting = await self._batch()
            batch = self._waiting
            if batch.rows == 0:
                self._waiting = None
                return True
            try:
                await self._keep(batch)
            except _REFUSED as error:
                log.error("counts were refused", error=type(error).__name__, rows=batch.rows)
                self._board.unrecorded.labels("refused").inc(batch.rows)
                self._board.recorded.labels("refused").inc()
            except FAILURES as error:
                log.warning("counts wait for PostgreSQL", error=type(error).__name__, rows=batch.rows)
                self._board.recorded.labels("waits").inc()
                return False
            else:
                self._board.recorded.labels("kept").inc()
            self._waiting = None
            return True

    # -- parts ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.flush()
            except Exception:  # whatever it is, counting goes on
                log.exception("counts were not flushed")

    async def _take(self) -> None:
        """Empty the counters into the sums of this hour."""
        hour = hour_of(time.time())
        for version, audience in self._board.funnel.audiences():
            for language, state, numbers in audience.take():
                self._dialogs.add((hour, *map(_clean, (*version, language, state))), numbers)
            await asyncio.sleep(0)  # turns go between
        self._reader.read(hour, self._server)
        gone = self._dialogs.trim() + self._server.trim()
        if gone:
            self._board.unrecorded.labels("no_room").inc(gone)
        if self._board.funnel.lost > self._lost:
            self._board.unrecorded.labels("notices").inc(self._board.funnel.lost - self._lost)
            self._lost = self._board.funnel.lost

    async def _batch(self) -> Batch:
        sessions = await self._sessions(self._board.funnel.notices(MOST_NOTICES))
        self._numbered += 1
        return Batch(self._numbered, self._dialogs.take(), sessions, self._server.take())

    async def _keep(self, batch: Batch) -> None:
        async with asyncio.timeout(PATIENCE_S), self._pool.acquire() as connection:
            try:
                await self._write(connection, batch)
            except asyncpg.CheckViolationError as error:
                if _PARTITION_MISSING not in str(error):
                    raise
                await self._make_partitions(connection, batch)
                await self._write(connection, batch)

    async def _write(self, connection: Any, batch: Batch) -> None:
        async with connection.transaction():
            if await connection.fetchval(queries.NEXT_BATCH, self._writer, batch.number) is None:
                return
            for statement, rows in (
                (queries.DIALOGS, batch.dialogs),
                (queries.SESSIONS, batch.sessions),
                (queries.SERVER, batch.server),
            ):
                if rows:
                    await connection.execute(statement, *_columns(rows))

    async def _make_partitions(self, connection: Any, batch: Batch) -> None:
        """Those of the batch's months, and of the next one."""
        hours = {row[0] for row in (*batch.dialogs, *batch.server)} | {row[1] for row in batch.sessions}
        months = {hour.date().replace(day=1) for hour in hours}
        for month in sorted(months | {(max(months) + timedelta(days=31)).replace(day=1)}):
            await connection.execute(queries.MAKE_PARTITIONS, month)

    async def _sessions(self, notices: Sequence[Notice]) -> list[Key]:
        rows: list[Key] = []
        for start in range(0, len(notices), _AT_ONCE):
            some = notices[start : start + _AT_ONCE]
            places = await asyncio.gather(*(self._place(notice.event) for notice in some))
            rows += [_session(notice, place) for notice, place in zip(some, places, strict=True)]
        return rows

    async def _place(self, event: SessionEvent) -> tuple[str, str, str]:
        """The menu version, language and state of a session, while its record is there."""
        unknown = "", "", ""
        try:
            stored = await self._store.call("GET", f"ussd:{{{event.msisdn}}}:{event.service_code}")
            record = orjson.loads(stored or b"{}")
        except (StoreError, orjson.JSONDecodeError):
            return unknown
        if (record.get("id"), record.get("gateway")) != (event.session_id, event.gateway):
            return unknown
        dialog = record["dialog"]
        return record["bundle"], dialog.get("language", ""), dialog.get("state", "")


def digest_of(event: SessionEvent) -> bytes:
    """What a session is known by, without being it."""
    named = f"{event.gateway}\0{event.session_id}\0{event.msisdn}".encode(errors="surrogatepass")
    return hashlib.blake2b(named, digest_size=16).digest()


def cost_of(cost: str) -> tuple[str, int]:
    """A gateway's cost, such as `KES 1.25`, as currency and millionths of it. Nothing for anything else."""
    found = _COST.match(cost)
    if found is None:
        return "", 0
    micros = int(Decimal(found[2]) * _MICROS)
    return (found[1] or "").upper(), min(micros, _MOST_MICROS)


def _session(notice: Notice, place: tuple[str, str, str]) -> Key:
    event = notice.event
    currency, micros = cost_of(event.cost)
    words = (event.gateway, event.service_code, event.network, *place, event.status, currency)
    return (
        digest_of(event), hour_of(notice.at), *map(_clean, words), micros, event.duration_ms, event.hops,
    )  # fmt: skip


def _clean(word: str) -> str:
    """A word as PostgreSQL takes it."""
    return word.replace("\0", "").encode(errors="replace").decode()


def _columns(rows: Sequence[Key]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
