"""One press, one effect: retries, duplicates at once, and every place where a process may die."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services import once
from services.loans import applying
from services.loans.terms import Terms
from tests.services.world import PIN, SECRET, Phone, assert_books_right, count

TABLES = ("loan", "decision", "hold", "outbox", "journal", "action_result")


async def counts(pool: Any) -> dict[str, int]:
    return {table: await count(pool, table) for table in TABLES}


async def test_the_same_press_again_gives_the_same_answer_and_no_second_loan(borrower: Phone) -> None:
    first = await borrower.borrow(key="africastalking:S1:7:loans.apply")
    before = await counts(borrower.pool)
    arguments = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}

    again = await borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **arguments)

    assert again == first
    assert first.name == "ok"
    assert await counts(borrower.pool) == before
    await assert_books_right(borrower.pool)


async def test_a_hundred_duplicates_at_once_make_one_loan_and_equal_answers(borrower: Phone) -> None:
    quote = (await borrower.do("loans.quote", amount=500_000, purpose="business")).value
    press = {"amount": 500_000, "purpose": "business", "total": quote["total"], "pin": PIN}

    async with asyncio.timeout(30):
        answers = await asyncio.gather(
            *(borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **press) for _ in range(100))
        )

    assert {answer.name for answer in answers} == {"ok"}
    assert len({answer.value["ref"] for answer in answers}) == 1
    assert await count(borrower.pool, "loan") == 1
    assert await count(borrower.pool, "outbox") == 1
    await assert_books_right(borrower.pool)


@pytest.mark.parametrize(
    "other",
    [{"amount": 400_000}, {"total": 1}, {"purpose": "other"}, {"pin": "9999"}],
)
async def test_a_key_of_another_request_is_refused(borrower: Phone, other: dict[str, Any]) -> None:
    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}
    await borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **press)
    before = await counts(borrower.pool)

    with pytest.raises(once.KeyReused):
        await borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **{**press, **other})

    assert await counts(borrower.pool) == before


async def test_a_key_of_another_phone_is_refused(borrower: Phone, terms: Terms) -> None:
    await borrower.do("borrowers.set_language", "africastalking:S1:1:borrowers.set_language", language="sw")
    other = Phone(borrower.pool, terms)

    with pytest.raises(once.KeyReused):
        await other.do("borrowers.set_language", "africastalking:S1:1:borrowers.set_language", language="sw")


async def test_a_refusal_is_an_answer_too_and_is_kept(borrower: Phone) -> None:
    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": "9753"}
    first = await borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **press)
    again = await borrower.do("loans.apply", "africastalking:S1:7:loans.apply", **press)

    assert first.name == "wrong_pin"
    assert again == first  # the retry did not count as a second guess
    assert first.value["tries_left"] == 2


async def test_a_connection_that_dies_before_commit_leaves_nothing(
    borrower: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = applying.apply

    async def die_after_the_effect(connection: Any, *arguments: Any) -> Any:
        await real(connection, *arguments)
        backend = await connection.fetchval("select pg_backend_pid()")
        async with borrower.pool.acquire() as other:
            await other.fetchval("select pg_terminate_backend($1, 5000)", backend)
        return applying.Answer("ok")

    before = await counts(borrower.pool)
    monkeypatch.setattr(applying, "apply", die_after_the_effect)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)):
        await borrower.borrow(key="africastalking:S1:7:loans.apply")
    monkeypatch.undo()
    assert await counts(borrower.pool) == before

    retry = await borrower.borrow(key="africastalking:S1:7:loans.apply")

    assert retry.name == "ok"
    assert await count(borrower.pool, "loan") == 1
    await assert_books_right(borrower.pool)


WAITING = """
select exists (
    select 1
    from pg_stat_activity
    where datname = current_database()
    and wait_event_type = 'Lock'
)
"""


@pytest.mark.parametrize("first_one", ["dies", "commits"])
async def test_a_duplicate_waits_for_the_first_and_takes_over_when_it_dies(
    borrower: Phone, pg_url: str, first_one: str
) -> None:
    press = {"language": "sw"}
    key = "africastalking:S1:7:borrowers.set_language"
    call, action = borrower.call("borrowers.set_language", key), "borrowers.set_language"
    first = await asyncpg.connect(pg_url)
    await first.execute("begin")
    await first.execute(
        once.CLAIM.replace("$1, $2, $3, $4", f"'{key}', '{action}', $${'x' * 32}$$::bytea, '{{}}'")
    )
    if first_one == "commits":
        digest = once.request_hash(SECRET, call, action, press)
        kept = '{"name": "ok", "value": "of the first", "subscriber": null}'
        await first.execute("update action_result set request_hash = $1, outcome = $2", digest, kept)

    duplicate = asyncio.ensure_future(borrower.do(action, key, **press))
    async with asyncio.timeout(10):
        while not await borrower.pool.fetchval(WAITING):
            pass
    assert not duplicate.done()
    if first_one == "dies":
        first.terminate()
    else:
        await first.execute("commit")
        await first.close()

    assert (await duplicate).value == (None if first_one == "dies" else "of the first")


async def test_a_reply_that_was_lost_after_commit_is_given_again(borrower: Phone) -> None:
    press = {"amount": 500_000, "purpose": "business", "total": 590_000, "pin": PIN}
    key = "africastalking:S1:7:loans.apply"
    task = asyncio.ensure_future(borrower.do("loans.apply", key, **press))
    await asyncio.wait([task])  # committed; nobody reads the result: the process died here
    ref = await borrower.pool.fetchval("select ref from loan")

    retry = await borrower.do("loans.apply", key, **press)

    assert (retry.name, retry.value["ref"]) == ("ok", ref)
    assert await count(borrower.pool, "loan") == 1


async def test_a_cancelled_action_leaves_nothing_and_gives_the_connection_back(borrower: Phone) -> None:
    async with borrower.pool.acquire() as blocker:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("select from borrower where msisdn = $1 for update", borrower.msisdn)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await borrower.borrow(key="africastalking:S1:7:loans.apply")
        await transaction.rollback()

    assert await count(borrower.pool, "loan") == 0
    assert (await borrower.borrow(key="africastalking:S1:7:loans.apply")).name == "ok"


async def test_no_pin_is_in_the_database(borrower: Phone) -> None:
    await borrower.borrow()
    tables = await borrower.pool.fetch(
        "select table_name from information_schema.tables where table_schema = 'public'"
        " and table_type = 'BASE TABLE'"
    )

    for (table,) in tables:
        for row in await borrower.pool.fetch(f"select t::text as line from {table} as t"):
            fields = row["line"].strip("()").split(",")
            assert PIN not in fields
            assert f'"{PIN}"' not in row["line"]


async def test_a_session_is_known_by_its_effects(borrower: Phone) -> None:
    async def names(gateway: str, session: str) -> list[str]:
        return [outcome.name for _, outcome in await once.effects_of(borrower.pool, gateway, session)]

    assert await names("africastalking", borrower.session)
    for gateway, session in (
        ("hubtel", borrower.session), ("africastalking", borrower.session[:-1]),
        ("africastalking", "%"), ("africastalking", "ATUid_"),
    ):  # fmt: skip
        assert await names(gateway, session) == []


async def test_the_effects_of_a_session_are_read_by_the_primary_key(borrower: Phone) -> None:
    async with borrower.pool.acquire() as connection:
        await connection.execute("set enable_seqscan = off")
        plan = await connection.fetch(f"explain {once.OF_SESSION.replace('$1', chr(39) + 'a:b' + chr(39))}")
        await connection.execute("reset enable_seqscan")

    assert any("action_result_pkey" in line[0] and "Index" in line[0] for line in plan)
