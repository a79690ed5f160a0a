"""Messages to many: counted and priced first, agreed to by a second person where many get it, sent once each.

A message has words of its own in every language of the service, or is one of the reminders of sms.yaml,
which say what each borrower owes. Of service messages people hear in the daytime; offers go only to who
agreed to offers and has not taken that back.
"""

from datetime import datetime
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services import clock, published
from services.api.calls import Change, Read
from services.api.changing import APPROVAL
from services.api.loan_models import Asked, Number, Reason
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, INVALID, NOT_FOUND, Problem
from services.sms import bulk
from services.sms.bulk import BulkError, Chosen, Message, Plan
from services.sms.texts import OWN

routes = Routes("Messages")

MOST_IDS = 1000
STATES = Literal[
    "none", "applied", "approved", "disbursing", "active", "overdue", "non_performing", "written_off"
]
Days = Annotated[int, Field(ge=-3650, le=3650, examples=[1])]
Words = Annotated[str, Field(min_length=1, max_length=700)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$", examples=["sw"])]


class Recipients(Asked):
    """Who gets it: those whom all of this fits. What is left out fits everybody."""

    language: Language | None = None
    states: Annotated[
        list[STATES] | None,
        Field(max_length=8, description="Of their open or written-off loan; none: they have no such loan."),
    ] = None
    product: Annotated[str | None, Field(max_length=40, examples=["standard"])] = None
    days_past_due_from: Annotated[Days | None, Field(description="Below 0: before the due date.")] = None
    days_past_due_to: Days | None = None
    borrower_ids: Annotated[list[Number] | None, Field(min_length=1, max_length=MOST_IDS)] = None


class NewBulk(Asked):
    """A message to many. `words` in each language, or the name of a reminder in `notice`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "service",
                "to": {"states": ["overdue"], "days_past_due_from": 1},
                "notice": "overdue",
                "reason": "The reminder of the third did not go out",
                "dry_run": True,
            }
        }
    )

    kind: Annotated[Literal["service", "marketing"], Field(description="marketing: an offer.")]
    to: Recipients
    words: Annotated[
        dict[Language, Words] | None,
        Field(
            max_length=5,
            description="May say {name|first} and {paybill}.",
            examples=[
                {"en": "Umoja: our office is closed on Friday.", "sw": "Umoja: ofisi itafungwa Ijumaa."}
            ],
        ),
    ] = None
    notice: Annotated[str | None, Field(max_length=40, examples=["overdue"])] = None
    reason: Reason
    dry_run: Annotated[bool, Field(description="Count and price only; nothing is kept or sent.")] = False

    @model_validator(mode="after")
    def says_one_thing(self) -> "NewBulk":
        """One of words and notice."""
        if (self.words is None) == (self.notice is None):
            raise ValueError("give words, or the name of a notice")
        return self


class Bulk(BaseModel):
    """A message to many, and how far it is."""

    id: Annotated[int | None, Field(description="None: it was a dry run.")]
    state: Literal["dry_run", "proposed", "rejected", "sending", "sent", "stopped"]
    kind: Literal["service", "marketing"]
    recipients: int
    parts: Annotated[dict[str, int], Field(description="SMS that one message takes at most, by language.")]
    cost_cents: Annotated[
        int, Field(description="What it may cost at most, by what a part has cost of late.")
    ]
    needs_second_person: bool
    approval_id: int | None


class BulkProgress(BaseModel):
    """How far a message to many has come."""

    id: int
    state: Literal["proposed", "rejected", "sending", "sent", "stopped"]
    kind: Literal["service", "marketing"]
    notice: str
    words: dict[str, str]
    recipients: int
    cost_cents: int
    spent_cents: int
    messages: Annotated[
        dict[str, int],
        Field(description="Messages asked for so far, by what became of them.", examples=[{"delivered": 40}]),
    ]
    asked_by: str
    approval_id: int | None
    created_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None


@routes.post("/notifications/bulk", may=Permission.MESSAGES_SEND, problems=(CONFLICT, INVALID))
async def send_bulk(call: Change, body: NewBulk) -> Bulk:
    """Send a message to all whom a filter fits, or count them and what it would cost (`dry_run`).

    To more people than the setting `bulk_sms_alone` it is sent when somebody else has approved it. Nobody
    gets it twice."""
    live = await published.live(call.connection)
    today = clock.nairobi_date(clock.now())
    message = Message(body.kind, _chosen(body.to), body.words or {}, body.notice or OWN)
    try:
        if body.dry_run:
            planned = await bulk.plan(call.connection, live.texts, message, today)
            return _said(body, "dry_run", planned)
        number, planned, approval_id = await bulk.ask(
            call.connection, live.texts, message, call.who.name, body.reason, today
        )
    except BulkError as error:
        raise _invalid(error) from None
    state = "sending" if approval_id is None else "proposed"
    call.audit(f"bulk:{number}", {}, {
        "state": state, "kind": body.kind, "recipients": planned.recipients, "reason": body.reason,
        "cost_cents": planned.cost_cents, "to": body.to.model_dump(mode="json", exclude_none=True),
        "words": body.words or {}, "notice": message.notice,
    })  # fmt: skip
    if approval_id is not None:
        row = await call.connection.fetchrow(APPROVAL, approval_id)
        call.audit(
            f"approval:{approval_id}",
            {},
            {"state": "proposed", "kind": row["kind"], "subject": row["subject"]},
        )
    return _said(body, state, planned, number, approval_id)


@routes.get("/notifications/bulk/{bulk_id}", may=Permission.MESSAGES_READ, problems=(NOT_FOUND,))
async def read_bulk(call: Read, bulk_id: int) -> BulkProgress:
    """How far a message to many has come, and what it has cost."""
    async with call.pool.acquire() as connection:
        return await _progress(connection, bulk_id)


@routes.post(
    "/notifications/bulk/{bulk_id}/stop", may=Permission.MESSAGES_SEND, problems=(NOT_FOUND, CONFLICT)
)
async def stop_bulk(call: Change, bulk_id: int) -> BulkProgress:
    """Send no more of a message to many. What left is not called back."""
    before = await _progress(call.connection, bulk_id)
    if not await bulk.stop(call.connection, bulk_id):
        raise CONFLICT.of(f"This message is {before.state}.")
    call.audit(f"bulk:{bulk_id}", {"state": before.state}, {"state": "stopped"})
    return await _progress(call.connection, bulk_id)


def _chosen(to: Recipients) -> Chosen:
    return Chosen(
        to.language,
        to.states,
        to.product,
        to.days_past_due_from,
        to.days_past_due_to,
        to.borrower_ids,
    )


def _said(
    body: NewBulk, state: str, planned: Plan, number: int | None = None, approval_id: int | None = None
) -> Bulk:
    return Bulk.model_validate({
        "id": number, "state": state, "kind": body.kind, "recipients": planned.recipients,
        "parts": dict(planned.parts), "cost_cents": planned.cost_cents,
        "needs_second_person": planned.needs_second, "approval_id": approval_id,
    })  # fmt: skip


async def _progress(connection: object, bulk_id: int) -> BulkProgress:
    found = await bulk.progress(connection, bulk_id)
    if found is None:
        raise NOT_FOUND.of(f"There is no message {bulk_id}.")
    held = {name: found[name] for name in BulkProgress.model_fields if name in found}
    return BulkProgress.model_validate({**held, "words": orjson.loads(found["texts"])})


def _invalid(error: BulkError) -> Problem:
    return INVALID.of(str(error), [{"where": "body", "what": fault} for fault in error.faults])
