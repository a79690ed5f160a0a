"""Two pairs of eyes: one person proposes, another decides, and the effect is in the deciding transaction.

    kind            what approving does                              rejecting
    loan            approves the loan and sends its money            rejects the loan
    write_off       books the debt as lost                           -
    waiver          lets the borrower off charges                    -
    refund          sets credit aside to be sent back                -
    manual_match    settles a loan with a payment in suspense        -
    undo_payment    takes a booked payment off its loan (undoing.py) -

Nobody decides what they proposed; the table refuses that too, and it refuses a write-off, and a loan
above its product's threshold, without an approval. Another room adds kinds of its own to EFFECTS.

Names of people are kept in small letters. A proposal by the program is `system`, `borrower:12` or such.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from services.loans import lifecycle, refunds, relief, servicing
from services.loans import queries as loan_queries
from services.sms import notices

LOAN, WRITE_OFF, WAIVER, REFUND, MANUAL_MATCH = "loan", "write_off", "waiver", "refund", "manual_match"
NAME = re.compile(r"[a-z0-9][a-z0-9._@:+-]{0,79}")

PROPOSE = """
insert into approval (kind, subject, loan_id, borrower_id, amount_cents, details, reason, proposed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning id
"""

LOCK = """
select *
from approval
where id = $1
for update
"""

DECIDE = """
update approval
set state = $2,
    decided_by = $3,
    decided_at = now(),
    note = $4
where id = $1
"""

OPEN = """
select id, kind, subject, loan_id, borrower_id, amount_cents, details, reason, proposed_by, proposed_at
from approval
where state = 'proposed'
and ($1::text is null or kind = $1)
order by id
limit $2
"""

WAITING_FOR = """
select id
from approval
where kind = $1
and subject = $2
and state = 'proposed'
"""

EVER_PROPOSED = """
select exists (
    select 1
    from approval
    where kind = $1
    and subject = $2
)
"""


class ApprovalError(Exception):
    """This cannot be proposed or decided. The message says why, for the person who tried.

    ApprovalError
    ├── SamePersonError       who proposed may not decide
    ├── AlreadyDecidedError   somebody decided otherwise before
    └── AlreadyProposedError  the same waits for a decision
    """


class SamePersonError(ApprovalError):
    """Whoever proposed this may not decide it. Ask somebody else."""


class AlreadyDecidedError(ApprovalError):
    """This was decided already."""


class AlreadyProposedError(ApprovalError):
    """The same is proposed already and waits for a decision."""


@dataclass(slots=True, frozen=True)
class Request:
    """What is asked for. subject names it for people: a loan's reference, a receipt, a borrower's number."""

    kind: str
    subject: str
    amount_cents: int
    reason: str
    loan_id: int | None = None
    borrower_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Effect:
    """What deciding does: (connection, the approval's row, who decides). Raises to refuse the decision."""

    approved: Callable[[Any, Any, str], Awaitable[None]]
    rejected: Callable[[Any, Any, str], Awaitable[None]] | None = None


async def propose(connection: Any, request: Request, who: str) -> int:
    """Ask for a decision, inside the caller's transaction; the approval's number."""
    if request.kind not in EFFECTS:
        raise ApprovalError(f"nothing is approved under the name {request.kind}")
    try:
        async with connection.transaction():
            number: int = await connection.fetchval(
                PROPOSE,
                request.kind,
                request.subject,
                request.loan_id,
                request.borrower_id,
                request.amount_cents,
                orjson.dumps(request.details).decode(),
                request.reason,
                person(who),
            )
    except asyncpg.UniqueViolationError:
        raise AlreadyProposedError(AlreadyProposedError.__doc__) from None
    return number


async def approve(connection: Any, approval_id: int, who: str, note: str = "") -> bool:
    """Decide for it, with its effect, inside the caller's transaction. False when this was done."""
    row = await _decide(connection, approval_id, "approved", who, note)
    if row is None:
        return False
    await EFFECTS[row["kind"]].approved(connection, row, person(who))
    return True


async def reject(connection: Any, approval_id: int, who: str, note: str = "") -> bool:
    """Decide against it, inside the caller's transaction. False when this was done."""
    row = await _decide(connection, approval_id, "rejected", who, note)
    if row is None:
        return False
    undo = EFFECTS[row["kind"]].rejected
    if undo is not None:
        await undo(connection, row, person(who))
    return True


async def waiting(connection: Any, kind: str | None = None, most: int = 100) -> list[dict[str, Any]]:
    """What waits for a decision, oldest first."""
    rows = await connection.fetch(OPEN, kind, most)
    return [{**row, "details": orjson.loads(row["details"])} for row in rows]


async def waiting_for(connection: Any, kind: str, subject: str) -> int | None:
    """The approval of that kind and subject that waits for a decision, such as a loan's reference."""
    number: int | None = await connection.fetchval(WAITING_FOR, kind, subject)
    return number


async def ever_proposed(connection: Any, kind: str, subject: str) -> bool:
    """Whether anybody asked for this before, whatever came of it."""
    found: bool = await connection.fetchval(EVER_PROPOSED, kind, subject)
    return found


def person(who: str) -> str:
    """A name as it is kept. Raises ApprovalError for what is no name."""
    name = who.strip().lower()
    if not NAME.fullmatch(name):
        raise ApprovalError(f"{who!r} is not a name of up to 80 letters, digits and . _ @ : + -")
    return name


async def _decide(connection: Any, approval_id: int, state: str, who: str, note: str) -> Any | None:
    """The row, now decided; None when the same person decided the same before. The borrower and the loan
    are locked first, in the order everybody takes them."""
    seen = await connection.fetchrow("select loan_id, borrower_id from approval where id = $1", approval_id)
    if seen is None:
        raise ApprovalError(f"there is no approval {approval_id}")
    borrower_id = seen["borrower_id"]
    if seen["loan_id"] is not None:
        borrower_id = await connection.fetchval(loan_queries.BORROWER_OF, seen["loan_id"])
    await connection.fetchval(loan_queries.LOCK_BORROWER_BY_ID, borrower_id)
    await connection.fetchrow(loan_queries.LOCK_LOAN, seen["loan_id"])
    row = await connection.fetchrow(LOCK, approval_id)
    name = person(who)
    if row["state"] == state and row["decided_by"] == name:
        return None
    if row["state"] != "proposed":
        raise AlreadyDecidedError(f"{row['decided_by']} has {row['state']} this already.")
    if row["proposed_by"] == name:
        raise SamePersonError(SamePersonError.__doc__)
    await connection.execute(DECIDE, approval_id, state, name, note)
    return row


async def _send(connection: Any, row: Any, who: str) -> None:
    loan = await connection.fetchrow(loan_queries.LOCK_LOAN, row["loan_id"])
    await servicing.send(connection, loan["id"], loan["ref"], loan["principal_cents"], who)


async def _reject_loan(connection: Any, row: Any, who: str) -> None:
    await lifecycle.make(connection, row["loan_id"], "applied", "reject", who)
    loan = await connection.fetchrow(loan_queries.LOCK_LOAN, row["loan_id"])
    await notices.not_lent(connection, loan)


async def _write_off(connection: Any, row: Any, who: str) -> None:
    await relief.write_off(connection, row["loan_id"], who)


async def _waive(connection: Any, row: Any, who: str) -> None:
    await relief.waive(connection, row["loan_id"], row["amount_cents"], str(row["id"]), who)


async def _refund(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    await refunds.set_aside(connection, row["borrower_id"], row["amount_cents"], row["id"])


async def _match(connection: Any, row: Any, who: str) -> None:
    await servicing.match(connection, orjson.loads(row["details"])["receipt"], row["loan_id"], who)


EFFECTS: dict[str, Effect] = {
    LOAN: Effect(_send, _reject_loan),
    WRITE_OFF: Effect(_write_off),
    WAIVER: Effect(_waive),
    REFUND: Effect(_refund),
    MANUAL_MATCH: Effect(_match),
}
