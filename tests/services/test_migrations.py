import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from migrations import run
from tests.services.world import Phone, assert_books_right, count

# Everything a migration can make, as text that is equal when the databases are.
SCHEMA = """
select 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' ||
    coalesce(column_default, '')
from information_schema.columns
where table_schema = 'public'
union all
select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
union all
select 'constraint', conname, pg_get_constraintdef(oid) from pg_constraint
where connamespace = 'public'::regnamespace
union all
select 'trigger', tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all
select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace
order by 1, 2, 3
"""


async def schema(url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return [
            tuple(row) for row in await connection.fetch(SCHEMA) if not row[1].startswith("alembic_version")
        ]
    finally:
        await connection.close()


async def test_up_then_down_leaves_nothing_and_up_again_the_same(empty_pg_url: str) -> None:
    assert run.current(empty_pg_url) is None
    assert await schema(empty_pg_url) == []
    run.upgrade(empty_pg_url)
    first = await schema(empty_pg_url)
    assert run.current(empty_pg_url) == run.head()

    run.downgrade(empty_pg_url, "base")
    assert await schema(empty_pg_url) == []
    assert run.current(empty_pg_url) is None

    run.upgrade(empty_pg_url)
    assert await schema(empty_pg_url) == first


async def test_down_and_up_again_with_data_in_it(pg_url: str, borrower: Phone) -> None:
    await borrower.borrow_and_repay()
    await borrower.borrow()
    loans = await count(borrower.pool, "loan")
    await borrower.pool.expire_connections()

    await asyncio.to_thread(run.downgrade, pg_url, "0005")
    await asyncio.to_thread(run.upgrade, pg_url)
    assert await count(borrower.pool, "loan") == loans
    await assert_books_right(borrower.pool)

    await asyncio.to_thread(run.downgrade, pg_url, "base")
    await asyncio.to_thread(run.upgrade, pg_url)
    assert await count(borrower.pool, "loan") == 0


async def test_each_step_goes_back_to_what_was_before(empty_pg_url: str) -> None:
    steps = [f"{number:04}" for number in range(1, int(run.head()) + 1)]
    seen = [await schema(empty_pg_url)]
    for step in steps:
        run.upgrade(empty_pg_url, step)
        seen.append(await schema(empty_pg_url))

    for before in reversed(seen[:-1]):
        run.downgrade(empty_pg_url)
        assert await schema(empty_pg_url) == before


def test_migrators_at_once_take_turns(empty_pg_url: str, repository: Path) -> None:
    program = f"from migrations import run; run.upgrade({empty_pg_url!r})"
    with ThreadPoolExecutor(4) as executor:
        runs = executor.map(
            lambda _: subprocess.run(
                [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=False
            ),
            range(4),
        )

    assert [(done.returncode, done.stderr) for done in runs] == [(0, "")] * 4
    assert run.current(empty_pg_url) == run.head()


async def test_a_step_that_fails_leaves_nothing(empty_pg_url: str) -> None:
    connection = await asyncpg.connect(empty_pg_url)
    await connection.execute("create table outbox (in_the_way integer)")
    await connection.close()
    before = await schema(empty_pg_url)

    with pytest.raises(asyncpg.DuplicateTableError):
        run.upgrade(empty_pg_url)

    assert await schema(empty_pg_url) == before
    assert run.current(empty_pg_url) is None


def test_alembic_itself_works_online_and_offline(empty_pg_url: str, repository: Path) -> None:
    alembic = [sys.executable, "-m", "alembic", "-c", "migrations/alembic.ini"]
    environment = {"DATABASE_URL": empty_pg_url, "PATH": ""}
    subprocess.run([*alembic, "upgrade", "head"], cwd=repository, env=environment, check=True)
    offline = subprocess.run(
        [*alembic, "upgrade", "head", "--sql"], cwd=repository, env=environment, check=True,
        capture_output=True, text=True,
    ).stdout  # fmt: skip

    assert run.current(empty_pg_url) == run.head()
    assert "raise exception 'journal % has % legs and sums to %'" in offline


async def test_a_role_of_the_application_may_not_change_the_books(empty_pg_url: str) -> None:
    connection = await asyncpg.connect(empty_pg_url)
    try:
        if not await connection.fetchval("select exists (select from pg_roles where rolname = 'umoja_app')"):
            await connection.execute("create role umoja_app")
        await connection.execute(
            "alter default privileges in schema public grant all on tables to umoja_app;"
            "grant usage on schema public to umoja_app"
        )
        await asyncio.to_thread(run.upgrade, empty_pg_url)
        await connection.execute("set role umoja_app")
        assert await connection.fetchval("select count(*) from journal") == 0
        for attack in ("update journal set kind = ''", "delete from posting", "truncate posting"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(attack)
    finally:
        await connection.close()
