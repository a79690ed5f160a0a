"""Peers that are slow, deaf, half gone or gone; turns that break; a server that stops."""

import asyncio

import pytest

from core_ext.lane import MAX_UNDER_WAY
from tests.lane.conftest import Bench, plain

ODD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_no_more_than_so_many_requests_are_under_way_and_none_is_forgotten(slow: Bench) -> None:
    count = MAX_UNDER_WAY * 3
    slow.feed(b"".join(plain(b"%d" % number) for number in range(count)))
    assert len(slow.waiting) == MAX_UNDER_WAY
    assert not slow.wire.reading
    await slow.finish()
    assert slow.wire.said == b"".join(b"<%d>" % number for number in range(count))
    assert slow.wire.reading


async def test_replies_leave_in_order_although_turns_end_in_another(slow: Bench) -> None:
    slow.feed(*(plain(b"%d" % number) for number in range(5)))
    await slow.finish(lambda count: count - 1)
    assert slow.wire.said == b"<0><1><2><3><4>"


async def test_replies_of_one_tick_leave_in_one_write_and_none_waits_for_a_later_one(slow: Bench) -> None:
    slow.feed(b"".join(plain(b"%d" % number) for number in range(5)))
    for turn in (0, 1, 3):
        slow.waiting[turn].set_result(None)
    await asyncio.sleep(0)  # they end
    await asyncio.sleep(0)  # what they wrote leaves
    assert slow.wire.sent == [b"<0><1>"]
    slow.waiting[4].set_result(None)
    slow.waiting[2].set_result(None)
    await asyncio.sleep(0)
    assert slow.wire.sent == [b"<0><1>", b"<2><3><4>"]


async def test_one_callers_requests_are_taken_one_after_the_other(slow: Bench) -> None:
    slow.feed(b"".join(map(plain, (b"who=a&n=1", b"n=2&who=b", b"n=3&who=a", b"who=c"))))
    assert len(slow.waiting) == 2
    assert not slow.wire.reading
    slow.waiting[1].set_result(None)
    await asyncio.sleep(0)
    assert len(slow.waiting) == 2, "the first one's turn is still under way"
    slow.waiting[0].set_result(None)
    await asyncio.sleep(0)
    assert slow.wire.reading
    for turn in list(slow.waiting)[2:]:
        turn.set_result(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert slow.wire.said == b"<who=a&n=1><n=2&who=b><n=3&who=a><who=c>"


async def test_a_turn_that_breaks_takes_no_answer_along_that_was_ready(slow: Bench) -> None:
    slow.feed(plain(b"a") + plain(b"b"))
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        slow.waiting[0].set_result(None)
        slow.waiting[1].cancel()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert slow.wire.sent == [b"<a>"]
    assert slow.wire.closed


def test_from_a_peer_that_does_not_read_nothing_is_read(bench: Bench) -> None:
    bench.lane.pause_writing()
    assert not bench.wire.reading
    bench.lane.resume_writing()
    assert bench.wire.reading


async def test_a_deaf_peer_is_handed_over_as_a_deaf_one(slow: Bench) -> None:
    """The framework hears that writing is paused; or it would be told to resume what it never paused."""
    slow.feed(plain(b"a") + ODD)
    slow.lane.pause_writing()
    await slow.finish()
    assert slow.wire.calls == ["made", "pause", "data"]
    assert slow.wire.reading


async def test_what_the_framework_pauses_stays_paused(slow: Bench) -> None:
    slow.wire.data_received = lambda _data: slow.wire.pause_reading()  # type: ignore[method-assign]
    slow.feed(plain(b"a") + ODD)
    await slow.finish()
    assert slow.handed_over
    assert not slow.wire.reading


async def test_turns_of_a_peer_that_hung_up_are_finished(slow: Bench) -> None:
    slow.feed(plain(b"a"), plain(b"b") + ODD)
    slow.lane.connection_lost(None)
    assert not slow.route.lanes
    await slow.finish()
    assert not slow.wire.sent
    assert not slow.handed_over
    slow.lane.tick(0)
    slow.lane.leave()


async def test_a_peer_that_has_sent_all_gets_its_answers_and_a_close(slow: Bench) -> None:
    slow.feed(b"".join(plain(b"%d" % number) for number in range(MAX_UNDER_WAY + 5)) + plain(b"cut")[:-1])
    assert slow.lane.eof_received()
    await slow.finish()
    assert slow.wire.said.count(b"<") == MAX_UNDER_WAY + 5
    assert slow.wire.closed
    assert not slow.handed_over


def test_a_peer_that_has_sent_all_and_waits_for_nothing_is_closed(bench: Bench) -> None:
    bench.feed(plain(b"a") + plain(b"b")[:-1])
    assert not bench.lane.eof_received()


@pytest.mark.parametrize("size", [1, 30, -1])
def test_a_request_that_does_not_come_whole_is_left_to_the_frameworks_patience(
    bench: Bench, size: int
) -> None:
    late = plain(b"late")[:size]
    bench.feed(plain(b"a"), late)
    bench.lane.tick(100)
    assert not bench.handed_over
    bench.lane.tick(100)
    assert bench.wire.given == late


def test_a_busy_connection_is_not_slow_for_its_ticks_meet_it_in_the_middle(bench: Bench) -> None:
    rest = b""
    for _ in range(5):
        bench.feed(rest + plain(b"a") + plain(b"b")[:20])
        rest = plain(b"b")[20:]
        bench.lane.tick(100)
    assert not bench.handed_over
    assert bench.wire.said.count(b"<") == 9


def test_a_quiet_connection_is_closed(bench: Bench) -> None:
    for _ in range(3):
        assert not bench.wire.closed
        bench.lane.tick(2)
    assert bench.wire.closed


async def test_a_turn_that_breaks_ends_its_connection_and_not_in_silence() -> None:
    slow = Bench(at_once=False)
    seen: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: seen.append(context.get("exception")))
    try:
        slow.feed(plain(b"a"), plain(b"b"))
        slow.waiting.popleft().cancel()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert slow.wire.closed
    assert isinstance(seen[0], asyncio.CancelledError)
    slow.lane.connection_lost(None)
    await slow.finish()
    assert not slow.wire.sent


async def test_a_stop_reads_no_more_and_closes_when_the_turns_are_answered(slow: Bench) -> None:
    slow.feed(plain(b"a") + plain(b"b")[:-1])
    slow.lane.leave()
    assert not slow.wire.reading
    assert not slow.wire.closed
    await slow.finish()
    assert slow.wire.said == b"<a>"
    assert slow.wire.closed
