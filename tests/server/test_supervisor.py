"""The supervisor of the workers, over processes that misbehave in every way there is."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from ussd_engine import worker, workers
from ussd_engine.errors import SettingsError, UssdError
from ussd_engine.place import Offer, Place, listening_sockets
from ussd_engine.systemd import notify
from ussd_engine.workers import Options, Workers

TOY = str(Path(__file__).with_name("toy.py"))
MB = 1 << 20


class Toys:
    """A supervisor of toys, whose options and manners a test changes under way."""

    def __init__(self, count: int, how: str, **options: Any) -> None:
        self.how = how
        self.options = {"retire_s": 5.0, "stop_s": 5.0} | options
        self.wrong = ""
        self.workers = Workers(count, self._command, self._read)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.workers.run())
        try:
            yield
        finally:
            self.workers.stop()
            await task

    async def caller(self) -> int:
        """The process that answers a caller."""
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.workers.port)
            pid = int(await reader.readline())
            writer.close()
            return pid

    async def callers_until(self, wanted: Callable[[set[int]], bool]) -> set[int]:
        """The processes that answer, once they are as wanted."""
        async with asyncio.timeout(20):
            while not wanted(pids := {await self.caller() for _ in range(20)}):
                pass
            return pids

    def _command(self, offer: Offer) -> list[str]:
        return [sys.executable, TOY, offer.written(), self.how]

    def _read(self) -> Options:
        if self.wrong:
            raise SettingsError(self.wrong)
        return Options("127.0.0.1", 0, **self.options)


class Log:
    """What the supervisor logs, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []

    async def line(self, event: str) -> Mapping[str, Any]:
        async with asyncio.timeout(20):
            while not (found := [line for line in self.lines if line["event"].startswith(event)]):
                await asyncio.sleep(0.01)
        return found[0]


@pytest.fixture
def log() -> Any:
    seen = Log()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.msg, dict):
                seen.lines.append(record.msg)

    handler = Handler()
    logging.getLogger("ussd.workers").addHandler(handler)
    yield seen
    logging.getLogger("ussd.workers").removeHandler(handler)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(workers, "MEASURE_S", 0.02)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


async def test_each_place_is_served_and_a_reload_puts_new_processes_in_all(log: Log) -> None:
    toys = Toys(3, "fine")
    async with toys.running():
        before = await toys.callers_until(lambda pids: len(pids) == 3)
        hang_up()
        await log.line("reloaded")
        after = await toys.callers_until(before.isdisjoint)
        await toys.callers_until(lambda pids: len(pids) == 3)
    assert before.isdisjoint(after)
    assert not any(psutil.pid_exists(pid) for pid in before | after)


async def test_a_caller_who_waits_in_the_queue_of_a_dead_process_is_served_by_the_next(log: Log) -> None:
    toys = Toys(1, "fine")
    async with toys.running():
        first = await toys.caller()
        os.kill(first, signal.SIGSTOP)  # it accepts nobody from here on
        waiting = asyncio.create_task(toys.caller())
        await connected(toys.workers.port)
        os.kill(first, signal.SIGKILL)
        assert await waiting != first
        assert (await log.line("worker died"))["how"] == "was ended by SIGKILL"


async def test_a_caller_who_waits_in_the_queue_of_a_replaced_process_is_served_by_the_next(log: Log) -> None:
    toys = Toys(1, "fine")
    async with toys.running():
        first = await toys.caller()
        os.kill(first, signal.SIGSTOP)
        waiting = [asyncio.create_task(toys.caller()) for _ in range(50)]
        await connected(toys.workers.port)
        hang_up()
        await log.line("reloaded")
        served_by = set(await asyncio.gather(*waiting))
        os.kill(first, signal.SIGCONT)
        await log.line("worker left")
    assert first not in served_by
    assert len(served_by) == 1


async def test_one_that_dies_at_once_again_and_again_ends_everything(log: Log) -> None:
    toys = Toys(2, "fine")
    running = asyncio.create_task(toys.workers.run())
    pids = await toys.callers_until(lambda pids: len(pids) == 2)
    toys.how = "dies"
    os.kill(min(pids), signal.SIGKILL)
    with pytest.raises(
        UssdError, match=r"ended 5 times in a row soon after .* last time it was ended by SIGSEGV"
    ):
        await asyncio.wait_for(running, 20)
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.parametrize(("how", "why"), [
    ("ends", "web 1 did not start: it ended with exit code 7."),
    ("hangs", "web 1 was not ready after 1 s."),
])  # fmt: skip
async def test_one_that_cannot_start_is_told_and_nothing_goes_on(
    how: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "START_S", 1.0)
    toys = Toys(1, how, stop_s=0.1)
    with pytest.raises(UssdError) as told:
        await toys.workers.run()
    assert str(told.value) == why
    assert psutil.Process().children() == [] or TOY not in " ".join(psutil.Process().children()[0].cmdline())


async def test_one_with_problems_may_start_but_does_not_replace_one_that_serves(log: Log) -> None:
    toys = Toys(2, "problems")
    async with toys.running():
        before = await toys.callers_until(lambda pids: len(pids) == 2)
        assert (await log.line("worker serves, but is not ready"))["why"] == "Redis is away"
        hang_up()
        failed = await log.line("reload failed")
        assert await toys.callers_until(lambda pids: len(pids) == 2) == before
    assert "is not ready: Redis is away" in failed["why"]


@pytest.mark.parametrize(("how", "wrong", "why"), [
    ("ends", "", "did not start: it ended with exit code 7"),
    ("hangs", "", "was not ready after 1 s"),
    ("fine", "DRAIN_S must be a number.", "DRAIN_S must be a number."),
])  # fmt: skip
async def test_a_failed_reload_leaves_the_old_ones_serving_and_the_next_one_works(
    log: Log, how: str, wrong: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "START_S", 1.0)
    toys = Toys(2, "fine", stop_s=0.5)
    async with toys.running():
        before = await toys.callers_until(lambda pids: len(pids) == 2)
        toys.how, toys.wrong = how, wrong
        hang_up()
        assert why in (await log.line("reload failed"))["why"]
        assert await toys.callers_until(lambda pids: len(pids) == 2) == before
        toys.how, toys.wrong = "fine", ""
        hang_up()
        await log.line("reloaded")
        await toys.callers_until(before.isdisjoint)


async def test_one_that_does_not_leave_is_killed(log: Log) -> None:
    toys = Toys(1, "stays", retire_s=0.2, stop_s=0.1)
    async with toys.running():
        stays = await toys.caller()
        toys.how = "fine"
        hang_up()
        killed = await log.line("worker did not leave in time: killed")
        await toys.callers_until(lambda pids: stays not in pids)
    assert killed["pid"] == stays


async def test_one_above_its_limit_of_memory_is_replaced_and_the_limit_is_read_anew(log: Log) -> None:
    toys = Toys(1, "grows")
    async with toys.running():
        first = await toys.caller()
        assert await toys.caller() == first, "no limit yet"
        toys.options["max_rss"] = 100 * MB
        hang_up()
        await log.line("reloaded")
        second = await toys.callers_until(lambda pids: first not in pids and len(pids) > 1)
        told = await log.line("worker above its limit of memory: replacing it")
    assert len(second) > 1
    assert told["most_mb"] == 100


async def test_one_that_needs_more_than_the_limit_from_its_start_is_told_and_left_alone(log: Log) -> None:
    toys = Toys(1, "fine", max_rss=5 * MB)
    async with toys.running():
        only = await toys.caller()
        await log.line("a worker needs more memory than its limit from its start")
        assert await toys.caller() == only
    assert sum("from its start" in line["event"] for line in log.lines) == 1, "said once"


async def test_pinned_workers_are_on_the_allowed_cores_in_turn() -> None:
    cores = sorted(os.sched_getaffinity(0))
    count = len(cores) + 1
    toys = Toys(count, "fine", pin=True)
    async with toys.running():
        pids = await toys.callers_until(lambda pids: len(pids) == count)
        on = sorted(sorted(os.sched_getaffinity(pid)) for pid in pids)
    assert on == sorted([core] for core in [*cores, cores[0]])


async def test_systemd_is_told_how_things_are(
    log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []

    async def hear() -> None:
        while not said or said[-1] != "STOPPING=1":
            said.append((await asyncio.get_running_loop().sock_recv(systemd, 1000)).decode())

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.setblocking(False)
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        hearing = asyncio.create_task(hear())
        toys = Toys(1, "fine")
        async with toys.running():
            await toys.caller()
            hang_up()
            await log.line("reloaded")
        await asyncio.wait_for(hearing, 10)
    states = [word.split("\n")[0] for word in said if not word.startswith("STATUS=")]
    assert states == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert any(word.startswith("STATUS=1 workers on port") for word in said)


def test_a_systemd_that_does_not_listen_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notify("READY=1")  # nobody is there
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        for _ in range(2000):  # more than its queue holds
            notify("READY=1")
        assert deaf.recv(100) == b"READY=1"


def test_a_place_that_nobody_holds_open_is_refused() -> None:
    with pytest.raises(UssdError, match="`--place` is what a supervisor tells its workers"):
        Offer.read("2")
    with pytest.raises(UssdError, match="Place 3 has no supervisor"):
        Place(Offer(3, [999], 998, None, "/tmp/none.json"))


def test_every_address_of_a_host_is_listened_on_by_each_place() -> None:
    places = listening_sockets("localhost", 0, 2)
    addresses = [[held.getsockname()[:2] for held in sockets] for sockets in places]
    for held in (held for sockets in places for held in sockets):
        held.close()
    assert addresses[0] == addresses[1]
    assert "127.0.0.1" in {host for host, _ in addresses[0]}
    assert len({port for _, port in addresses[0]}) == 1


async def connected(port: int) -> None:
    """A connection of ours is in the queue: so is every one before it."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
