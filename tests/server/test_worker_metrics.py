"""One page for several workers: whoever is asked speaks for all, and no counter ever goes backwards."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ussd_engine.observe import Board
from ussd_engine.observe.usage import usage_of
from ussd_engine.observe.workers import RETIRED, SharedMetrics, WorkersMetrics
from ussd_engine.place import Offer, Place

TURNS = 'ussd_turns_total{gateway="africastalking",outcome="more"}'


class Worker:
    """A worker's metrics, without the worker."""

    def __init__(self, metrics: WorkersMetrics, name: str) -> None:
        self.name = name
        self.board = Board()
        channel, self.supervisor = socket.socketpair()
        file = str(metrics.file_of(name))
        self.shared = SharedMetrics(self.board, Place(Offer(1, [], channel.detach(), None, file)))

    def count(self, turns: int) -> None:
        self.board.turns.labels("africastalking", "more").inc(turns)
        self.board.turn_seconds.labels("africastalking").observe(0.004)
        self.board.in_flight.inc()

    def page(self) -> str:
        return self.board.page().decode()


@pytest.fixture
def metrics() -> Iterator[WorkersMetrics]:
    held = WorkersMetrics()
    yield held
    held.close()


@pytest.fixture
async def start(metrics: WorkersMetrics) -> AsyncIterator[Callable[[str], Worker]]:
    started: list[Worker] = []

    def one(name: str) -> Worker:
        started.append(Worker(metrics, name))
        return started[-1]

    yield one
    for worker in started:
        worker.shared.stop()


def value(page: str, sample: str) -> float:
    (found,) = re.findall(rf"(?m)^{re.escape(sample)} (\S+)$", page)
    return float(found)


async def test_the_page_of_each_is_about_all(start: Callable[[str], Worker]) -> None:
    first, second = start("1-1"), start("2-2")
    first.count(3)
    first.board.bundle_in_use("umoja", "aaaaaaaaaaaa")
    second.count(4)
    second.board.bundle_in_use("umoja", "aaaaaaaaaaaa")
    first.page()  # what it has counted is in its file now
    page = second.page()
    assert value(page, TURNS) == 7
    assert value(page, 'ussd_turn_seconds_bucket{gateway="africastalking",le="0.005"}') == 2
    assert value(page, 'ussd_turn_seconds_count{gateway="africastalking"}') == 2
    assert value(page, "ussd_turns_in_flight") == 2
    assert value(page, 'ussd_bundle_in_use{bundle="aaaaaaaaaaaa",service="umoja"}') == 1


async def test_what_an_ended_worker_counted_stays_but_not_what_it_was_doing(
    start: Callable[[str], Worker], metrics: WorkersMetrics
) -> None:
    stays = start("2-2")
    for number in range(5):
        worker = start(f"1-{number}")
        worker.count(2)
        worker.shared.stop()
        before = value(stays.page(), TURNS)
        metrics.fold(worker.name)
        assert value(stays.page(), TURNS) == before == 2 * (number + 1)
    assert value(stays.page(), "ussd_turns_in_flight") == 0
    assert {file.name for file in metrics.folder.iterdir()} == {"2-2.json", RETIRED}, "they do not pile up"


async def test_a_worker_that_is_killed_takes_nothing_back_that_a_page_has_shown(
    start: Callable[[str], Worker], metrics: WorkersMetrics
) -> None:
    stays, killed = start("2-2"), start("1-1")
    killed.count(9)
    assert value(killed.page(), TURNS) == 9
    killed.shared._timer.cancel()  # as kill -9 would have it: no last words
    metrics.fold(killed.name)
    assert value(stays.page(), TURNS) == 9


async def test_a_page_asked_for_while_a_worker_is_folded_counts_it_once(
    start: Callable[[str], Worker], metrics: WorkersMetrics
) -> None:
    stays, ended = start("2-2"), start("1-1")
    ended.count(5)
    ended.shared.stop()
    kept = metrics.file_of(ended.name).read_bytes()
    metrics.fold(ended.name)
    metrics.file_of(ended.name).write_bytes(kept)  # between the two steps of the supervisor both are there
    assert value(stays.page(), TURNS) == 5


async def test_the_page_of_several_has_nothing_of_one_process_alone(start: Callable[[str], Worker]) -> None:
    assert re.findall(r"(?m)^(?:process|python_gc)_\w+", start("1-1").page()) == []


async def test_memory_is_told_by_worker(start: Callable[[str], Worker], metrics: WorkersMetrics) -> None:
    ours = usage_of(os.getpid())
    assert ours is not None
    metrics.show([("1", ours), ("1", ours), ("2", ours)])  # one place has two processes during a reload
    page = start("1-1").page()
    for kind in ("rss", "pss", "uss"):
        size = getattr(ours, kind)
        assert value(page, f'ussd_worker_memory_bytes{{kind="{kind}",worker="1"}}') == 2 * size
        assert value(page, f'ussd_worker_memory_bytes{{kind="{kind}",worker="2"}}') == size


async def test_pages_a_process_shares_are_in_rss_and_in_part_in_pss_and_not_in_uss() -> None:
    size = 64 << 20
    reader, writer = os.pipe()
    held = b"x" * size
    before = usage_of(os.getpid())
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(len(held) == 0)
    after, theirs = usage_of(os.getpid()), usage_of(child)
    os.write(writer, b"x")
    os.waitpid(child, 0)  # noqa: ASYNC222 - it has been told to end
    for end in (reader, writer):
        os.close(end)
    assert before is not None
    assert after is not None
    assert theirs is not None
    assert abs(after.rss - before.rss) < size / 8
    assert before.uss - after.uss > size * 7 / 8, "no longer its own alone"
    assert before.pss - after.pss > size * 3 / 8, "half of it is the child's share"
    assert theirs.rss > size
    assert usage_of(child) is None


ORPHAN = """
import asyncio, os, sys
from tests.server.test_worker_metrics import Worker, WorkersMetrics

async def work():
    worker = Worker(metrics, "1-1")
    print(metrics.folder, flush=True)
    sys.stdin.read()
    worker.shared.stop()
    print("stopped", flush=True)

metrics = WorkersMetrics()
if os.fork() == 0:
    asyncio.run(work())
else:
    os.wait()
"""


def test_a_worker_without_its_supervisor_leaves_nothing_behind(repository: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", ORPHAN], cwd=repository, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    folder = Path(supervisor.stdout.readline().strip())
    assert (folder / "1-1.json").exists()
    supervisor.kill()
    supervisor.wait()
    supervisor.stdin.close()
    assert supervisor.stdout.readline() == "stopped\n"
    supervisor.stdout.close()
    assert not folder.exists()
