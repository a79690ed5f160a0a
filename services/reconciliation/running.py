"""The three ways to reconcile: a statement file, pulled transactions, status queries. Each makes a run.

The same file, or the same period asked for again, is the same run: it is looked at again, and nothing is
booked or queued a second time.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from services import alerts, clock
from services.mpesa import paybill, told
from services.mpesa.client import Daraja
from services.mpesa.outcomes import Accepted
from services.reconciliation import break_queries, breaks, matching, queries, run_queries, statement
from services.reconciliation.lines import Account, Line
from services.reconciliation.matching import OLD, Scope
from services.reconciliation.statement import StatementError
from ussd_engine.errors import UssdError

PULL_KEPT = timedelta(hours=48)
MOST_ASKED = 200  # status queries of one run: the next look asks for more
ANSWERS = 500
LOOK_S = 0.5
SKEW = timedelta(minutes=1)  # the database's clock may be before ours

FINAL_BAD = ("Cancelled", "Declined", "Expired", "Failed")
FINAL_GOOD = "Completed"

log = structlog.get_logger("umoja.mpesa")


async def of_statement(
    connection: Any,
    file: Path,
    shortcode: str,
    made_by: str,
    *,
    account: Account | None = None,
    period: tuple[datetime, datetime] | None = None,
    old: timedelta = OLD,
) -> int:
    """Reconcile a statement of the portal; the run's number. Raises StatementError, BusyError.

    account and period are for files that do not say them; a period is else from the first line to the
    last. shortcode is whose statement it must be.
    """
    identity = statement.digest(file)
    with statement.open_text(file) as text:
        found = statement.read(text, account)
        if found.shortcode and found.shortcode != shortcode:
            raise StatementError(f"This is the statement of {found.shortcode}, not of {shortcode}.")
        async with matching.tables(connection):
            await matching.load(connection, found)
            copies = _number(await connection.execute(queries.DROP_COPIES))
            span = await connection.fetchrow(queries.THEIR_SPAN)
            if not span["lines"]:
                raise StatementError("The statement has no completed lines.")
            since, until = _period(period or found.period, span["since"], span["until"])
            begun = "statement", found.account, shortcode, identity, since, until, made_by
            run_id: int = await connection.fetchval(run_queries.BEGIN_RUN, *begun)
            closing = found.closing_cents
            figures = span["lines"], copies, found.opening_cents, closing, found.missing_cents(span["cents"])
            await connection.execute(run_queries.SET_PERIOD, run_id, since, until, *figures)
            scope = Scope(run_id, found.account, since, until, whole=True)
            await matching.compare(connection, scope)
            booked = await matching.book_payments(connection, run_id)
            await matching.book_charges(connection, scope, closing)
            if booked:
                await matching.compare(connection, scope)
            await _end(connection, scope, "done", old, with_balances=True)
    return run_id


async def of_pull(
    connection: Any,
    client: Daraja,
    since: datetime,
    until: datetime,
    made_by: str,
    *,
    old: timedelta = OLD,
) -> int:
    """Reconcile what M-Pesa lists as paid to the paybill; the run's number. It keeps 48 hours.

    Raises UssdError for a period it does not keep, BusyError.
    """
    if since < clock.now() - PULL_KEPT or since >= until:
        raise UssdError("M-Pesa lists the payments of the last 48 hours only. Choose a later --from.")
    async with matching.tables(connection):
        whole = await _pull(connection, client, since, until)
        copies = _number(await connection.execute(queries.DROP_COPIES))
        lines = await connection.fetchval("select count(*) from theirs")
        shortcode = client.settings.paybill
        run_id = await _begin(connection, "pull", "working", shortcode, since, until, made_by)
        await connection.execute(
            run_queries.SET_PERIOD, run_id, since, until, lines, copies, None, None, None
        )
        scope = Scope(run_id, "working", since, until, whole=whole, payments=True)
        await matching.compare(connection, scope)
        if await matching.book_payments(connection, run_id):
            await matching.compare(connection, scope)
        await _end(connection, scope, "done" if whole else "incomplete", old)
    return run_id


async def of_status(
    connection: Any,
    client: Daraja,
    since: datetime,
    until: datetime,
    made_by: str,
    *,
    wait_s: float = 0,
    old: timedelta = OLD,
) -> int:
    """Reconcile payouts that were made in a period by asking M-Pesa for each; the run's number.

    Asked about is what no statement has confirmed. Answers come as callbacks: those of before are used,
    those of now are waited for, so long. Without all of them the run is incomplete; look again later.
    """
    async with matching.tables(connection):
        began = clock.now()
        asked = await _ask(connection, client, since, until)
        unanswered = await _wait(connection, asked, began, wait_s)
        shortcode = client.settings.payout_shortcode
        run_id = await _begin(connection, "status", "utility", shortcode, since, until, made_by)
        denied: list[str] = []
        lines = 0
        after = 0
        while rows := await connection.fetch(break_queries.ANSWERS, since, until, after, ANSWERS):
            after = rows[-1]["id"]
            lines += len(rows)
            await matching.load(connection, _told_of(rows, client, denied))
        figures = lines, 0, None, None, None
        await connection.execute(run_queries.SET_PERIOD, run_id, since, until, *figures)
        scope = Scope(run_id, "utility", since, until, whole=False)
        await matching.compare(connection, scope)
        await connection.execute(break_queries.WRITE_DENIED, run_id, denied)
        await _end(connection, scope, "incomplete" if unanswered else "done", old)
    return run_id


def _period(
    said: tuple[datetime, datetime] | None, first: datetime, last: datetime
) -> tuple[datetime, datetime]:
    """What a statement covers: as said, but no later than now, and all its lines."""
    since, until = said or (first, last)
    return min(since, first), max(min(until, clock.now()), last)


async def _pull(connection: Any, client: Daraja, since: datetime, until: datetime) -> bool:
    """Take in all pages. False when one was not answered, or a row makes no sense: theirs is not whole."""
    offset = 0
    whole = True
    for _ in range(paybill.PAGES):
        outcome = await client.pull(since, until, offset)
        if not isinstance(outcome, Accepted):
            return False
        rows = paybill.rows_of(outcome)
        if not rows:
            return whole
        lines = []
        for row in rows:
            try:
                lines.append(_line(told.pulled(row)))
            except told.ToldError as error:
                alerts.tell(log, "pulled_makes_no_sense", why=str(error))
                whole = False
        await matching.load(connection, lines)
        offset += len(rows)
    return False


def _line(paid: told.Paid) -> Line:
    return Line(paid.receipt, paid.at, paid.cents, "payment", paid.account, paid.payer)


async def _ask(connection: Any, client: Daraja, since: datetime, until: datetime) -> list[int]:
    """Ask about payouts that nothing has confirmed. Gives their numbers."""
    rows = await connection.fetch(break_queries.TO_ASK, since, until, MOST_ASKED)
    for row in rows:
        await client.payment_status(row["originator_id"])
    return [row["id"] for row in rows]


async def _wait(connection: Any, asked: list[int], began: datetime, wait_s: float) -> int:
    """How many are still not answered after so long."""
    ends = time.monotonic() + wait_s
    since = began - SKEW
    while True:
        left: int = await connection.fetchval(break_queries.UNANSWERED, asked, since)
        if not left or time.monotonic() >= ends:
            return left
        await asyncio.sleep(LOOK_S)


def _told_of(rows: list[Any], client: Daraja, denied: list[str]) -> Iterator[Line]:
    """What M-Pesa answered: a line for each payment there was; the receipts of ours that it denies."""
    for row in rows:
        try:
            said = told.result(told.document(bytes(row["body"])))
            unknown = said.code in client.settings.not_found_codes
            status = said.text("TransactionStatus") if said.code == "0" else ""
            later = row["received_at"] >= row["changed_at"]
            if (unknown or status in FINAL_BAD) and row["receipt"] and later:
                denied.append(row["receipt"])
            if status != FINAL_GOOD:
                continue
            at = told.completed_at(said.text("FinalisedTime")) or row["received_at"]
            cents = told.cents(said.text("Amount"))
            yield Line(told.receipt(said.text("ReceiptNo")), at, -cents, "payout")
        except told.ToldError as error:
            alerts.tell(log, "status_makes_no_sense", payout=row["id"], why=str(error))


async def _begin(
    connection: Any,
    source: str,
    account: Account,
    shortcode: str,
    since: datetime,
    until: datetime,
    made_by: str,
) -> int:
    asked = f"{source} {shortcode} {since.isoformat()} {until.isoformat()}"
    identity = hashlib.sha256(asked.encode()).digest()
    begun = source, account, shortcode, identity
    run_id: int = await connection.fetchval(run_queries.BEGIN_RUN, *begun, since, until, made_by)
    return run_id


async def _end(
    connection: Any, scope: Scope, state: str, old: timedelta, *, with_balances: bool = False
) -> None:
    """The run's counts and balances, and what it puts into the queue or takes out of it."""
    opening, closing = await matching.books(connection, scope) if with_balances else (None, None)
    async with connection.transaction():
        await connection.execute(run_queries.END_RUN, scope.run_id, state, opening, closing)
        await breaks.queue(connection, scope.run_id, clock.now() - old)


def _number(status: str) -> int:
    """The number in a command tag such as `DELETE 17`."""
    return int(status.rpartition(" ")[2])
