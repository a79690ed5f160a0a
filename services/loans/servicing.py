"""What happens to a loan after the application: the money went out, or did not, or comes back.

Each function works inside the caller's transaction and may be called again with the same news: the
second time it changes nothing. Whoever talks to M-Pesa brings the news. Locks: borrower, loan, accounts.

What a payment settles first is the loan's own order, by its state. `order` may say another one; parts it
leaves out come after. None is the loan's own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from services import clock, outbox
from services.ledger import accounts, holds, journals, suspense
from services.ledger import queries as ledger_queries
from services.ledger.journals import LedgerError
from services.loans import agreed, books, lifecycle, queries
from services.sms import notices

Order = Sequence[str] | None
Late = Literal["begun", "waiting", "known"]

# What is promised and not begun by then is given up, and its borrower asked again: see payout_expired.
PROMISED_FOR = timedelta(hours=24)

log = structlog.get_logger("umoja.money")


async def send(connection: Any, loan_id: int, ref: str, principal_cents: int, actor: str) -> None:
    """An applied loan is approved by `actor`: promise its money and ask for the payout."""
    state = await lifecycle.make(connection, loan_id, "applied", "approve", actor)
    await lifecycle.make(connection, loan_id, state, "send", actor)
    await outbox.put(connection, f"disburse:{ref}", outbox.DISBURSE, {"loan_id": loan_id, "ref": ref})
    await holds.place(connection, ref, loan_id, principal_cents, clock.now() + PROMISED_FOR)


async def paid_out(connection: Any, loan_id: int, at: datetime, order: Order, actor: str) -> bool:
    """The payout succeeded at that time: the term begins. False when that was known.

    The borrower's credit settles what it can at once, in that order. It may hold a payment for this very
    loan: money can arrive, and be paid back, before M-Pesa tells us. Raises LedgerError when the payout
    was given up before: that is `paid_out_late`.
    """
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if not await holds.settle(connection, loan["ref"], "posted"):
        return False
    await journals.write(connection, books.paid_out(loan, clock.nairobi_date(at)))
    await _begin(connection, loan, "pay_out", at, order, actor)
    return True


async def paid_out_late(connection: Any, loan_id: int, at: datetime, order: Order, actor: str) -> Late:
    """The payout succeeded after all, although it was given up and its hold ended. Tell a person.

    The money is booked as gone. The loan begins now; but if its borrower has another one by now, the
    money is claimed, and the loan waits until that one is over (`begin_waiting`). Raises LedgerError
    while the hold is pending: that is `paid_out`.
    """
    borrower_id = await connection.fetchval(queries.BORROWER_OF, loan_id)
    await connection.fetchval(queries.LOCK_BORROWER_BY_ID, borrower_id)
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    hold = await holds.state_of(connection, loan["ref"])
    if hold == "posted" or await journals.is_written(connection, f"disbursement:{loan['ref']}"):
        return "known"
    if hold not in ("voided", "expired"):
        raise LedgerError(f"the hold of loan {loan['ref']} is {hold or 'missing'}: nothing was given up")
    log.warning("payout_success_after_end", ref=loan["ref"], hold=hold)
    day = clock.nairobi_date(at)
    if await connection.fetchval(queries.HAS_OTHER_OPEN, borrower_id, loan_id):
        await journals.write(connection, books.claimed(loan, day))
        await connection.execute(queries.WAIT_LATE, loan_id, borrower_id, at)
        return "waiting"
    await journals.write(connection, books.paid_out(loan, day))
    await _begin(connection, loan, "pay_out_late", at, order, actor)
    return "begun"


async def begin_waiting(connection: Any, loan_id: int, at: datetime, actor: str) -> bool:
    """A loan that came late and waited begins: its term counts from now. False when it had begun, or its
    borrower has another loan again."""
    borrower_id = await connection.fetchval(queries.BORROWER_OF, loan_id)
    await connection.fetchval(queries.LOCK_BORROWER_BY_ID, borrower_id)
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    if await connection.fetchval(queries.HAS_OTHER_OPEN, borrower_id, loan_id):
        return False
    if await connection.fetchval(queries.BEGIN_LATE, loan_id, at) is None:
        return False
    await journals.write(connection, books.claim_settled(loan, clock.nairobi_date(at)))
    await _begin(connection, loan, "pay_out_late", at, None, actor)
    return True


async def payout_failed(connection: Any, loan_id: int, actor: str) -> bool:
    """The payout certainly did not happen: the promise ends. False when that was known.

    A failure that is told after the success changes nothing: the money is gone.
    """
    return await _not_paid_out(connection, loan_id, "voided", actor)


async def payout_expired(connection: Any, loan_id: int, actor: str) -> bool:
    """The payout was never begun, and the time of its hold is over. False when the hold had ended.

    Never for one that was submitted: its outcome is M-Pesa's to tell. `holds.expired` lists candidates.
    """
    return await _not_paid_out(connection, loan_id, "expired", actor)


async def paid_back(
    connection: Any,
    loan_id: int,
    amount_cents: int,
    receipt: str,
    at: datetime,
    order: Order,
    actor: str,
) -> bool:
    """A payment for the loan arrived. False when this receipt was booked before, here or in suspense.

    What is more than the debt, or comes when there is none, is the borrower's credit: the next loan uses
    it, or it is refunded. What comes for a written-off loan is recovered.
    """
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    await connection.execute(ledger_queries.LOCK_RECEIPT, receipt)
    if await journals.is_written(connection, suspense.receipt_key(receipt)):
        return False
    owed = await owed_cents(connection, loan_id)
    shares = books.allocate(amount_cents, owed, order_of(loan, order))
    for journal in books.paid_back(loan, receipt, shares, clock.nairobi_date(at)):
        await journals.write(connection, journal)
    await close_if_settled(connection, loan, owed, shares, at, actor)
    await _tell_paid(connection, loan, receipt, amount_cents, owed, shares)
    return True


async def match(connection: Any, receipt: str, loan_id: int, actor: str) -> bool:
    """A payment in suspense was for this loan. False when it was matched before. Raises LedgerError for
    a receipt that is not in suspense, or went back."""
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    item = await suspense.take(connection, receipt, "matched")
    if item is None:
        return False
    owed = await owed_cents(connection, loan_id)
    shares = books.allocate(item["amount_cents"], owed, order_of(loan, None))
    today = clock.nairobi_date(clock.now())
    again = await connection.fetchval(queries.TIMES_UNDONE, receipt)
    first, *rest = books.matched(loan, receipt, shares, today, again)
    await suspense.settle(connection, receipt, "matched", await journals.write(connection, first))
    for journal in rest:
        await journals.write(connection, journal)
    await close_if_settled(connection, loan, owed, shares, item["received_at"], actor)
    told = f"{receipt}:{again}" if again else receipt
    await _tell_paid(connection, loan, receipt, item["amount_cents"], owed, shares, told)
    return True


async def owed_cents(connection: Any, loan_id: int) -> Mapping[str, int]:
    """What is owed on a loan now, by part, read from the ledger: principal, fee, interest, excise,
    penalty; and written_off, what is still owed of a loan written off."""
    rows = await connection.fetch(ledger_queries.OUTSTANDING, loan_id)
    return {row["part"].removeprefix("loan_"): row["owed_cents"] for row in rows}


def order_of(loan: Any, order: Order) -> Sequence[str]:
    """What a payment settles first: as asked, then as agreed, by the loan's state."""
    terms = agreed.of(loan)
    own = terms.order_non_performing if loan["state"] == "non_performing" else terms.order
    return [*dict.fromkeys((*(order or ()), *own, books.WRITTEN_OFF))]


async def close_if_settled(
    connection: Any, loan: Any, owed: Mapping[str, int], shares: Mapping[str, int], at: datetime, actor: str
) -> None:
    """Move a loan on when those shares were all that was owed. `at` is when the money came."""
    settled = sum(shares.values()) - shares.get(books.CREDIT, 0)
    if loan["state"] in lifecycle.PAYABLE and settled == sum(owed.values()):
        move = "recover" if loan["state"] == "written_off" else "repay"
        await lifecycle.make(connection, loan["id"], loan["state"], move, actor, at)


async def _tell_paid(
    connection: Any,
    loan: Any,
    receipt: str,
    amount_cents: int,
    owed: Mapping[str, int],
    shares: Mapping[str, int],
    told: str = "",
) -> None:
    """The SMS with the balance. told: what it is one SMS for, if not the receipt."""
    credit_cents = shares.get(books.CREDIT, 0)
    left_cents = sum(owed.values()) - (sum(shares.values()) - credit_cents)
    amounts = amount_cents, left_cents, credit_cents
    await notices.paid_back(connection, loan, receipt, *amounts, told)


async def _begin(connection: Any, loan: Any, move: str, at: datetime, order: Order, actor: str) -> None:
    """The money is with the borrower, and booked: the term begins, the fee is earned, credit is used."""
    day = clock.nairobi_date(at)
    due = day + timedelta(days=loan["term_days"])
    await connection.execute(queries.SET_DUE, loan["id"], at, due)
    state = await lifecycle.make(connection, loan["id"], loan["state"], move, actor)
    fee = books.fee_earned(loan, day)
    if fee is not None:
        await journals.write(connection, fee)
    owed = await owed_cents(connection, loan["id"])
    used_cents = await _use_credit(connection, {**loan, "state": state}, owed, at, order, actor)
    await notices.money_sent(connection, loan, sum(owed.values()) - used_cents, due)


async def _use_credit(
    connection: Any, loan: Any, owed: Mapping[str, int], at: datetime, order: Order, actor: str
) -> int:
    """Settle what the borrower's credit can; how much that was."""
    credit = accounts.customer_credit(loan["borrower_id"])
    used_cents = min(-await journals.balance_cents(connection, credit), sum(owed.values()))
    if used_cents <= 0:
        return 0
    shares = books.allocate(used_cents, owed, order_of(loan, order))
    await journals.write(connection, books.credit_used(loan, shares, clock.nairobi_date(at)))
    await close_if_settled(connection, loan, owed, shares, at, actor)
    return used_cents


async def _not_paid_out(connection: Any, loan_id: int, end: holds.Settled, actor: str) -> bool:
    loan = await connection.fetchrow(queries.LOCK_LOAN, loan_id)
    hold = await holds.state_of(connection, loan["ref"])
    if hold == "posted":
        log.warning("payout_failure_after_success", ref=loan["ref"])
    if hold != "pending":
        return False
    await holds.settle(connection, loan["ref"], end)
    await lifecycle.make(connection, loan_id, loan["state"], "fail", actor)
    await notices.payout_failed(connection, loan)
    return True
