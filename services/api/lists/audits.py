"""The list of the audit: who changed what, and whose data was looked at."""

from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Column, Key, Listing, Sort, equal, since, until
from services.api.lists.query import Day, ListQuery, Page
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Audit")


class AuditQuery(ListQuery):
    """Which rows."""

    who: str | None = Field(None, max_length=80, examples=["akinyi@example.org"])
    operation: str | None = Field(None, max_length=80, examples=["reveal_user"])
    subject: str | None = Field(None, max_length=200, examples=["borrower:7"])
    at_from: Day | None = None
    at_to: Day | None = None
    sort: Literal["at", "-at"] = Field("-at", description="`-` is the latest first.")


class AuditRow(BaseModel):
    """One thing that was changed, or looked at."""

    id: int = Field(examples=[77])
    at: datetime
    who: str = Field(examples=["akinyi@example.org"])
    kind: str = Field(description="person, key, terminal or nobody.", examples=["person"])
    operation: str = Field(examples=["reveal_user"])
    subject: str = Field(examples=["borrower:7"])
    before: dict[str, Any]
    after: dict[str, Any]
    address: str
    request_id: str


class Audit(Page[AuditRow]):
    """A page of the audit."""


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "at": row["at"],
        "who": row["who"],
        "kind": row["kind"],
        "operation": row["operation"],
        "subject": row["subject"],
        "before": orjson.loads(row["before"]),
        "after": orjson.loads(row["after"]),
        "address": row["address"],
        "request_id": row["request_id"],
        "changes": f"{row['before']} → {row['after']}",
    }


ID = Key("audit.id", int)

AUDIT = Listing(
    name="audit",
    table="audit",
    id=ID,
    select="audit.*",
    joins="join audit on audit.id = page.id",
    sorts={"at": Sort((Key("audit.at", datetime), ID))},
    filters={
        "who": equal("audit.who"),
        "operation": equal("audit.operation"),
        "subject": equal("audit.subject"),
        "at_from": since("audit.at"),
        "at_to": until("audit.at"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("at", "at", "moment"),
        Column("who", "who"),
        Column("kind", "kind"),
        Column("operation", "operation"),
        Column("subject", "subject"),
        Column("changes", "changes"),
        Column("address", "address"),
        Column("request", "request_id"),
    ),
    shown=shown,
    tags=(),  # it is asked for to see what happened just now
)


@routes.get("/admin/audit", may=Permission.AUDIT_READ, **LISTED)
async def list_audit(call: Read, query: AuditQuery) -> Audit | Stream:
    """List who changed what, and whose data was looked at."""
    return await answer(call, AUDIT, query, Audit)
