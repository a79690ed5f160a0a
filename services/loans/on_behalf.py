"""More time for a loan, asked of staff: one proposes it at the fee that the borrower was told, another
agrees. Another fee by then is another proposal. What it costs is in services/loans/rollover.py.
"""

from typing import Any

import orjson

from services import clock
from services.loans import approvals, queries, rollover
from services.loans.approvals import ApprovalError, Effect, Request
from services.loans.servicing import owed_cents
from services.sms import notices

ROLLOVER = "rollover"


async def propose_rollover(connection: Any, loan: Any, fee_cents: int, who: str, reason: str) -> int:
    """Ask for more time at the fee that the borrower was told. Gives the approval's number."""
    offered = await rollover.look(connection, loan["id"], clock.nairobi_date(clock.now()))
    if offered is None:
        raise ApprovalError("More time is not sold for this loan today.")
    if offered.fee_cents != fee_cents:
        raise ApprovalError(f"The fee is {offered.fee_cents} cents today. Tell the borrower first.")
    cents = offered.fee_cents + offered.excise_cents
    details = {"fee_cents": fee_cents}
    request = Request(ROLLOVER, loan["ref"], cents, reason, loan_id=loan["id"], details=details)
    return await approvals.propose(connection, request, who)


async def _roll_over(connection: Any, row: Any, who: str) -> None:
    loan = await connection.fetchrow(queries.LOCK_LOAN, row["loan_id"])
    now = clock.now()
    offered = await rollover.look(connection, loan["id"], clock.nairobi_date(now))
    fee_cents = orjson.loads(row["details"])["fee_cents"]
    rolled = await rollover.roll_over(connection, loan["id"], now, fee_cents, who)
    if rolled != "ok" or offered is None:
        raise ApprovalError("More time is not sold at that fee any more. Propose it again.")
    owed = sum((await owed_cents(connection, loan["id"])).values())
    await notices.more_time(connection, loan, offered.due, owed, row["amount_cents"])


approvals.EFFECTS[ROLLOVER] = Effect(_roll_over)
