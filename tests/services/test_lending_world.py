"""The lender driven at random, looked at after every event.

1. Every invariant of services/ledger/checks.py holds.
2. The M-Pesa accounts are what a model of the cash says: nothing is paid twice, nothing is lost.
3. A borrower has one open loan at most, and none beside one that was written off.
4. A refused event leaves every balance as it was.
5. News that comes again changes nothing.

Each example runs inside one transaction that is rolled back, on a clock of its own.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services import clock
from services.ledger import invariants, suspense
from services.ledger.journals import LedgerError
from services.loans import applying, approvals, dayend, refunds, rollover, servicing
from services.loans.approvals import ApprovalError, Request
from services.loans.lifecycle import ForbiddenMoveError
from services.loans.quote import price
from services.loans.terms import Terms
from tests.services.lending import TODAY, noon, with_product
from tests.services.world import PIN, SECRET, Phone

BALANCES = "select code, balance_cents from balance join account on account.id = account_id"
REFUSED = (LedgerError, ForbiddenMoveError, ApprovalError, asyncpg.IntegrityConstraintViolationError)
PEOPLE = 3
BEGUN = [("apply", 0, 300_000), ("payout", 0, "paid_out"), ("apply", 1, 300_000)]  # how a world begins

who = st.integers(0, PEOPLE - 1)
events = st.one_of(
    st.tuples(st.just("apply"), who, st.sampled_from([50_000, 300_000, 400_000, 500_000])),
    st.tuples(st.just("payout"), who, st.just("paid_out")),
    st.tuples(st.just("payout"), who, st.sampled_from(["paid_out", "paid_out", "paid_out", "payout_failed"])),
    st.tuples(st.just("payout"), who, st.sampled_from(["paid_out_late", "payout_failed", "payout_expired"])),
    st.tuples(st.just("pay"), who, st.integers(0, 9), st.integers(1, 8_000).map(lambda units: units * 100)),
    st.tuples(st.just("pay"), who, st.integers(0, 9), st.just(700_000)),
    st.tuples(st.just("stray"), st.integers(0, 9), st.sampled_from([10_000, 200_000])),
    st.tuples(st.just("settle_stray"), who, st.integers(0, 9), st.booleans()),
    st.tuples(st.just("days"), st.sampled_from([1, 2, 5, 31, 95])),
    st.tuples(st.just("days"), st.sampled_from([31, 60])),
    st.tuples(st.just("decide"), who, st.sampled_from(["loan", "write_off", "waiver"]), st.booleans()),
    st.tuples(st.just("roll_over"), who),
    st.tuples(st.just("refund"), who, st.sampled_from(["paid", "failed"])),
)


class World:
    """The lender beside a model of its cash."""

    def __init__(self, connection: Any, phones: list[Phone], reached: set[str]) -> None:
        self.connection = connection
        self.reached = reached
        self.phones = phones
        self.day: date = TODAY - timedelta(days=600)
        self.cash: Counter[str] = Counter()
        self.presses = 0

    def now(self) -> datetime:
        return noon(self.day)

    async def run(self, event: tuple[Any, ...]) -> None:
        before = await self.kept()
        cash = self.cash.copy()
        refused = False
        try:
            async with self.connection.transaction():
                await getattr(self, event[0])(*event[1:])
                await self.connection.execute("set constraints all immediate")
        except REFUSED:
            refused = True
        await self.connection.execute("set constraints all deferred")
        if refused:
            self.cash = cash
            assert await self.kept() == before
        await self.check()

    async def again(self, function: Any, *arguments: Any) -> Any:
        """Call it, and once more: the second time changes nothing."""
        first = await function(self.connection, *arguments)
        before = await self.kept()
        second = await function(self.connection, *arguments)
        assert second in (False, "known")
        assert await self.kept() == before
        return first

    async def apply(self, person: int, amount: int) -> None:
        phone = self.phones[person]
        self.presses += 1
        call = phone.call("loans.apply", f"test:{self.presses}:loans.apply")
        total = price(phone.terms.product, amount, self.day).total_cents
        application = applying.Application(amount, "business", total, PIN)
        answer = await applying.apply(self.connection, call, phone.terms, application, SECRET, self.day)
        self.reached.add(answer.name)

    async def payout(self, person: int, news: str) -> None:
        loan = await self.latest(person)
        order = () if news in ("payout_failed", "payout_expired") else (self.now(), None)
        told = await self.again(getattr(servicing, news), loan["id"], *order, "mpesa")
        if told and news.startswith("paid_out") and told != "known":
            self.cash["mpesa_utility"] -= loan["principal_cents"]

    async def pay(self, person: int, receipt: int, amount: int) -> None:
        loan = await self.latest(person)
        paid = (loan["id"], amount, f"R{receipt}", self.now(), None, "mpesa")
        if await self.again(servicing.paid_back, *paid):
            self.cash["mpesa_paybill"] += amount

    async def stray(self, receipt: int, amount: int) -> None:
        if await self.again(suspense.receive, f"R{receipt}", amount, "digest", "?", self.now()):
            self.cash["mpesa_paybill"] += amount

    async def settle_stray(self, person: int, receipt: int, back: bool) -> None:
        item = await self.connection.fetchrow("select * from suspense_item where receipt = $1", f"R{receipt}")
        if not back:
            loan = await self.latest(person)
            await self.again(servicing.match, f"R{receipt}", loan["id"], "akinyi")
        elif await self.again(suspense.returned, f"R{receipt}", self.now()):
            self.cash["mpesa_paybill"] -= item["amount_cents"]

    async def days(self, number: int) -> None:
        self.day += timedelta(days=number)
        await dayend.catch_up(self.connection, self.now(), self.phones[0].terms)
        assert await dayend.catch_up(self.connection, self.now(), self.phones[0].terms) == []

    async def decide(self, person: int, kind: str, yes: bool) -> None:
        loan = await self.latest(person)
        waiting = [
            row for row in await approvals.waiting(self.connection, kind) if row["loan_id"] == loan["id"]
        ]
        number = (
            waiting[0]["id"]
            if waiting
            else await approvals.propose(
                self.connection, Request(kind, loan["ref"], 20_000, "a test", loan["id"]), "akinyi"
            )
        )
        await self.again(approvals.approve if yes else approvals.reject, number, "baraka")

    async def roll_over(self, person: int) -> None:
        loan = await self.latest(person)
        offered = await rollover.look(self.connection, loan["id"], self.day)
        if offered is not None:
            paid = (loan["id"], self.now(), offered.fee_cents, "borrower")
            assert await rollover.roll_over(self.connection, *paid) == "ok"

    async def refund(self, person: int, end: str) -> None:
        borrower_id = (await self.latest(person))["borrower_id"]
        request = Request(approvals.REFUND, str(borrower_id), 1_000, "asked", borrower_id=borrower_id)
        number = await approvals.propose(self.connection, request, "akinyi")
        await approvals.approve(self.connection, number, "baraka")
        refund_id = await self.connection.fetchval("select max(id) from refund")
        if end == "failed":
            await self.again(refunds.failed, refund_id)
        elif await self.again(refunds.paid, refund_id, self.now()):
            self.cash["mpesa_utility"] -= 1_000

    async def latest(self, person: int) -> Any:
        """The person's latest loan. Raises LedgerError for somebody without one."""
        loan = await self.connection.fetchrow(
            "select loan.* from loan join borrower on borrower.id = borrower_id where msisdn = $1"
            " order by loan.id desc limit 1",
            self.phones[person].msisdn,
        )
        if loan is None:
            raise LedgerError("no loan")
        return loan

    async def kept(self) -> dict[str, int]:
        rows = await self.connection.fetch(BALANCES)
        return {row["code"]: row["balance_cents"] for row in rows if row["balance_cents"]}

    async def check(self) -> None:
        assert await invariants.breaks(self.connection) == []
        states = await self.connection.fetch("select to_state from loan_event")
        self.reached.update(row["to_state"] for row in states)
        kept = await self.kept()
        for account in ("mpesa_utility", "mpesa_paybill"):
            assert kept.get(account, 0) == self.cash[account], account
        crowded = await self.connection.fetch(
            "select borrower_id from loan where is_open or state = 'written_off'"
            " group by borrower_id having count(*) > 1"
        )
        assert crowded == []


@pytest_asyncio.fixture
async def people(pool: Any, terms: Terms) -> AsyncIterator[list[Phone]]:
    selling = with_product(
        terms,
        daily="0.2%",
        late={"grace": "1d", "penalty": "2%", "every": "day", "most": "60%", "write_off": "91d"},
        rollover={"fee": "5%", "term": "10d", "within": "10d"},
        approve_above="3,500",
    )
    yield [await Phone(pool, selling).join() for _ in range(PEOPLE)]


async def drive(people: list[Phone], steps: Sequence[tuple[Any, ...]]) -> set[str]:
    """Run the events in a world of their own; the states that loans came to, and what applying said."""
    reached: set[str] = set()
    with pytest.MonkeyPatch.context() as patched:
        async with people[0].pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                world = World(connection, people, reached)
                patched.setattr(clock, "now", world.now)
                for step in steps:
                    await world.run(step)
            finally:
                await transaction.rollback()
    return reached


WALKS = {
    "written_off": [
        ("days", 31), ("days", 95), ("decide", 0, "waiver", True), ("decide", 0, "write_off", True),
    ],
    "recovered": [
        ("days", 200), ("decide", 0, "write_off", True), ("pay", 0, 1, 700_000), ("pay", 0, 2, 700_000),
    ],
    "non_performing": [("days", 200), ("pay", 0, 1, 10_000), ("decide", 0, "write_off", False)],
    "repaid": [
        ("roll_over", 0), ("days", 31), ("roll_over", 0), ("stray", 1, 200_000), ("pay", 0, 1, 100),
        ("settle_stray", 0, 1, False), ("pay", 0, 2, 700_000), ("refund", 0, "failed"), ("refund", 0, "paid"),
    ],
    "active": [
        ("payout", 1, "payout_failed"), ("apply", 1, 50_000), ("payout", 1, "paid_out_late"),
        ("payout", 1, "paid_out"), ("payout", 1, "payout_failed"), ("days", 5),
    ],
    "failed": [("payout", 1, "payout_failed"), ("payout", 1, "paid_out_late"), ("days", 1)],
    "rejected": [("apply", 2, 400_000), ("decide", 2, "loan", False), ("apply", 2, 400_000)],
    "review": [("apply", 2, 400_000), ("days", 1), ("decide", 2, "loan", True), ("payout", 2, "paid_out")],
}  # fmt: skip


@pytest.mark.parametrize("state", WALKS)
async def test_a_walk_through_a_loans_life_leaves_the_books_right(people: list[Phone], state: str) -> None:
    assert state in await drive(people, [*BEGUN, *WALKS[state]])


@pytest.mark.slow
@pytest.mark.timeout(400)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(events, min_size=10, max_size=40))
async def test_the_lender_is_right_after_anything(people: list[Phone], steps: list[tuple[Any, ...]]) -> None:
    reached = await drive(people, [*BEGUN, *steps])

    assert {"active", "disbursing"} <= reached
