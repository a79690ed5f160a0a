"""Real relays and workers, as processes of their own, beside a database with menus published."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest_asyncio

from services.sandbox.server import Running
from services.tasks import app
from tests.services import world
from ussd_engine.settings import Settings

PATIENCE_S = 60.0
LOOK_S = 0.05

PUBLISH = """
with kept as (
    insert into bundle (name, service, sources)
    values ('3f0a1b2c', 'umoja', $1)
    returning name
)
insert into bundle_publication (service, bundle)
select 'umoja', name
from kept
"""


@dataclass
class Yard:
    """Where processes are started and killed."""

    pool: Any
    pg_url: str
    redis_url: str
    sandbox: Running
    phone: world.Phone
    folder: Path
    running: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        box = self.sandbox.settings
        return {
            **os.environ, "DATABASE_URL": self.pg_url, "REDIS_URL": self.redis_url, "CELERY_BROKER_URL": "",
            "AT_USERNAME": box.at_username, "AT_API_KEY": box.at_api_key, "AT_BASE_URL": self.sandbox.url,
        }  # fmt: skip

    async def start(self, *arguments: str, **more: str) -> Process:
        """A program of ours, until the end of the test."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, cwd=self.folder, env={**self.environment, **more},
            stdout=PIPE, stderr=STDOUT, start_new_session=True,
        )  # fmt: skip
        self.running.append(process)
        return process

    async def relay(self, **more: str) -> Process:
        return await self.start("ussd_engine.cli", "relay", **more)

    async def worker(self, **more: str) -> Process:
        return await self.start(
            "celery", "-A", "services.tasks.app:celery", "worker", "--concurrency=1", "--loglevel=INFO",
            "--without-gossip", "--without-mingle", "--queues=sms,upkeep,scoring", **more,
        )  # fmt: skip

    async def kill(self, process: Process) -> str:
        """End it, and whatever it started, at once. What it said."""
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        said, _ = await process.communicate()
        self.running.remove(process)
        return said.decode()

    async def hears(self, process: Process, word: bytes) -> bytes:
        """Read what it says, up to the line with that word."""
        said = b""
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await process.stdout.readline():
                said += line
                if word in line:
                    return said
        raise AssertionError(said.decode())

    async def died(self, process: Process) -> int:
        """Wait until it ends by itself; its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()
        self.running.remove(process)
        assert process.returncode is not None
        return process.returncode

    async def until(self, true: Callable[[], Awaitable[Any]]) -> None:
        """Until the database says so; with what the processes said, when it never does."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await true():
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            said = "\n".join([await self.kill(process) for process in list(self.running)])
            raise AssertionError(said) from None

    async def lent(self) -> str:
        """A loan whose money arrived: its message waits in the outbox."""
        ref: str = (await self.phone.borrow()).value["ref"]
        await self.phone.money_arrives(ref)
        return ref

    async def sms(self) -> Any:
        return await self.pool.fetchrow("select * from sms order by id limit 1")

    async def outbox(self) -> Any:
        return await self.pool.fetchrow("select * from outbox where topic = 'sms.send' order by id limit 1")

    async def done(self) -> bool:
        return (await self.outbox())["done_at"] is not None

    async def due_now(self) -> None:
        """As if the time for another try had come."""
        await self.pool.execute("update outbox set due_at = now() where done_at is null")

    def received(self) -> int:
        """How many messages the phone shows."""
        return len([each for each in self.sandbox.world.messages.values() if each.code < 200])

    def waiting(self, queue: str = "sms") -> int:
        """Messages in a queue of the broker."""
        with app.make(Settings(redis_url=self.redis_url)).connection() as connection:
            number: int = connection.default_channel.client.llen(queue)
            return number


@pytest_asyncio.fixture
async def yard(pg_url: str, redis_url: str, sandbox: Running, repository: Path) -> AsyncIterator[Yard]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=5) as pool, world.serving(pool, pg_url):
        sources = {path.name: path.read_text() for path in world.FOLDER.glob("*.yaml")}
        await pool.execute(PUBLISH, orjson.dumps(sources).decode())
        phone = await world.Phone(pool, world.terms()).join()
        made = Yard(pool, pg_url, redis_url, sandbox, phone, repository)
        yield made
        for process in list(made.running):
            await made.kill(process)
