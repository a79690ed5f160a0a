"""Payouts: money to a borrower's phone, once. The rules for changing this file:

1. The originator's id is committed before the first call, and a payout never gets another one.
2. That a call is about to be made is committed before it is made.
3. Only an answer that says so, or a result, ends a payout. No answer means unknown, and unknown is asked
   about, never paid again.
4. Locks are taken in this order: borrower, loan, payout.

    a  ready        the payout and its id are written; the hold was placed with the loan's approval
    b  submitting   we are about to ask M-Pesa
    c  the call
    d  submitted, failed (refused: the hold is void, the loan failed), unknown, or ready (it never left)
    e  a result comes, or an answer to a status query: posted or voided
    f  nothing came: sweeping.py asks, and in the end a person does (manual.py)

posted is the end. A success after a void is booked, and a person told; a failure after a success is not
believed, and a person told.
"""

import secrets
from datetime import datetime
from typing import Any, Literal

import structlog

from services import alerts, clock, failpoints
from services.ledger import accounts, holds, journals
from services.loans import queries as loan_queries
from services.loans import refunds, servicing
from services.mpesa import floats, queries
from services.mpesa.client import Daraja
from services.mpesa.outcomes import DUPLICATE_ID, Accepted, Outcome, Refused, Unsent

ACTOR = "mpesa"
TAKEN = ("submitting", "submitted", "unknown")  # M-Pesa may have it
ENDED = ("posted", "voided", "failed")
GIVEN_UP = ("voided", "failed")

Settled = Literal["posted", "voided", "known", "late", "contradicted"]

log = structlog.get_logger("umoja.mpesa")


async def submit(pool: Any, client: Daraja, loan_id: int) -> str:
    """Ask M-Pesa to pay out a loan that is disbursing. Call it as often as you like: it asks once.

    Gives the payout's state after it; `none` when the loan is not to be paid out.
    """
    async with pool.acquire() as connection:
        await connection.fetchval(queries.READY_LOAN, loan_id, originator_id())
        payout_id = await connection.fetchval(queries.PAYOUT_OF_LOAN, loan_id)
    return "none" if payout_id is None else await ask(pool, client, payout_id)


async def submit_refund(pool: Any, client: Daraja, refund_id: int) -> str:
    """Ask M-Pesa to send a refund that was approved. As `submit`."""
    async with pool.acquire() as connection:
        await connection.fetchval(queries.READY_REFUND, refund_id, originator_id())
        payout_id = await connection.fetchval(queries.PAYOUT_OF_REFUND, refund_id)
    return "none" if payout_id is None else await ask(pool, client, payout_id)


async def ask(pool: Any, client: Daraja, payout_id: int) -> str:
    """Ask for a payout that is ready, while the float lasts. Gives its state after it. Raises SettingsError
    while we cannot ask anything: it stays ready."""
    failpoints.here("payout.ready")
    client.sealed()
    async with pool.acquire() as connection, connection.transaction():
        payout = await lock(connection, payout_id)
        if payout["state"] != "ready":
            return str(payout["state"])
        if not await _is_promised(connection, payout):
            return await move(connection, payout, "failed", "no longer wanted")
        if not await floats.covers(connection, payout["amount_cents"]):
            return "ready"
        await move(connection, payout, "submitting", "asking")
    return await _call(pool, client, payout, again=False)


async def ask_again(pool: Any, client: Daraja, payout_id: int) -> str:
    """Ask once more for an unknown payout, by the id it has. M-Pesa takes an id once, so it cannot pay
    twice. Only after M-Pesa said that it knows of no such payment (see sweeping.py)."""
    client.sealed()
    async with pool.acquire() as connection, connection.transaction():
        payout = await lock(connection, payout_id)
        if payout["state"] != "unknown" or not await _is_promised(connection, payout):
            return str(payout["state"])
        await move(connection, payout, "submitting", "asking again")
        await connection.execute(queries.ASK_SOON, payout_id)
    return await _call(pool, client, payout, again=True)


async def _call(pool: Any, client: Daraja, payout: Any, *, again: bool) -> str:
    failpoints.here("payout.submitting")
    outcome = await client.pay_out(
        payout["originator_id"], payout["msisdn"], payout["amount_cents"], f"Umoja {payout['subject']}"
    )
    failpoints.here("payout.asked")
    async with pool.acquire() as connection, connection.transaction():
        state = await _answered(connection, await lock(connection, payout["id"]), outcome, again)
    failpoints.here("payout.answered")
    return state


async def _answered(connection: Any, payout: Any, outcome: Outcome, again: bool) -> str:
    """Write down what M-Pesa said to the call. Its result may have come before it."""
    if isinstance(outcome, Accepted):
        await connection.execute(
            queries.KEEP_CONVERSATION, payout["id"], outcome.text("ConversationID")[:100]
        )
    target, detail = _after(outcome)
    if (
        payout["state"] == "unknown" and target == "submitted"
    ):  # we were given up, and came back with an answer
        return await move(connection, payout, target, "answered", detail)
    if payout["state"] != "submitting":
        return str(payout["state"])
    if again and target in ("ready", "failed"):
        target = "unknown"  # this call was not carried out; of the one before we still do not know
    if target == "ready":
        await floats.never_left(connection, payout["amount_cents"])
    if target == "failed":
        alerts.tell(log, "payout_refused", payout=payout["id"], detail=detail)
        await _give_up(connection, payout)
    return await move(connection, payout, target, "answered", detail)


def _after(outcome: Outcome) -> tuple[str, str]:
    """The state a call leads to, and what to note of it."""
    if isinstance(outcome, Accepted):
        return "submitted", "accepted"
    if isinstance(outcome, Refused):
        return "failed", f"{outcome.code} {outcome.words}"
    if isinstance(outcome, Unsent):
        return "ready", outcome.why
    if outcome.code == DUPLICATE_ID:  # asked for before: it is with them
        return "submitted", outcome.code
    return "unknown", f"{outcome.why} {outcome.code}".strip()


async def succeeded(connection: Any, payout_id: int, code: str, receipt: str, at: datetime | None) -> Settled:
    """M-Pesa paid. Inside the caller's transaction; `known` when that was known."""
    payout = await lock(connection, payout_id)
    if payout["state"] == "posted":
        return "known"
    at = at or clock.now()
    late = await _was_given_up(connection, payout)
    if late:
        alerts.tell(log, "payout_success_after_end", payout=payout_id, subject=payout["subject"])
    if payout["loan_id"] is None:
        await _refund_paid(connection, payout, at, late=late)
    elif late:
        await servicing.paid_out_late(connection, payout["loan_id"], at, None, ACTOR)
    else:
        await servicing.paid_out(connection, payout["loan_id"], at, None, ACTOR)
    await move(connection, payout, "posted", "paid", receipt)
    await connection.execute(queries.KEEP_RESULT, payout_id, code, receipt)
    failpoints.here("payout.settling")
    return "late" if late else "posted"


async def failed(connection: Any, payout_id: int, code: str, why: str) -> Settled:
    """M-Pesa did not pay, and will not. Inside the caller's transaction."""
    payout = await lock(connection, payout_id)
    if payout["state"] == "posted":
        alerts.tell(log, "payout_failure_after_success", payout=payout_id, code=code)
        await note(connection, payout, "failure not believed", f"{code} {why}")
        return "contradicted"
    if payout["state"] in GIVEN_UP:
        return "known"
    if payout["state"] == "ready":  # told of what was not asked for
        alerts.tell(log, "payout_failure_unasked", payout=payout_id, code=code)
        return "contradicted"
    await _give_up(connection, payout)
    await move(connection, payout, "voided", "not paid", f"{code} {why}")
    await connection.execute(queries.KEEP_RESULT, payout_id, code, None)
    failpoints.here("payout.settling")
    if code == floats.NO_FLOAT:
        await floats.pause(connection, "a payout was refused for want of money")
    return "voided"


async def queue_timed_out(connection: Any, payout_id: int) -> None:
    """It waited too long in M-Pesa's queue: it may yet be paid. Ask soon."""
    payout = await lock(connection, payout_id)
    if payout["state"] in ("submitted", "submitting"):
        await move(connection, payout, "unknown", "timed out in the queue")
    if payout["state"] not in ENDED:
        await connection.execute(queries.ASK_SOON, payout_id)


async def lock(connection: Any, payout_id: int) -> Any:
    """The payout, with its borrower and loan locked before it."""
    whose = await connection.fetchrow(queries.WHOSE_PAYOUT, payout_id)
    await connection.fetchval(loan_queries.LOCK_BORROWER_BY_ID, whose["borrower_id"])
    if whose["loan_id"] is not None:
        await connection.fetchrow(loan_queries.LOCK_LOAN, whose["loan_id"])
    return await connection.fetchrow(queries.LOCK_PAYOUT, payout_id)


async def move(connection: Any, payout: Any, state: str, what: str, detail: str = "") -> str:
    """Move a locked payout, and write the event. The database refuses a forbidden move."""
    await connection.execute(queries.MOVE_PAYOUT, payout["id"], state)
    await connection.execute(
        queries.WRITE_PAYOUT_EVENT, payout["id"], what, payout["state"], state, detail[:200]
    )
    return state


async def note(connection: Any, payout: Any, what: str, detail: str) -> None:
    """Write an event that moves nothing."""
    state = payout["state"]
    await connection.execute(queries.WRITE_PAYOUT_EVENT, payout["id"], what, state, state, detail[:200])


def originator_id() -> str:
    """A new id of 20 characters. Made up, and not counted: one that another database gave before would
    be taken for that payment."""
    return f"UM{secrets.token_hex(9)}"


async def _is_promised(connection: Any, payout: Any) -> bool:
    if payout["loan_id"] is None:
        state = await connection.fetchval("select state from refund where id = $1", payout["refund_id"])
        return bool(state == "approved")
    return await holds.state_of(connection, payout["ref"]) == "pending"


async def _was_given_up(connection: Any, payout: Any) -> bool:
    """Whether its promise had ended: by us, or by somebody before us."""
    if payout["loan_id"] is None:
        return payout["state"] in GIVEN_UP
    return await holds.state_of(connection, payout["ref"]) in ("voided", "expired")


async def _give_up(connection: Any, payout: Any) -> None:
    """The promise ends: the loan is released and its borrower told, or the refund is credit again."""
    if payout["loan_id"] is None:
        await refunds.failed(connection, payout["refund_id"])
    else:
        await servicing.payout_failed(connection, payout["loan_id"], ACTOR)


async def _refund_paid(connection: Any, payout: Any, at: datetime, *, late: bool) -> None:
    """A refund went out. One that was given up is credit again: what went out is taken from that. What of it
    went elsewhere meanwhile, into a loan or another refund, the lender bears, and a person is told."""
    if not late:
        await refunds.paid(connection, payout["refund_id"], at)
        return
    cents, borrower_id = payout["amount_cents"], payout["borrower_id"]
    credit = accounts.customer_credit(borrower_id)
    taken = min(max(-await journals.balance_cents(connection, credit), 0), cents)
    legs = [journals.credit(accounts.MPESA_UTILITY, cents)]
    if taken:
        legs.insert(0, journals.debit(credit, taken))
    if cents > taken:
        alerts.tell(log, "refund_went_out_twice", payout=payout["id"], cents=cents - taken)
        legs.insert(0, journals.debit(accounts.WRITE_OFF_LOSS, cents - taken))
    key, on = f"refund_late:{payout['refund_id']}", clock.nairobi_date(at)
    await journals.write(
        connection, journals.Journal(key, refunds.PAID, legs, borrower_id=borrower_id, value_on=on)
    )
