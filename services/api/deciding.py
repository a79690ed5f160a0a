"""Deciding what somebody else proposed. One operation serves every kind; each kind asks for its permission.

Two who decide at once: the first one's decision stands, the second is told who was quicker. To decide the
same again changes nothing and answers the same.
"""

from typing import Any, Literal

# Each of these adds what approving does to services.loans.approvals.EFFECTS.
from services import menu_changes, setting_changes
from services.api.calls import Change
from services.api.changing import APPROVAL, forget, loan_of, loan_state, lock_loan, require_not_own
from services.api.loan_models import Decided, Decision
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, NOT_FOUND, SAME_PERSON
from services.borrowers import resetting, standing
from services.loans import approvals, on_behalf, undoing
from services.mpesa import cancelling, manual, returns
from services.reconciliation import breaks
from services.sms import bulk

routes = Routes("Decisions")

# Of what moves money or concerns a borrower, whoever may decide about loans decides.
MAY: dict[str, Permission] = {
    **dict.fromkeys(menu_changes.KINDS, Permission.MENUS_DECIDE),
    setting_changes.SETTING: Permission.SETTINGS_CHANGE,
}
KNOWN = (
    on_behalf.ROLLOVER, resetting.RESET, cancelling.CANCEL, manual.SENT, returns.RETURN, breaks.KIND,
    bulk.BULK, undoing.UNDO,
)  # fmt: skip
assert set(KNOWN) <= set(approvals.EFFECTS), "a kind that nobody could decide"

PROBLEMS = (NOT_FOUND, CONFLICT, SAME_PERSON)


@routes.post("/admin/approvals/{approval_id}/approve", may=Permission.LOANS_DECIDE, problems=PROBLEMS)
async def approve(call: Change, approval_id: int, body: Decision) -> Decided:
    """Approve what somebody else proposed, of any kind.

    Its effect happens with the decision, or neither does. Menus also need `menus:decide`, settings
    `settings:change`."""
    return await decide(call, approval_id, "approved", body.note)


@routes.post("/admin/approvals/{approval_id}/reject", may=Permission.LOANS_DECIDE, problems=PROBLEMS)
async def reject(call: Change, approval_id: int, body: Decision) -> Decided:
    """Reject what somebody else proposed, of any kind."""
    return await decide(call, approval_id, "rejected", body.note)


@routes.post("/loans/{loan_id}/approve", may=Permission.LOANS_DECIDE, problems=PROBLEMS)
async def approve_loan(call: Change, loan_id: str, body: Decision) -> Decided:
    """Approve a loan that waits for a person, and send its money.

    A loan waits when it is above its product's `approve_above`."""
    return await decide(call, await _waiting(call, loan_id), "approved", body.note)


@routes.post("/loans/{loan_id}/reject", may=Permission.LOANS_DECIDE, problems=PROBLEMS)
async def reject_loan(call: Change, loan_id: str, body: Decision) -> Decided:
    """Reject a loan that waits for a person. Its borrower is told by SMS."""
    return await decide(call, await _waiting(call, loan_id), "rejected", body.note)


async def decide(
    call: Change,
    approval_id: int,
    state: Literal["approved", "rejected"],
    note: str,
    kinds: tuple[str, ...] | None = None,
) -> Decided:
    """Decide, with what the audit keeps of it. kinds: only one of these. Raises Problem and ApprovalError."""
    row = await call.connection.fetchrow(APPROVAL, approval_id)
    if row is None or (kinds is not None and row["kind"] not in kinds):
        raise NOT_FOUND.of(f"There is no proposal {approval_id}.")
    call.who.require(MAY.get(row["kind"], Permission.LOANS_DECIDE))
    loan = None
    if row["loan_id"] is not None:
        loan = await lock_loan(call, row["loan_id"])
    elif row["borrower_id"] is not None:
        await standing.lock(call.connection, row["borrower_id"])
        await require_not_own(call, row["borrower_id"])
    act = approvals.approve if state == "approved" else approvals.reject
    new = await act(call.connection, approval_id, call.who.name, note)
    after = await loan_state(call, row["loan_id"])
    if new:
        _audit(call, row, loan, state, after.state if after else None)
    forget(call, row["loan_id"], row["borrower_id"] or (loan["borrower_id"] if loan else None))
    return Decided(
        approval_id=approval_id,
        kind=row["kind"],
        subject=row["subject"],
        amount_cents=row["amount_cents"],
        state=state,
        proposed_by=row["proposed_by"],
        decided_by=call.who.name,
        loan=after,
    )


def _audit(call: Change, row: Any, loan: Any | None, state: str, loan_after: str | None) -> None:
    call.audit(
        f"approval:{row['id']}",
        {"state": "proposed"},
        {"state": state, "kind": row["kind"], "subject": row["subject"], "amount_cents": row["amount_cents"]},
    )
    if loan is not None and loan["state"] != loan_after:
        call.audit(f"loan:{loan['ref']}", {"state": loan["state"]}, {"state": loan_after})


async def _waiting(call: Change, loan: str) -> int:
    """The proposal of that loan. Raises NOT_FOUND, and CONFLICT when it waits for nobody."""
    row = await loan_state(call, await loan_of(call, loan))
    assert row is not None
    found = await approvals.waiting_for(call.connection, approvals.LOAN, row.ref)
    if found is None:
        raise CONFLICT.of(f"Loan {row.ref} waits for nobody: it is {row.state}.")
    return found
