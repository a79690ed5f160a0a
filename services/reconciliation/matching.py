"""Ours against theirs, transaction by transaction, for lines from wherever.

    lines → theirs, a temporary table; our movements of those days → ours
    paired by receipt; our own money by amount
    items: matched, ours_only, theirs_only, amount_differs, date_differs, reversed
    a customer's payment that only M-Pesa knows is booked as any payment is: by its receipt, once
    charges that only M-Pesa knows are booked
    compared once more, so that what is said is how it is now

Both sides stay in PostgreSQL: a statement may have more lines than we have memory. A run that dies in the
middle has booked some receipts and said nothing; the same file again goes on.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from services import clock
from services.ledger import accounts, charges, journals
from services.mpesa import repayments, told
from services.reconciliation import queries, run_queries
from services.reconciliation.lines import Account, Line
from ussd_engine.errors import UssdError

LOCK = 86654  # beside the day's end
BATCH = 1000
PAYMENTS = 200
OLD = timedelta(hours=24)  # after so long, what M-Pesa does not have is missing there

# Which of our accounts are one of M-Pesa's, and which one a charge is taken from.
BOOKS: dict[Account, tuple[accounts.Account, ...]] = {
    "utility": (accounts.MPESA_UTILITY,),
    "working": (accounts.MPESA_PAYBILL, accounts.MPESA_WORKING),
    "charges": (accounts.MPESA_CHARGES_PAID,),
}


class BusyError(UssdError):
    """Another reconciliation is running. Wait until it is done."""


@dataclass(slots=True, frozen=True)
class Scope:
    """What a run compares. whole: theirs lacks nothing of the period, so what is only ours is missing
    there. payments: only what customers paid."""

    run_id: int
    account: Account
    since: datetime
    until: datetime
    whole: bool
    payments: bool = False


@asynccontextmanager
async def tables(connection: Any) -> AsyncIterator[None]:
    """Room for the lines of one run, on a connection that is in no transaction. One run at a time.

    Raises BusyError.
    """
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        raise BusyError(BusyError.__doc__)
    try:
        await connection.execute(queries.MAKE_TABLES)
        yield
    finally:
        await connection.execute(queries.DROP_TABLES)
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def load(connection: Any, lines: Iterable[Line]) -> None:
    """Take in lines, a batch at a time."""
    records = (
        (each.receipt, each.at, each.cents, each.kind, each.account_ref, each.payer, each.linked,
         each.balance_cents)
        for each in lines
    )  # fmt: skip
    while batch := _some(records):
        await connection.copy_records_to_table("theirs", records=batch, columns=queries.THEIRS)


async def compare(connection: Any, scope: Scope) -> None:
    """Write the items of a run, as things are now."""
    day_from, day_to = clock.nairobi_date(scope.since), clock.nairobi_date(scope.until)
    async with connection.transaction():
        await connection.execute(queries.LOOK_AGAIN)
        await connection.execute(queries.ANALYZE_THEIRS)
        await connection.execute(queries.FILL_OURS, scope.account, day_from, day_to, scope.payments)
        await connection.execute(queries.ANALYZE_OURS)
        await connection.execute(queries.PAIR_BY_RECEIPT)
        await connection.execute(queries.PAIR_BY_AMOUNT, scope.since, scope.until)
        await connection.execute(queries.WRITE_ITEMS, scope.run_id, scope.since, scope.until, scope.whole)
        await connection.execute(queries.FORGET_ITEMS, scope.run_id)


async def book_payments(connection: Any, run_id: int) -> int:
    """Book customers' payments that only M-Pesa knows, each in a transaction of its own. How many were
    new to us."""
    booked = 0
    while rows := await connection.fetch(queries.UNKNOWN_PAYMENTS, run_id, PAYMENTS):
        for row in rows:
            async with connection.transaction():
                payment = told.Paid(row["receipt"], row["cents"], row["account_ref"], row["payer"], row["at"])
                made = await repayments.received(connection, payment)
                await connection.execute(queries.MADE, run_id, row["receipt"], made)
                new = made != "known"
                await connection.execute(run_queries.ADD_BOOKED, run_id, int(new), 0)
            booked += new
    return booked


async def book_charges(connection: Any, scope: Scope, closing_cents: int | None) -> int:
    """Book charges that only the statement knows. Gives cents.

    Those in the account of charges may be booked already, together, from a balance that M-Pesa told. So
    there the closing balance decides: what it is below ours, and no more than the lines say.
    """
    if scope.account != "charges":
        return await _charges_among_others(connection, scope)
    async with connection.transaction():
        await connection.fetchval(queries.LOCK_CHARGES)
        ours = await journals.balance_cents(connection, accounts.MPESA_CHARGES_PAID)
        most = await connection.fetchval(queries.CHARGES_TOLD)
        cents = 0 if closing_cents is None else min(ours - closing_cents, most)
        if cents <= 0:
            return 0
        key = f"statement:{scope.run_id}:{closing_cents}"
        on = clock.nairobi_date(scope.until)
        if not await charges.mpesa_charge(connection, key, cents, on=on):
            return 0
        await connection.execute(run_queries.ADD_BOOKED, scope.run_id, 0, cents)
    return int(cents)


async def _charges_among_others(connection: Any, scope: Scope) -> int:
    """Charges between the lines of the utility or working account: each by its receipt."""
    taken_from = BOOKS[scope.account][-1]
    total = 0
    while rows := await connection.fetch(queries.UNKNOWN_CHARGES, scope.account, PAYMENTS):
        for row in rows:
            async with connection.transaction():
                key = f"{scope.account}:{row['receipt']}"
                await charges.mpesa_charge(connection, key, row["cents"], taken_from, row["value_on"])
                await connection.execute(run_queries.ADD_BOOKED, scope.run_id, 0, row["cents"])
            total += row["cents"]
    return total


async def books(connection: Any, scope: Scope) -> tuple[int, int]:
    """What our books have before the period's first line and after its last. For the account of charges,
    which M-Pesa also tells us as one sum, both are today's."""
    if scope.account == "charges":
        now = await journals.balance_cents(connection, accounts.MPESA_CHARGES_PAID)
        return now, now
    codes = [account.code for account in BOOKS[scope.account]]
    opening = await connection.fetchval(queries.BOOKS_OPENING, codes, scope.account, scope.since)
    items = await connection.fetchval(queries.ITEMS_OURS, scope.run_id, scope.account)
    return opening, opening + items


def _some(records: Iterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(islice(records, BATCH))
