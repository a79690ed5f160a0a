from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.ledger import accounts, holds, invariants, journals, treasury
from services.ledger.accounts import FEE_INCOME, FUNDING, LOANS_IN_DISBURSEMENT, MPESA_UTILITY
from services.ledger.checks import LEDGER
from services.ledger.journals import Journal, LedgerError, Leg, credit, debit, write
from tests.services.world import Phone, assert_books_right

RAW_POSTING = """
insert into posting (journal_id, account_id, amount_cents)
select journal.id, account.id, $2
from journal, account
where journal.key = $1
and account.code = $3
"""


@pytest_asyncio.fixture
async def connection(pool: Any) -> AsyncIterator[Any]:
    async with pool.acquire() as acquired:
        yield acquired


def funding(key: str = "funding:1", cents: int = 1_000_000) -> Journal:
    return Journal(key, "funding", [debit(MPESA_UTILITY, cents), credit(FUNDING, cents)])


async def book(connection: Any, journal: Journal) -> int:
    async with connection.transaction():
        return await write(connection, journal)


async def post_raw(connection: Any, key: str, legs: list[tuple[int, str]]) -> None:
    """Straight into the table, past the code."""
    async with connection.transaction():
        await connection.execute(
            "insert into journal (key, kind) values ($1, 'raw') on conflict do nothing", key
        )
        for cents, code in legs:
            await connection.execute(RAW_POSTING, key, cents, code)


async def test_a_journal_moves_the_balances_of_its_accounts(connection: Any) -> None:
    await book(connection, funding())

    assert await journals.balance_cents(connection, MPESA_UTILITY) == 1_000_000
    assert await journals.balance_cents(connection, FUNDING) == -1_000_000
    assert await journals.balance_cents(connection, FEE_INCOME) == 0


async def test_the_same_journal_again_changes_nothing(pool: Any, connection: Any) -> None:
    first = await book(connection, funding())

    assert await book(connection, funding()) == first
    assert await journals.balance_cents(connection, MPESA_UTILITY) == 1_000_000
    await assert_books_right(pool)


async def test_another_journal_under_a_taken_key_is_refused(connection: Any) -> None:
    await book(connection, funding())

    with pytest.raises(LedgerError, match="other content"):
        await book(connection, funding(cents=2_000_000))


@pytest.mark.parametrize(
    "amounts",
    [(100,), (), (100, -99), (100, 0, -100), (10**15, -(10**15)), (1.0, -1.0), (float("nan"), float("nan")),
     (True, -1)],
)  # fmt: skip
def test_python_refuses_what_does_not_balance_or_is_no_amount(amounts: tuple[Any, ...]) -> None:
    with pytest.raises(LedgerError):
        Journal("bad", "bad", [Leg(MPESA_UTILITY, amount) for amount in amounts])


@pytest.mark.parametrize("legs", [[], [(500, "funding")], [(500, "mpesa_utility"), (-499, "funding")]])
async def test_the_database_refuses_a_journal_that_does_not_balance(
    connection: Any, legs: list[tuple[int, str]]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="legs and sums to"):
        await post_raw(connection, "bad", legs)

    assert await connection.fetchval("select count(*) from journal") == 0
    assert await connection.fetchval("select count(*) from balance") == 0


async def test_a_committed_journal_takes_no_more_postings(connection: Any) -> None:
    await book(connection, funding())

    with pytest.raises(asyncpg.RestrictViolationError, match="no more postings"):
        await post_raw(connection, "funding:1", [(100, "mpesa_utility"), (-100, "funding")])


@pytest.mark.parametrize("table", ["journal", "posting", "balance"])
@pytest.mark.parametrize("attack", ["update {0} set {1} = {1}", "delete from {0}", "truncate {0} cascade"])
async def test_the_books_are_append_only(connection: Any, table: str, attack: str) -> None:
    await book(connection, funding())
    column = {"journal": "kind", "posting": "amount_cents", "balance": "debits_cents"}[table]

    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(attack.format(table, column))


@pytest.mark.parametrize(
    "table", ["loan", "loan_move", "loan_event", "decision", "consent", "hold", "account"]
)
async def test_what_is_kept_for_ever_is_not_truncated(connection: Any, table: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="TRUNCATE refused"):
        await connection.execute(f"truncate {table} cascade")


@pytest.mark.parametrize(
    "attack", ["update account set kind = 'income'", "update account set code = code || 'x'",
               "delete from account"]
)  # fmt: skip
async def test_an_account_stays_what_it_was_opened_as(connection: Any, attack: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(attack)


async def test_nobody_writes_a_balance_by_hand(connection: Any) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="balances follow postings"):
        await connection.execute("insert into balance (account_id) select min(id) from account")


async def test_a_wrong_balance_is_found(connection: Any) -> None:
    await book(connection, funding())
    async with connection.transaction():
        await connection.execute("alter table balance disable trigger balance_follows_postings")
        await connection.execute("update balance set debits_cents = debits_cents + 1 where debits_cents > 0")
        await connection.execute("alter table balance enable trigger balance_follows_postings")

    assert await invariants.breaks(connection) == [
        invariants.Break("balance", "mpesa_utility", 1_000_001, 1_000_000)
    ]


async def test_the_migration_opens_the_shared_accounts(connection: Any) -> None:
    rows = await connection.fetch("select code, kind from account")

    assert {tuple(row) for row in rows} == {(account.code, account.kind) for account in accounts.SHARED}


async def test_a_hold_is_settled_once(pool: Any, borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]
    async with pool.acquire() as connection:
        assert await journals.balance_cents(connection, LOANS_IN_DISBURSEMENT) == 500_000
        async with connection.transaction():
            assert await holds.settle(connection, ref, "voided") is True
        assert await holds.settle(connection, ref, "voided") is False
        with pytest.raises(LedgerError, match="voided already"):
            await holds.settle(connection, ref, "posted")
        with pytest.raises(LedgerError, match="no hold"):
            await holds.settle(connection, "nothing", "posted")
        assert await journals.balance_cents(connection, LOANS_IN_DISBURSEMENT) == 0
        assert await invariants.breaks(connection, LEDGER) == []


@pytest.mark.parametrize(
    "change", ["state = 'pending'", "state = 'posted'", "amount_cents = 1", "settled_at = null"]
)
async def test_the_database_refuses_to_change_a_settled_hold(borrower: Phone, change: str) -> None:
    ref = (await borrower.borrow()).value["ref"]
    async with borrower.pool.acquire() as connection, connection.transaction():
        await holds.settle(connection, ref, "voided")

    with pytest.raises(asyncpg.CheckViolationError):
        await borrower.pool.execute(f"update hold set {change}")


@pytest.mark.parametrize("posted", [1, 200_000, 500_000])
async def test_a_hold_is_posted_in_part_and_the_rest_is_free_again(borrower: Phone, posted: int) -> None:
    ref = (await borrower.borrow()).value["ref"]
    async with borrower.pool.acquire() as connection, connection.transaction():
        assert await holds.settle(connection, ref, "posted", posted) is True
        assert await holds.settle(connection, ref, "posted", posted) is False
        assert await journals.balance_cents(connection, LOANS_IN_DISBURSEMENT) == 0
        assert await connection.fetchval("select posted_cents from hold") == posted
        with pytest.raises(LedgerError, match="posted already"):
            await holds.settle(connection, ref, "posted", posted + 1)


@pytest.mark.parametrize("posted", [0, -1, 500_001])
async def test_a_hold_is_not_posted_for_what_it_does_not_hold(borrower: Phone, posted: int) -> None:
    ref = (await borrower.borrow()).value["ref"]
    async with borrower.pool.acquire() as connection:
        with pytest.raises(LedgerError, match="cannot be posted for"):
            await holds.settle(connection, ref, "posted", posted)


async def test_our_own_money_comes_in_moves_and_goes_as_tax(pool: Any, connection: Any) -> None:
    async with connection.transaction():
        await treasury.fund(connection, "first", 10_000_000)
        await treasury.move(connection, "to-utility", accounts.MPESA_WORKING, MPESA_UTILITY, 6_000_000)
        await treasury.move(connection, "to-utility", accounts.MPESA_WORKING, MPESA_UTILITY, 6_000_000)
        await treasury.remit_excise(connection, "2026-11", 500_000)

    assert await treasury.free_float_cents(connection) == 6_000_000
    assert await journals.balance_cents(connection, accounts.MPESA_WORKING) == 3_500_000
    await assert_books_right(pool)


async def test_what_is_promised_is_no_longer_free(borrower: Phone) -> None:
    async with borrower.pool.acquire() as connection:
        async with connection.transaction():
            await treasury.fund(connection, "first", 1_000_000, MPESA_UTILITY)
        await borrower.borrow(500_000)
        assert await treasury.free_float_cents(connection) == 500_000


async def test_many_journals_at_once_are_each_written_once(pool: Any, connection: Any) -> None:
    entries = [funding(f"funding:{number}", 1_000 + number) for number in range(50)]
    async with connection.transaction():
        assert await journals.write_many(connection, entries[:20]) == 20
        assert await journals.write_many(connection, entries) == 30
        assert await journals.write_many(connection, []) == 0

    assert await journals.balance_cents(connection, MPESA_UTILITY) == sum(range(1_000, 1_050))
    await assert_books_right(pool)


@pytest.mark.parametrize("amount", [0, -1, 0.001, float("nan"), float("inf"), 1e9, True, None, "100", 10**15])
def test_a_debit_or_credit_is_a_whole_number_of_cents_above_zero(amount: Any) -> None:
    for side in (debit, credit):
        with pytest.raises(LedgerError, match="not an amount"):
            side(MPESA_UTILITY, amount)
