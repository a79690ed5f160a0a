"""The list of payouts: money that goes to a phone, once."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

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
from services.api.lists.query import Cents, Day, Id, ListQuery, Page, Search
from services.api.lists.search import Things
from services.api.operation import Routes
from services.api.permissions import Permission
from ussd_engine.observe.logs import mask

routes = Routes("Money")

PayoutStatus = Literal["ready", "submitting", "submitted", "unknown", "posted", "voided", "failed"]
STATES = ("ready", "submitting", "submitted", "unknown", "posted", "voided", "failed")


class PayoutQuery(ListQuery):
    """Which payouts."""

    q: Search | None = Field(
        None,
        description="A receipt of M-Pesa, our own id of it, a loan's reference, or a whole phone number.",
    )
    status: list[PayoutStatus] = Field([])
    waits_for_person: Literal[True] | None = Field(
        None, description="Only those of which a person has to say what became of them."
    )
    user_id: Id | None = Field(None, description="To this person.")
    amount_min_cents: Cents | None = None
    amount_max_cents: Cents | None = None
    created_from: Day | None = None
    created_to: Day | None = None
    sort: Literal["created", "-created", "amount", "-amount"] = Field(
        "-created", description="`-` is the other way round. Payouts of some days come by these."
    )

    @model_validator(mode="after")
    def _large_ones_came_late(self) -> Self:
        """As in the list of loans, which most of them pay out: no walk that begins with half a million of
        others than were asked for."""
        if (self.created_from or self.created_to) and self.sort.removeprefix("-") != "created":
            raise ValueError("payouts of some days come by these: sort=created or sort=-created")
        asked = self.amount_min_cents is not None or self.amount_max_cents is not None
        if asked and self.sort == "created" and self.user_id is None and self.q is None:
            raise ValueError("payouts of some amount come by amount, or the latest first: sort=-created")
        return self


class Payout(BaseModel):
    """Money on its way, or that arrived, or did not."""

    id: int = Field(examples=[31])
    originator_id: str = Field(description="Our id of it at M-Pesa.", examples=["U0f3a9c1d22"])
    status: PayoutStatus
    amount_cents: int = Field(examples=[500000])
    user_id: int = Field(examples=[7])
    name: str | None
    msisdn: str = Field(description="Masked.", examples=["2547***126"])
    loan_id: int | None = Field(description="The loan it pays out; null for a refund.")
    loan_ref: str | None
    refund_id: int | None
    receipt: str | None = Field(description="M-Pesa's, once it is posted.", examples=["QK1AB2CD3E"])
    result_code: str | None
    attempts: int
    waits_since: datetime | None = Field(description="Since when a person has to look; null: nobody has to.")
    created_at: datetime
    changed_at: datetime


class Payouts(Page[Payout]):
    """A page of payouts."""


def _waits(where: Where, _: bool) -> None:
    where.add("(payout.manual_at is not null and payout.state in ('submitted', 'unknown'))")


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    waiting = row["state"] in ("submitted", "unknown")
    return {
        "id": row["id"],
        "originator_id": row["originator_id"],
        "status": row["state"],
        "amount_cents": row["amount_cents"],
        "user_id": row["borrower_id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "loan_id": row["loan_id"],
        "loan_ref": row["ref"],
        "refund_id": row["refund_id"],
        "receipt": row["receipt"],
        "result_code": row["result_code"],
        "attempts": row["attempts"],
        "waits_since": row["manual_at"] if waiting else None,
        "created_at": row["created_at"],
        "changed_at": row["changed_at"],
    }


ID = Key("payout.id", int)

PAYOUTS = Listing(
    name="payouts",
    table="payout",
    id=ID,
    select="payout.*, borrower.name, borrower.msisdn, loan.ref",
    joins="""join payout on payout.id = page.id
join borrower on borrower.id = payout.borrower_id
left join loan on loan.id = payout.loan_id""",
    sorts={
        "created": Sort((Key("payout.created_at", datetime), ID)),
        "amount": Sort((Key("payout.amount_cents", int), ID)),
    },
    filters={
        "status": among("payout.state"),
        "waits_for_person": _waits,
        "user_id": equal("payout.borrower_id"),
        "amount_min_cents": at_least("payout.amount_cents"),
        "amount_max_cents": at_most("payout.amount_cents"),
        "created_from": since("payout.created_at"),
        "created_to": until("payout.created_at"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("originator_id", "originator_id"),
        Column("status", "status"),
        Column("amount_kes", "amount_cents", "money"),
        Column("person", "user_id", "number"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("loan", "loan_ref"),
        Column("receipt", "receipt"),
        Column("result_code", "result_code"),
        Column("created", "created_at", "moment"),
        Column("changed", "changed_at", "moment"),
    ),
    shown=shown,
    tags=("payout", "borrower"),
    branches=(Branch("payout.state", "status", STATES),),
    narrow={"amount": ("amount_min_cents", "amount_max_cents")},
)
OWN = """payout.id = (
    select id from payout where receipt = upper({0}::text) or originator_id = {0}::text limit 1
)"""
FINDER = Things("payout.borrower_id", "payout.loan_id", OWN)


@routes.get("/admin/payouts", may=Permission.MONEY_READ, **LISTED)
async def list_payouts(call: Read, query: PayoutQuery) -> Payouts | Stream:
    """List payouts.

    Of loans and of refunds. `waits_for_person=true` is the queue of those that M-Pesa would not speak of.
    """
    return await answer(call, PAYOUTS, query, Payouts, FINDER)
