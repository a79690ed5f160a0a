"""Day rows are the same however often, and when, they are counted: after anything a lender does."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from services import clock
from services.analytics import collecting, lending, rollup
from services.analytics.period import Period
from services.ledger.accounts import FUNDING, MPESA_CHARGES, MPESA_CHARGES_PAID
from services.ledger.journals import Journal, credit, debit, write
from services.loans.terms import Terms
from tests.analytics import oracle
from tests.services.lending import with_product
from tests.services.test_lending_world import BEGUN, WALKS, World
from tests.services.world import Phone

SEEDS = range(3)


@pytest.fixture
def selling(terms: Terms) -> Terms:
    return with_product(
        terms, daily="0.2%",
        late={"grace": "1d", "penalty": "2%", "every": "day", "most": "60%", "write_off": "91d"},
        rollover={"fee": "5%", "term": "10d", "within": "10d"}, approve_above="3,500",
    )  # fmt: skip


def anything(seed: int) -> Iterator[tuple[Any, ...]]:
    """Walks of tests/services/test_lending_world.py, which reach every state, and others between them."""
    chance = random.Random(seed)
    walks = list(WALKS.values())
    chance.shuffle(walks)
    yield from BEGUN
    for walk in walks:
        yield from walk
        who = chance.randrange(3)
        yield ("apply", who, chance.choice([50_000, 300_000]))
        yield ("payout", who, chance.choice(["paid_out", "paid_out", "payout_failed"]))
        yield ("pay", who, chance.randrange(100, 200), chance.randrange(1, 8000) * 100)
        yield ("days", chance.choice([1, 3, 10]))


async def check(connection: Any, today: date) -> None:
    assert await rollup.catch_up(connection)
    assert await oracle.kept(connection) == await oracle.counted_at_once(connection)
    scanned = await oracle.scanned(connection, today)
    period = Period(since=today - timedelta(days=700), until=today)
    standing = await connection.fetchrow("select coalesce(sum(loans), 0)::int as loans from standing")
    assert standing["loans"] == scanned.get("loans", 0)
    now = (await lending.portfolio(connection, period, today)).now
    for name in ("principal_cents", "charges_cents", *oracle.LATE):
        assert sum(getattr(row, name) for row in now) == scanned.get(name, 0), name
    came = await collecting.collections(connection, period, today)
    assert sum(row.principal_cents + row.charges_cents for row in came.collected) == scanned.get("paid", 0)
    assert sum(row.recovered_cents for row in came.collected) == scanned.get("recovered", 0)
    due = await connection.fetchval(
        "select coalesce(sum(paid_cents), 0)::bigint from collection_day where days_after <= 0"
    )
    assert due == scanned.get("paid_in_time", 0)
    active = await lending.active(connection, today)
    assert (active.within_30, active.within_90) == (scanned.get("within_30", 0), scanned.get("within_90", 0))


@pytest.mark.parametrize("seed", SEEDS)
async def test_day_rows_are_right_after_anything(
    pool: Any, selling: Terms, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await Phone(pool, selling).join() for _ in range(3)]
    reached: set[str] = set()
    async with pool.acquire() as connection:
        world = World(connection, people, reached)
        monkeypatch.setattr(clock, "now", world.now)
        for number, step in enumerate(anything(seed)):
            await world.run(step)
            if number % 7 == seed:
                await check(connection, world.day)
        await check(connection, world.day)
        lent = await connection.fetchval("select sum(cents)::bigint from money_day where part = 'principal'")
        assert lent == await connection.fetchval(
            "select coalesce(sum(principal_cents), 0)::bigint from standing"
        )
        closed = await connection.fetch(
            "select day, product, sum(loans)::int, sum(principal_cents)::bigint, sum(par30_cents)::bigint"
            " from vintage_day group by 1, 2 order by 1, 2"
        )
        kept = await connection.fetch(
            "select day, product, loans, principal_cents, par30_cents from portfolio_day where loans > 0"
            " order by 1, 2"
        )
        assert [tuple(row) for row in closed] == [tuple(row) for row in kept]
        assert len(kept) > 20
        await months_are_the_same_from_the_ledger(connection, world.day)


async def months_are_the_same_from_the_ledger(connection: Any, today: date) -> None:
    """What the day's end kept by vintage at the ends of months can be had later, too."""
    ends = await connection.fetch(
        "select distinct on (date_trunc('month', day)) day from business_day"
        " where day < date_trunc('month', $1::date) order by date_trunc('month', day), day desc", today,
    )  # fmt: skip
    days = [row["day"] for row in ends]
    of_days = "select * from vintage_day where day = any($1) order by day, product, vintage"
    kept = await connection.fetch(of_days, days)
    assert kept
    await connection.execute("delete from vintage_day")
    while await rollup.keep_month(connection, today) is not None:
        pass
    assert await connection.fetch(of_days, days) == kept
    assert await connection.fetchval("select count(*) from vintage_day") == len(kept)


async def test_what_commits_late_is_counted_once_and_nothing_is_left_out(pool: Any) -> None:
    def journal(key: str) -> Journal:
        return Journal(key, "mpesa_charge", [debit(MPESA_CHARGES, 100), credit(MPESA_CHARGES_PAID, 100)])

    async def counted(connection: Any) -> int:
        assert await rollup.catch_up(connection)
        cents: int = await connection.fetchval("select coalesce(sum(cents), 0)::int from money_day")
        return cents

    async with pool.acquire() as one, pool.acquire() as two, pool.acquire() as reader:
        slow = one.transaction()
        await slow.start()
        await write(one, journal("slow"))
        async with pool.acquire() as third:
            await third.execute("select 1")
        async with two.transaction():
            # Not the shared balances, for `one` holds them: only the journal's own rows.
            await write(two, Journal("quick", "top_up", [debit(FUNDING, 1), credit(FUNDING, 1)]))
        assert await counted(reader) == 0
        await slow.commit()
        assert await counted(reader) == 100
        assert await counted(reader) == 100


async def test_one_process_counts_at_a_time_and_others_read(pool: Any) -> None:
    async with pool.acquire() as one, pool.acquire() as two:
        async with one.transaction():
            await one.execute("select pg_advisory_xact_lock($1)", rollup.LOCK)
            assert not await rollup.catch_up(two)
        assert await rollup.catch_up(two)


async def test_figures_that_are_old_are_counted_when_they_are_read(pool: Any) -> None:
    async with pool.acquire() as connection:
        first = await rollup.fresh(connection)
        assert abs(clock.now() - first) < timedelta(seconds=30)
        assert await rollup.fresh(connection) == await connection.fetchval("select at from rollup")
