"""The real processes of a lender, beside a sandbox, watched by a supervisor: a web server with two workers,
a relay, a Celery worker with two children. They are started once. Whatever is killed is started again, and
nobody else helps.

The clock of production is too slow for a test: what `ussd beat` asks for every minute comes twice a second,
and what waits for minutes waits for half a second. Only the broker's ten minutes, after which a row of the
outbox is due again, are made to pass by hand.

A machine may be slow, and a process that was killed needs seconds until it works again. So what ends in
production after a quarter of an hour (a prompt is given up, a payout goes to a person) must not end here
after so many looks: those looks come two a second.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import redis

from loadtests.bench.borrowers import PIN, SERVICE_CODE, source
from loadtests.bench.dialogs import PATH
from loadtests.bench.processes import free_port
from migrations import run as migrations
from services.failpoints import VARIABLE
from services.ledger import accounts, treasury
from services.mpesa.settings import of_sandbox
from services.sandbox.server import Running
from services.tasks.app import make
from tests.faults.queries import AGAIN, AT_REST, BEGUN, DEAD_SENDER, ON_ITS_WAY, WALLETS
from tests.services import world
from ussd_engine import embedded
from ussd_engine.embedded import Servers
from ussd_engine.settings import Settings

REPOSITORY = world.FOLDER.parents[1]
PATIENCE_S = 120.0
LOOK_S = 0.03
TICK_S = 0.4
SENDING_S = 12.0  # more than both of Africa's Talking's timeouts together
LOST_S = 1.0  # a message that nobody did for so long is as one of ten minutes ago
FUNDED = 100_000_000
DEBTORS = 15
TICKS = ("services.tasks.money.sweep", "services.tasks.money.pull")
TICKS_QUEUE = "money"
BEHIND = 4  # tasks that wait; a slow worker is not given ticks faster than it takes them

COMMANDS: dict[str, tuple[str, ...]] = {
    "web": ("serve", "--workers", "2"),
    "relay": ("relay",),
    "worker": ("worker", "--concurrency", "2"),
}


@dataclass
class Town:
    """What a test of kills works with."""

    servers: Servers
    pool: Any
    sandbox: Running
    folder: Path
    environment: dict[str, str]
    url: str
    http: httpx.AsyncClient
    terms: Any
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    debtors: list[tuple[world.Phone, str]] = field(default_factory=list)
    watching: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def failpoint(self) -> Path:
        return self.folder / "failpoint"

    def arm(self, name: str) -> None:
        """Whatever process comes to that line next is killed."""
        partial = self.folder / "partial"
        partial.write_text(name)
        partial.rename(self.failpoint)

    async def killed(self) -> None:
        """Wait until somebody was."""
        await self.until(lambda: asyncio.sleep(0, not self.failpoint.exists()))

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "ussd_engine.cli", *COMMANDS[name]]
        log = (self.folder / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            cwd=REPOSITORY,
        )  # fmt: skip
        log.close()

    def kill(self, name: str) -> None:
        """The process and all it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()

    async def supervise(self) -> None:
        """Start again what has ended."""
        while True:
            for name, process in self.running.items():
                if process.poll() is not None:
                    self.start(name)
            await asyncio.sleep(LOOK_S)

    async def tick(self) -> None:
        """What beat does, and time that passes."""
        with (
            make(Settings(redis_url=self.servers.redis_url)) as app,
            redis.Redis.from_url(self.servers.redis_url) as broker,
        ):
            while True:
                await asyncio.sleep(TICK_S)
                with contextlib.suppress(Exception):  # Redis or PostgreSQL may be away
                    await self.pool.execute(AGAIN, LOST_S)
                    if await asyncio.to_thread(broker.llen, TICKS_QUEUE) > BEHIND:
                        continue
                    for task in TICKS:
                        await asyncio.to_thread(app.send_task, task, expires=5, retry=False)

    async def until(self, true: Callable[[], Awaitable[Any]]) -> None:
        """Until it is so; with what the processes logged, when it never is."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                if await true():
                    return
            assert time.monotonic() < deadline, f"{await self.on_its_way()}\n{self.logs()}"
            await asyncio.sleep(LOOK_S)

    def logs(self) -> str:
        return "\n".join(
            f"--- {name}\n{(self.folder / f'{name}.log').read_text()[-6000:]}" for name in COMMANDS
        )

    # -- what people do ------------------------------------------------------------------------

    async def somebody(self) -> world.Phone:
        phone = await world.Phone(self.pool, self.terms).join(PIN)
        self.sandbox.set_balance(phone.msisdn, 5_000_000)
        return phone

    async def lend(self, phone: world.Phone) -> str:
        outcome = await phone.borrow(pin=PIN)
        assert outcome.name == "ok", outcome
        ref: str = outcome.value["ref"]
        return ref

    async def debtor(self) -> tuple[world.Phone, str]:
        """Somebody whose loan's money has come, and the loan. Many are lent to at once, the first time."""
        if not self.debtors:
            phones = [await self.somebody() for _ in range(DEBTORS)]
            self.debtors = [(phone, await self.lend(phone)) for phone in phones]
            for _, ref in self.debtors:
                await self.is_paid_out(ref)
        return self.debtors.pop()

    async def ask_to_pay(self, phone: world.Phone) -> None:
        assert (await phone.do("repayments.prompt", amount=590_000)).name == "ok"

    async def dial(self, phone: world.Phone) -> str:
        """Apply for a loan through the menus; a gateway that gets no answer sends the press again."""
        typed: list[str] = []
        screen = ""
        for turn in source("apply"):
            typed += [turn["input"]] if turn["input"] else []
            form = {
                "sessionId": phone.session, "phoneNumber": f"+{phone.msisdn}", "networkCode": "63902",
                "serviceCode": SERVICE_CODE, "text": "*".join(typed),
            }  # fmt: skip
            screen = ""
            while not screen:
                with contextlib.suppress(httpx.HTTPError):
                    answer = await self.http.post(f"{self.url}{PATH}", data=form)
                    screen = answer.text if answer.status_code == 200 else ""
        return screen

    async def loans_of(self, phone: world.Phone) -> list[str]:
        rows = await self.pool.fetch(
            "select ref from loan join borrower on borrower.id = borrower_id where msisdn = $1", phone.msisdn
        )
        return [row["ref"] for row in rows]

    # -- what must come of it ------------------------------------------------------------------

    async def is_paid_out(self, ref: str) -> None:
        """The money came once, and the borrower was told once, or we cannot know."""
        await self.until(lambda: self.state_is(ref, "active"))
        await self.at_rest()
        rows = await self.pool.fetch(
            "select payout.state, payout.originator_id from payout join loan on loan.id = loan_id"
            " where ref = $1",
            ref,
        )
        assert [row["state"] for row in rows] == ["posted"]
        paid = self.sandbox.payments(kind="b2c", originator_id=rows[0]["originator_id"])
        assert [each.succeeded for each in paid] == [True]

    async def is_repaid(self, phone: world.Phone, ref: str) -> None:
        await self.until(lambda: self.state_is(ref, "repaid"))
        await self.at_rest()
        paid = [each for each in self.sandbox.payments(kind="stk", msisdn=phone.msisdn) if each.succeeded]
        booked = await self.pool.fetch(
            "select key from journal join loan on loan.id = loan_id where ref = $1 and kind = 'repayment'",
            ref,
        )
        assert [row["key"] for row in booked] == [f"receipt:{each.receipt}" for each in paid]
        assert len(paid) == 1

    async def on_its_way(self) -> list[str]:
        """What is not at rest, for whoever reads why a test failed."""
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            wallets = f"ours {await self.ours()}, M-Pesa's {self.theirs()}"
            return [wallets, *[row[0] for row in await self.pool.fetch(ON_ITS_WAY)]]
        return ["PostgreSQL does not answer"]

    async def begun(self, refs: list[str]) -> None:
        """Wait until something of these loans is under way."""
        await self.until(lambda: self.pool.fetchval(BEGUN, refs))

    async def state_is(self, ref: str, state: str) -> bool:
        return bool(await self.pool.fetchval("select state = $2 from loan where ref = $1", ref, state))

    async def at_rest(self) -> None:
        """Nothing is on its way; the books are right, and M-Pesa's wallets are ours."""
        await self.until(self.rests)
        await world.assert_books_right(self.pool)

    async def rests(self) -> bool:
        """Whether nothing is on its way: in our tables, nor at M-Pesa, whose wallets may have a payment that
        the next pull brings. Who sends for longer than the gateway may take is dead."""
        if await self.pool.fetchval(DEAD_SENDER, SENDING_S):
            await self.minutes_pass()
        return bool(await self.pool.fetchval(AT_REST)) and await self.ours() == self.theirs()

    async def ours(self) -> tuple[int, int]:
        """What our books have at M-Pesa: for payouts, and of payments."""
        row = await self.pool.fetchrow(WALLETS)
        return row["utility"], row["working"]

    def theirs(self) -> tuple[int, int]:
        """What M-Pesa's wallets have."""
        return self.sandbox.balance("utility"), self.sandbox.balance("working")

    def received(self, phone: world.Phone) -> int:
        """How many messages the phone shows."""
        messages = self.sandbox.world.messages.values()
        return len([each for each in messages if each.msisdn == phone.msisdn and each.code < 200])

    # -- what breaks ---------------------------------------------------------------------------

    def empty_redis(self) -> None:
        with redis.Redis.from_url(self.servers.redis_url) as client:
            client.flushall()

    def restart_postgresql(self) -> None:
        """At once, as `pg_ctl restart -m immediate` does: nothing is written down, and it recovers."""
        place = next(n for n, each in enumerate(self.servers._servers) if each.name == "PostgreSQL")
        old = self.servers._servers[place].process
        old.send_signal(signal.SIGQUIT)
        old.wait()
        data = self.servers.data
        user = embedded._postgres_user(data / "pg")
        again = embedded._start_postgres(data, self.servers.run, user, durable=False)
        self.servers._servers[place] = again

    async def minutes_pass(self) -> None:
        """For messages that were being sent: their sender is dead by now."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("alter table sms disable trigger sms_guard")
            await connection.execute(
                "update sms set sending_at = sending_at - interval '10 minutes' where state = 'sending'"
            )
            await connection.execute("alter table sms enable trigger sms_guard")
        # Not in the same transaction: a sender may have its row of the outbox and want its message.
        await self.pool.execute("update outbox set due_at = now() where done_at is null")


@asynccontextmanager
async def opened(folder: Path, sandbox: Running) -> AsyncIterator[Town]:
    """A town on its own PostgreSQL and Redis, which may be broken."""
    with Servers(folder / "servers", durable=False) as servers:
        migrations.upgrade(servers.database_url)
        port = free_port()
        async with (
            asyncpg.create_pool(servers.database_url, min_size=1, max_size=5) as pool,
            httpx.AsyncClient(timeout=20) as http,
        ):
            environment = _environment(folder, servers, sandbox, port)
            url = f"http://127.0.0.1:{port}"
            town = Town(servers, pool, sandbox, folder, environment, url, http, world.terms())
            try:
                async with world.serving(pool, servers.database_url):
                    await _settle_in(town)
                    yield town
            finally:
                for task in town.watching:
                    task.cancel()
                await asyncio.gather(*town.watching, return_exceptions=True)
                for name in town.running:
                    town.kill(name)


async def _settle_in(town: Town) -> None:
    publish = [sys.executable, "-m", "ussd_engine.cli", "publish", str(world.FOLDER)]
    done = await asyncio.create_subprocess_exec(*publish, env=town.environment, cwd=REPOSITORY)
    assert await done.wait() == 0
    async with town.pool.acquire() as connection, connection.transaction():
        await treasury.fund(connection, "first", FUNDED, accounts.MPESA_UTILITY)
    for name in COMMANDS:
        town.start(name)

    async def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await town.http.get(f"{town.url}/health")).status_code == 200
        return False

    await town.until(answers)
    town.watching = [asyncio.create_task(town.supervise()), asyncio.create_task(town.tick())]
    # Celery is ready, and M-Pesa knows our URLs, when the first sweep was done.
    await town.until(lambda: town.pool.fetchval("select count(*) = 2 from mpesa_registration"))


def _environment(folder: Path, servers: Servers, sandbox: Running, port: int) -> dict[str, str]:
    certificate = folder / "certificate.pem"
    certificate.write_text(sandbox.certificate_pem)
    box = sandbox.settings
    mpesa = of_sandbox(sandbox.client_values(), f"http://127.0.0.1:{port}")
    mpesa |= {
        "callback_networks": "127.0.0.0/8", "certificate": certificate, "timeout_s": 2.0,
        "connect_timeout_s": 1.0, "margin_s": 0.1, "ask_after_s": 0.5, "ask_most": 10_000,
        "unsent_after_s": 0.5, "prompt_ask_after_s": 0.5, "prompt_gives_up_s": 20.0,
        "float_asked_every_s": 0.5, "open_s": 0.3,
    }  # fmt: skip
    return {
        **os.environ,
        **{f"MPESA_{name.upper()}": str(value) for name, value in mpesa.items()},
        "USSD_SECRET": world.SECRET.decode(), "ENV": "test", "LOG_LEVEL": "WARNING",
        "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url, "CELERY_BROKER_URL": "",
        "MENUS_DIR": str(world.FOLDER.parent), "PORT": str(port), "HOST": "127.0.0.1",
        "AT_USERNAME": box.at_username, "AT_API_KEY": box.at_api_key, "AT_BASE_URL": sandbox.url,
        "AT_CONNECT_TIMEOUT_S": "2", "AT_TIMEOUT_S": "8",
        VARIABLE: str(folder / "failpoint"),
    }  # fmt: skip
