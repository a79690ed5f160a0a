"""Money in suspense that goes back to whoever sent it: one person proposes, another agrees, M-Pesa reverses.

    a  approved    two people agreed; the item is nobody else's from here on
    b  asking      we are about to ask M-Pesa
    c  asked, failed (refused), unknown, or approved again (it never left)
    d  a result comes: done, and the books say that it went back; or failed, and the item is open again

M-Pesa reverses a receipt once and says ALREADY after that. So, other than a payout, one that was not heard
of is asked for again, and ALREADY means that the money is back. After MOST times a person looks; to propose
the return once more, and agree to it, asks again.
"""

from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from services import alerts, clock, outbox
from services.ledger import suspense
from services.ledger.journals import LedgerError
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.mpesa import return_queries as queries
from services.mpesa import told
from services.mpesa.client import Daraja
from services.mpesa.outcomes import Accepted, Outcome, Refused, Unsent
from services.mpesa.told import Told

RETURN = "suspense_return"
ALREADY = "R000001"  # this receipt was reversed before: facts of Daraja, Reversal
MOST = 5  # times it is asked for by itself
AGAIN = timedelta(minutes=10)  # without a result; M-Pesa does not tell one twice
SOON = timedelta(seconds=30)  # it did not leave

log = structlog.get_logger("umoja.mpesa")


async def propose(connection: Any, receipt: str, who: str, reason: str) -> int:
    """Ask for a payment in suspense to be sent back. Gives the approval's number. Raises ApprovalError."""
    try:
        item = await suspense.take(connection, told.receipt(receipt), "returned")
    except (LedgerError, told.ToldError) as error:
        raise ApprovalError(f"This cannot be sent back: {error}.") from None
    if item is None:
        raise ApprovalError(f"Receipt {receipt} went back already.")
    if item["amount_cents"] % 100:
        raise ApprovalError("M-Pesa reverses whole shillings only. Send it back in the portal.")
    held = await connection.fetchrow(queries.UNDER_WAY, item["receipt"])
    if held is not None and held["manual_at"] is None:
        raise ApprovalError(f"Receipt {item['receipt']} is being sent back already.")
    details = {"receipt": item["receipt"]}
    request = Request(RETURN, item["receipt"], item["amount_cents"], reason, details=details)
    return await approvals.propose(connection, request, who)


async def ask(pool: Any, client: Daraja, reversal_id: int) -> datetime | None:
    """Ask M-Pesa for it, if it is to be asked for now. Call it as often as you like.

    Gives when to come again; None when nothing is left to do. Raises SettingsError while we cannot ask.
    """
    client.sealed()
    async with pool.acquire() as connection, connection.transaction():
        row = await _lock(connection, reversal_id)
        later = await _not_now(connection, row)
        if later is not None or row["state"] in ("done", "failed") or row["attempts"] >= MOST:
            return later
        await _move(connection, reversal_id, "asking")
    outcome = await client.reverse(str(reversal_id), row["receipt"], row["amount_cents"])
    async with pool.acquire() as connection, connection.transaction():
        again: datetime | None = await _answered(connection, await _lock(connection, reversal_id), outcome)
        return again


async def told_result(connection: Any, reversal_id: int, said: Told) -> str:
    """The result of a reversal, inside the caller's transaction. Gives what was made of it; `unknown` when
    there is no such reversal."""
    row = await _lock(connection, reversal_id)
    if row is None:
        return "unknown"
    if row["state"] == "done":
        return "known"
    if said.code in ("0", ALREADY):
        at = told.completed_at(said.text("TransCompletedTime")) or clock.now()
        return await _went_back(connection, row, said.code, at)
    await _fail(connection, row, said.code)
    return f"not sent back: {said.code}"


async def _went_back(connection: Any, row: Any, code: str, at: datetime) -> str:
    await _move(connection, row["id"], "done", code)
    try:
        await suspense.returned(connection, row["receipt"], at)
    except LedgerError:  # given up, and matched since: the money is gone twice
        alerts.tell(log, "returned_after_it_was_matched", reversal=row["id"])
        return "contradicted"
    return "returned"


async def _not_now(connection: Any, row: Any) -> datetime | None:
    """When to look again, if somebody asks or M-Pesa works just now. A person is told of the last time."""
    if row["state"] not in ("asking", "asked", "unknown"):
        return None
    heard_by: datetime = row["changed_at"] + AGAIN
    if clock.now() < heard_by:
        return heard_by
    if row["attempts"] >= MOST and await connection.fetchval(queries.REVERSAL_NEEDS_PERSON, row["id"]):
        alerts.tell(log, "return_needs_a_person", reversal=row["id"])
    return None


async def _answered(connection: Any, row: Any, outcome: Outcome) -> datetime | None:
    """Write down what M-Pesa said to the call. Its result may have come before it."""
    if row["state"] != "asking":
        return None
    if isinstance(outcome, Accepted):
        await _move(connection, row["id"], "asked")
        return clock.now() + AGAIN
    if isinstance(outcome, Unsent):
        # What was asked for before it may yet be done: then this says nothing.
        await _move(connection, row["id"], "approved" if row["attempts"] <= 1 else "unknown")
        return clock.now() + SOON
    if isinstance(outcome, Refused) and row["attempts"] <= 1:
        await _fail(connection, row, outcome.code)
        return None
    await _move(connection, row["id"], "unknown")
    return clock.now() + AGAIN


async def _fail(connection: Any, row: Any, code: str) -> None:
    alerts.tell(log, "return_failed", reversal=row["id"], code=code)
    await _move(connection, row["id"], "failed", code)


async def _move(connection: Any, reversal_id: int, state: str, code: str = "") -> None:
    await connection.execute(queries.MOVE_REVERSAL, reversal_id, state, code[:40])


async def _lock(connection: Any, reversal_id: int) -> Any:
    """The reversal, with its item in suspense locked before it; None when there is none."""
    receipt = await connection.fetchval(queries.REVERSAL_RECEIPT, reversal_id)
    await connection.fetchrow("select 1 from suspense_item where receipt = $1 for update", receipt)
    return await connection.fetchrow(queries.LOCK_REVERSAL, reversal_id)


async def _approved(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    receipt = orjson.loads(row["details"])["receipt"]
    if await suspense.take(connection, receipt, "returned") is None:
        raise ApprovalError(f"Receipt {receipt} went back already.")
    held = await connection.fetchrow(queries.UNDER_WAY, receipt)
    if held is not None and held["manual_at"] is None:
        raise ApprovalError(f"Receipt {receipt} is being sent back already.")
    if held is None:
        number = await connection.fetchval(queries.WRITE_REVERSAL, receipt, row["amount_cents"], row["id"])
    else:
        number = held["id"]
        await connection.execute(queries.REVIVE_REVERSAL, number)
    await outbox.put(connection, f"return:{row['id']}", outbox.RETURN, {"reversal_id": number})


approvals.EFFECTS[RETURN] = Effect(_approved)
