"""The world: a lender with its borrowers, a sandbox, workers that may die, and one clock.

Everything of the lender is the real thing. What stands in for processes: the broker is a list that can be
emptied, a worker is a call that a failpoint can end, and time is `timepiece`.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx
import orjson
import structlog
from aiohttp import web
from argon2 import PasswordHasher
from pydantic import SecretStr

from services import clock, documents, failpoints, outbox
from services.borrowers import pins
from services.ledger import accounts, treasury
from services.loans.terms import Terms
from services.mpesa import callbacks, client, paybill, payouts, repayments, returns
from services.mpesa.client import Daraja
from services.mpesa.inbox import process_inbox
from services.mpesa.settings import MpesaSettings, of_sandbox
from services.sandbox import core, credential, server
from services.sandbox.journal import Journal
from services.sandbox.server import Running
from services.sandbox.settings import Behaviour, SandboxSettings
from services.sms import sending, texts
from services.sms.client import AfricasTalking
from services.sms.settings import SmsSettings
from services.sms.texts import Texts
from services.tasks import relay
from services.tasks.topics import TASKS
from tests.services import world as people
from tests.services.lending import with_product
from tests.simulation import timepiece
from ussd_engine.settings import Settings

FUNDED = 40_000_000
IMPATIENT_S = 0.1
AGAIN = timedelta(seconds=30)
OF_OTHERS = (outbox.PROFILE, outbox.MENUS, outbox.BULK)  # what moves no money
KEPT = 40  # operations that a failure prints
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

# What is sold, by the seed: a fee and one penalty; interest and daily penalties; rollovers by themselves.
_SHORT = {"term": "10d", "approve_above": "4,000", "cool_off": {"late": "6d", "wait": "3d"}}
_LATE = {"grace": "1d", "non_performing": "14d", "write_off": "25d"}
PRODUCTS: tuple[dict[str, Any], ...] = (
    {"late": {**_LATE, "penalty": "5%", "most": "5%"},
     "rollover": {"fee": "5%", "term": "5d", "within": "4d"}},
    {"daily": "0.3%", "late": {**_LATE, "penalty": "3%", "every": "day", "most": "30%"},
     "rollover": {"fee": "4%", "term": "4d", "within": "3d", "most": "2"}},
    {"fee": "45%", "daily": "1%", "late": {**_LATE, "penalty": "9%", "every": "day", "most": "90%"},
     "rollover": {"fee": "3%", "term": "3d", "by": "itself"}},
)  # fmt: skip


class CrashError(BaseException):
    """The process that came here was killed. No `except Exception` of the lender sees it."""


@dataclass
class World:
    """What events work with."""

    seed: int
    pool: Any
    sandbox: Running
    daraja: Daraja
    impatient: Daraja
    gateway: AfricasTalking
    terms: Terms
    texts: Texts
    http: httpx.AsyncClient
    chance: random.Random
    phones: list[people.Phone] = field(default_factory=list)
    broker: list[tuple[int, str, bytes]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    struck: set[tuple[str, str]] = field(default_factory=set)  # faults that did strike
    crash_at: str = ""
    numbers: int = 0

    def now(self) -> datetime:
        return self.sandbox.box.now()

    def number(self) -> int:
        """One that was not given before, for keys."""
        self.numbers += 1
        return self.numbers

    def note(self, what: str, said: str) -> None:
        self.seen[f"{what}: {said.partition(' ')[0]}"] += 1
        self.said.append(f"{len(self.said)} {self.now():%m-%d %H:%M:%S} {what} {said}")

    async def later(self, seconds: float) -> None:
        """Time passes, and what is due at M-Pesa by then happens."""
        await self.sandbox.advance(seconds)
        await timepiece.tell(self.pool, self.now())

    def here(self, name: str) -> None:
        """A failpoint: the process dies there if it is to."""
        if name == self.crash_at:
            self.crash_at = ""
            raise CrashError(name)

    async def survive(self, work: Awaitable[Any]) -> str:
        """What came of it; a process that is killed is started again by whoever watches it."""
        try:
            return str(await work)
        except CrashError as crash:
            self.seen[f"killed at {crash}"] += 1
            return f"killed at {crash}"

    # -- the processes -------------------------------------------------------------------------

    async def relay(self) -> int:
        """One round of the real relay, into a broker that is a list."""

        def publish(row: int, topic: str, payload: bytes) -> None:
            self.broker.append((row, topic, payload))

        async with self.pool.acquire() as connection:
            return await relay.round_(connection, publish, list(TASKS))

    async def consume(self, row: int, topic: str, payload: bytes) -> str:
        """What a task does with a row of the outbox: services/tasks/running.py, without Celery."""
        if await outbox.is_done(self.pool, row):
            return "done before"
        said, again = await self._do(topic, orjson.loads(payload))
        failpoints.here("task.worked")
        if again is None:
            await outbox.done(self.pool, row)
        else:
            await outbox.again(self.pool, row, again)
        return f"{topic} {said}"

    async def _do(self, topic: str, told: dict[str, Any]) -> tuple[str, datetime | None]:
        if topic == outbox.MPESA_CALLBACK:
            return str(await process_inbox(self.pool, self.daraja.settings)), None
        if topic == outbox.SMS:
            paybill_number = self.terms.product.repayment.paybill
            again = await sending.send(self.pool, self.gateway, self.texts, paybill_number, told["sms_id"])
            return "sms", again
        if topic == outbox.RETURN:
            return "return", await returns.ask(self.pool, self.daraja, told["reversal_id"])
        if topic in OF_OTHERS:
            return "left to others", None
        asks: dict[str, tuple[Callable[..., Awaitable[str]], str, str]] = {
            outbox.DISBURSE: (payouts.submit, "loan_id", "ready"),
            outbox.REFUND: (payouts.submit_refund, "refund_id", "ready"),
            outbox.PROMPT: (repayments.prompt, "payment_request_id", "queued"),
        }
        ask, name, waiting = asks[topic]
        state = await ask(self.pool, self.daraja, told[name])
        return state, self.now() + AGAIN if state == waiting else None

    # -- who is there --------------------------------------------------------------------------

    async def one_of(self, query: str, *values: Any) -> Any | None:
        """A row of the query's, which orders them, by chance."""
        rows = await self.pool.fetch(query, *values)
        return self.chance.choice(rows) if rows else None

    def anybody(self) -> people.Phone:
        return self.chance.choice(self.phones)

    async def debtor(self) -> people.Phone:
        """Somebody who owes; anybody, if nobody does."""
        found = await self.one_of(
            "select msisdn from loan join borrower on borrower.id = borrower_id"
            " where state in ('active', 'overdue', 'non_performing', 'written_off') order by loan.id"
        )
        return self.anybody() if found is None else self.phone_of(found["msisdn"])

    def phone_of(self, msisdn: str) -> people.Phone:
        """Whose number that is: numbers count up from the first borrower's."""
        return self.phones[int(msisdn[4:])]

    async def balances(self) -> dict[str, int]:
        """Every balance that is not nothing."""
        rows = await self.pool.fetch(
            "select code, balance_cents from balance join account on account.id = account_id order by code"
        )
        return {row["code"]: row["balance_cents"] for row in rows if row["balance_cents"]}

    async def story(self) -> str:
        """What a failure prints: the seed, the last operations, and every balance."""
        wallets = {name: self.sandbox.balance(name) for name in ("utility", "working", "charges")}
        lines = [f"seed {self.seed}", *self.said[-KEPT:], f"M-Pesa: {wallets}"]
        lines += [f"{code} {cents:,}" for code, cents in (await self.balances()).items()]
        return "\n".join(lines)


@asynccontextmanager
async def opened(
    seed: int, borrowers: int, pg_url: str, redis_url: str, folder: Path, keys: credential.Keys
) -> AsyncIterator[World]:
    """A world in an empty, migrated database."""
    box = core.make(_behaviour(seed), keys, Journal(None), lambda: timepiece.START)
    certificate = folder / "certificate.pem"
    certificate.write_text(keys.certificate_pem)
    desk: list[callbacks.Desk] = []
    path = {"search_path": timepiece.SEARCH_PATH}
    async with (
        server.listening(box) as url,
        _web(lambda: desk[0]) as ours,
        asyncpg.create_pool(pg_url, min_size=1, max_size=4, server_settings=path, reset=_as_it_is) as pool,
    ):
        running = Running(box, url)
        settings = MpesaSettings(
            **of_sandbox(running.client_values(), ours), _env_file=None, certificate=certificate,
            timeout_s=20, failures_to_open=3, open_s=0.000001,
        )  # fmt: skip
        hurried = settings.model_copy(update={"timeout_s": IMPATIENT_S})
        chosen = Settings(USSD_SECRET=people.SECRET.decode())
        desk.append(callbacks.Desk(chosen, settings, pool))
        await timepiece.set_up(pool)
        async with (
            client.opened(settings, people.SECRET, redis_url) as daraja,
            client.opened(hurried, people.SECRET, redis_url) as impatient,
            httpx.AsyncClient() as http,
        ):
            impatient.tokens = daraja.tokens
            made = World(
                seed, pool, running, daraja, impatient, _gateway(running, http), _terms(seed), _texts(),
                http, random.Random(seed),
            )  # fmt: skip
            with _patched(made):
                async with people.serving(pool, pg_url):
                    await _settle_in(made, borrowers)
                    yield made
    assert box.world.wallets.faults() == []
    assert box.agenda.failures == []


async def _as_it_is(_connection: Any) -> None:
    """Nobody changes a connection's settings: it need not be reset after each use."""


def _behaviour(seed: int) -> SandboxSettings:
    return SandboxSettings(
        seed=seed, utility_cents=FUNDED, sms_balance_cents=10**12, behaviour=Behaviour(paused=True)
    )


def _terms(seed: int) -> Terms:
    return with_product(people.terms(), **_SHORT, **PRODUCTS[seed % len(PRODUCTS)])


def _texts() -> Texts:
    sources = {path.name: path.read_text() for path in people.FOLDER.glob("*.yaml")}
    found, problems = texts.read(sources, documents.menus(sources))
    assert found is not None, problems
    return found


def _gateway(sandbox: Running, http: httpx.AsyncClient) -> AfricasTalking:
    box = sandbox.settings
    return AfricasTalking(
        http,
        SmsSettings(username=box.at_username, api_key=SecretStr(box.at_api_key), base_url=sandbox.url),
    )


@asynccontextmanager
async def _web(desk: Callable[[], callbacks.Desk]) -> AsyncIterator[str]:
    """Where M-Pesa calls back."""
    app = web.Application()
    app.add_routes(callbacks.routes(desk))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def _patched(world: World) -> ExitStack:
    """Time is the world's, failpoints are the world's, PINs cost nothing, and alerts are counted."""

    def alerts_only(_logger: Any, _method: str, told: Any) -> Any:
        if told.get("event") == "alert":
            world.alerts[told["alert"]] += 1
        raise structlog.DropEvent

    before = structlog.get_config()
    stack = ExitStack()
    stack.callback(lambda: structlog.configure(**before))
    structlog.configure(processors=[alerts_only], cache_logger_on_first_use=False)
    stack.enter_context(patch.object(clock, "now", world.now))
    stack.enter_context(patch.object(failpoints, "here", world.here))
    stack.enter_context(patch.object(pins, "_HASHER", CHEAP))
    return stack


async def _settle_in(world: World, borrowers: int) -> None:
    """Money is put in, URLs are registered, and everybody joins."""
    async with world.pool.acquire() as connection, connection.transaction():
        await treasury.fund(connection, "first", FUNDED, accounts.MPESA_UTILITY)
    await paybill.register(world.pool, world.daraja)
    for number in range(borrowers):
        phone = people.Phone(
            world.pool, world.terms, msisdn=f"2547{number:08d}", session=f"ATUid_{number}",
            language=("en", "sw")[number % 2],
        )  # fmt: skip
        world.phones.append(await phone.join())
        world.sandbox.set_balance(phone.msisdn, world.chance.choice((100_000, 1_000_000, 10_000_000)))
