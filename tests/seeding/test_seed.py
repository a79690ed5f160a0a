"""ussd seed: what it makes is right in every way that can be asked, and one seed makes it once and again."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from migrations import run as migrations
from services.loans import day_queries, dayend, lifecycle
from services.loans.refs import loan_ref
from services.seeding import loading
from services.seeding.desk import Plan
from tests.seeding.worlds import BORROWERS, LAST, make, rows
from tests.services.test_migrations import schema
from tests.services.world import assert_books_right
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError
from ussd_engine.settings import Settings

MONTH = r"_hour_\d{4}_\d\d"  # partitions, of which there are as many as months

CONTENT = """
select md5(string_agg(each::text, '' order by each::text))
from {table} as each
"""


async def test_every_kind_of_thing_is_in_it(seeded_url: str) -> None:
    states = await rows(seeded_url, "select state, count(*) as n from loan group by 1")
    found = {row["state"]: row["n"] for row in states}
    assert set(found) >= {"active", "overdue", "non_performing", "repaid", "written_off", "failed"}
    assert set(found) <= set(lifecycle.STATES)
    loans = sum(found.values())
    assert 1.5 * BORROWERS < loans < 4.5 * BORROWERS
    late = await rows(seeded_url, "select closed_at::date > due_on as late from loan where state = 'repaid'")
    assert 0.3 < sum(row["late"] for row in late) / len(late) < 0.7  # half of them pay late
    for table in ("consent", "decision", "payout_event", "payment_request", "sms", "suspense_item", "audit",
                  "approval", "hold", "business_day", "borrower_word"):  # fmt: skip
        assert (await rows(seeded_url, f"select count(*) as n from {table}"))[0]["n"] > 0, table
    languages = await rows(seeded_url, "select distinct language from borrower")
    assert {row["language"] for row in languages} == {"en", "sw"}


async def test_nobody_in_it_can_be_called_or_log_in(seeded_url: str) -> None:
    people = await rows(seeded_url, "select msisdn, national_id from borrower")
    assert all(row["msisdn"].startswith("2549") and len(row["msisdn"]) == 12 for row in people)
    assert all(row["national_id"] is None or len(row["national_id"]) == 9 for row in people)


async def test_moves_follow_each_other_and_end_in_the_loans_state(seeded_url: str) -> None:
    sql = "select e.*, l.state from loan_event e join loan l on l.id = e.loan_id order by e.id"
    events = await rows(seeded_url, sql)
    at: dict[int, tuple[str, datetime]] = {}
    for event in events:
        state, before = at.get(event["loan_id"], ("applied", datetime(2000, 1, 1, tzinfo=UTC)))
        assert event["from_state"] == state
        assert event["at"] >= before
        assert lifecycle.after(state, event["move"]) == event["to_state"]
        at[event["loan_id"]] = event["to_state"], event["at"]
    ends = {event["loan_id"]: event["state"] for event in events}
    assert {loan: state for loan, (state, _) in at.items()} == ends


async def test_states_are_what_the_days_end_would_have_made(seeded_url: str) -> None:
    """Every loan that is owed is late exactly as its due date says."""
    today = LAST + timedelta(days=1)
    for row in await rows(
        seeded_url, "select * from loan where state in ('active', 'overdue', 'non_performing')"
    ):
        late = (today - row["due_on"]).days
        assert row["state"] == ("active" if late < 1 else "overdue" if late < 90 else "non_performing")
        assert (row["duplum_on"] is not None) == (late >= 1)
    refs = await rows(seeded_url, "select id, ref from loan")
    assert all(loan_ref(row["id"]) == row["ref"] for row in refs)


async def test_the_portfolio_of_each_day_is_the_ledgers(seeded_url: str) -> None:
    connection = await asyncpg.connect(seeded_url)
    try:
        await connection.execute("set session_replication_role = replica")
        for back in (0, 1, 30, 200):
            day = LAST - timedelta(days=back)
            async with connection.transaction():
                kept = await connection.fetch(
                    "select * from portfolio_day where day = $1 order by product", day
                )
                await connection.execute("delete from portfolio_day where day = $1", day)
                await connection.execute(day_queries.KEEP_PORTFOLIO, day)
                made = await connection.fetch(
                    "select * from portfolio_day where day = $1 order by product", day
                )
            assert [dict(row) for row in kept] == [dict(row) for row in made], day
    finally:
        await connection.close()


async def test_the_lender_goes_on_from_there(servers: Servers, migrated_template: str) -> None:
    """The next business day is closed by the real thing, and the books are right after it."""
    await make(servers, migrated_template, "seeded_on", Plan(60, 300, 3, LAST))
    url = servers.url_of("seeded_on")
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        night = datetime(2026, 11, 24, 1, tzinfo=UTC)
        async with pool.acquire() as connection:
            assert await dayend.catch_up(connection, night) == [LAST + timedelta(days=1)]
            number = await connection.fetchval(
                "insert into borrower (msisdn) values ('254700000001') returning id"
            )
            assert number > 60
        await assert_books_right(pool)
    servers.sql("DROP DATABASE seeded_on WITH (FORCE)")


async def test_one_seed_is_one_lender_and_the_schema_is_as_it_was(
    servers: Servers, migrated_template: str
) -> None:
    tables = ("loan", "journal", "posting", "balance", "sms", "payout", "approval", "dialog_hour",
              "session_hour", "server_hour")  # fmt: skip
    seen = []
    for name, seed in (("seeded_a", 5), ("seeded_b", 5), ("seeded_c", 6)):
        await make(servers, migrated_template, name, Plan(40, 200, seed, LAST))
        drop = (
            "alter table journal drop column written_in"  # which transaction wrote it: another one each time
        )
        servers.sql(drop, name)
        seen.append(
            [(await rows(servers.url_of(name), CONTENT.format(table=table)))[0][0] for table in tables]
        )
    assert seen[0] == seen[1]
    assert all(first != second for first, second in zip(seen[0], seen[2], strict=True))
    await make(servers, migrated_template, "seeded_d", Plan(20, 60, 1, LAST))
    made = {each for each in await schema(servers.url_of("seeded_d")) if not re.search(MONTH, each[1])}
    assert made == set(await schema(servers.url_of(migrated_template)))
    off = await rows(servers.url_of("seeded_d"), "select tgname from pg_trigger where tgenabled <> 'O'")
    assert off == []
    for name in ("seeded_a", "seeded_b", "seeded_c", "seeded_d"):
        servers.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"ENV": "production"}, "ENV is production"), ({}, "This database has 1 people in it")],
)
def test_it_refuses_production_and_a_database_with_people(
    pg_url: str, servers: Servers, repository: Path, environment: dict[str, str], said: str
) -> None:
    if not environment:
        name = pg_url.partition("@/")[2].partition("?")[0]
        servers.sql("insert into borrower (msisdn) values ('254700000001')", name)
    done = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "seed", "--borrowers", "5"],
        env={"DATABASE_URL": pg_url, "PATH": "", **environment}, cwd=repository,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


async def test_what_fails_in_the_middle_leaves_nothing(
    servers: Servers, pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await schema(pg_url)

    def broken(*_: object) -> None:
        raise UssdError("in the middle")

    monkeypatch.setattr(loading.lives, "days_closed", broken)
    settings = Settings(_env_file=None, database_url=pg_url, env="test")
    with pytest.raises(UssdError, match="in the middle"):
        await loading.seed(settings, Plan(10, 60, 1, LAST), lambda _: None)
    assert await schema(pg_url) == before
    assert (await rows(pg_url, "select count(*) as n from borrower"))[0]["n"] == 0


def test_a_database_without_tables_is_told_what_to_do(empty_pg_url: str, repository: Path) -> None:
    assert migrations.current(empty_pg_url) is None
    done = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "seed", "--borrowers", "5", "--until", "never"],
        env={"DATABASE_URL": empty_pg_url, "PATH": ""}, cwd=repository,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "a day is written like" in done.stderr
