"""The load generator with a timetable: it keeps its rate, checks each reply against its own dialog, and
counts the time a request waited before it could be sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import unquote

import pytest
from aiohttp import web

from loadtests.bench import dialogs, paced, processes
from loadtests.bench.dialogs import Plan
from loadtests.rivals import PATH

pytestmark = pytest.mark.skipif(paced.missing() is not None, reason=str(paced.missing()))

SCREENS = {unquote(turn.text): turn.expect for script in dialogs.scripts() for turn in script}
Answer = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def _served(answer: Answer) -> AsyncIterator[int]:
    """The port of a server that answers a dialog's text."""

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        return web.Response(text=await answer(str(form["text"])))

    app = web.Application()
    app.router.add_post(PATH, handle)
    runner = web.AppRunner(app)
    await runner.setup()
    port = processes.free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


def _plan(port: int, *, seconds: int = 1, connections: int = 8) -> Plan:
    return Plan(port, seconds, connections, dialogs.scripts(), dialogs=20)


async def _right(text: str) -> str:
    return SCREENS[text]


async def test_every_reply_is_checked_and_right_ones_are_counted() -> None:
    async with _served(_right) as port:
        timed = await asyncio.to_thread(paced.at_rate, _plan(port), 200)
    assert timed.wrong == 0, timed.example
    assert 300 < timed.right < 500  # two seconds, one of them to warm up
    assert 140 < timed.per_s < 260


async def test_a_screen_of_another_dialog_is_wrong() -> None:
    """It is a right screen for somebody; the one who asked has to see another."""
    numbers = iter(range(1_000_000))

    async def mixed_up(text: str) -> str:
        return SCREENS["1"] if text == "" and next(numbers) == 7 else SCREENS[text]

    async with _served(mixed_up) as port:
        timed = await asyncio.to_thread(paced.at_rate, _plan(port), 200)
    assert timed.wrong == 1
    assert "wanted CON Welcome to the bench." in timed.example
    assert "How much do you need?" in timed.example


async def test_a_stalled_server_is_charged_for_all_who_would_have_called() -> None:
    """A client that waits would have sent one request in that time, and found one slow reply of hundreds."""
    stall_s = 0.6
    stalls_at = 0.0

    async def stalling(text: str) -> str:
        nonlocal stalls_at
        stalls_at = stalls_at or time.monotonic() + 1.2
        if time.monotonic() > stalls_at:
            stalls_at = float("inf")
            time.sleep(stall_s)  # noqa: ASYNC251 - nobody else is served meanwhile
        return SCREENS[text]

    async with _served(stalling) as port:
        timed = await asyncio.to_thread(paced.at_rate, _plan(port, seconds=2, connections=2), 300)
    assert timed.wrong == 0, timed.example
    assert stall_s * 1e3 / 2 < timed.p90_ms <= timed.max_ms
    assert timed.max_ms > stall_s * 900


async def test_without_a_rate_it_asks_as_fast_as_it_is_answered() -> None:
    async with _served(_right) as port:
        answers = await asyncio.to_thread(paced.run, _plan(port))
    assert answers.wrong == 0, answers.example
    assert answers.right > 200
    assert 0 < answers.p50_ms <= answers.p99_ms


async def test_a_connection_that_closes_before_its_reply_is_wrong() -> None:
    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(gone, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        timed = await asyncio.to_thread(paced.at_rate, _plan(port), 50)
    assert timed.right == 0
    assert timed.wrong > 50
    assert "a closed connection" in timed.example


async def test_a_plan_that_does_not_fit_is_refused() -> None:
    script = dialogs.scripts()[0]
    long = replace(script[0], text="1*" * 5000)
    plan = replace(_plan(1), scripts=((long,),))
    with pytest.raises(RuntimeError, match="longer than 4096 bytes"):
        await asyncio.to_thread(paced.at_rate, plan, 10)


@pytest.mark.slow
async def test_who_is_never_answered_is_counted_as_wrong() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        timed = await asyncio.to_thread(paced.at_rate, _plan(port, connections=4), 20)
    assert timed.right == 0
    assert timed.example == f"{timed.wrong} requests were not answered"
    assert timed.wrong > 20  # the four that were sent, and those that never could be
