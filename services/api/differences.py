"""What reconciliation found and people have to look at: differences between our books and M-Pesa's."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.api.calls import Change, Read, Stream
from services.api.changing import proposal
from services.api.lists import export
from services.api.lists.answering import LISTED
from services.api.lists.listing import Column
from services.api.lists.query import Format
from services.api.loan_models import Number, Proposal, Proposed
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, NOT_FOUND
from services.reconciliation import breaks

routes = Routes("Differences")

Account = Literal["utility", "working", "charges"]
Way = Literal["payout", "payment", "returned", "move", "funding", "loss"]


class DifferenceQuery(BaseModel):
    """Which of those that are open."""

    account: Account | None = Field(None, description="One account at M-Pesa.")
    after: int = Field(0, ge=0, le=2**63 - 1, description="`next_after` of the page before.")
    limit: int = Field(50, ge=1, le=100)
    format: Format = Field("json", description="`csv` or `xlsx`: a file with all that are open.")


class Candidate(BaseModel):
    """A payout of ours that a withdrawal only M-Pesa knows may be."""

    payout_id: int
    loan_ref: str | None
    state: str
    created_at: datetime


class Difference(BaseModel):
    """Something that our books and M-Pesa's do not say alike. Cents in are above zero, out below."""

    id: int
    account: Account
    subject: Annotated[str, Field(description="A receipt, or what else names it.", examples=["SKL5V7NAQ1"])]
    kind: str
    outcome: Annotated[str, Field(examples=["theirs_only"])]
    ours_cents: int | None
    theirs_cents: int | None
    ours_on: date | None
    theirs_at: datetime | None
    linked: Annotated[str, Field(description="The receipt that a reversal undoes; empty otherwise.")]
    opened_at: datetime
    ways: Annotated[list[Way], Field(description="How it may be booked.")]
    candidates: list[Candidate]


class Differences(BaseModel):
    """Those that are open, the oldest first. next_after: where the next page begins; null on the last."""

    items: list[Difference]
    next_after: int | None


class Resolved(BaseModel):
    """It is closed, and nothing was booked."""

    id: int
    reason: str


class ProposedBooking(Proposed):
    """How to book a difference. payout_id: which payout it was, when it is booked as `payout`."""

    how: Way
    payout_id: Number | None = None


SHEET = export.Sheet(
    "differences",
    (
        Column("id", "id", "number"),
        Column("account", "account"),
        Column("subject", "subject"),
        Column("kind", "kind"),
        Column("outcome", "outcome"),
        Column("ours_kes", "ours_cents", "money"),
        Column("theirs_kes", "theirs_cents", "money"),
        Column("ours_on", "ours_on", "date"),
        Column("theirs_at", "theirs_at", "moment"),
        Column("linked", "linked"),
        Column("opened", "opened_at", "moment"),
    ),
)


@routes.get("/admin/differences", may=Permission.MONEY_READ, **LISTED)
async def list_differences(call: Read, query: DifferenceQuery) -> Differences | Stream:
    """List what reconciliation found and nobody has explained yet.

    A later comparison that finds one gone closes it by itself."""
    if query.format != "json":
        return await export.file_of(
            call, SHEET, query, query.format, export.by_id(call, _open(query.account))
        )
    async with call.desk.acquire() as connection:
        rows = await breaks.waiting(connection, query.after, query.account, query.limit)
        items = [await _shown(connection, row) for row in rows]
    return Differences(items=items, next_after=items[-1].id if len(items) == query.limit else None)


@routes.post(
    "/admin/differences/{difference_id}/resolve", may=Permission.LOANS_PROPOSE, problems=(NOT_FOUND, CONFLICT)
)
async def resolve_difference(call: Change, difference_id: int, body: Proposed) -> Resolved:
    """Say why nothing is to be booked. The difference is closed for good."""
    await _require(call, difference_id)
    if not await breaks.resolve(call.connection, difference_id, call.who.name, body.reason):
        raise CONFLICT.of(f"Difference {difference_id} is closed already.")
    call.audit(f"difference:{difference_id}", {"state": "open"}, {"state": "resolved", "reason": body.reason})
    return Resolved(id=difference_id, reason=body.reason)


@routes.post(
    "/admin/differences/{difference_id}/book", may=Permission.LOANS_PROPOSE, problems=(NOT_FOUND, CONFLICT)
)
async def propose_booking(call: Change, difference_id: int, body: ProposedBooking) -> Proposal:
    """Propose how to book a difference. It is booked, and closed, when somebody else approves."""
    await _require(call, difference_id)
    number = await breaks.propose(
        call.connection, difference_id, body.how, call.who.name, body.reason, body.payout_id
    )
    return await proposal(call, number)


def _open(account: str | None) -> export.ById:
    async def listed(connection: Any, after: int, most: int) -> Sequence[Any]:
        return await breaks.waiting(connection, after, account, most)

    return listed


async def _shown(connection: Any, row: dict[str, Any]) -> Difference:
    ways = breaks.ways(row)
    found = await breaks.candidates(connection, row["id"]) if "payout" in ways else []
    return Difference.model_validate({
        **row,
        "ways": ways,
        "candidates": [
            {"payout_id": each["id"], "loan_ref": each["ref"], "state": each["state"],
             "created_at": each["created_at"]}
            for each in found
        ],
    })  # fmt: skip


async def _require(call: Change, difference_id: int) -> None:
    found = await call.connection.fetchval(
        "select exists (select from reconciliation_break where id = $1)", difference_id
    )
    if not found:
        raise NOT_FOUND.of(f"There is no difference {difference_id}.")
