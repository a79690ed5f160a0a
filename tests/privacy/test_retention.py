"""What is over is forgotten, in batches, and what the books or the law need is kept."""

from typing import Any

import asyncpg
import orjson
import pytest

from services.privacy import retention
from services.rules.model import Keep
from tests.privacy.lives import NAME, life, mentioned
from tests.services.world import Phone, assert_books_right, count

KEEP = Keep()
AGED = (
    ("sms", "created_at"), ("sms_callback", "received_at"), ("mpesa_inbox", "received_at"),
    ("money_statement", "imported_at"), ("action_result", "created_at"), ("outbox", "done_at"),
)  # fmt: skip
GUARDED = ("sms", "mpesa_inbox", "money_statement")


async def age(pool: Any, days: int) -> None:
    """As if all that had been so long ago."""
    await pool.execute("update sms set state = 'refused' where state = 'queued'")
    await pool.execute("update outbox set done_at = now()")
    for table, column in AGED:
        if table in GUARDED:
            await pool.execute(f"alter table {table} disable trigger user")
        await pool.execute(f"update {table} set {column} = now() - make_interval(days => $1)", days)
        if table in GUARDED:
            await pool.execute(f"alter table {table} enable trigger user")


async def test_each_kind_goes_when_its_time_is_over_and_not_a_day_before(phone: Phone) -> None:
    await life(phone)
    answers, messages = await count(phone.pool, "action_result"), await count(phone.pool, "sms")
    await age(phone.pool, 29)
    assert not any((await retention.run(phone.pool, KEEP, "3f0a1b2c")).values())

    await age(phone.pool, 31)
    counts = await retention.run(phone.pool, KEEP, "3f0a1b2c")
    assert {name for name, number in counts.items() if number} == {"answers", "outbox"}
    assert counts["answers"] == answers

    await age(phone.pool, 91)
    counts = await retention.run(phone.pool, KEEP, "3f0a1b2c")
    assert {name: number for name, number in counts.items() if number} == {"reports": 1, "callbacks": 1}

    await age(phone.pool, 366)
    counts = await retention.run(phone.pool, KEEP, "3f0a1b2c")
    assert {name: number for name, number in counts.items() if number} == {
        "messages": messages, "statements": 1,
    }  # fmt: skip
    assert await count(phone.pool, "sms") == messages  # that it was sent, and what it cost, is kept
    assert await phone.pool.fetchval("select count(*) from sms where details <> '{}'") == 0
    reports = await phone.pool.fetch("select rules, counts from retention_run order by id")
    assert len(reports) == 4
    assert orjson.loads(reports[-1]["counts"]) == counts
    await assert_books_right(phone.pool)


async def test_people_are_forgotten_after_their_last_loan_and_strangers_soon(phone: Phone) -> None:
    borrower = await Phone(phone.pool, phone.terms).join()
    stranger = Phone(phone.pool, phone.terms)
    await stranger.do("borrowers.consent", version="2026-11")
    await life(phone)
    await borrower.borrow()  # has a loan: never
    ages = "created_at = now() - interval '8 years', registered_at = registered_at - interval '8 years'"
    await phone.pool.execute(f"update borrower set {ages}")
    assert (await retention.run(phone.pool, KEEP, ""))["borrowers"] == 0  # the loan ended just now

    await phone.pool.execute("alter table journal disable trigger user")
    await phone.pool.execute("update journal set at = now() - interval '8 years'")
    await phone.pool.execute("alter table journal enable trigger user")
    await phone.pool.execute("update loan set closed_at = now() - interval '8 years' where not is_open")
    await phone.pool.execute("update action_result set created_at = now() - interval '8 years'")
    counts = await retention.run(phone.pool, KEEP, "")
    assert (counts["strangers"], counts["borrowers"]) == (0, 1)  # the stranger went with the first run
    assert await mentioned(phone.pool, (phone.msisdn, phone.msisdn[3:], NAME.split()[0])) == {}
    assert await mentioned(phone.pool, (stranger.msisdn,)) == {}
    assert await phone.pool.fetchval("select name from borrower where msisdn = $1", borrower.msisdn)
    assert not any((await retention.run(phone.pool, KEEP, "")).values())
    await assert_books_right(phone.pool)


async def test_it_goes_on_in_batches(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "PEOPLE", 1)
    others = [Phone(phone.pool, phone.terms) for _ in range(3)]
    for each in others:
        await each.do("borrowers.consent", version="2026-11")
    await phone.pool.execute("update borrower set created_at = now() - interval '91 days'")
    await phone.pool.execute("update action_result set created_at = now() - interval '31 days'")
    counts = await retention.run(phone.pool, KEEP, "")
    assert (counts["answers"], counts["strangers"]) == (3, 3)


async def test_the_audit_goes_after_its_years_and_the_database_keeps_what_is_younger(pool: Any) -> None:
    add = (
        "insert into audit (at, who, kind, operation, subject, before, after, address, request_id)"
        " values (now() - $1::text::interval, 'akinyi', 'person', 'test', 'loan:X', '{}', '{}', '', '')"
    )
    for old in ("8 years", "3 years", "1 year"):
        await pool.execute(add, old)
    assert (await retention.run(pool, KEEP, ""))["audit"] == 1
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("delete from audit where at > now() - interval '2 years'")
    with pytest.raises(ValueError, match="730"):
        Keep(audit_days="365d")
    assert await count(pool, "audit") == 2
