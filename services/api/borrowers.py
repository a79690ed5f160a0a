"""What staff may change about a borrower: lend nothing more to somebody, lend again, speak another language,
let them choose a new PIN, send their credit back.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.api.calls import Change
from services.api.changing import lock_borrower, proposal
from services.api.loan_models import Asked, Msisdn, Proposal, Proposed, ProposedRefund, Reason
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, INVALID, NOT_FOUND, SAME_PERSON
from services.borrowers import resetting, standing
from services.ledger import accounts, journals
from services.loans import approvals, own
from services.loans.approvals import Request
from ussd_engine.numbers import msisdn_of
from ussd_engine.observe.logs import mask

routes = Routes("Borrowers")

ABOUT_ONE = (NOT_FOUND, CONFLICT, SAME_PERSON)


class Because(Asked):
    """Why."""

    reason: Reason


class NewLanguage(Asked):
    """The language of their menus and messages."""

    language: Annotated[Literal["en", "sw"], Field(examples=["sw"])]


class OwnNumbers(Asked):
    """The phone numbers by which somebody of the staff borrows, or could."""

    msisdns: Annotated[list[Msisdn], Field(max_length=10)]


class KeptNumbers(BaseModel):
    """How many were kept; they are not shown again whole."""

    numbers: list[str]


class BorrowerState(BaseModel):
    """A borrower, as far as staff change them."""

    id: int
    language: str
    blacklisted_at: datetime | None
    blacklisted_by: str | None
    blacklist_reason: str | None


@routes.post("/admin/users/{borrower_id}/blacklist", may=Permission.LOANS_PROPOSE, problems=ABOUT_ONE)
async def blacklist_borrower(call: Change, borrower_id: int, body: Because) -> BorrowerState:
    """Lend nothing more to somebody, from now on.

    What they owe stays as it is. Only somebody else can take them off the list."""
    row = await lock_borrower(call, borrower_id)
    await standing.blacklist(call.connection, row, call.who.name, body.reason)
    return await _changed(call, row)


@routes.post("/admin/users/{borrower_id}/unblock", may=Permission.LOANS_DECIDE, problems=ABOUT_ONE)
async def unblock_borrower(call: Change, borrower_id: int, body: Because) -> BorrowerState:
    """Let somebody borrow again. Not by whoever listed them."""
    row = await lock_borrower(call, borrower_id)
    await standing.unblock(call.connection, row, call.who.name)
    return await _changed(call, row, body.reason)


@routes.post("/admin/users/{borrower_id}/language", may=Permission.LOANS_APPLY, problems=ABOUT_ONE)
async def set_language(call: Change, borrower_id: int, body: NewLanguage) -> BorrowerState:
    """Speak another language with somebody, in menus and messages."""
    row = await lock_borrower(call, borrower_id)
    await standing.speak(call.connection, row, body.language, call.key)
    return await _changed(call, row)


@routes.post("/admin/users/{borrower_id}/reset-pin", may=Permission.LOANS_PROPOSE, problems=ABOUT_ONE)
async def propose_pin_reset(call: Change, borrower_id: int, body: Proposed) -> Proposal:
    """Propose that somebody who forgot their PIN may choose a new one.

    Make sure who is on the phone first. Approved, they are told by SMS and have a day: they dial, type
    their national id and the new PIN twice. Nobody else ever learns it."""
    await lock_borrower(call, borrower_id)
    number = await resetting.propose(call.connection, borrower_id, call.who.name, body.reason)
    return await proposal(call, number)


@routes.post(
    "/admin/users/{borrower_id}/refund", may=Permission.LOANS_PROPOSE, problems=(*ABOUT_ONE, INVALID)
)
async def propose_refund(call: Change, borrower_id: int, body: ProposedRefund) -> Proposal:
    """Propose to send credit back to its borrower, to their own number."""
    await lock_borrower(call, borrower_id)
    held = -await journals.balance_cents(call.connection, accounts.customer_credit(borrower_id))
    if body.amount_cents > held:
        raise INVALID.of(
            f"They have {held} cents of credit.", [{"where": "body.amount_cents", "what": f"at most {held}"}]
        )
    request = Request(
        approvals.REFUND, str(borrower_id), body.amount_cents, body.reason, borrower_id=borrower_id
    )
    return await proposal(call, await approvals.propose(call.connection, request, call.who.name))


@routes.put("/admin/staff/{staff_id}/numbers", may=Permission.STAFF_MANAGE, problems=(NOT_FOUND, INVALID))
async def set_own_numbers(call: Change, staff_id: int, body: OwnNumbers) -> KeptNumbers:
    """Say by which phone numbers somebody of the staff borrows.

    They can then neither apply for themselves nor decide about themselves."""
    email = await call.connection.fetchval("select email from staff where id = $1", staff_id)
    if email is None:
        raise NOT_FOUND.of(f"There is nobody with the number {staff_id}.")
    numbers = [msisdn_of(each, "KE") for each in body.msisdns]
    if None in numbers:
        raise INVALID.of(
            "A number is no phone number.", [{"where": "body.msisdns", "what": "no phone number"}]
        )
    before = await own.numbers(call.connection, email)
    await own.keep(call.connection, email, [each for each in numbers if each])
    after = await own.numbers(call.connection, email)
    call.audit(f"staff:{email}", {"numbers": _masked(before)}, {"numbers": _masked(after)})
    return KeptNumbers(numbers=_masked(after))


async def _changed(call: Change, before: Any, why: str = "") -> BorrowerState:
    after = await standing.lock(call.connection, before["id"])
    states = [_said(row) for row in (before, after)]
    told = [state.model_dump(mode="json", exclude={"id"}) for state in states]
    call.audit(f"borrower:{before['id']}", told[0], told[1] | ({"why": why} if why else {}))
    call.forget(f"borrower:{before['id']}")
    return states[1]


def _said(row: Any) -> BorrowerState:
    return BorrowerState(**{name: row[name] for name in BorrowerState.model_fields})


def _masked(numbers: list[str]) -> list[str]:
    return [mask(each) for each in numbers]
