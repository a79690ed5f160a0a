"""What the operations that change things share: finding and locking what they are about, and saying it.

Locks are taken in the order of all the lender: borrower, loan, then the rest. What is read here for the
audit is read under them, so it is what really was before and after.
"""

from typing import Any

from services.api.calls import Change
from services.api.loan_models import LoanState, Proposal
from services.api.problems import NOT_FOUND, SAME_PERSON, Problem
from services.borrowers import standing
from services.loans import own, queries

MOST_DIGITS = 19

WHICH = """
select id
from loan
where {column} = $1
"""

APPROVAL = """
select *
from approval
where id = $1
"""


async def lock_borrower(call: Change, borrower_id: int) -> Any:
    """The borrower's row, locked. Raises NOT_FOUND, and SAME_PERSON when it is the caller themselves."""
    row = await standing.lock(call.connection, borrower_id)
    if row is None:
        raise NOT_FOUND.of(f"There is no borrower {borrower_id}.")
    await require_not_own(call, borrower_id)
    return row


async def loan_of(call: Change, given: str) -> int:
    """The id of a loan by its id or its reference, whichever somebody has. Raises NOT_FOUND."""
    by_id = given.isascii() and given.isdecimal() and len(given) < MOST_DIGITS
    found: int | None = await call.connection.fetchval(
        WHICH.format(column="id" if by_id else "ref"), int(given) if by_id else given.upper()
    )
    if found is None:
        raise NOT_FOUND.of(f"There is no loan {given[:20]}.")
    return found


async def lock_loan(call: Change, loan: int | str) -> Any:
    """The loan's row by its id or its reference, locked after its borrower's. Raises as `lock_borrower`."""
    loan_id = await loan_of(call, str(loan))
    borrower_id = await call.connection.fetchval(queries.BORROWER_OF, loan_id)
    await lock_borrower(call, borrower_id)
    return await call.connection.fetchrow(queries.LOCK_LOAN, loan_id)


async def require_not_own(call: Change, borrower_id: int | None) -> None:
    """Raise SAME_PERSON when that is the caller themselves."""
    if borrower_id is not None and await call.connection.fetchval(own.IS_OWN, call.who.name, borrower_id):
        raise _own()


async def loan_state(call: Change, loan_id: int | None) -> LoanState | None:
    """The loan as it is now in this transaction."""
    row = await call.connection.fetchrow("select * from loan where id = $1", loan_id)
    return None if row is None else said(row)


def said(row: Any) -> LoanState:
    """A loan's row, in short."""
    return LoanState(**{name: row[name] for name in LoanState.model_fields})


async def proposal(call: Change, approval_id: int) -> Proposal:
    """The proposal that was just made, said and written down for the audit."""
    row = await call.connection.fetchrow(APPROVAL, approval_id)
    call.audit(
        f"approval:{approval_id}",
        {},
        {"state": "proposed", "kind": row["kind"], "subject": row["subject"], "reason": row["reason"],
         "amount_cents": row["amount_cents"]},
    )  # fmt: skip
    forget(call, row["loan_id"], row["borrower_id"])
    return Proposal(
        approval_id=approval_id,
        kind=row["kind"],
        subject=row["subject"],
        amount_cents=row["amount_cents"],
        proposed_by=row["proposed_by"],
    )


def forget(call: Change, loan_id: int | None = None, borrower_id: int | None = None) -> None:
    """What the cache knows of these is stale."""
    if loan_id is not None:
        call.forget(f"loan:{loan_id}")
    if borrower_id is not None:
        call.forget(f"borrower:{borrower_id}")


def _own() -> Problem:
    return SAME_PERSON.of("This is about yourself. Ask a colleague.")
