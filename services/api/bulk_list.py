"""The list of messages to many, each with how far it has come."""

from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Column, Key, Listing, Sort, among, equal, since, until
from services.api.lists.query import Day, ListQuery, Page
from services.api.messages import BulkProgress
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Messages")

BulkStatus = Literal["proposed", "rejected", "sending", "sent", "stopped"]


class BulkQuery(ListQuery):
    """Which messages to many."""

    # Each row counts its messages by state, and there may be 50,000 of them.
    limit: int = Field(20, ge=1, le=100, description="Rows of a page.")
    status: list[BulkStatus] = Field([], examples=[["proposed", "sending"]])
    kind: list[Literal["service", "marketing"]] = Field([])
    asked_by: str | None = Field(None, max_length=80, examples=["akinyi@example.org"])
    created_from: Day | None = None
    created_to: Day | None = None
    sort: Literal["created", "-created"] = Field("-created", description="`-` is the latest first.")


class Bulks(Page[BulkProgress]):
    """A page of messages to many."""


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told: as `GET /notifications/bulk/{bulk_id}` tells it, with its messages added up for a
    file, too."""
    messages: dict[str, int] = orjson.loads(row["messages"])
    told = {name: row[name] for name in BulkProgress.model_fields if name not in ("words", "messages")}
    return {
        **told,
        "words": orjson.loads(row["texts"]),
        "messages": messages,
        "asked_for": sum(messages.values()),
        "delivered": messages.get("delivered", 0),
    }


ID = Key("bulk_message.id", int)

BULKS = Listing(
    name="bulk",
    table="bulk_message",
    id=ID,
    select="bulk_message.*, said.messages, said.spent_cents",
    joins="""join bulk_message on bulk_message.id = page.id
cross join lateral (
    select
        coalesce(jsonb_object_agg(each.state, each.messages), '{}') as messages,
        coalesce(sum(each.cost_cents), 0)::bigint as spent_cents
    from (
        select sms.state, count(*) as messages, sum(sms.cost_cents) as cost_cents
        from sms
        where sms.bulk_id = bulk_message.id
        group by sms.state
    ) as each
) as said""",
    sorts={"created": Sort((Key("bulk_message.created_at", datetime), ID))},
    filters={
        "status": among("bulk_message.state"),
        "kind": among("bulk_message.kind"),
        "asked_by": equal("bulk_message.asked_by"),
        "created_from": since("bulk_message.created_at"),
        "created_to": until("bulk_message.created_at"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("status", "state"),
        Column("kind", "kind"),
        Column("notice", "notice"),
        Column("recipients", "recipients", "number"),
        Column("asked_for", "asked_for", "number"),
        Column("delivered", "delivered", "number"),
        Column("cost_at_most_kes", "cost_cents", "money"),
        Column("spent_kes", "spent_cents", "money"),
        Column("asked_by", "asked_by"),
        Column("created", "created_at", "moment"),
        Column("begun", "begun_at", "moment"),
        Column("ended", "ended_at", "moment"),
    ),
    shown=shown,
    tags=(),  # how far one is changes with each message
)


@routes.get("/notifications/bulk", may=Permission.MESSAGES_READ, **LISTED)
async def list_bulk_messages(call: Read, query: BulkQuery) -> Bulks | Stream:
    """List messages to many, and how far each has come."""
    return await answer(call, BULKS, query, Bulks)
