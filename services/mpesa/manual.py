"""Payouts that M-Pesa would not speak of: one person says what the portal shows, another confirms it.

Two kinds of approval, beside the lender's own (services/loans/approvals.py):

    payout_sent       the portal shows the payment; its receipt is in the details
    payout_not_sent   the portal shows none, and will show none
"""

from typing import Any

import orjson

from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.mpesa import payouts, queries, told

SENT, NOT_SENT = "payout_sent", "payout_not_sent"


async def queue(connection: Any, most: int = 100) -> list[dict[str, Any]]:
    """Payouts that wait for a person, the oldest first."""
    return [dict(row) for row in await connection.fetch(queries.MANUAL, most)]


async def propose_sent(connection: Any, payout_id: int, receipt: str, who: str, reason: str) -> int:
    """Say that it was paid, under that receipt. Gives the approval's number. Raises ApprovalError."""
    try:
        details = {"payout_id": payout_id, "receipt": told.receipt(receipt)}
    except told.ToldError:
        raise ApprovalError(f"{receipt!r} is not a receipt of M-Pesa") from None
    return await _propose(connection, SENT, payout_id, details, who, reason)


async def propose_not_sent(connection: Any, payout_id: int, who: str, reason: str) -> int:
    """Say that it was not paid, and will not be. Gives the approval's number. Raises ApprovalError."""
    return await _propose(connection, NOT_SENT, payout_id, {"payout_id": payout_id}, who, reason)


async def _propose(
    connection: Any, kind: str, payout_id: int, details: dict[str, Any], who: str, reason: str
) -> int:
    payout = await connection.fetchrow("select * from payout where id = $1", payout_id)
    if payout is None or payout["manual_at"] is None:
        raise ApprovalError(f"payout {payout_id} does not wait for a person")
    request = Request(
        kind, f"payout:{payout_id}", payout["amount_cents"], reason, payout["loan_id"], details=details
    )
    if payout["loan_id"] is None:
        request = Request(
            kind,
            f"payout:{payout_id}",
            payout["amount_cents"],
            reason,
            borrower_id=payout["borrower_id"],
            details=details,
        )
    return await approvals.propose(connection, request, who)


async def _sent(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    details = orjson.loads(row["details"])
    await payouts.succeeded(connection, details["payout_id"], "manual", details["receipt"], None)


async def _not_sent(connection: Any, row: Any, who: str) -> None:
    payout_id = orjson.loads(row["details"])["payout_id"]
    if await payouts.failed(connection, payout_id, "manual", who) == "contradicted":
        raise ApprovalError(f"payout {payout_id} was paid meanwhile")


approvals.EFFECTS[SENT] = Effect(_sent)
approvals.EFFECTS[NOT_SENT] = Effect(_not_sent)
