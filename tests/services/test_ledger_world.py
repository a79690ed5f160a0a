"""The ledger driven at random, looked at after every operation.

1. Conservation: all postings sum to zero.
2. Components are never negative: debits and credits only grow.
3. A balance is its debits less its credits, and equals what the model says.
4. The pool of holds equals the sum of pending holds.
5. Each hold ends once, whatever is asked of it later.
6. A refused operation leaves every balance as it was.

Each example runs inside one transaction that is rolled back; deferred checks run after each operation.
"""

from collections import Counter
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ledger import holds, invariants
from services.ledger.accounts import (
    FEE_INCOME,
    FUNDING,
    LOANS_IN_DISBURSEMENT,
    MPESA_CHARGES,
    MPESA_PAYBILL,
    MPESA_UTILITY,
    MPESA_UTILITY_PENDING,
)
from services.ledger.checks import LEDGER
from services.ledger.journals import Journal, LedgerError, Leg, write
from tests.services.world import Phone

ACCOUNTS = (MPESA_UTILITY, MPESA_PAYBILL, FEE_INCOME, MPESA_CHARGES, FUNDING)
BALANCES = "select code, balance_cents from balance join account on account.id = account_id"

cents = st.integers(1, 10**9)
legs = st.lists(st.tuples(st.sampled_from(ACCOUNTS), cents, st.booleans()), min_size=1, max_size=5)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("journal"), st.integers(0, 5), legs),
        st.tuples(st.just("crooked"), legs, st.integers(1, 99)),
        st.tuples(st.just("hold"), st.integers(0, 2), cents),
        st.tuples(st.just("settle"), st.integers(0, 2), st.sampled_from(["posted", "voided"])),
        st.tuples(st.just("post_part"), st.integers(0, 2), cents),
    ),
    min_size=1,
    max_size=12,
)


class World:
    """The ledger beside a model of it."""

    def __init__(self, connection: Any, loans: list[int]) -> None:
        self.connection = connection
        self.loans = loans
        self.balances: Counter[str] = Counter()
        self.journals: dict[str, list[tuple[str, int]]] = {}
        self.holds: dict[str, tuple[str, int]] = {}

    async def run(self, operation: tuple[Any, ...]) -> None:
        before = await self.kept()
        refused = False
        try:
            async with self.connection.transaction():
                await getattr(self, operation[0])(*operation[1:])
                await self.connection.execute("set constraints all immediate")
        except (LedgerError, asyncpg.CheckViolationError):
            refused = True
        await self.connection.execute("set constraints all deferred")
        if refused:
            assert await self.kept() == before
        await self.check()

    async def journal(self, number: int, sides: list[tuple[Any, int, bool]]) -> None:
        key = f"journal:{number}"
        entries = [Leg(account, cents if up else -cents) for account, cents, up in sides]
        rest = -sum(leg.amount_cents for leg in entries)
        if rest:
            entries.append(Leg(FUNDING, rest))
        content = [(leg.account.code, leg.amount_cents) for leg in entries]
        if self.journals.get(key, content) != content:
            await self.refused(write(self.connection, Journal(key, "test", entries)))
        await write(self.connection, Journal(key, "test", entries))
        if key not in self.journals:
            self.journals[key] = content
            self.balances.update(dict_sum(content))

    async def crooked(self, sides: list[tuple[Any, int, bool]], error: int) -> None:
        """A journal that is off by a few cents, straight into the tables."""
        journal_id = await self.connection.fetchval(
            "insert into journal (key, kind) values ('crooked', 'test') returning id"
        )
        amounts = [cents for _, cents, _ in sides]
        await self.connection.execute(
            "insert into posting (journal_id, account_id, amount_cents) "
            "select $1, account.id, cents from unnest($2::text[], $3::bigint[]) as leg (code, cents) "
            "join account using (code)",
            journal_id,
            [*(account.code for account, *_ in sides), "funding"],
            [*amounts, -sum(amounts) + error],
        )

    async def hold(self, number: int, amount: int) -> None:
        key = f"hold{number}"
        if key in self.holds:
            if self.holds[key][1] != amount:
                await self.refused(holds.place(self.connection, key, self.loans[number], amount))
            return
        await holds.place(self.connection, key, self.loans[number], amount)
        self.holds[key] = ("pending", amount)
        self.balances.update({LOANS_IN_DISBURSEMENT.code: amount, MPESA_UTILITY_PENDING.code: -amount})

    async def settle(self, number: int, state: Any) -> None:
        key = f"hold{number}"
        was, amount = self.holds.get(key, ("absent", 0))
        if was not in ("pending", state):
            await self.refused(holds.settle(self.connection, key, state))
        assert await holds.settle(self.connection, key, state) is (was == "pending")
        if was == "pending":
            self.holds[key] = (state, amount)
            self.balances.update({LOANS_IN_DISBURSEMENT.code: -amount, MPESA_UTILITY_PENDING.code: amount})

    async def post_part(self, number: int, sent: int) -> None:
        key = f"hold{number}"
        was, amount = self.holds.get(key, ("absent", 0))
        if was != "pending" or sent > amount:
            if (was, sent) != ("posted", amount) and was != f"posted {sent}":
                await self.refused(holds.settle(self.connection, key, "posted", sent))
            return
        assert await holds.settle(self.connection, key, "posted", sent) is True
        assert await holds.settle(self.connection, key, "posted", sent) is False
        self.holds[key] = ("posted" if sent == amount else f"posted {sent}", amount)
        self.balances.update({LOANS_IN_DISBURSEMENT.code: -amount, MPESA_UTILITY_PENDING.code: amount})

    async def refused(self, work: Any) -> None:
        await work
        raise AssertionError("this had to be refused")

    async def kept(self) -> dict[str, int]:
        return {row["code"]: row["balance_cents"] for row in await self.connection.fetch(BALANCES)}

    async def check(self) -> None:
        kept = await self.kept()
        expected = {code: kept_cents for code, kept_cents in self.balances.items() if kept_cents}
        assert {code: kept_cents for code, kept_cents in kept.items() if kept_cents} == expected, (
            self.journals
        )
        assert sum(kept.values()) == 0
        assert await invariants.breaks(self.connection, LEDGER) == []
        promised = sum(amount for state, amount in self.holds.values() if state == "pending")
        assert kept.get(LOANS_IN_DISBURSEMENT.code, 0) == promised


def dict_sum(content: list[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for code, amount in content:
        total[code] += amount
    return total


LOAN = """
insert into loan (ref, borrower_id, product, purpose, principal_cents, fee_cents, excise_cents,
                  total_cents, apr_bp, term_days, bundle, action_key)
values ($1, (select min(id) from borrower), 'p', 'business', 100, 0, 0, 100, 0, 30, 'b', $1)
returning id
"""


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=operations)
async def test_the_books_are_right_after_anything(borrower: Phone, steps: list[tuple[Any, ...]]) -> None:
    async with borrower.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("drop index loan_open_once")  # one borrower serves all three holds
            loans = [await connection.fetchval(LOAN, f"TEST{number}") for number in range(3)]
            world = World(connection, loans)
            for step in steps:
                await world.run(step)
        finally:
            await transaction.rollback()
