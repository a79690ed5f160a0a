"""The loan service as it is deployed: `ussd serve` in processes of its own, over HTTP."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg
import httpx
import pytest
import redis

from core_ext import COMPILED
from loadtests.bench.processes import free_port
from tests import databases
from ussd_engine.embedded import Servers
from ussd_engine.processes import ussd

PIN = "4827"
ENGLISH = ["1", "1", "Wanjiru Kamau", "23456781", "1234", PIN, PIN, "9", "1", "nan", "1*500", "1500", "98"]
ENGLISH += ["2", "2", "1500", "2", "1", "1111", PIN]
SWAHILI = ["2", "1", "Juma Otieno", "34567812", PIN, "9999", PIN, PIN, "5", "00", "1", "99999", "0", "1"]
SWAHILI += ["700", "1", "1", PIN]


@contextmanager
def served(
    database_url: str, redis_url: str, *, workers: int = 1, pure: bool = False
) -> Iterator[httpx.Client]:
    port = free_port()
    environment = os.environ | {
        "ENV": "test", "DATABASE_URL": database_url, "REDIS_URL": redis_url,
        "USSD_PURE": "1" if pure else "0",
    }  # fmt: skip
    command = ussd("serve", "--port", str(port), "--workers", str(workers))
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            wait_until_ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(15)


def wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with suppress(httpx.TransportError):
            if client.get("/ready").status_code == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the server ended with {process.wait(0.1)}")
    raise AssertionError("it is not ready after a minute")


def turn(text: str, phone: str, session: str) -> dict[str, str]:
    return {
        "sessionId": session, "phoneNumber": phone, "networkCode": "63902", "serviceCode": "*384*89598#",
        "text": text,
    }  # fmt: skip


def dialog(client: httpx.Client, presses: list[str], phone: str) -> list[bytes]:
    """Every answer of a dialog, to the last byte."""
    answers, text = [], ""
    for typed in ["", *presses]:
        text = f"{text}*{typed}" if text else typed
        answers.append(client.post("/api/v1/ussd", data=turn(text, phone, f"s{phone}")).content)
    return answers


@pytest.fixture
def two_databases(servers: Servers, migrated_template: str) -> Iterator[list[str]]:
    with databases.copy(servers, migrated_template) as one, databases.copy(servers, migrated_template) as two:
        yield [one, two]


@pytest.mark.skipif(not COMPILED, reason="there is no compiled core here to compare with")
def test_the_same_dialogs_byte_for_byte_compiled_and_interpreted(
    two_databases: list[str], servers: Servers
) -> None:
    said = []
    for url, database, pure in zip(two_databases, ("14", "15"), (False, True), strict=True):
        redis_url = servers.redis_url.replace("db=0", f"db={database}")
        with redis.Redis.from_url(redis_url) as left:
            left.flushdb()  # by another test
        with served(url, redis_url, pure=pure) as client:
            client.post("/api/v1/ussd", data=turn("", "+254700000009", "x"))
            said.append(dialog(client, ENGLISH, "+254711000001") + dialog(client, SWAHILI, "+254711000002"))
    assert said[0] == said[1]
    ends = [answer for answer in said[0] if answer.startswith(b"END ")]
    assert len(ends) == 2
    assert all(b"KES" in answer for answer in ends)


async def test_the_same_press_at_once_at_several_workers_is_one_loan(pg_url: str, redis_url: str) -> None:
    phone = "+254711000003"
    with served(pg_url, redis_url, workers=2) as client:
        dialog(client, ENGLISH[:-1], phone)
        last = turn("*".join(ENGLISH), phone, f"s{phone}")
        async with httpx.AsyncClient(base_url=client.base_url, timeout=20) as gateway:
            answers = await asyncio.gather(*(gateway.post("/api/v1/ussd", data=last) for _ in range(30)))
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].content.startswith(b"END Done!")
    connection = await asyncpg.connect(pg_url)
    counts = await connection.fetchrow(
        "select (select count(*) from loan) as loans, (select count(*) from journal) as journals,"
        " (select count(*) from hold) as holds, (select count(*) from outbox) as messages"
    )
    await connection.close()
    assert counts is not None
    assert dict(counts) == {"loans": 1, "journals": 1, "holds": 1, "messages": 1}
