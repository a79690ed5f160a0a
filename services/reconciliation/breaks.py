"""The queue of differences between our books and M-Pesa's, and how people settle them.

    resolve     one person, with a reason: nothing is to be booked
    propose     one proposes how to book it, another approves it (services/loans/approvals.py)

    how         what is booked
    payout      a withdrawal that only M-Pesa knows was this payout of ours
    payment     money in that only M-Pesa knows, or knows more of, is a customer's: for their loan, or in
                suspense
    returned    a reversal: the payment it undoes went back. It was in suspense; or it had settled a loan,
                which is owed again (services/loans/undoing.py)
    move        our own money, between two of our accounts at M-Pesa
    funding     our own money, from the owners or back to them
    loss        the lender bears it

A difference that a later run finds gone is cleared by that run.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
import structlog

from services import alerts, clock
from services.ledger import accounts, journals, suspense, treasury
from services.ledger.accounts import Account
from services.ledger.journals import Journal, LedgerError
from services.loans import approvals, undoing
from services.loans.approvals import ApprovalError, Effect, Request
from services.mpesa import payouts, repayments, told
from services.reconciliation import break_queries
from services.reconciliation.matching import BOOKS

KIND = "reconciliation"
LOSS = "reconciliation_loss"

OF: dict[str, Account] = {name: held[0] for name, held in BOOKS.items()}

log = structlog.get_logger("umoja.mpesa")


async def queue(connection: Any, run_id: int, old: datetime) -> int:
    """Queue what a run found, inside the caller's transaction; alert for each that is new. Clear what it
    found gone. Gives how many are new."""
    await connection.fetch(break_queries.CLEAR_BREAKS, run_id)
    found = await connection.fetch(break_queries.OPEN_BREAKS, run_id, old)
    new = [row for row in found if row["is_new"]]
    for row in new:
        alerts.tell(log, "reconciliation", difference=row["id"], outcome=row["outcome"])
    return len(new)


async def waiting(
    connection: Any, after: int | None = None, account: str | None = None, most: int = 100
) -> list[dict[str, Any]]:
    """What waits for people, oldest first, from after that number on."""
    return [dict(row) for row in await connection.fetch(break_queries.BREAKS, after, account, most)]


async def candidates(connection: Any, break_id: int) -> list[dict[str, Any]]:
    """Payouts of ours that a withdrawal which only M-Pesa knows may be: of its amount, the week before."""
    row = await connection.fetchrow(break_queries.BREAK, break_id)
    if row is None or row["outcome"] != "theirs_only" or row["theirs_cents"] >= 0:
        return []
    found = await connection.fetch(break_queries.CANDIDATES, -row["theirs_cents"], row["theirs_at"])
    return [dict(each) for each in found]


async def resolve(connection: Any, break_id: int, who: str, reason: str) -> bool:
    """Say why nothing is to be booked, inside the caller's transaction. False when it was closed before.

    Raises ApprovalError for no such difference, no name, or no reason.
    """
    if not reason.strip():
        raise ApprovalError("say why nothing is to be booked")
    row = await _open(connection, break_id)
    if row is None:
        return False
    await connection.execute(
        break_queries.RESOLVE, break_id, approvals.person(who), reason.strip()[:500], None
    )
    return True


async def propose(
    connection: Any, break_id: int, how: str, who: str, reason: str, payout_id: int | None = None
) -> int:
    """Propose how to book a difference, inside the caller's transaction; the approval's number.

    payout_id: which payout it was, for `payout`. Raises ApprovalError when it cannot be booked so.
    """
    row = await _open(connection, break_id)
    if row is None:
        raise ApprovalError(f"difference {break_id} is closed")
    if how not in WAYS:
        raise ApprovalError(f"choose one of {', '.join(WAYS)}")
    if how not in ways(row):
        raise ApprovalError(f"a difference of this kind is not booked as {how}")
    loan_id = borrower_id = None
    if how == "payout":
        payout = await connection.fetchrow("select * from payout where id = $1", payout_id)
        if payout is None or payout["amount_cents"] != -row["theirs_cents"]:
            raise ApprovalError("name a payout of the same amount")
        loan_id = payout["loan_id"]
        borrower_id = payout["borrower_id"] if loan_id is None else None
    if how == "returned" and (found := await undoing.booked(connection, row["linked"])) is not None:
        if found.cents != -_difference(row):
            raise ApprovalError("M-Pesa sent back another amount than was paid.")
        loan_id = found.loan_id
    details = {"break_id": break_id, "how": how, "payout_id": payout_id}
    request = Request(
        KIND, f"difference:{break_id}", abs(_difference(row)), reason, loan_id, borrower_id, details
    )
    return await approvals.propose(connection, request, who)


def _difference(row: Any) -> int:
    """What M-Pesa has beyond our books; what it has less is below zero."""
    return int(row["theirs_cents"] or 0) - int(row["ours_cents"] or 0)


def ways(row: Any) -> list[str]:
    """How this difference may be booked, if at all."""
    difference = _difference(row)
    known = row["ours_cents"] is not None
    allowed = {
        "payout": row["outcome"] == "theirs_only" and difference < 0 and row["account"] == "utility",
        "payment": difference > 0 and row["account"] == "working" and row["outcome"] != "ours_only",
        "returned": row["outcome"] == "reversed" and bool(row["linked"]) and difference < 0,
        "move": row["outcome"] == "theirs_only",
        "funding": row["outcome"] == "theirs_only",
        "loss": difference < 0 and (not known or row["account"] == "working"),
    }
    return [name for name, may in allowed.items() if may]


async def _open(connection: Any, break_id: int) -> Any | None:
    row = await connection.fetchrow(break_queries.LOCK_BREAK, break_id)
    if row is None:
        raise ApprovalError(f"there is no difference {break_id}")
    return row if row["state"] == "open" else None


async def _approved(connection: Any, row: Any, who: str) -> None:
    details = orjson.loads(row["details"])
    found = await _open(connection, details["break_id"])
    if found is None:
        raise ApprovalError(f"difference {details['break_id']} is closed meanwhile")
    try:
        await WAYS[details["how"]](connection, found, {**details, "who": who})
    except LedgerError as error:
        raise ApprovalError(str(error)) from None
    await connection.execute(break_queries.RESOLVE, found["id"], who, row["reason"], row["id"])


async def _payout(connection: Any, found: Any, details: dict[str, Any]) -> None:
    try:
        receipt = told.receipt(found["subject"])
    except told.ToldError:
        raise ApprovalError(f"{found['subject']} is no receipt of M-Pesa") from None
    made = await payouts.succeeded(connection, details["payout_id"], "manual", receipt, found["theirs_at"])
    if made == "known":
        raise ApprovalError("this payout is booked already, under another receipt")


async def _payment(connection: Any, found: Any, details: dict[str, Any]) -> None:  # noqa: ARG001
    """What is missing of a payment is a receipt of its own: the first one is booked, and stays so."""
    receipt = found["subject"] if found["ours_cents"] is None else f"{found['subject']}/2"
    at = found["theirs_at"]
    payment = told.Paid(receipt, _difference(found), "", f"difference {found['id']}", at)
    if await repayments.received(connection, payment) == "known":
        raise ApprovalError(f"receipt {receipt} is booked already")


async def _returned(connection: Any, found: Any, details: dict[str, Any]) -> None:
    if await undoing.booked(connection, found["linked"]) is not None:
        await undoing.undo(connection, found["linked"], f"difference{found['id']}", details["who"])
    if not await suspense.returned(connection, found["linked"], found["theirs_at"]):
        raise ApprovalError(f"receipt {found['linked']} went back already")


async def _move(connection: Any, found: Any, details: dict[str, Any]) -> None:  # noqa: ARG001
    """What leaves one account comes in at another: the one whose statement has it too, else between the
    working and the utility account."""
    here = _account(found)
    seen: str | None = await connection.fetchval(break_queries.OTHER_SIDE, found["subject"], found["account"])
    named = seen or ("utility" if found["account"] == "working" else "working")
    other = accounts.MPESA_WORKING if named == "working" else OF[named]
    source, target = (other, here) if found["theirs_cents"] > 0 else (here, other)
    await treasury.move(connection, found["subject"], source, target, abs(found["theirs_cents"]))


async def _funding(connection: Any, found: Any, details: dict[str, Any]) -> None:  # noqa: ARG001
    here, cents = _account(found), found["theirs_cents"]
    if cents > 0:
        await treasury.fund(connection, found["subject"], cents, here)
    else:
        legs = [journals.debit(accounts.FUNDING, -cents), journals.credit(here, -cents)]
        on = clock.nairobi_date(found["theirs_at"])
        await journals.write(connection, Journal(f"funding:{found['subject']}", "funding", legs, value_on=on))


async def _loss(connection: Any, found: Any, details: dict[str, Any]) -> None:  # noqa: ARG001
    cents = -_difference(found)
    legs = [
        journals.debit(accounts.WRITE_OFF_LOSS, cents),
        journals.credit(_account(found), cents),
    ]
    on = clock.nairobi_date(found["theirs_at"]) if found["theirs_at"] else found["ours_on"]
    key = f"loss:{found['account']}:{found['subject']}"
    await journals.write(connection, Journal(key, LOSS, legs, value_on=on))


def _account(found: Any) -> Account:
    """Our account that the difference is on. Customers' money arrives in the paybill's."""
    if found["account"] == "working" and found["kind"] == "own":
        return accounts.MPESA_WORKING
    return OF[found["account"]]


WAYS: dict[str, Callable[[Any, Any, dict[str, Any]], Awaitable[None]]] = {
    "payout": _payout,
    "payment": _payment,
    "returned": _returned,
    "move": _move,
    "funding": _funding,
    "loss": _loss,
}

approvals.EFFECTS[KIND] = Effect(_approved)
