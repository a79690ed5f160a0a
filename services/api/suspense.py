"""Money that came for nobody we know: to say whose it is, or to send it back; and a payment that is taken off
its loan again. Two people, as always."""

from typing import Any

from services.api.calls import Change
from services.api.changing import lock_loan, proposal
from services.api.loan_models import Proposal, Proposed, ProposedMatch
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, NOT_FOUND, SAME_PERSON
from services.ledger import suspense
from services.loans import approvals, undoing
from services.loans.approvals import Request
from services.mpesa import returns

routes = Routes("Suspense")

FIND = """
select receipt, state
from suspense_item
where receipt = $1
"""


@routes.post(
    "/admin/suspense/{receipt}/match",
    may=Permission.LOANS_PROPOSE,
    problems=(NOT_FOUND, CONFLICT, SAME_PERSON),
)
async def propose_match(call: Change, receipt: str, body: ProposedMatch) -> Proposal:
    """Propose that a payment in suspense was for this loan.

    Approved, it settles the loan as if it had come with the right account, and its borrower is told."""
    loan = await lock_loan(call, body.loan_id)
    item = await _item(call, receipt)
    open_item = await suspense.take(call.connection, item["receipt"], "matched")
    if open_item is None:
        raise CONFLICT.of(f"Receipt {item['receipt']} is matched already.")
    request = Request(
        approvals.MANUAL_MATCH,
        item["receipt"],
        open_item["amount_cents"],
        body.reason,
        loan_id=loan["id"],
        details={"receipt": item["receipt"]},
    )
    return await proposal(call, await approvals.propose(call.connection, request, call.who.name))


@routes.post("/admin/suspense/{receipt}/return", may=Permission.LOANS_PROPOSE, problems=(NOT_FOUND, CONFLICT))
async def propose_return(call: Change, receipt: str, body: Proposed) -> Proposal:
    """Propose to send a payment in suspense back to whoever made it.

    Approved, M-Pesa is asked to reverse it; from then on it cannot be matched. It is returned when M-Pesa
    says so, and open again if M-Pesa refuses. If M-Pesa stays silent for long, propose it again."""
    item = await _item(call, receipt)
    number = await returns.propose(call.connection, item["receipt"], call.who.name, body.reason)
    return await proposal(call, number)


@routes.post(
    "/admin/payments/{receipt}/undo",
    may=Permission.LOANS_PROPOSE,
    problems=(NOT_FOUND, CONFLICT, SAME_PERSON),
)
async def propose_undo(call: Change, receipt: str, body: Proposed) -> Proposal:
    """Propose to take a payment off the loan that it was booked for.

    Approved, what it had settled is owed again, and its borrower is told; the money is in suspense, to be
    matched to another loan or sent back."""
    found = await undoing.booked(call.connection, receipt.upper())
    if found is None:
        raise NOT_FOUND.of("No loan has a payment of that receipt.")
    await lock_loan(call, found.loan_id)
    number = await undoing.propose(call.connection, receipt.upper(), call.who.name, body.reason)
    return await proposal(call, number)


async def _item(call: Change, receipt: str) -> Any:
    row = await call.connection.fetchrow(FIND, receipt.upper())
    if row is None:
        raise NOT_FOUND.of("There is no such receipt in suspense.")
    return row
