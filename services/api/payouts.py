"""Payouts that need a person: to say what the portal shows, to make all of them wait, to let them go on."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.api.calls import Change, Read
from services.api.changing import proposal
from services.api.loan_models import Asked, Proposal, Proposed, ProposedReceipt, Reason
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, NOT_FOUND
from services.mpesa import floats, manual, queries

routes = Routes("Payouts")


class Pause(Asked):
    """Why all payouts are to wait."""

    reason: Reason


class Float(BaseModel):
    """What is known of the float, and whether payouts wait."""

    paused: bool
    paused_at: datetime | None
    reason: str
    held_by: Annotated[str | None, Field(description="Who made them wait; nobody: the float is low.")]
    utility_cents: Annotated[int | None, Field(description="As M-Pesa told it last.")]
    told_at: datetime | None


@routes.get("/admin/payouts/float", may=Permission.MONEY_READ)
async def read_float(call: Read) -> Float:
    """Say whether payouts wait, why and since when, and what the float was when M-Pesa told it last."""
    async with call.pool.acquire() as connection:
        return await _float(connection)


@routes.post("/admin/payouts/{payout_id}/sent", may=Permission.LOANS_PROPOSE, problems=(NOT_FOUND, CONFLICT))
async def propose_payout_sent(call: Change, payout_id: int, body: ProposedReceipt) -> Proposal:
    """Say that the portal shows a payout that M-Pesa would not speak of, under this receipt."""
    await _require(call, payout_id)
    number = await manual.propose_sent(call.connection, payout_id, body.receipt, call.who.name, body.reason)
    return await proposal(call, number)


@routes.post(
    "/admin/payouts/{payout_id}/not-sent", may=Permission.LOANS_PROPOSE, problems=(NOT_FOUND, CONFLICT)
)
async def propose_payout_not_sent(call: Change, payout_id: int, body: Proposed) -> Proposal:
    """Say that the portal shows no such payout, and never will.

    Approved, the loan has failed and its borrower may apply again; credit to be refunded is credit again."""
    await _require(call, payout_id)
    number = await manual.propose_not_sent(call.connection, payout_id, call.who.name, body.reason)
    return await proposal(call, number)


@routes.post("/admin/payouts/pause", may=Permission.LOANS_PROPOSE, problems=(CONFLICT,))
async def pause_payouts(call: Change, body: Pause) -> Float:
    """Make all payouts wait, at once.

    What M-Pesa was asked for already is not called back. They go on when somebody resumes them, and not by
    themselves."""
    before = await _float(call.connection)
    if not await floats.hold(call.connection, call.who.name, body.reason):
        raise CONFLICT.of("Payouts wait already.")
    return await _changed(call, before, body.reason)


@routes.post("/admin/payouts/resume", may=Permission.LOANS_DECIDE, problems=(CONFLICT,))
async def resume_payouts(call: Change, body: Pause) -> Float:
    """Let payouts go on that wait for a person or for the float.

    If the float is too low, they wait again as soon as M-Pesa tells of it."""
    before = await _float(call.connection)
    if not await floats.release(call.connection):
        raise CONFLICT.of("No payouts wait.")
    return await _changed(call, before, body.reason)


async def _require(call: Change, payout_id: int) -> None:
    if await call.connection.fetchval("select id from payout where id = $1", payout_id) is None:
        raise NOT_FOUND.of(f"There is no payout {payout_id}.")


async def _float(connection: Any) -> Float:
    row = await connection.fetchrow(queries.FLOAT)
    return Float(paused=row["paused_at"] is not None, **row)


async def _changed(call: Change, before: Float, reason: str) -> Float:
    after = await _float(call.connection)
    call.audit("float", before.model_dump(mode="json"), {**after.model_dump(mode="json"), "why": reason})
    return after
