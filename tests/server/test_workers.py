"""Several workers on one port, by the command: they share the calls, and are replaced without losing one."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.server.served import Callers, Connection, Served, dial, serving, turns_on
from tests.server.wire import ask, form, post
from ussd_engine.embedded import Servers

pytestmark = pytest.mark.slow
BETWEEN = 50  # turns, so that callers are surely about


@pytest.fixture(scope="module")
async def served(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    async with serving(folder, servers.redis_url, "--pin") as running:
        yield running


@pytest.fixture(autouse=True)
def usual_settings(served: Served, servers: Servers) -> None:
    served.settings(REDIS_URL=servers.redis_url)


async def test_no_call_is_refused_reset_or_left_unanswered_while_workers_are_replaced(served: Served) -> None:
    before, counted = await served.pids(), turns_on(await served.page())
    callers = Callers(served.port)
    for _ in range(2):
        await callers.until(BETWEEN)
        await served.reload()
    await callers.until(BETWEEN)
    await callers.stop()
    assert callers.wrong == []
    assert callers.goodbyes > 0, "the ones that were kept alive were asked to come again"
    assert callers.counted == sorted(callers.counted), "a counter went backwards"
    await until_counted(served, counted + callers.answered)
    assert before.isdisjoint(await served.pids())


async def test_a_connection_that_was_quiet_during_the_reload_gets_its_answer_and_a_goodbye(
    served: Served,
) -> None:
    used, unused = await Connection.open(served.port), await Connection.open(served.port)
    page = await Connection.open(served.port)
    await used.ask(dial())
    await page.ask(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    await served.reload()
    answers = [await used.ask(dial()), await unused.ask(dial())]
    answers.append(await page.ask(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert [(answer.status, answer.headers["Connection"]) for answer in answers] == [(200, "close")] * 3
    assert [await connection.ended() for connection in (used, unused, page)] == [True] * 3
    for connection in (used, unused, page):
        connection.close()
    await served.line("worker left")


async def test_a_worker_killed_under_load_is_replaced_and_only_its_own_callers_notice(served: Served) -> None:
    callers = Callers(served.port)
    await callers.until(BETWEEN)
    (killed, *_) = before = await served.pids()
    since = len(served.lines)
    os.kill(killed, signal.SIGKILL)
    died = await served.line("worker died", since)
    await served.line("serving", since)
    await callers.until(BETWEEN)
    await callers.stop()
    assert (died["pid"], died["how"]) == (killed, "was ended by SIGKILL")
    assert len(callers.wrong) <= 13, "each caller had one connection there at most"
    assert not [wrong for wrong in callers.wrong if "refused" in wrong or "Timeout" in wrong]
    assert callers.counted == sorted(callers.counted), "a counter went backwards"
    after = await served.pids()
    assert len(after) == 2
    assert before - after == {killed}


async def test_a_reload_reads_the_settings_anew(served: Served, servers: Servers) -> None:
    long = post(form(code="*123#") + b"&more=" + b"x" * 200)
    assert (await ask(served.port, long)).status == 200
    served.settings(REDIS_URL=servers.redis_url, MAX_BODY="200")
    await served.reload()
    async with asyncio.timeout(10):  # an old worker may take a call more before it hears that it is replaced
        while (await ask(served.port, long)).status != 413:
            pass


@pytest.mark.parametrize(("changes", "why"), [
    ({"MAX_BODY": "none"}, "MAX_BODY must be a valid integer"),
    ({"REDIS_URL": "unix:///tmp/nobody.sock"}, "web [12] did not start: it ended with exit code 1"),
    ({"USSD_PORT": "x"}, "USSD_PORT must be"),
])  # fmt: skip
async def test_a_reload_that_fails_says_why_and_changes_nothing(
    served: Served, servers: Servers, changes: dict[str, str], why: str
) -> None:
    before = await served.pids()
    served.settings(**{"REDIS_URL": servers.redis_url} | changes)
    callers = Callers(served.port)
    failed = await served.line("reload failed; the workers that are there go on", served.send(signal.SIGHUP))
    await callers.until(BETWEEN)
    await callers.stop()
    assert re.search(why, failed["why"])
    assert callers.wrong == []
    assert await served.pids() == before
    assert 'ussd_worker_reloads_total{outcome="failed"}' in await served.page()


async def test_each_worker_has_a_core_of_its_own(served: Served) -> None:
    cores = sorted(os.sched_getaffinity(0))
    on = [os.sched_getaffinity(pid) for pid in await served.pids()]
    wanted = [{cores[place % len(cores)]} for place in range(2)]
    assert sorted(map(sorted, on)) == sorted(map(sorted, wanted))


async def test_memory_is_told_in_the_log_and_on_the_page_as_the_system_tells_it(served: Served) -> None:
    pids = await served.pids()
    page = await served.page()
    told = {line["pid"]: line["rss_mb"] for line in served.lines if line["event"] == "worker"}
    for pid in pids:
        assert told[pid] == pytest.approx(psutil.Process(pid).memory_info().rss / 2**20, rel=0.1)
    for worker in ("1", "2", "supervisor"):
        rss, pss, uss = (
            float(
                re.findall(rf'ussd_worker_memory_bytes\{{kind="{kind}",worker="{worker}"\}} (\S+)', page)[0]
            )
            for kind in ("rss", "pss", "uss")
        )
        assert rss > pss > uss > 10 * 2**20


async def test_sigterm_ends_every_worker_with_its_turns_answered_and_nothing_behind(
    servers: Servers, tmp_path: Path
) -> None:
    async with serving(tmp_path, servers.redis_url) as served:
        everything = psutil.Process(served.process.pid).children(recursive=True)
        callers = Callers(served.port, new=0, kept=4)
        await callers.until(BETWEEN)
        served.send(signal.SIGTERM)
        await served.line("stopped", times=2)
        await served.process.wait()
        await callers.stop()
    assert [line["left"] for line in served.lines if line["event"] == "stopped"] == [0, 0]
    assert psutil.wait_procs(everything, timeout=5)[1] == []


async def until_counted(served: Served, turns: float) -> None:
    """Wait until a page tells of so many turns; what another worker has counted is a second old at most."""
    async with asyncio.timeout(10):
        while (found := turns_on(await served.page())) < turns:
            pass
    assert found == turns
