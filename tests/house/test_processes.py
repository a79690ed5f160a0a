"""The supervisor starts in order, starts again what dies, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.house.processes import below, gone_within
from ussd_engine import processes
from ussd_engine.errors import UssdError
from ussd_engine.processes import Program, Supervisor, answers_ok, require_free_port

WAITS = "import signal; print('up', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
WITH_CHILD = (
    "import signal, subprocess; subprocess.Popen(['sleep', '300']); print('up', flush=True); signal.pause()"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


class Screen:
    """What the supervisor printed, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._news.set()

    async def until(self, part: str, times: int = 1) -> None:
        async with asyncio.timeout(20):
            while sum(part in line for _, line in self.lines) < times:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
def screen() -> Screen:
    return Screen()


async def test_programs_start_in_order_each_after_the_one_before_is_ready(
    screen: Screen, tmp_path: Path
) -> None:
    made = tmp_path / "made"

    async def ready() -> bool:
        return made.exists()

    first = Program("first", python(f"open({str(made)!r}, 'w').close(); {WAITS}"), ready=ready)
    second = Program("second", python(f"import os; print(os.path.exists({str(made)!r})); {WAITS}"))
    supervisor = Supervisor([first, second], stop_s=5, say=screen.say)
    seen: list[bool] = []

    async def started() -> None:
        seen.append(made.exists())

    running = asyncio.create_task(supervisor.run(started))
    await screen.until("up", times=2)
    supervisor.stop()
    await running
    assert ("second", "True") in screen.lines
    assert seen == [True]


async def test_a_program_that_dies_is_started_again(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_DELAY_S", 0.01)
    supervisor = Supervisor([Program("web", python("print('up')"))], stop_s=5, say=screen.say)
    running = asyncio.create_task(supervisor.run())
    await screen.until("up", times=3)
    supervisor.stop()
    await running
    waits = [line for _, line in screen.lines if "again" in line]
    assert waits[:2] == [
        "ended with exit code 0; starting again in 0.0 s",
        "ended with exit code 0; starting again in 0.0 s",
    ]


async def test_a_program_that_ends_before_it_is_ready_stops_everything(screen: Screen) -> None:
    async def never() -> bool:
        return False

    programs = [Program("fine", python(WAITS)), Program("web", python("raise SystemExit(7)"), ready=never)]
    before = below(os.getpid())
    with pytest.raises(UssdError, match="web did not start: it ended with exit code 7"):
        await Supervisor(programs, stop_s=5, say=screen.say).run()
    assert below(os.getpid()) == before


async def test_one_that_does_not_finish_in_its_time_is_killed(screen: Screen) -> None:
    supervisor = Supervisor([Program("deaf", python(DEAF))], stop_s=0.2, say=screen.say)
    running = asyncio.create_task(supervisor.run())
    await screen.until("up")
    began = time.monotonic()
    supervisor.stop()
    await running
    assert 0.2 <= time.monotonic() - began < 2


async def test_what_a_program_started_itself_goes_with_it(screen: Screen) -> None:
    supervisor = Supervisor([Program("parent", python(WITH_CHILD))], stop_s=5, say=screen.say)
    running = asyncio.create_task(supervisor.run())
    await screen.until("up")
    sleepers = [process for process in below(os.getpid()) if process.name() == "sleep"]
    assert len(sleepers) == 1
    began = time.monotonic()
    supervisor.stop()
    await running
    assert time.monotonic() - began < 2
    assert gone_within(5, sleepers)


async def test_a_child_that_went_its_own_way_does_not_keep_the_program_from_starting_again(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_DELAY_S", 0.01)
    code = "import subprocess; subprocess.Popen(['sleep', '30'], start_new_session=True); print('up')"
    supervisor = Supervisor([Program("web", python(code))], stop_s=5, say=screen.say)
    before = set(psutil.process_iter())
    running = asyncio.create_task(supervisor.run())
    await screen.until("up", times=2)
    supervisor.stop()
    await running
    for process in set(psutil.process_iter()) - before:
        if process.name() == "sleep" and process.cmdline() == ["sleep", "30"]:
            process.kill()


async def test_a_line_without_end_is_passed_on_in_parts(screen: Screen) -> None:
    flood = "print('x' * 300_000, flush=True); print('up', flush=True); import signal; signal.pause()"
    supervisor = Supervisor([Program("flood", python(flood))], stop_s=5, say=screen.say)
    running = asyncio.create_task(supervisor.run())
    await screen.until("up")
    supervisor.stop()
    await running
    parts = [line for _, line in screen.lines if line.startswith("x")]
    assert sum(map(len, parts)) == 300_000
    assert max(map(len, parts)) <= 2 * processes.LONGEST_LINE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_in_order(number: signal.Signals) -> None:
    code = (
        "import asyncio, sys; from ussd_engine.processes import Program, Supervisor\n"
        f"program = Program('one', [sys.executable, '-c', {WAITS!r}])\n"
        "asyncio.run(Supervisor([program], stop_s=5).run()); print('over')"
    )
    process = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    everything = below(process.pid)
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == "over\n"
    assert process.returncode == 0
    assert gone_within(5, everything)


def test_killing_the_supervisor_ends_its_programs() -> None:
    code = (
        "import asyncio, sys; from ussd_engine.processes import Program, Supervisor\n"
        f"program = Program('one', [sys.executable, '-c', {WAITS!r}])\n"
        "asyncio.run(Supervisor([program], stop_s=5).run())"
    )
    process = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    everything: list[psutil.Process] = below(process.pid)
    process.kill()
    process.communicate()
    assert len(everything) == 2
    assert gone_within(5, everything)


def test_a_taken_port_is_refused_with_another_to_choose() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UssdError, match=rf"port {port}: Address already in use.*--port {port + 1}"):
            require_free_port("127.0.0.1", port)


async def test_ready_means_an_answer_of_200() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if b"/ready" in request else b"HTTP/1.1 503 No\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await answers_ok("127.0.0.1", port, "/ready")
        assert not await answers_ok("127.0.0.1", port, "/other")
    assert not await answers_ok("127.0.0.1", port, "/ready")
