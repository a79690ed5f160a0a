"""One person: the page that is open while they are on the phone, and all that happened, as a timeline."""

from datetime import date, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.api.cached import cached
from services.api.calls import Change, Read
from services.api.lists import cursor
from services.api.lists import person_queries as queries
from services.api.lists.listing import Key, today
from services.api.lists.loans import LOANS, Loan, LoanQuery, Loans
from services.api.lists.pages import asked as asked_of
from services.api.lists.pages import fetch, page, snapshot
from services.api.lists.query import Page
from services.api.lists.users import Standing, standing_of
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import AWAY, INVALID, NOT_FOUND, Problem
from ussd_engine.observe.logs import mask

routes = Routes("People")

# What parts of somebody's page ask for, beside BORROWERS_READ.
SECTIONS = (Permission.LOANS_READ, Permission.MONEY_READ, Permission.MESSAGES_READ)
SHOWN = 20  # of each kind, on the page; the lists and the timeline have all of them
Source = Literal["person", "consent", "decision", "loan", "approval", "money", "prompt", "payout", "message"]


class Consent(BaseModel):
    """What somebody agreed to."""

    purpose: str = Field(examples=["terms"])
    version: str = Field(examples=["2026-11"])
    language: str
    channel: str = Field(examples=["ussd:africastalking"])
    given_at: datetime


class Decided(BaseModel):
    """What the scorecard said to an application, and why."""

    outcome: str = Field(examples=["ok"])
    score: int
    limit_cents: int
    reasons: list[str] = Field(description="Reason codes, the weightiest first.", examples=[["PAID_LATE"]])
    points: dict[str, Any]
    scorecard: str
    loan_ref: str | None = Field(description="The loan that came of it.")
    at: datetime


class Payment(BaseModel):
    """Money that settled something, or went back."""

    id: int
    key: str = Field(examples=["receipt:QK1AB2CD3E"])
    kind: str = Field(examples=["repayment"])
    amount_cents: int
    loan_ref: str | None
    on: date
    at: datetime


class Told(BaseModel):
    """A message to them."""

    id: int
    notice: str
    status: str
    words: str | None
    reason: str
    loan_ref: str | None
    created_at: datetime


class Person(BaseModel):
    """Somebody, with the latest of everything. Parts that the caller may not see are null."""

    id: int = Field(examples=[7])
    name: str | None = Field(examples=["Wanjiru Kamau"])
    msisdn: str = Field(description="Masked; see `reveal`.", examples=["2547***126"])
    language: str
    status: Standing
    score: int
    limit_cents: int
    credit_cents: int = Field(description="What we hold for them.")
    owed_cents: int = Field(description="What they owe, written off or not.")
    pin_locked_until: datetime | None = Field(description="While it is locked.")
    opted_out: bool = Field(description="Whether they want no offers.")
    joined_at: datetime
    registered_at: datetime | None
    blacklisted_at: datetime | None
    consents: list[Consent]
    loans: list[Loan] | None
    decisions: list[Decided] | None
    payments: list[Payment] | None
    messages: list[Told] | None


class Revealed(BaseModel):
    """What is masked everywhere else."""

    id: int = Field(examples=[7])
    name: str | None
    msisdn: str = Field(examples=["254712345126"])
    national_id: str | None = Field(examples=["23456789"])


class TimelineQuery(BaseModel):
    """Which part of the timeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(None, max_length=1_000, description="`next` of a page: what was before it.")
    limit: int = Field(50, ge=1, le=200)


class Happened(BaseModel):
    """One thing that happened."""

    source: Source
    what: str = Field(examples=["repay"])
    at: datetime
    loan_ref: str | None
    cents: int | None
    more: dict[str, Any] = Field(description="What else there is to say, by source.")


class Timeline(Page[Happened]):
    """Some of what happened, the latest first."""


@routes.get("/admin/users/{user_id}", may=Permission.BORROWERS_READ, problems=(NOT_FOUND,))
async def get_user(call: Read, user_id: int) -> Person:
    """Show one person.

    With the latest loans, decisions with their reason codes, payments, messages and consents.
    """
    seen = "".join(str(int(call.who.may(each))) for each in SECTIONS)
    key = ("user", user_id, seen, today())
    return await cached(call, key, (f"borrower:{user_id}",), Person, lambda: _person(call, user_id))


async def _person(call: Read, user_id: int) -> Person:
    async with snapshot(call) as connection:
        row = await connection.fetchrow(queries.PROFILE, user_id)
        if row is None:
            raise nobody(user_id)
        loans, money, messages = (call.who.may(each) for each in SECTIONS)
        return Person.model_validate({
            **_profile(row),
            "consents": [dict(each) for each in await connection.fetch(queries.CONSENTS, user_id, SHOWN)],
            "loans": await _loans(connection, user_id) if loans else None,
            "decisions": await _decisions(connection, user_id) if loans else None,
            "payments": await _payments(connection, user_id) if money else None,
            "messages": await _messages(connection, user_id) if messages else None,
        })  # fmt: skip


def _profile(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "language": row["language"],
        "status": standing_of(row),
        "score": row["score"],
        "limit_cents": row["limit_cents"],
        "credit_cents": row["credit_cents"],
        "owed_cents": row["owed_cents"],
        "pin_locked_until": row["pin_locked_until"],
        "opted_out": row["opted_out"],
        "joined_at": row["created_at"],
        "registered_at": row["registered_at"],
        "blacklisted_at": row["blacklisted_at"],
    }


async def _loans(connection: Any, user_id: int) -> list[dict[str, Any]]:
    made = await asked_of(connection, LOANS, LoanQuery(user_id=user_id), None)
    rows, _ = await fetch(connection, made.wanted, None, SHOWN)
    return [LOANS.shown(row) for row in rows]


async def _decisions(connection: Any, user_id: int) -> list[dict[str, Any]]:
    return [
        {**row, "points": orjson.loads(row["points"]), "loan_ref": row["ref"]}
        for row in await connection.fetch(queries.DECISIONS, user_id, SHOWN)
    ]


async def _payments(connection: Any, user_id: int) -> list[dict[str, Any]]:
    return [
        {**row, "on": row["value_on"], "loan_ref": row["ref"]}
        for row in await connection.fetch(queries.PAYMENTS, user_id, SHOWN)
    ]


async def _messages(connection: Any, user_id: int) -> list[dict[str, Any]]:
    return [
        {**row, "status": row["state"], "loan_ref": row["ref"]}
        for row in await connection.fetch(queries.MESSAGES, user_id, SHOWN)
    ]


@routes.post("/admin/users/{user_id}/reveal", may=Permission.BORROWERS_REVEAL, problems=(NOT_FOUND,))
async def reveal_user(call: Change, user_id: int) -> Revealed:
    """Show a whole phone number and national id.

    Each look is a row of the audit.
    """
    row = await call.connection.fetchrow(queries.REVEAL, user_id)
    if row is None:
        raise nobody(user_id)
    call.audit(f"borrower:{user_id}", {}, {"revealed": ["msisdn", "national_id"]})
    return Revealed(**row)


TIMELINE_KEYS = (Key("happened.at", datetime), Key("happened.source", str), Key("happened.id", int))


@routes.get(
    "/admin/users/{user_id}/timeline", may=Permission.BORROWERS_READ, problems=(NOT_FOUND, INVALID, AWAY)
)
async def get_user_timeline(call: Read, user_id: int, query: TimelineQuery) -> Timeline:
    """Show what happened with one person, the latest first.

    Joining and consents; what dialogs came to: applications, decisions with their reason codes, prompts to
    pay; loans and what became of them; money; what people proposed and decided; messages. What the caller
    may not see is left out.
    """
    sources = [queries.OF_PERSON]
    of_sections = (queries.OF_LOANS, queries.OF_MONEY, queries.OF_MESSAGES)
    sources += [sql for sql, may in zip(of_sections, SECTIONS, strict=True) if call.who.may(may)]
    about = orjson.dumps(["timeline", user_id, len(sources)])
    values: list[Any] = [user_id]
    after = ""
    if query.cursor is not None:
        values += cursor.read(query.cursor, TIMELINE_KEYS, about, call.desk.secret)
        after = "where (happened.at, happened.source, happened.id) < ($2, $3, $4)"
    sql = queries.TIMELINE.format(sources="\nunion all\n".join(sources), after=after, limit=query.limit + 1)
    async with snapshot(call) as connection:
        if await connection.fetchval("select id from borrower where id = $1", user_id) is None:
            raise nobody(user_id)
        rows = await connection.fetch(sql, *values)
    shown = rows[: query.limit]
    last = [shown[-1]["at"], shown[-1]["source"], shown[-1]["id"]] if len(rows) > query.limit else None
    return Timeline.model_validate({
        "items": [{**row, "loan_ref": row["ref"], "more": orjson.loads(row["more"])} for row in shown],
        "next": None if last is None else cursor.write(last, about, call.desk.secret),
    })  # fmt: skip


@routes.get("/loans/user/{user_id}", may=Permission.LOANS_READ, problems=(NOT_FOUND, INVALID, AWAY))
async def list_loans_of_user(call: Read, user_id: int, query: LoanQuery) -> Loans:
    """List one person's loans."""
    if query.format != "json" or query.user_id not in (None, user_id):
        what = "is said by the path" if query.format == "json" else "a file is made by admin/loans?user_id="
        where = "query.user_id" if query.format == "json" else "query.format"
        raise INVALID.of(f"{where}: {what}.", [{"where": where, "what": what}])
    if await call.pool.fetchval("select id from borrower where id = $1", user_id) is None:
        raise nobody(user_id)
    return await page(call, LOANS, query.model_copy(update={"user_id": user_id}), Loans)


def nobody(user_id: int) -> Problem:
    """There is no such person."""
    return NOT_FOUND.of(f"There is nobody with the id {user_id}.")
