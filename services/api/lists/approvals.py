"""The list of what two people decide."""

from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import (
    Branch,
    Column,
    Key,
    Listing,
    Sort,
    Where,
    among,
    at_least,
    at_most,
    equal,
    since,
    until,
)
from services.api.lists.pages import Finder, Found
from services.api.lists.query import Cents, Day, Id, ListQuery, Page, Search
from services.api.lists.search import understand
from services.api.operation import Routes
from services.api.permissions import Permission
from ussd_engine.observe.logs import mask

routes = Routes("Approvals")

ApprovalStatus = Literal["proposed", "approved", "rejected"]
OF_BORROWER = """approval.id = any(array(
    select id from approval where borrower_id = {0}
    union all
    select about.id from loan join approval as about on about.loan_id = loan.id where loan.borrower_id = {0}
))"""


class ApprovalQuery(ListQuery):
    """Which decisions."""

    q: Search | None = Field(
        None, description="What it is about: a loan's reference, a receipt, a phone number."
    )
    status: list[ApprovalStatus] = Field(
        ["proposed"],
        description="Without it: what waits for a decision.",
        examples=[["approved", "rejected"]],
    )
    kind: list[str] = Field([], max_length=20, examples=[["write_off", "refund"]])
    user_id: Id | None = Field(None, description="About this person.")
    proposed_by: str | None = Field(None, max_length=80, examples=["akinyi@example.org"])
    amount_min_cents: Cents | None = None
    amount_max_cents: Cents | None = None
    proposed_from: Day | None = None
    proposed_to: Day | None = None
    sort: Literal["proposed", "-proposed"] = Field(
        "proposed", description="Who waits longest first; `-` is the latest first."
    )


class Approval(BaseModel):
    """Something that one person proposed, for another to decide."""

    id: int = Field(examples=[5])
    kind: str = Field(examples=["write_off"])
    subject: str = Field(examples=["U4K7QXN"])
    status: ApprovalStatus
    amount_cents: int = Field(examples=[590000])
    reason: str
    details: dict[str, Any]
    loan_id: int | None
    loan_ref: str | None
    user_id: int | None
    name: str | None
    msisdn: str | None = Field(description="Masked.", examples=["2547***126"])
    proposed_by: str = Field(description="A person, a key, or the program.", examples=["dayend"])
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str


class Approvals(Page[Approval]):
    """A page of decisions."""


class _BySubject(Finder):
    async def look(self, connection: Any, text: str, where: Where) -> Found:
        meant = await understand(connection, text)
        if meant.loan_id is not None:
            where.add("approval.loan_id = {}", meant.loan_id)
        elif meant.borrower_id is not None:
            where.add(OF_BORROWER, meant.borrower_id)
        else:
            where.add("approval.subject = {}", meant.text)
        return Found(where, none=meant.is_number and meant.borrower_id is None)


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "subject": row["subject"],
        "status": row["state"],
        "amount_cents": row["amount_cents"],
        "reason": row["reason"],
        "details": orjson.loads(row["details"]),
        "loan_id": row["loan_id"],
        "loan_ref": row["ref"],
        "user_id": row["whose"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]) if row["msisdn"] is not None else None,
        "proposed_by": row["proposed_by"],
        "proposed_at": row["proposed_at"],
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"],
        "note": row["note"],
    }


ID = Key("approval.id", int)

# What states and kinds there are together, each found by one look into an index.
COMBINATIONS = """
with recursive seen as (
    (select state, kind from approval order by state, kind limit 1)
    union all
    select later.state, later.kind
    from seen
    cross join lateral (
        select approval.state, approval.kind
        from approval
        where (approval.state, approval.kind) > (seen.state, seen.kind)
        order by approval.state, approval.kind
        limit 1
    ) as later
)
select state, kind
from seen
"""

APPROVALS = Listing(
    name="approvals",
    table="approval",
    id=ID,
    select="approval.*, loan.ref, borrower.id as whose, borrower.name, borrower.msisdn",
    joins="""join approval on approval.id = page.id
left join loan on loan.id = approval.loan_id
left join borrower on borrower.id = coalesce(approval.borrower_id, loan.borrower_id)""",
    sorts={"proposed": Sort((Key("approval.proposed_at", datetime), ID))},
    filters={
        "status": among("approval.state"),
        "kind": among("approval.kind"),
        "user_id": lambda where, value: where.add(OF_BORROWER, value),
        "proposed_by": equal("approval.proposed_by"),
        "amount_min_cents": at_least("approval.amount_cents"),
        "amount_max_cents": at_most("approval.amount_cents"),
        "proposed_from": since("approval.proposed_at"),
        "proposed_to": until("approval.proposed_at"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("kind", "kind"),
        Column("subject", "subject"),
        Column("status", "status"),
        Column("amount_kes", "amount_cents", "money"),
        Column("reason", "reason"),
        Column("loan", "loan_ref"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("proposed_by", "proposed_by"),
        Column("proposed", "proposed_at", "moment"),
        Column("decided_by", "decided_by"),
        Column("decided", "decided_at", "moment"),
        Column("note", "note"),
    ),
    shown=shown,
    tags=("approval", "borrower"),
    branches=(Branch("approval.state", "status"), Branch("approval.kind", "kind")),
    combinations=COMBINATIONS,
    narrow={"amount": ("amount_min_cents", "amount_max_cents"), "proposed_by": ("proposed_by",)},
)


@routes.get("/admin/approvals", may=Permission.LOANS_READ, **LISTED)
async def list_approvals(call: Read, query: ApprovalQuery) -> Approvals | Stream:
    """List what two people decide.

    Without `status`: the queue of what waits, the oldest first.
    """
    return await answer(call, APPROVALS, query, Approvals, _BySubject())
