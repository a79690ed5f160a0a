"""The list of messages to people."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Branch, Column, Key, Listing, Sort, among, equal, since, until
from services.api.lists.query import Day, Id, ListQuery, Page, Search
from services.api.lists.search import Things
from services.api.operation import Routes
from services.api.permissions import Permission
from ussd_engine.observe.logs import mask

routes = Routes("Messages")

MessageStatus = Literal["queued", "sending", "accepted", "refused", "unknown", "delivered", "failed"]


class MessageQuery(ListQuery):
    """Which messages."""

    q: Search | None = Field(
        None, description="A loan's reference, a whole phone number, or the gateway's id."
    )
    status: list[MessageStatus] = Field([])
    notice: list[str] = Field([], max_length=30, description="What was said.", examples=[["money_sent"]])
    kind: list[Literal["money", "service", "marketing"]] = Field([])
    user_id: Id | None = Field(None, description="To this person.")
    created_from: Day | None = None
    created_to: Day | None = None
    sort: Literal["created", "-created"] = Field("-created", description="`-` is the latest first.")


class Message(BaseModel):
    """An SMS."""

    id: int = Field(examples=[118])
    user_id: int = Field(examples=[7])
    name: str | None
    msisdn: str = Field(description="Masked.", examples=["2547***126"])
    loan_ref: str | None
    kind: str = Field(examples=["money"])
    notice: str = Field(examples=["money_sent"])
    status: MessageStatus
    language: str | None
    words: str | None = Field(description="Null before it was sent, empty once they were forgotten.")
    reason: str = Field(description="Why it was not sent, or did not arrive.")
    cost_cents: int
    created_at: datetime
    settled_at: datetime | None


class Messages(Page[Message]):
    """A page of messages."""


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "user_id": row["borrower_id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "loan_ref": row["ref"],
        "kind": row["kind"],
        "notice": row["notice"],
        "status": row["state"],
        "language": row["language"],
        "words": row["words"],
        "reason": row["reason"],
        "cost_cents": row["cost_cents"],
        "created_at": row["created_at"],
        "settled_at": row["settled_at"],
    }


ID = Key("sms.id", int)

# What kinds, notices and states there are together, each found by one look into an index.
COMBINATIONS = """
with recursive seen as (
    (select kind, notice, state from sms order by kind, notice, state limit 1)
    union all
    select later.kind, later.notice, later.state
    from seen
    cross join lateral (
        select sms.kind, sms.notice, sms.state
        from sms
        where (sms.kind, sms.notice, sms.state) > (seen.kind, seen.notice, seen.state)
        order by sms.kind, sms.notice, sms.state
        limit 1
    ) as later
)
select kind, notice, state
from seen
"""

MESSAGES = Listing(
    name="messages",
    table="sms",
    id=ID,
    select="""sms.id, sms.borrower_id, borrower.name, borrower.msisdn, loan.ref, sms.kind, sms.notice,
    sms.state, sms.language, sms.words, sms.reason, sms.cost_cents, sms.created_at, sms.settled_at""",
    joins="""join sms on sms.id = page.id
join borrower on borrower.id = sms.borrower_id
left join loan on loan.id = sms.loan_id""",
    sorts={"created": Sort((Key("sms.created_at", datetime), ID))},
    filters={
        "status": among("sms.state"),
        "notice": among("sms.notice"),
        "kind": among("sms.kind"),
        "user_id": equal("sms.borrower_id"),
        "created_from": since("sms.created_at"),
        "created_to": until("sms.created_at"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("person", "user_id", "number"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("loan", "loan_ref"),
        Column("kind", "kind"),
        Column("notice", "notice"),
        Column("status", "status"),
        Column("words", "words"),
        Column("reason", "reason"),
        Column("cost_kes", "cost_cents", "money"),
        Column("created", "created_at", "moment"),
        Column("settled", "settled_at", "moment"),
    ),
    shown=shown,
    tags=("sms", "borrower"),
    branches=(Branch("sms.kind", "kind"), Branch("sms.notice", "notice"), Branch("sms.state", "status")),
    combinations=COMBINATIONS,
)
FINDER = Things("sms.borrower_id", "sms.loan_id", "sms.provider_id = {}")


@routes.get("/admin/messages", may=Permission.MESSAGES_READ, **LISTED)
async def list_messages(call: Read, query: MessageQuery) -> Messages | Stream:
    """List messages to people."""
    return await answer(call, MESSAGES, query, Messages, FINDER)
