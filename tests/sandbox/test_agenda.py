"""What is still to happen, and in which order."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from services.sandbox.agenda import Agenda, Clock

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def frozen(paused: bool = True) -> tuple[Agenda, Clock, list[tuple[str, float]]]:
    clock = Clock(lambda: NOON)
    return Agenda(clock, paused=paused), clock, []


async def note(done: list[tuple[str, float]], clock: Clock, name: str) -> None:
    done.append((name, (clock.now() - NOON).total_seconds()))


async def test_settle_does_all_in_order_of_time_and_leaves_the_clock_alone() -> None:
    agenda, clock, done = frozen()
    for seconds, name in ((5, "late"), (1, "soon"), (1, "next")):
        agenda.after(seconds, partial(note, done, clock, name))
    agenda.after(2, partial(note, done, clock, "person"), waits=True)
    assert await agenda.settle(5)
    assert done == [("soon", 0), ("next", 0), ("late", 0)]


async def test_advance_does_each_thing_at_its_own_time_and_stops_there() -> None:
    agenda, clock, done = frozen()

    async def follow_up() -> None:
        await note(done, clock, "first")
        agenda.after(1, partial(note, done, clock, "second"))

    agenda.after(10, follow_up, waits=True)
    agenda.after(30, partial(note, done, clock, "later"))
    assert await agenda.advance(20, 5)
    assert done == [("first", 10), ("second", 11)]
    assert (clock.now() - NOON).total_seconds() == 20


async def test_what_is_cancelled_is_not_done() -> None:
    agenda, clock, done = frozen()
    agenda.after(1, partial(note, done, clock, "no")).cancelled = True
    assert await agenda.settle(5)
    assert done == []


async def test_it_runs_by_itself_unless_it_is_paused() -> None:
    agenda = Agenda(Clock(lambda: datetime.now(UTC)), paused=True)
    agenda.start()
    happened = asyncio.Event()

    async def happen() -> None:
        happened.set()

    agenda.after(0, happen)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not happened.is_set()
    agenda.pause(False)
    await asyncio.wait_for(happened.wait(), 5)
    await agenda.stop()


async def test_settle_gives_up_waiting_and_the_work_goes_on() -> None:
    agenda, _, _ = frozen()
    go = asyncio.Event()

    async def slow() -> None:
        await go.wait()

    agenda.after(0, slow)
    assert not await agenda.settle(0.01)
    go.set()
    assert await agenda.settle(5)


async def test_a_fault_of_ours_is_not_swallowed() -> None:
    agenda, _, _ = frozen()

    async def broken() -> None:
        raise ZeroDivisionError

    agenda.after(0, broken)
    with pytest.raises(RuntimeError, match="a job of the sandbox failed"):
        await agenda.settle(5)
