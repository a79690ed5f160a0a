"""Journals: two or more postings that sum to zero, written once under a key.

Writing the same journal again under its key changes nothing and gives the first one's id, so whoever
posts may be retried. Another journal under a taken key is refused. The database checks all of it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.ledger import queries
from services.ledger.accounts import Account

MAX_CENTS = 100_000_000_000_000  # of one posting; the table says the same


class LedgerError(Exception):
    """The ledger refuses this. It is a fault in the program, never an answer to a borrower."""


@dataclass(slots=True, frozen=True)
class Leg:
    """One side of a journal. A debit is above zero, a credit below."""

    account: Account
    amount_cents: int


def debit(account: Account, amount_cents: int) -> Leg:
    """What the account takes."""
    return Leg(account, positive(amount_cents))


def credit(account: Account, amount_cents: int) -> Leg:
    """What the account gives."""
    return Leg(account, -positive(amount_cents))


def positive(amount_cents: int) -> int:
    """The amount. Raises LedgerError for what is no whole number of cents above zero: nan, 0.5, -100."""
    if type(amount_cents) is not int or not 0 < amount_cents <= MAX_CENTS:
        raise LedgerError(f"{amount_cents!r} is not an amount in cents")
    return amount_cents


@dataclass(slots=True, frozen=True)
class Journal:
    """An entry to write. Raises LedgerError when it does not balance.

    value_on is the business day it counts for, a Nairobi date; today unless said.
    """

    key: str
    kind: str
    legs: Sequence[Leg]
    loan_id: int | None = None
    borrower_id: int | None = None
    value_on: date | None = None

    def __post_init__(self) -> None:
        amounts = [leg.amount_cents for leg in self.legs]
        for amount in amounts:
            if type(amount) is not int or amount == 0 or abs(amount) > MAX_CENTS:
                raise LedgerError(f"journal {self.key}: {amount!r} is not an amount in cents")
        if len(amounts) < 2 or sum(amounts) != 0:
            raise LedgerError(f"journal {self.key} has {len(amounts)} legs and sums to {sum(amounts)}")


async def write(connection: Any, journal: Journal) -> int:
    """Write the journal inside the caller's transaction; its id, also when it was written before."""
    codes = [leg.account.code for leg in journal.legs]
    amounts = [leg.amount_cents for leg in journal.legs]
    await _open_accounts(connection, [journal])
    journal_id: int | None = await connection.fetchval(
        queries.WRITE_JOURNAL,
        journal.key,
        journal.kind,
        journal.loan_id,
        journal.borrower_id,
        journal.value_on,
    )
    if journal_id is None:
        return await _same(connection, journal, codes, amounts)
    await connection.execute(queries.WRITE_POSTINGS, journal_id, codes, amounts)
    return journal_id


async def write_many(connection: Any, entries: Sequence[Journal]) -> int:
    """Write many journals at once, inside the caller's transaction; how many were new.

    For jobs that go over all loans. A key that is taken is passed over, whatever was written under it.
    """
    if not entries:
        return 0
    await _open_accounts(connection, entries)
    columns: list[list[Any]] = [
        [each.key for each in entries],
        [each.kind for each in entries],
        [each.loan_id for each in entries],
        [each.borrower_id for each in entries],
        [each.value_on for each in entries],
    ]
    rows = await connection.fetch(queries.WRITE_JOURNALS, *columns)
    ids = {row["key"]: row["id"] for row in rows}
    legs = [(ids[each.key], leg) for each in entries if each.key in ids for leg in each.legs]
    await connection.execute(
        queries.WRITE_MANY_POSTINGS,
        [journal_id for journal_id, _ in legs],
        [leg.account.code for _, leg in legs],
        [leg.amount_cents for _, leg in legs],
    )
    return len(ids)


async def _open_accounts(connection: Any, entries: Sequence[Journal]) -> None:
    accounts = {leg.account.code: leg.account for each in entries for leg in each.legs}.values()
    await connection.execute(
        queries.OPEN_ACCOUNTS,
        [account.code for account in accounts],
        [account.kind for account in accounts],
        [account.loan_id for account in accounts],
        [account.borrower_id for account in accounts],
    )


async def is_written(connection: Any, key: str) -> bool:
    """Whether a journal has that key."""
    found: bool = await connection.fetchval(queries.IS_WRITTEN, key)
    return found


async def balance_cents(connection: Any, account: Account) -> int:
    """Debits less credits; 0 for an account nothing was posted to."""
    cents: int = await connection.fetchval(queries.BALANCE, account.code)
    return cents


async def _same(connection: Any, journal: Journal, codes: list[str], amounts: list[int]) -> int:
    row = await connection.fetchrow(queries.READ_JOURNAL, journal.key)
    written = (row["kind"], row["loan_id"], row["borrower_id"], row["codes"], row["amounts"])
    if written != (journal.kind, journal.loan_id, journal.borrower_id, codes, amounts):
        raise LedgerError(f"journal {journal.key} is written already, with other content")
    journal_id: int = row["id"]
    return journal_id
