"""Giving up a loan whose money was promised and not asked for, and sending one that waits.

What M-Pesa may have is never given up by a person here: only a payout that is `ready`, or none. A loan
whose payout M-Pesa refused is over; its borrower applies again.
"""

from typing import Any

from services import outbox
from services.loans import approvals, servicing
from services.loans.approvals import ApprovalError, Effect, Request
from services.mpesa import floats, payouts, queries

CANCEL = "cancel"


class NotToBeSentError(ApprovalError):
    """This loan's money cannot be sent now. The message says why."""


async def propose(connection: Any, loan: Any, who: str, reason: str) -> int:
    """Ask for a loan to be given up. Gives the approval's number. Raises ApprovalError."""
    await _require_unasked(connection, loan["id"], loan["state"])
    request = Request(CANCEL, loan["ref"], loan["principal_cents"], reason, loan_id=loan["id"])
    return await approvals.propose(connection, request, who)


async def send_again(connection: Any, loan: Any, key: str) -> str:
    """Have the money of a loan asked for now, if it was not; the loan is locked. Gives why it still waits,
    or nothing. key: unique for this wish. Raises NotToBeSentError.

    It asks no M-Pesa: a worker does (`payouts.submit`), which asks once, however often it is told to.
    """
    if loan["state"] != "disbursing":
        raise NotToBeSentError(f"Loan {loan['ref']} is {loan['state']}: there is no money to send.")
    payout = await _payout(connection, loan["id"])
    if payout is not None and payout["state"] != "ready":
        raise NotToBeSentError(
            f"M-Pesa was asked already (the payout is {payout['state']}). It is asked what became of it."
        )
    await outbox.put(
        connection,
        f"disburse:{loan['ref']}:{key}",
        outbox.DISBURSE,
        {"loan_id": loan["id"], "ref": loan["ref"]},
    )
    if await floats.is_paused(connection):
        return f"Payouts wait: {(await connection.fetchrow(queries.FLOAT))['reason']}"
    return ""


async def _require_unasked(connection: Any, loan_id: int, state: str) -> Any | None:
    """The payout, if there is one. Raises ApprovalError when M-Pesa may have it, or nothing is promised."""
    if state != "disbursing":
        raise ApprovalError(f"A loan that is {state} cannot be given up.")
    payout = await _payout(connection, loan_id)
    if payout is not None and payout["state"] != "ready":
        raise ApprovalError("M-Pesa was asked for the money already: it may be with the borrower.")
    return payout


async def _payout(connection: Any, loan_id: int) -> Any | None:
    payout_id = await connection.fetchval(queries.PAYOUT_OF_LOAN, loan_id)
    return None if payout_id is None else await payouts.lock(connection, payout_id)


async def _give_up(connection: Any, row: Any, who: str) -> None:
    state = await connection.fetchval("select state from loan where id = $1", row["loan_id"])
    payout = await _require_unasked(connection, row["loan_id"], state)
    if payout is not None:
        await payouts.move(connection, payout, "failed", "given up", who)
    await servicing.payout_failed(connection, row["loan_id"], who)


approvals.EFFECTS[CANCEL] = Effect(_give_up)
