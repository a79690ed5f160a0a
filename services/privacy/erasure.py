"""Erasing somebody who asks for it: one person proposes, another decides, as with everything that cannot be
undone. Refused while they owe, while we hold money of theirs, and while the law keeps the books of their
loans; then it says until when. It is looked at again when it is decided.

`erasure` is a kind of approval, beside the lender's own (services/loans/approvals.py).
"""

from typing import Any

from services import published
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.privacy import queries
from services.privacy.forgetting import digest_of, forget, refusal
from ussd_engine.settings import settings

ERASURE = "erasure"


async def propose(connection: Any, borrower_id: int, who: str, reason: str) -> int:
    """Ask for it; the approval's number. Raises ApprovalError with why not, and until when."""
    await _require(connection, borrower_id)
    request = Request(ERASURE, f"borrower:{borrower_id}", 0, reason, borrower_id=borrower_id)
    return await approvals.propose(connection, request, who)


async def _erase(connection: Any, row: Any, who: str) -> None:
    await _require(connection, row["borrower_id"])
    secret = settings().secret.get_secret_value()
    msisdn = await connection.fetchval("select msisdn from borrower where id = $1", row["borrower_id"])
    done = await forget(connection, row["borrower_id"], digest_of(msisdn, secret))
    answer = "erased" if done else "was erased before"
    await connection.execute(queries.KEEP_REQUEST, row["borrower_id"], "erase", who, answer)


async def _require(connection: Any, borrower_id: int) -> None:
    live = await published.live(connection)
    why = await refusal(connection, borrower_id, live.terms.rules.keep.borrowers_days)
    if why:
        raise ApprovalError(why)


approvals.EFFECTS[ERASURE] = Effect(_erase)
