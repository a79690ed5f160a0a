"""Everybody scored again: `rescore(pool, as_of)`. A million borrowers take less than a minute.

The borrowers are taken in blocks by id. PostgreSQL measures a block and sends it by binary COPY; its
columns go to the compiled scorer as they are; what changed goes back by COPY into a staging table, and
one statement writes it. A block and how far the run has come commit together, so whoever goes on after a
crash repeats nothing, and a run of the same day, scorecard and ladder is done once.

Score and limit beside a borrower's name are a convenience: what counts is judged at each application
(services/loans/eligibility.py), by the same numbers. A test holds the two against each other.
"""

import hashlib
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from core_ext.scorecard import Scorecard
from services.loans.eligibility import judge, standing
from services.loans.products import Product
from services.loans.terms import Terms
from services.scoring import queries
from services.scoring.history import query_of_many
from services.scoring.score import shown
from services.sms import notices

BLOCK = 25_000  # borrowers: their rows are locked for the time of one block, some tenths of a second
LOCK = 86654  # beside dayend's
_HEADER = 19  # of a binary COPY: signature, flags, length of the extension (none)
_TRAILER = b"\xff\xff"

log = structlog.get_logger("umoja.scoring")


class BusyError(Exception):
    """Another process is scoring everybody again."""


class StaleError(Exception):
    """A later day was scored already; an earlier one would take its limits back."""


@dataclass(slots=True, frozen=True)
class Rescored:
    """What a run came to. resumed: it went on where another one had ended."""

    day: date
    borrowers: int
    changed: int
    resumed: bool = False


async def rescore(pool: Any, as_of: date, terms: Terms, block: int = BLOCK) -> Rescored:
    """Score every registered borrower as of that day (Nairobi's) and keep score and limit.

    terms are those on sale (services/published.py). A run that was finished is told and not repeated.
    Raises BusyError and StaleError.
    """
    async with pool.acquire() as connection, _alone(connection):
        run = await _begin(connection, terms, as_of)
        counts = Rescored(as_of, run["borrowers"], run["changed"], resumed=run["done_up_to"] > 0)
        if run["finished_at"] is not None:
            return counts
        await connection.execute(queries.STAGE)
        last = await connection.fetchval(queries.LAST_BORROWER)
        for first in range(run["done_up_to"] + 1, last + 1, block):
            seen, changed = await _block(connection, terms, run["id"], (first, first + block - 1), as_of)
            counts = Rescored(as_of, counts.borrowers + seen, counts.changed + changed, counts.resumed)
        await connection.execute(queries.FINISH, run["id"])
    log.info("rescored", day=as_of.isoformat(), borrowers=counts.borrowers, changed=counts.changed)
    return counts


def ladder_of(product: Product) -> str:
    """What of the product a limit depends on, as a hash: a change is another run."""
    said = f"{product.limit.model_dump_json()} {product.cool_off.late_days}"
    return hashlib.sha256(said.encode()).hexdigest()


async def _begin(connection: Any, terms: Terms, as_of: date) -> Any:
    if await connection.fetchval(queries.LATER, as_of):
        raise StaleError(StaleError.__doc__)
    card = terms.scorecard
    named = f"{card.version}:{card.digest}"
    return await connection.fetchrow(queries.BEGIN, as_of, named, ladder_of(terms.product), list(card.names))


async def _block(
    connection: Any, terms: Terms, run: int, ids: tuple[int, int], as_of: date
) -> tuple[int, int]:
    """Score the borrowers of these ids. Gives how many there were and how many changed."""
    async with connection.transaction():
        await connection.execute(queries.ROOM)
        late_days = terms.product.cool_off.late_days
        people = await _read(connection, terms.scorecard.names, (*ids, as_of, late_days))
        changed = 0
        if people:
            moved = changes(terms, people)
            await connection.copy_records_to_table("rescored", records=moved)
            changed = await connection.fetchval(queries.KEEP, run, *ids)
            if changed:
                await _tell(connection, terms, (run, *ids), as_of)
        await connection.execute(queries.ADVANCE, run, ids[1], len(people), changed)
    return len(people), changed


async def _tell(connection: Any, terms: Terms, block: tuple[int, int, int], as_of: date) -> None:
    """Whose limit this block raised is told, if they want to hear it and could borrow so much today."""
    for row in await connection.fetch(queries.RAISED, *block):
        seen = await standing(connection, row["msisdn"], terms, as_of)
        if seen is not None and judge(terms, seen, as_of).verdict == "ok":
            every = terms.rules.contact.limit_days
            await notices.limit_raised(connection, row["borrower_id"], row["limit_cents"], as_of, every)


async def _read(connection: Any, names: Sequence[str], arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of `query_of_many`, from the bytes of a binary COPY: every row has one width."""
    wire = bytearray()

    async def take(piece: bytes) -> None:
        wire.extend(piece)

    await connection.copy_from_query(query_of_many(names), *arguments, output=take, format="binary")
    assert wire.endswith(_TRAILER)
    row = struct.Struct(">2x" + "4xq" * 5 + "4xd" * len(names))
    return list(row.iter_unpack(memoryview(wire)[_HEADER : -len(_TRAILER)]))


def changes(terms: Terms, people: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Those whose score or limit is another now, as rows of the staging table."""
    ids, scores, limits, largest, in_time, *features = zip(*people, strict=True)
    now = score_columns(terms.scorecard, features)
    limit_of = _Limits(terms)
    values = zip(*features, strict=True)
    for borrower, was, had, grown, steps, score, inputs in zip(
        ids, scores, limits, largest, in_time, now, values, strict=True
    ):
        kept, limit = shown(score), limit_of(score, grown, steps)
        if kept != was or limit != had:
            yield borrower, was, had, kept, limit, inputs


def score_columns(scorecard: Scorecard, columns: Sequence[Sequence[float]]) -> "array[int]":
    """Scores of many, from the columns of their features in the order of the scorecard's names."""
    size = len(columns[0])
    flat = array("d")
    for column in columns:
        flat.extend(column)
    out = array("i", bytes(4 * size))
    scorecard.batch_columns(memoryview(flat).cast("B").cast("d", (len(columns), size)), out)
    return out


class _Limits:
    """The limit of a score and a place on the ladder, as eligibility.judge has it."""

    def __init__(self, terms: Terms) -> None:
        bands = terms.scorecard.bands[::-1]  # the lowest first; it takes the rest
        self._least = [-sys.maxsize if band.min_score is None else band.min_score for band in bands]
        self._limits = [band.limit_cents for band in bands]
        self._ladder = terms.product.limit
        self._earned: dict[tuple[int, int], int] = {}

    def __call__(self, score: int, largest_repaid_cents: int, repaid_in_time: int) -> int:
        key = (largest_repaid_cents, repaid_in_time)
        earned = self._earned.get(key)
        if earned is None:
            earned = self._earned[key] = self._ladder.cap_cents(*key)
        limit: int = min(self._limits[bisect_right(self._least, score) - 1], earned)
        return limit - limit % 100


@asynccontextmanager
async def _alone(connection: Any) -> AsyncIterator[None]:
    """Nobody else scores everybody meanwhile. The lock is the connection's: it ends with it."""
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        raise BusyError(BusyError.__doc__)
    try:
        yield
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)
