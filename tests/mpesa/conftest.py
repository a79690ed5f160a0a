"""A lender beside the sandbox: its books, its client, and a server that M-Pesa calls back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from services.ledger import accounts, journals, treasury
from services.loans.terms import Terms
from services.mpesa import callbacks, client, sweeping
from services.mpesa.client import Daraja
from services.mpesa.inbox import process_inbox
from services.mpesa.settings import MpesaSettings, of_sandbox
from services.sandbox.server import Running
from tests.services import world
from ussd_engine.settings import Settings

AT_ONCE = 0.000001
FUNDED = 100_000_000


@dataclass
class Till:
    """What a test of M-Pesa works with."""

    pool: Any
    sandbox: Running
    daraja: Daraja
    url: str
    http: httpx.AsyncClient
    terms: Terms
    phones: list[world.Phone] = field(default_factory=list)

    async def phone(self) -> world.Phone:
        """Somebody who has joined, with a phone of the sandbox."""
        joined = await world.Phone(self.pool, self.terms).join()
        self.sandbox.box.phone(joined.msisdn)
        self.phones.append(joined)
        return joined

    async def lend(self, phone: world.Phone, cents: int = 500_000) -> tuple[str, int]:
        """An approved loan whose money was not asked for: its reference and number."""
        outcome = await phone.borrow(cents)
        assert outcome.name == "ok", outcome
        ref = outcome.value["ref"]
        return ref, await phone.loan_id(ref)

    async def lent(self, phone: world.Phone, cents: int = 500_000) -> str:
        """A loan whose money arrived."""
        from services.mpesa import payouts

        ref, loan_id = await self.lend(phone, cents)
        assert await payouts.submit(self.pool, self.daraja, loan_id) == "submitted"
        await self.settle()
        assert await self.state(ref) == "active"
        return ref

    async def settle(self) -> None:
        """Everything that is under way happens: at M-Pesa, and in our inbox."""
        for _ in range(5):
            await self.sandbox.settle()
            await self.ripe()
            if not await process_inbox(self.pool, self.daraja.settings):
                return

    async def ripe(self) -> None:
        """As if the time to try again had come."""
        await self.pool.execute(
            "update mpesa_inbox set try_at = now() - interval '1 hour' where state = 'new'"
        )

    async def sweep(self, rounds: int = 1, **changes: Any) -> dict[str, int]:
        """Sweep, as if all waiting were over, and let M-Pesa answer."""
        done: dict[str, int] = {}
        for _ in range(rounds):
            done = await sweeping.sweep(self.pool, self.with_(**changes))
            await self.settle()
        return done

    def with_(self, **changes: Any) -> Daraja:
        """The same client, with other settings."""
        settings = self.daraja.settings.model_copy(update=changes)
        return Daraja(settings, self.daraja.http, self.daraja.token_in_path, redis=self.daraja.redis)

    async def payout(self) -> dict[str, Any]:
        """The only payout."""
        rows = await self.pool.fetch("select * from payout")
        assert len(rows) == 1
        return dict(rows[0])

    async def state(self, ref: str) -> str:
        found: str = await self.pool.fetchval("select state from loan where ref = $1", ref)
        return found

    async def balance(self, account: accounts.Account) -> int:
        async with self.pool.acquire() as connection:
            return await journals.balance_cents(connection, account)

    async def post(self, kind: str, body: Any, ref: str = "", token: str = "") -> httpx.Response:
        """Call back, as M-Pesa would."""
        path = self.daraja.callback(kind, ref).replace(
            self.daraja.token_in_path, token or self.daraja.token_in_path
        )
        return await self.http.post(path, json=body)

    async def assert_agreed(self) -> None:
        """The books are right, and M-Pesa's wallets are our accounts to the cent."""
        await world.assert_books_right(self.pool)
        assert self.sandbox.balance("utility") == await self.balance(accounts.MPESA_UTILITY)
        paybill = await self.balance(accounts.MPESA_PAYBILL)
        assert self.sandbox.balance("working") == paybill + await self.balance(accounts.MPESA_WORKING)
        open_holds = await self.pool.fetchval(
            "select count(*) from hold join payout using (loan_id)"
            " where hold.state = 'pending' and payout.state in ('posted', 'voided', 'failed')"
        )
        assert open_holds == 0


@pytest.fixture(scope="session")
def terms() -> Terms:
    return world.terms()


@pytest_asyncio.fixture
async def pool(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=10) as made, world.serving(made, pg_url):
        yield made


@pytest_asyncio.fixture
async def till(
    pool: Any, redis_url: str, sandbox: Running, terms: Terms, tmp_path: Path
) -> AsyncIterator[Till]:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(sandbox.certificate_pem)
    desk: list[callbacks.Desk] = []
    app = web.Application()
    app.add_routes(callbacks.routes(lambda: desk[0]))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = MpesaSettings(
        **of_sandbox(sandbox.client_values(), url),
        _env_file=None,
        certificate=certificate,
        ask_after_s=AT_ONCE,
        unsent_after_s=AT_ONCE,
        prompt_ask_after_s=AT_ONCE,
        float_asked_every_s=AT_ONCE,
        timeout_s=1.0,
        connect_timeout_s=10.0,  # nobody is slow to be connected here but a busy machine
    )
    desk.append(callbacks.Desk(Settings(USSD_SECRET=world.SECRET.decode()), settings, pool))
    async with pool.acquire() as connection, connection.transaction():
        await treasury.fund(connection, "test", FUNDED, accounts.MPESA_UTILITY)
    async with client.opened(settings, world.SECRET, redis_url) as daraja, httpx.AsyncClient() as http:
        yield Till(pool, sandbox, daraja, url, http, terms)
    await runner.cleanup()


async def together(*work: Any) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*work))
