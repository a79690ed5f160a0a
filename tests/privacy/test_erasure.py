"""Two people forget somebody who may be forgotten; until then it says why not, and until when."""

from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from services.loans import approvals
from services.loans.approvals import ApprovalError, SamePersonError
from services.privacy import erasure
from tests.privacy.lives import NAME, joined, life, mentioned
from tests.services.lending import TODAY, in_transaction, noon
from tests.services.world import FOLDER, SECRET, Phone, assert_books_right, count
from tests.tasks.conftest import PUBLISH
from ussd_engine.settings import settings


@pytest_asyncio.fixture(autouse=True)
async def published(pool: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The menus are live, and the secret is the tests'."""
    sources = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}
    await pool.execute(PUBLISH, orjson.dumps(sources).decode())
    monkeypatch.setenv("USSD_SECRET", SECRET.decode())
    settings.cache_clear()
    yield
    settings.cache_clear()


async def number_of(phone: Phone) -> int:
    found: int = await phone.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
    return found


async def propose(phone: Phone) -> int:
    made: int = await in_transaction(
        phone.pool, erasure.propose, await number_of(phone), "akinyi", "they wrote to us"
    )
    return made


async def test_whoever_joined_and_never_borrowed_is_forgotten_by_two_people(phone: Phone) -> None:
    await joined(phone)
    await phone.do("borrowers.offers", wanted=True)
    number = await number_of(phone)
    proposal = await propose(phone)
    with pytest.raises(SamePersonError):
        await in_transaction(phone.pool, approvals.approve, proposal, "Akinyi")
    assert await in_transaction(phone.pool, approvals.approve, proposal, "baraka")

    assert await mentioned(phone.pool, (phone.msisdn, phone.msisdn[3:], NAME.split()[0])) == {}
    row = await phone.pool.fetchrow("select * from borrower")
    assert (row["id"], row["msisdn"], row["name"], row["pin_hash"]) == (
        number,
        f"forgotten:{number}",
        None,
        None,
    )
    assert await count(phone.pool, "consent") == 2  # that somebody agreed is kept, and names nobody
    request = await phone.pool.fetchrow("select kind, answered_by, answer from subject_request")
    assert tuple(request.values()) == ("erase", "baraka", "erased")
    await phone.join()  # who comes back is somebody new
    assert await count(phone.pool, "borrower") == 2


async def test_nobody_is_forgotten_who_owes_or_is_owed_or_whose_books_are_kept(phone: Phone) -> None:
    await phone.join()
    ref = (await phone.borrow()).value["ref"]
    with pytest.raises(ApprovalError, match=f"Loan {ref} is not over"):
        await propose(phone)
    await phone.money_arrives(ref, noon(TODAY))
    await phone.pay(ref, 600_000, "QAA1111111")
    with pytest.raises(ApprovalError, match=r"We hold KES 100\.00 for them"):
        await propose(phone)
    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref, noon(TODAY))
    await phone.pay(ref, 580_000, "QAA2222222", noon(TODAY))
    with pytest.raises(ApprovalError, match=f"are kept until {TODAY + timedelta(days=2557)}"):
        await propose(phone)


async def test_it_is_looked_at_again_when_it_is_decided(phone: Phone) -> None:
    await phone.join()
    proposal = await propose(phone)
    await phone.borrow()
    with pytest.raises(ApprovalError, match="is not over"):
        await in_transaction(phone.pool, approvals.approve, proposal, "baraka")
    assert await count(phone.pool, "subject_request") == 0


async def test_after_the_years_of_the_law_a_whole_life_is_forgotten_and_the_books_stay(phone: Phone) -> None:
    await life(phone)
    number = await number_of(phone)
    await phone.pool.execute("update loan set closed_at = now() - interval '2558 days'")
    proposal = await propose(phone)
    await in_transaction(phone.pool, approvals.approve, proposal, "baraka")

    held = await mentioned(phone.pool, (phone.msisdn, phone.msisdn[3:], NAME.split()[0]))
    assert held == {}
    assert await count(phone.pool, "loan") == 1
    assert await phone.pool.fetchval("select count(*) from sms where words <> '' or details <> '{}'") == 0
    assert await phone.pool.fetchval("select borrower_id from loan") == number
    await assert_books_right(phone.pool)


async def test_the_database_lets_nobody_half_forget(phone: Phone) -> None:
    await phone.join()
    with pytest.raises(asyncpg.CheckViolationError):
        await phone.pool.execute("update borrower set forgotten_at = now()")
    with pytest.raises(asyncpg.CheckViolationError):
        await phone.pool.execute("update borrower set msisdn = 'forgotten:' || id")
