"""Several workers on one port, by the command: they share the turns, and make one page of metrics."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.wire import ask, form, post

TURNS = 40


@pytest.fixture
async def port(pg_url: str, redis_url: str, repository: Path) -> AsyncIterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    environment = os.environ | {"ENV": "test", "DATABASE_URL": pg_url, "REDIS_URL": redis_url}
    supervisor = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ussd_engine.cli", "serve", "--port", str(number), "--workers", "2"],
        cwd=repository, env=environment, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    yield number
    supervisor.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(supervisor.wait(), 15) == 0


@pytest.mark.slow
async def test_every_turn_is_on_the_page_whichever_worker_answered_it(port: int) -> None:
    async with asyncio.timeout(40):
        pids: set[str] = set()
        while len(pids) < 2:
            pids = set(re.findall(r'ussd_worker\{pid="(\d+)"\} 1.0', await page(port)))
        for number in range(TURNS):  # a connection each: the kernel deals them out
            answer = await ask(port, post(form(session=f"ATUid_{number}", phone=f"+2547110001{number:02}")))
            assert answer.status == 200
        counted = 0.0
        while counted < TURNS:
            counted = sum(map(float, re.findall(r"ussd_turns_total\{[^}]*\} (\S+)", await page(port))))
    assert counted == TURNS


async def page(port: int) -> str:
    while True:
        try:
            return (await ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")).body
        except OSError:
            await asyncio.sleep(0.05)  # not up yet
