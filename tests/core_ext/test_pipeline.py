"""Replies find their callers, however the bytes arrive; held against the library that reads them alone."""

import asyncio
import itertools
from typing import Any

import hiredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted

TEXTS = st.binary(max_size=30) | st.sampled_from([b"", b"\r\n", b":1\r\n", b"$-1\r\n", b"*2\r\n"])
BULKS = TEXTS.map(lambda text: b"$%d\r\n%b\r\n" % (len(text), text)) | st.just(b"$-1\r\n")
REPLIES = (
    st.integers(-(10**16), 10**16).map(lambda number: b":%d\r\n" % number)
    | st.lists(BULKS, max_size=4).map(lambda items: b"*%d\r\n%b" % (len(items), b"".join(items)))
    | BULKS
    | st.sampled_from([b"+OK\r\n", b"-ERR no\r\n", b"*-1\r\n", b"*1\r\n*1\r\n:1\r\n", b"*1\r\n-ERR in\r\n"])
)


class Failed(Exception):
    """A reply that is an error."""


class Caller:
    """A future, as much of it as a pipeline needs."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    def done(self) -> bool:
        return False

    def set_result(self, reply: Any) -> None:
        self.heard.append(shown(reply))

    def set_exception(self, error: Exception) -> None:
        self.heard.append(shown(error))

    def exception(self) -> None:
        """Somebody looked."""


def shown(reply: Any) -> Any:
    if isinstance(reply, list):
        return [shown(item) for item in reply]
    return ("error", str(reply)) if isinstance(reply, Exception) else reply


def pipeline(core: Core, most: int = 100) -> Any:
    return core.pipeline.Pipeline(most, lambda: None, lambda: None, Failed, lambda reply: reply)


@given(st.lists(REPLIES, max_size=8), st.lists(st.integers(0, 200), max_size=6))
@example([b":-9223372036854775808\r\n"], [5])  # the longest number there is
@example([b"*1\r\n*1\r\n:1\r\n", b":2\r\n"], [8])  # between an array and what is in it
def test_torn_anywhere_replies_are_those_the_library_reads(replies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(replies)
    alone = hiredis.Reader(replyError=Failed)
    alone.feed(data)
    expected = []
    while (reply := alone.gets()) is not False:
        expected.append(shown(reply))
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for build in (compiled, interpreted):
        heard: list[Any] = []
        line, reader = pipeline(build()), hiredis.Reader(replyError=Failed)
        for _ in replies:
            line.submit(b"", Caller(heard))
        for start, end in itertools.pairwise(places):
            line.feed(reader, data[start:end])
        assert heard == expected
        assert line.answered == len(replies)


@pytest.mark.parametrize("data", [b":1x\r\n", b"*1\r\n$x\r\n", b"hello\r\n", b"*1\r\nx"])
def test_what_is_no_reply_is_refused(core: Core, data: bytes) -> None:
    line = pipeline(core)
    line.submit(b"", Caller([]))
    with pytest.raises(hiredis.HiredisError):
        line.feed(hiredis.Reader(replyError=Failed), data)


def test_nobody_gets_into_a_full_line(core: Core) -> None:
    line = pipeline(core, most=1)
    assert line.submit(b"a", Caller([]))
    assert not line.submit(b"b", Caller([]))
    assert line.take() == b"a"


def test_a_lost_connection_fails_what_was_sent_and_keeps_the_rest(core: Core) -> None:
    line, heard = pipeline(core), []  # type: ignore[var-annotated]
    line.submit(b"a", Caller(heard))
    line.take()
    line.submit(b"b", Caller(heard))
    line.fail_sent(Failed("lost"))
    assert heard == [("error", "lost")]
    assert line.take() == b"b"
    line.feed(hiredis.Reader(), b":7\r\n")
    assert heard == [("error", "lost"), 7]


def test_who_gave_up_shifts_nobody(core: Core) -> None:
    async def scene() -> int:
        loop = asyncio.get_running_loop()
        line, gone, waits = pipeline(core), loop.create_future(), loop.create_future()
        line.submit(b"a", gone)
        line.submit(b"b", waits)
        gone.cancel()
        line.feed(hiredis.Reader(), b":1\r\n:2\r\n")
        return int(await waits)

    assert asyncio.run(scene()) == 2


def test_many_commands_leave_before_the_tick_is_over(core: Core) -> None:
    taken: list[bytes] = []
    line = core.pipeline.Pipeline(
        200, lambda: None, lambda: taken.append(line.take()), Failed, lambda reply: reply
    )
    for _ in range(140):
        line.submit(b"x", Caller([]))
    assert taken == [b"x" * 64, b"x" * 64]
    assert line.take() == b"x" * 12
