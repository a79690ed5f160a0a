"""What a process counts reaches PostgreSQL, once, whatever fails between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from ussd_engine.errors import StoreError
from ussd_engine.observe import recorder as recording
from ussd_engine.observe.board import Board
from ussd_engine.observe.counts import Sums, hour_of
from ussd_engine.observe.recorder import Recorder, cost_of
from ussd_engine.turn import SessionEvent

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC).timestamp()


class Records:
    """Session records by key, or nobody who answers."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = False

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.away:
            answer.set_exception(StoreError("away"))
        else:
            answer.set_result(self.kept.get(command[1]))
        return answer


def over(session_id: str = "s1", **changes: Any) -> SessionEvent:
    told: dict[str, Any] = {
        "gateway": "africastalking", "session_id": session_id, "msisdn": "254712345678",
        "service_code": "*384#", "network": "safaricom", "status": "Success", "cost": "KES 1.25",
        "duration_ms": 9000, "hops": 4,
    }  # fmt: skip
    return SessionEvent(**{**told, **changes})


@pytest_asyncio.fixture
async def pool(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=3) as made:
        yield made


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(recording.time, "time", lambda: NOON)
    return Board()


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def recorder(board: Board, pool: Any, records: Records) -> Recorder:
    return Recorder(board, pool, records, "one")


def visit(board: Board, times: int = 1) -> None:
    """So many dialogs of one state."""
    for _ in range(times):
        board.funnel.audience("shop", "b1", "safaricom").at("en", "main").open(False)


async def shown(pool: Any) -> int:
    found: int = await pool.fetchval("select coalesce(sum(shown), 0)::int from dialog_hour")
    return found


async def test_turns_reach_their_hours_row(recorder: Recorder, board: Board, pool: Any) -> None:
    visit(board, 3)
    before = board.funnel.audience("shop", "b1", "safaricom").at("en", "main")
    board.funnel.audience("shop", "b1", "safaricom").at("en", "bye").follow(before, 7_000, True, False)
    assert await recorder.flush()
    visit(board)
    assert await recorder.flush()
    rows = await pool.fetch("select * from dialog_hour order by state")
    assert [dict(row) for row in rows] == [
        {
            "hour": datetime(2026, 11, 23, 12, tzinfo=UTC), "service": "shop", "bundle": "b1",
            "network": "safaricom", "language": "en", "state": state, **dict.fromkeys(
                ("shown", "moved_on", "refused", "begun", "ended", "dwell_ms", "within_2s", "within_5s",
                 "within_10s", "within_20s", "within_60s", "longer"), 0), **numbers,
        }
        for state, numbers in [
            ("bye", {"shown": 1, "ended": 1}),
            ("main", {"shown": 4, "moved_on": 1, "refused": 1, "begun": 4, "ended": 4, "dwell_ms": 7000,
                      "within_10s": 1}),
        ]
    ]  # fmt: skip


async def test_a_session_is_over_once_and_where_it_stood_is_known(
    recorder: Recorder, board: Board, pool: Any, records: Records
) -> None:
    record = {"gateway": "africastalking", "id": "s1", "bundle": "b1",
              "dialog": {"state": "pin", "language": "sw"}}  # fmt: skip
    records.kept["ussd:{254712345678}:*384#"] = orjson.dumps(record)
    board.funnel.over(over())
    board.funnel.over(over())
    board.funnel.over(over("s2", status="Incomplete", cost="0.8"))
    await recorder.flush()
    board.funnel.over(over())  # told once more, by then to another process perhaps
    other = Recorder(board, pool, records, "two")
    await other.flush()
    rows = await pool.fetch(
        "select bundle, language, state, status, currency, sessions, cost_micros, duration_ms, hops"
        " from session_hour order by status"
    )
    assert [tuple(row) for row in rows] == [
        ("", "", "", "Incomplete", "", 1, 800_000, 9000, 4),
        ("b1", "sw", "pin", "Success", "KES", 1, 1_250_000, 9000, 4),
    ]


async def test_times_and_errors_of_the_process_are_kept_as_they_grow(
    recorder: Recorder, board: Board, pool: Any
) -> None:
    board.turns.labels("africastalking", "more").inc(5)
    board.faults.labels("store").inc()
    for seconds in (0.0004, 0.003, 0.003, 99.0):
        board.turn_seconds.labels("africastalking").observe(seconds)
    await recorder.flush()
    board.turns.labels("africastalking", "more").inc(2)
    await recorder.flush()
    rows = await pool.fetch("select metric, label, other, bound, value from server_hour order by 1, 2, 3, 4")
    assert [tuple(row) for row in rows] == [
        ("faults", "store", "", 0, 1),
        ("turn_seconds", "africastalking", "", 0.0005, 1),
        ("turn_seconds", "africastalking", "", 0.005, 2),
        ("turn_seconds", "africastalking", "", float("inf"), 1),
        ("turn_seconds_sum", "africastalking", "", 0, pytest.approx(99.0064)),
        ("turns", "africastalking", "more", 0, 7),
    ]


async def test_nothing_is_counted_twice_when_an_acknowledgement_is_lost(
    recorder: Recorder, board: Board, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = recorder._write

    async def write_and_lose(connection: Any, batch: Any) -> None:
        await write(connection, batch)
        raise ConnectionResetError

    visit(board, 2)
    await recorder._make_partitions(pool, await _batch(recorder))
    monkeypatch.setattr(recorder, "_write", write_and_lose)
    assert not await recorder.flush()
    visit(board)
    monkeypatch.undo()
    assert await recorder.flush()  # the batch as it was
    assert await recorder.flush()
    assert await shown(pool) == 3


async def _batch(recorder: Recorder) -> Any:
    await recorder._take()
    batch = await recorder._batch()
    recorder._waiting = batch
    return batch


async def test_without_postgresql_counts_wait_and_are_bounded(
    board: Board, pool: Any, records: Records
) -> None:
    away = await asyncpg.create_pool(
        "postgresql://nobody@127.0.0.1:9/none", min_size=0, max_size=1, timeout=1
    )
    recorder = Recorder(board, away, records, "one")
    visit(board, 2)
    assert not await recorder.flush()
    visit(board, 3)
    assert not await recorder.flush()
    assert board.recorded.value("waits") == 2
    recorder._pool = pool
    while not (await recorder.flush() and await shown(pool) == 5):
        pass
    with contextlib.suppress(OSError):
        await away.close()


def test_what_waits_too_long_goes_by_the_hour_the_oldest_first() -> None:
    sums = Sums(most=3)
    for hour in (1, 2, 2, 3):
        for state in ("a", "b"):
            sums.add((hour, state), (1,))
    assert sums.trim() == 4
    assert sums.take() == [(3, "a", 1), (3, "b", 1)]
    assert len(sums) == 0


async def test_redis_away_leaves_where_a_session_stood_unknown(
    recorder: Recorder, board: Board, pool: Any, records: Records
) -> None:
    records.away = True
    board.funnel.over(over())
    assert await recorder.flush()
    assert await pool.fetchval("select state from session_hour") == ""


async def test_processes_that_flush_at_once_add_up(board: Board, pool: Any, records: Records) -> None:
    boards = [Board() for _ in range(4)]
    recorders = [Recorder(each, pool, records, f"writer{n}") for n, each in enumerate(boards)]
    for _ in range(5):
        for each in boards:
            for state in range(20):
                each.funnel.audience("shop", "b1", "x").at("en", f"s{state}").open(True)
        for kept in await asyncio.gather(*(each.flush() for each in recorders)):
            assert kept
    assert await shown(pool) == 4 * 5 * 20


async def test_odd_words_of_a_caller_stop_no_flush(recorder: Recorder, board: Board, pool: Any) -> None:
    board.funnel.audience("shop", "b1", "a\0b").at("en", "main").open(True)
    board.funnel.audience("shop", "b1", "ab").at("en", "main").open(True)
    board.funnel.audience("shop", "b1", "\ud800").at("en", "main").open(True)
    board.funnel.over(over("\ud800", network="x\0", cost="KES 1e9", service_code="*\0#"))
    assert await recorder.flush()
    assert await shown(pool) == 3
    assert await pool.fetchval("select cost_micros from session_hour") == 0


async def test_a_stop_flushes_what_was_counted(recorder: Recorder, board: Board, pool: Any) -> None:
    recorder.start()
    visit(board, 4)
    board.funnel.over(over())
    await recorder.stop()
    assert await shown(pool) == 4
    assert await pool.fetchval("select sum(sessions)::int from session_hour") == 1
    board.funnel.over(over("later"))
    assert board.funnel.waiting == 0


async def test_partitions_are_made_for_months_and_dropped_when_old(
    recorder: Recorder, board: Board, pool: Any
) -> None:
    visit(board)
    await recorder.flush()
    names = "select relname from pg_class where relname ~ '^dialog_hour_[0-9]{4}_[0-9]{2}$' order by 1"
    assert [row[0] for row in await pool.fetch(names)] == ["dialog_hour_2026_11", "dialog_hour_2026_12"]
    assert await pool.fetchval("select drop_event_partitions('2026-12-15')") == 3
    assert [row[0] for row in await pool.fetch(names)] == ["dialog_hour_2026_12"]
    assert await shown(pool) == 0


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("KES 1.25", ("KES", 1_250_000)),
        ("kes 0.0008", ("KES", 800)),
        ("2", ("", 2_000_000)),
        ("", ("", 0)),
        ("KES nan", ("", 0)),
        ("KES -1", ("", 0)),
        ("KES 1e5", ("", 0)),
        ("KES ١", ("", 0)),
    ],
)
def test_a_cost_is_a_plain_amount_or_nothing(told: str, found: tuple[str, int]) -> None:
    assert cost_of(told) == found


def test_an_hour_is_of_utc() -> None:
    assert hour_of(NOON) == datetime(2026, 11, 23, 12, tzinfo=UTC)
