"""The list of suspense: money that came and that we could not place."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import (
    Column,
    Key,
    Listing,
    Sort,
    Where,
    among,
    at_least,
    at_most,
    since,
    until,
)
from services.api.lists.pages import Finder, Found
from services.api.lists.query import Cents, Day, ListQuery, Page, Search
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Money")

SuspenseStatus = Literal["open", "matched", "returned"]


class SuspenseQuery(ListQuery):
    """Which of it."""

    q: Search | None = Field(None, description="A receipt of M-Pesa, or the account that the payer typed.")
    status: list[SuspenseStatus] = Field([])
    amount_min_cents: Cents | None = None
    amount_max_cents: Cents | None = None
    received_from: Day | None = None
    received_to: Day | None = None
    sort: Literal["received", "-received", "amount", "-amount"] = Field(
        "-received", description="`-` is the other way round."
    )


class SuspenseItem(BaseModel):
    """One payment."""

    id: int = Field(examples=[4])
    receipt: str = Field(examples=["QK1AB2CD3E"])
    amount_cents: int = Field(examples=[150000])
    account_ref: str = Field(description="What the payer typed, numbers masked.", examples=["U4K7QXM"])
    status: SuspenseStatus
    received_at: datetime
    settled_at: datetime | None


class Suspense(Page[SuspenseItem]):
    """A page of it."""


class _ByReceipt(Finder):
    async def look(self, connection: Any, text: str, where: Where) -> Found:  # noqa: ARG002 - as all finders
        where.add(
            "(suspense_item.receipt = upper({0}::text) "
            "or lower(suspense_item.account_ref) = lower({0}::text))",
            text.strip(),
        )
        return Found(where)


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "receipt": row["receipt"],
        "amount_cents": row["amount_cents"],
        "account_ref": row["account_ref"],
        "status": row["state"],
        "received_at": row["received_at"],
        "settled_at": row["settled_at"],
    }


ID = Key("suspense_item.id", int)

SUSPENSE = Listing(
    name="suspense",
    table="suspense_item",
    id=ID,
    select="suspense_item.*",
    joins="join suspense_item on suspense_item.id = page.id",
    sorts={
        "received": Sort((Key("suspense_item.received_at", datetime), ID)),
        "amount": Sort((Key("suspense_item.amount_cents", int), ID)),
    },
    filters={
        "status": among("suspense_item.state"),
        "amount_min_cents": at_least("suspense_item.amount_cents"),
        "amount_max_cents": at_most("suspense_item.amount_cents"),
        "received_from": since("suspense_item.received_at"),
        "received_to": until("suspense_item.received_at"),
    },
    columns=(
        Column("receipt", "receipt"),
        Column("amount_kes", "amount_cents", "money"),
        Column("account", "account_ref"),
        Column("status", "status"),
        Column("received", "received_at", "moment"),
        Column("settled", "settled_at", "moment"),
    ),
    shown=shown,
    tags=("suspense_item",),
)


@routes.get("/admin/suspense", may=Permission.MONEY_READ, **LISTED)
async def list_suspense(call: Read, query: SuspenseQuery) -> Suspense | Stream:
    """List money that nobody was known for.

    `status=open` is what waits for somebody to say whose it is.
    """
    return await answer(call, SUSPENSE, query, Suspense, _ByReceipt())
