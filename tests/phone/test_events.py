import asyncio

import pytest

from ussd_engine.phone.events import BoardFull, EventBoard

PHONE, OTHER = "+254711000001", "+254711000002"


async def test_a_subscriber_sees_what_was_kept_and_then_what_comes() -> None:
    board = EventBoard()
    board.publish(PHONE, "turn", state="main")
    with board.subscribe(PHONE) as feed:
        board.publish(OTHER, "turn", state="secret of another")
        board.publish("254 711 000 001", "turn", state="amount")
        board.publish("", "reload", ok=True)
        events = [await feed.next() for _ in range(3)]
    assert [(event.kind, event.fields) for event in events if event] == [
        ("turn", {"state": "main"}),
        ("turn", {"state": "amount"}),
        ("reload", {"ok": True}),
    ]


async def test_a_subscriber_that_waits_is_woken() -> None:
    board = EventBoard()
    with board.subscribe(PHONE) as feed:
        waiting = asyncio.create_task(feed.next())
        await asyncio.sleep(0)
        board.publish(PHONE, "over", status="Success")
        event = await waiting
    assert event is not None
    assert event.fields == {"status": "Success"}


async def test_a_reader_that_comes_back_gets_only_what_it_missed() -> None:
    board = EventBoard()
    for state in ("main", "amount", "confirm"):
        board.publish(PHONE, "turn", state=state)
    seen = board.recent(PHONE)[1].number
    assert [event.fields["state"] for event in board.recent(PHONE, after=seen)] == ["confirm"]


async def test_numbers_go_on_counting_after_a_restart() -> None:
    board = EventBoard()
    board.publish(PHONE, "turn")
    long_ago = 1_700_000_000_000  # a board numbers from the clock, in milliseconds
    assert board.recent(PHONE)[0].number > long_ago


async def test_the_board_keeps_so_many_numbers_and_events_and_no_more() -> None:
    board = EventBoard(numbers=2, events_per_number=3)
    for state in range(5):
        board.publish(PHONE, "turn", state=state)
    assert [event.fields["state"] for event in board.recent(PHONE)] == [2, 3, 4]
    board.publish(OTHER, "turn")
    board.publish("+254711000003", "turn")
    assert board.recent(PHONE) == []


async def test_a_slow_reader_loses_the_oldest() -> None:
    board = EventBoard(events_per_number=2)
    with board.subscribe(PHONE) as feed:
        for state in range(4):
            board.publish(PHONE, "turn", state=state)
        board.close()
        assert [event.fields["state"] async for event in feed] == [3]


async def test_too_many_readers_are_refused_and_one_that_leaves_makes_room() -> None:
    board = EventBoard(readers=1)
    with board.subscribe(PHONE), pytest.raises(BoardFull, match="Close one"):
        board.subscribe(PHONE)
    with board.subscribe(PHONE):
        pass


async def test_closing_the_board_ends_every_feed() -> None:
    board = EventBoard()
    with board.subscribe(PHONE) as one, board.subscribe(OTHER) as two:
        waiting = asyncio.gather(one.next(), two.next())
        await asyncio.sleep(0)
        board.close()
        assert await waiting == [None, None]
