"""Everybody scored again: the same numbers as an application sees, once a day, whatever interrupts it."""

import asyncio
import sys
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from services import clock
from services.loans.eligibility import judge, standing
from services.loans.terms import Terms
from services.scoring import rescore as rescoring
from services.scoring.rescore import BusyError, StaleError, rescore
from services.tasks import lending
from tests.scoring import many_borrowers
from tests.services.lending import with_product
from tests.services.world import Phone

TODAY = many_borrowers.TODAY
WAITING = """
select exists (
    select 1
    from pg_stat_activity
    where datname = current_database()
    and wait_event_type = 'Lock'
)
"""
LOCKED = """
select exists (
    select 1
    from pg_locks
    join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory'
    and objid = $1::bigint::oid
    and datname = current_database()
)
"""
LADDER = {"first": "5,000", "most": "50,000", "growth": "300%", "ladder": [
    {"repaid": "1", "most": "8,000"}, {"repaid": "3", "most": "20,000"},
]}  # fmt: skip


async def kept(pool: Any) -> dict[str, tuple[int, int]]:
    rows = await pool.fetch("select msisdn, score, limit_cents from borrower")
    return {row["msisdn"]: (row["score"], row["limit_cents"]) for row in rows}


async def judged(pool: Any, terms: Terms, msisdns: list[str], today: date) -> dict[str, tuple[int, int]]:
    found = {}
    async with pool.acquire() as connection:
        for msisdn in msisdns:
            seen = await standing(connection, msisdn, terms, today)
            assert seen is not None
            judgement = judge(terms, seen, today)
            found[msisdn] = (judgement.assessment.shown, judgement.limit_cents)
    return found


@pytest.mark.parametrize("ladder", [None, LADDER])
async def test_everybody_gets_what_an_application_would_give_them(
    pool: Any, pg_url: str, terms: Terms, ladder: dict[str, Any] | None
) -> None:
    await many_borrowers.fill(pg_url, 5_000)
    terms = terms if ladder is None else with_product(terms, limit=ladder)

    done = await rescore(pool, TODAY, terms, block=1_700)

    assert (done.borrowers, done.resumed) == (5_000, False)
    found = await kept(pool)
    assert len(set(found.values())) > 15
    some = list(found)[::23]
    assert {each: found[each] for each in some} == await judged(pool, terms, some, TODAY)


async def test_a_day_is_scored_once_and_what_changed_is_kept_with_what_was_seen(
    pool: Any, terms: Terms, borrower: Phone
) -> None:
    await borrower.borrow_and_repay()
    await pool.execute("update borrower set score = 300, limit_cents = 0")
    today = clock.nairobi_date(clock.now())

    first = await rescore(pool, today, terms)
    again = await rescore(pool, today, terms)

    assert (first.borrowers, first.changed) == (again.borrowers, again.changed) == (1, 1)
    assert await kept(pool) == {borrower.msisdn: (350, 750_000)}
    row = await pool.fetchrow(
        "select * from score_change join rescoring on rescoring.id = score_change.rescoring_id"
    )
    assert (row["score_before"], row["score"], row["limit_before_cents"]) == (300, 350, 0)
    assert dict(zip(row["features"], row["inputs"], strict=True)) == {
        "loans_repaid": 1, "worst_days_late": 0, "defaults": 0, "days_overdue": 0,
    }  # fmt: skip
    assert row["scorecard"] == f"{terms.scorecard.version}:{terms.scorecard.digest}"
    assert row["finished_at"] is not None


async def test_a_run_that_was_killed_goes_on_where_it_ended(
    pool: Any, pg_url: str, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many_borrowers.fill(pg_url, 1_000)
    whole, blocks = rescoring._block, iter(range(10))

    async def third_fails(*arguments: Any) -> tuple[int, int]:
        if next(blocks) == 2:
            raise ConnectionResetError
        return await whole(*arguments)

    monkeypatch.setattr(rescoring, "_block", third_fails)
    with pytest.raises(ConnectionResetError):
        await rescore(pool, TODAY, terms, block=200)
    assert await pool.fetchval("select done_up_to from rescoring") == 400
    monkeypatch.setattr(rescoring, "_block", whole)

    done = await rescore(pool, TODAY, terms, block=200)

    assert (done.borrowers, done.resumed) == (1_000, True)
    assert await pool.fetchval("select count(*) from score_change") == done.changed
    msisdns = [row["msisdn"] for row in await pool.fetch("select msisdn from borrower where id % 31 = 0")]
    found = await kept(pool)
    assert {each: found[each] for each in msisdns} == await judged(pool, terms, msisdns, TODAY)


async def test_a_process_killed_in_the_middle_loses_and_repeats_nothing(
    pool: Any, pg_url: str, terms: Terms, repository: Path
) -> None:
    """Killed while its second block is in a transaction: it waits there for a row that we hold."""
    await many_borrowers.fill(pg_url, 600)
    program = (
        "import asyncio, asyncpg, sys\n"
        "from services.scoring.rescore import rescore\n"
        "from tests.scoring.many_borrowers import TODAY\n"
        "from tests.services import world\n"
        "async def main():\n"
        "    async with asyncpg.create_pool(sys.argv[1], min_size=1, max_size=1) as pool:\n"
        "        await rescore(pool, TODAY, world.terms(), block=200)\n"
        "asyncio.run(main())\n"
    )
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("select 1 from borrower where id = 333 for update")
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, pg_url, cwd=repository)
        async with pool.acquire() as watcher:
            while not await watcher.fetchval(WAITING):
                assert process.returncode is None
        process.kill()
        await process.wait()
    async with pool.acquire() as watcher:
        while await watcher.fetchval(LOCKED, rescoring.LOCK):
            pass  # until PostgreSQL has noticed that its client is gone
    assert await pool.fetchrow("select done_up_to, borrowers from rescoring") == (200, 200)

    done = await rescore(pool, TODAY, terms, block=200)

    assert (done.borrowers, done.resumed) == (600, True)
    rows = await pool.fetch("select borrower_id, count(*) from score_change group by 1 having count(*) > 1")
    assert rows == []
    found = await kept(pool)
    some = list(found)[::17]
    assert {each: found[each] for each in some} == await judged(pool, terms, some, TODAY)


async def test_two_at_once_are_one(pool: Any, pg_url: str, terms: Terms) -> None:
    await many_borrowers.fill(pg_url, 500)

    ends = await asyncio.gather(*(rescore(pool, TODAY, terms) for _ in range(3)), return_exceptions=True)

    assert {type(end) for end in ends} <= {rescoring.Rescored, BusyError}
    assert await pool.fetchval("select array_agg(borrowers) from rescoring") == [500]


async def test_an_earlier_day_does_not_take_limits_back(pool: Any, terms: Terms, borrower: Phone) -> None:
    await rescore(pool, TODAY, terms)

    with pytest.raises(StaleError):
        await rescore(pool, TODAY - timedelta(days=1), terms)


async def test_another_ladder_on_the_same_day_is_another_run(
    pool: Any, terms: Terms, borrower: Phone
) -> None:
    await rescore(pool, TODAY, terms)
    other = with_product(terms, limit={"first": "2,000", "most": "50,000", "growth": "200%"})

    await rescore(pool, TODAY, other)

    assert await kept(pool) == {borrower.msisdn: (300, 200_000)}


async def test_who_applied_meanwhile_keeps_that_score(pool: Any, terms: Terms, borrower: Phone) -> None:
    people = [(await pool.fetchval("select id from borrower"), 299, 1, 0, 0, 0.0, float("nan"), 0.0, 0.0)]
    await pool.execute("update borrower set score = 420, limit_cents = 900000")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(rescoring.queries.STAGE)
        moved = list(rescoring.changes(terms, people))
        await connection.copy_records_to_table("rescored", records=moved)
        assert len(moved) == 1
        assert await connection.fetchval(rescoring.queries.KEEP, 1, 1, people[0][0]) == 0

    assert await kept(pool) == {borrower.msisdn: (420, 900_000)}


async def test_what_changed_is_never_edited(pool: Any, terms: Terms, borrower: Phone) -> None:
    await pool.execute("update borrower set score = 299")
    await rescore(pool, TODAY, terms)
    for attack in ("update score_change set score = 1", "delete from score_change", "truncate score_change"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(attack)


async def told(pool: Any) -> list[str]:
    rows = await pool.fetch("select borrower.msisdn from sms join borrower on borrower.id = borrower_id"
                            " where notice = 'limit_raised' order by sms.id")  # fmt: skip
    return [row["msisdn"] for row in rows]


async def test_who_can_borrow_more_is_told_once_a_month_if_they_want_to_hear_it(
    pool: Any, terms: Terms, borrower: Phone
) -> None:
    silent, indebted = [await Phone(pool, terms).join() for _ in range(2)]
    for each in (borrower, silent, indebted):
        await each.borrow_and_repay()
    for each in (borrower, indebted):
        await each.do("borrowers.offers", wanted=True)
    await indebted.borrow()  # may not borrow now: it would be no news

    await rescore(pool, TODAY, terms)
    assert await told(pool) == [borrower.msisdn]
    await pool.execute("update borrower set limit_cents = 100000")
    await rescore(pool, TODAY + timedelta(days=1), terms)
    assert await told(pool) == [borrower.msisdn]
    assert '"limit": 750000' in await pool.fetchval("select details from sms where notice = 'limit_raised'")


async def test_a_tick_of_yesterday_does_nothing_and_is_no_error(
    pool: Any, terms: Terms, borrower: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live(_: Any) -> Any:
        return SimpleNamespace(terms=terms)

    await rescore(pool, clock.nairobi_date(clock.now()) + timedelta(days=1), terms)
    monkeypatch.setattr(lending, "run", lambda work: work)
    monkeypatch.setattr(lending.published, "live", live)
    assert await lending.rescore()(SimpleNamespace(pool=pool)) == 0
