"""A small lender whose every figure is worked out by hand. Amounts are cents; days count from TODAY.

product umoja30: 30 days, fee 15 %, excise 20 % of fee and penalty, penalty 5 % once after 3 days of grace

      lent       due    fee     excise   what happened                       penalty + excise
    A 500,000    +10    75,000  15,000   nothing yet                         -
    B 400,000    -15    60,000  12,000   112,000 paid 5 days before due:     18,000 + 3,600
                                         fee, excise, 40,000 of the money
    C 200,000    -40    30,000   6,000   nothing                             10,000 + 2,000
    E 100,000   -100    15,000   3,000   nothing: non-performing             5,000 + 1,000
    F 300,000     -5    45,000   9,000   354,000 paid 2 days before due      -
    G 150,000   -200    22,500   4,500   written off today, 186,000;         7,500 + 1,500
                                         then 50,000 paid
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.ledger import accounts, treasury
from services.loans import approvals
from services.reports import Parameters, Ran, run
from tests import databases
from tests.services import world
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon
from tests.services.world import Phone, assert_books_right
from ussd_engine.embedded import Servers

DAY = timedelta(days=1)
BEGINNING = TODAY - 240 * DAY
FUNDED = 500_000_000


@dataclass
class Lender:
    """The pool, and the loans by their letter."""

    pool: Any
    refs: dict[str, str] = field(default_factory=dict)

    async def read(self, name: str, **asked: Any) -> tuple[list[dict[str, Any]], Ran]:
        """The rows of a report as dictionaries, and what was read: its totals and facts."""
        async with self.pool.acquire() as connection, run(connection, name, Parameters(**asked)) as ran:
            names = [column.name for column in ran.report.columns]
            rows = [dict(zip(names, row, strict=True)) async for row in ran]
            return rows, ran

    async def whole(self, name: str, **more: Any) -> tuple[list[dict[str, Any]], Ran]:
        """Of all the time there was."""
        return await self.read(name, since=BEGINNING, until=TODAY, **more)


TEMPLATE = "template_reports"


@pytest_asyncio.fixture(scope="session")
async def small_lender(servers: Servers, migrated_template: str) -> dict[str, str]:
    """The lender's database, made once: 230 business days are closed in it. Gives its loans by letter."""
    url = databases.create(servers, TEMPLATE, migrated_template)
    async with asyncpg.create_pool(url, min_size=1, max_size=5) as pool, world.serving(pool, url):
        return await _live(pool, world.terms())


@pytest.fixture
def lender_url(servers: Servers, small_lender: dict[str, str]) -> Iterator[str]:
    """A database of the test's own, with the small lender in it."""
    with databases.copy(servers, TEMPLATE) as url:
        yield url


@pytest_asyncio.fixture
async def lender(lender_url: str, small_lender: dict[str, str]) -> AsyncIterator[Lender]:
    async with asyncpg.create_pool(lender_url, min_size=1, max_size=5) as pool:
        yield Lender(pool, small_lender)


async def _live(pool: Any, terms: Any) -> dict[str, str]:
    """All that happened. Gives the loans by letter."""
    await in_transaction(pool, treasury.fund, "test", FUNDED, accounts.MPESA_UTILITY)
    phones, refs = {}, {}
    for letter, cents, due in (
        ("A", 500_000, 10), ("B", 400_000, -15), ("C", 200_000, -40), ("E", 100_000, -100),
        ("F", 300_000, -5), ("G", 150_000, -200),
    ):  # fmt: skip
        phones[letter] = await Phone(pool, terms).join()
        refs[letter] = await lent(phones[letter], TODAY + due * DAY, cents)
    await phones["B"].pay(refs["B"], 112_000, "RECEIPTB01", noon(TODAY - 20 * DAY))
    await phones["F"].pay(refs["F"], 354_000, "RECEIPTF01", noon(TODAY - 7 * DAY))
    await close_until(pool, TODAY - DAY)
    async with pool.acquire() as connection, connection.transaction():
        (waiting,) = await approvals.waiting(connection)
        await approvals.approve(connection, waiting["id"], "akinyi")
        await treasury.remit_excise(connection, "october", 10_000)
    await phones["G"].pay(refs["G"], 50_000, "RECEIPTG01")
    await assert_books_right(pool)
    return refs
