"""A borrower with a phone, for tests: presses become actions, each under its own key."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services import clock
from services.actions import registry
from services.app import service
from services.ledger import invariants
from services.loans import approvals, servicing
from services.loans.terms import Terms, read
from ussd_engine.actions import Call, Outcome
from ussd_engine.plugin import Runtime
from ussd_engine.settings import Settings

SECRET = b"a secret of the tests"
PIN = "4826"
FOLDER = Path(__file__).parents[2] / "menus" / "umoja"

_numbers = itertools.count(254_700_000_001)
_sessions = itertools.count(1)


def terms() -> Terms:
    """What Umoja sells."""
    found, problems = read({path.name: path.read_text() for path in FOLDER.glob("*.yaml")})
    assert found is not None, problems
    return found


@asynccontextmanager
async def serving(pool: Any, database_url: str) -> AsyncIterator[None]:
    """The lender at work on the database of the pool. It has connections of its own too, so it is told where
    that is: by default it would look for one on this machine."""
    settings = Settings(_env_file=None, database_url=database_url, USSD_SECRET=SECRET.decode())
    await service.start(Runtime(settings, pool))
    try:
        yield
    finally:
        await service.stop()


@dataclass
class Phone:
    """Somebody's phone. Each press is a new key unless one is given."""

    pool: Any
    terms: Terms
    msisdn: str = field(default_factory=lambda: str(next(_numbers)))
    language: str = "en"
    gateway: str = "africastalking"
    session: str = field(default_factory=lambda: f"ATUid_{next(_sessions)}")
    presses: int = 0
    checkpoint: Mapping[str, Any] = field(default_factory=lambda: {"state": "somewhere"})

    def call(self, action: str, key: str | None = None) -> Call:
        self.presses += 1
        return Call(
            key=key or f"{self.gateway}:{self.session}:{self.presses}:{action}",
            msisdn=self.msisdn,
            language=self.language,
            service="umoja",
            gateway=self.gateway,
            network="63902",
            bundle="3f0a1b2c",
            data=self.terms,
            deadline_s=8.0,
            checkpoint=self.checkpoint,
        )

    async def do(self, action: str, key: str | None = None, **arguments: Any) -> Outcome:
        registered = registry.get(action)
        assert registered is not None
        outcome = await registered.function(self.call(action, key), **arguments)
        assert outcome.name in registered.outcomes
        return outcome

    async def join(self, pin: str = PIN) -> "Phone":
        await self.do("borrowers.consent", version="2026-11")
        await self.do("borrowers.choose_pin", pin=pin)
        outcome = await self.do(
            "borrowers.register", name="Wanjiru Kamau", national_id=self.msisdn[3:], pin=pin
        )
        assert outcome.name == "ok"
        return self

    async def borrow(self, amount: int = 500_000, key: str | None = None, pin: str = PIN) -> Outcome:
        quote = await self.do("loans.quote", amount=amount, purpose="business")
        total = quote.value["total"] if quote.value else 590_000
        return await self.do("loans.apply", key, amount=amount, purpose="business", total=total, pin=pin)

    async def loan_id(self, ref: str) -> int:
        async with self.pool.acquire() as connection:
            number: int = await connection.fetchval("select id from loan where ref = $1", ref)
            return number

    async def money_arrives(self, ref: str, at: datetime | None = None) -> None:
        loan_id = await self.loan_id(ref)
        async with self.pool.acquire() as connection, connection.transaction():
            order = self.terms.product.repayment.order
            await servicing.paid_out(connection, loan_id, at or clock.now(), order, "test")

    async def pay(self, ref: str, amount: int, receipt: str, at: datetime | None = None) -> bool:
        order = self.terms.product.repayment.order
        loan_id = await self.loan_id(ref)
        async with self.pool.acquire() as connection, connection.transaction():
            return await servicing.paid_back(
                connection, loan_id, amount, receipt, at or clock.now(), order, "test"
            )

    async def decide(self, kind: str, ref: str, amount: int, **details: Any) -> bool:
        """One person proposes something about a loan, another approves it."""
        loan_id = await self.loan_id(ref)
        async with self.pool.acquire() as connection, connection.transaction():
            request = approvals.Request(kind, ref, amount, "a test", loan_id, details=details)
            number = await approvals.propose(connection, request, "akinyi")
            return await approvals.approve(connection, number, "baraka")

    async def borrow_and_repay(self, amount: int = 500_000, days: int = 20, ago: int = 400) -> None:
        """A whole loan, received `ago` days ago and paid back `days` later."""
        outcome = await self.borrow(amount)
        assert outcome.name == "ok", outcome
        received = clock.now() - timedelta(days=ago)
        await self.money_arrives(outcome.value["ref"], received)
        owed = outcome.value["total"]
        back = received + timedelta(days=days)
        assert await self.pay(outcome.value["ref"], owed, f"R{outcome.value['ref']}", back)


async def count(pool: Any, table: str) -> int:
    async with pool.acquire() as connection:
        number: int = await connection.fetchval(f"select count(*) from {table}")
        return number


async def assert_books_right(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await invariants.breaks(connection) == []
        assert await connection.fetchval("select coalesce(sum(amount_cents), 0) from posting") == 0
