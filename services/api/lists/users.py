"""The list of people."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import (
    Branch,
    Column,
    Key,
    Listing,
    Sort,
    Where,
    since,
    today,
    until,
)
from services.api.lists.query import Day, ListQuery, Page, Search
from services.api.lists.search import People
from services.api.operation import Routes
from services.api.permissions import Permission
from ussd_engine.observe.logs import mask

routes = Routes("People")

Standing = Literal["registered", "joining", "blacklisted"]
UserSort = Literal["joined", "-joined", "name", "-name"]


class UserQuery(ListQuery):
    """Which people."""

    q: Search | None = Field(
        None,
        description="What words of a name begin with, a whole phone number, or a loan's reference. People "
        "found by name come in the order of the longest word that was given.",
    )
    status: list[Standing] = Field([], description="`joining` have not finished registering.")
    language: Literal["en", "sw"] | None = None
    joined_from: Day | None = None
    joined_to: Day | None = None
    has_loan: bool | None = Field(
        None, description="Whether they have an open loan. How late one is, admin/loans lists."
    )
    sort: UserSort = Field("-joined", description="`-` is the other way round. A search by name has its own.")


class User(BaseModel):
    """Somebody, in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 7, "name": "Wanjiru Kamau", "msisdn": "2547***126", "language": "sw",
                    "status": "registered", "score": 450, "limit_cents": 1500000,
                    "joined_at": "2025-03-01T09:14:00Z", "loan_ref": "U4K7QXN", "loan_status": "overdue",
                    "days_late": 3,
                }
            ]
        }
    )  # fmt: skip

    id: int
    name: str | None = Field(description="Null until they have registered.")
    msisdn: str = Field(description="Masked.")
    language: str
    status: Standing
    score: int
    limit_cents: int
    joined_at: datetime
    loan_ref: str | None = Field(description="Of their open loan.")
    loan_status: str | None
    days_late: int | None = Field(description="Days past due of their open loan; 0 before it is due.")


class Users(Page[User]):
    """A page of people."""


# Everybody is one of these: `standing_of` says the same of a row.
STANDINGS = {
    "registered": "borrower.registered_at is not null\nand borrower.blacklisted_at is null",
    "joining": "borrower.registered_at is null\nand borrower.blacklisted_at is null",
    "blacklisted": "borrower.blacklisted_at is not null",
}


def _standing(where: Where, values: Any) -> None:
    where.add(f"({' or '.join(f'({STANDINGS[value]})' for value in dict.fromkeys(values))})")


def _with_loan(where: Where, value: bool) -> None:
    open_one = "exists (select from loan where loan.borrower_id = borrower.id and loan.is_open)"
    if value:  # nobody borrows before they have registered
        where.implied.append("borrower.registered_at is not null")
    where.add(open_one if value else f"not {open_one}")


def standing_of(row: Any) -> str:
    """What somebody is, in a word."""
    if row["blacklisted_at"] is not None:
        return "blacklisted"
    return "joining" if row["registered_at"] is None else "registered"


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "language": row["language"],
        "status": standing_of(row),
        "score": row["score"],
        "limit_cents": row["limit_cents"],
        "joined_at": row["created_at"],
        "loan_ref": row["loan_ref"],
        "loan_status": row["loan_state"],
        "days_late": max((today() - row["due_on"]).days, 0) if row["due_on"] is not None else None,
    }


ID = Key("borrower.id", int)
NAME = Key('(name_key(borrower.name) collate "C")', str, nullable=True, because="borrower.registered_at")
FOUND = (Key("borrower_word.word", str), Key("borrower_word.borrower_id", int))
WINDOW = 2_500  # people of a name that are looked at for a page

USERS = Listing(
    name="users",
    table="borrower",
    id=ID,
    select="""borrower.id, borrower.name, borrower.msisdn, borrower.language, borrower.registered_at,
    borrower.blacklisted_at, borrower.score, borrower.limit_cents, borrower.created_at,
    loan.ref as loan_ref, loan.state as loan_state, loan.due_on""",
    joins="""join borrower on borrower.id = page.id
left join loan on loan.borrower_id = borrower.id and loan.is_open""",
    sorts={
        "joined": Sort((Key("borrower.created_at", datetime), ID)),
        "name": Sort((NAME, ID)),
        "found": Sort(
            FOUND,
            window=WINDOW,
            of="borrower_word",
            # Left: PostgreSQL leaves the borrower out, unless a filter asks for them.
            joined="left join borrower on borrower.id = borrower_word.borrower_id",
        ),
    },
    filters={
        "status": _standing,
        "language": lambda where, value: where.add("borrower.language = {}", value),
        "joined_from": since("borrower.created_at"),
        "joined_to": until("borrower.created_at"),
        "has_loan": _with_loan,
    },
    columns=(
        Column("id", "id", "number"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("language", "language"),
        Column("status", "status"),
        Column("score", "score", "number"),
        Column("limit_kes", "limit_cents", "money"),
        Column("joined", "joined_at", "moment"),
        Column("loan", "loan_ref"),
        Column("loan_status", "loan_status"),
        Column("days_late", "days_late", "number"),
    ),
    shown=shown,
    tags=("borrower", "loan"),
    branches=(Branch("", "status", said=STANDINGS),),
    narrow={"joined": ("joined_from", "joined_to")},
)
FINDER = People("borrower.id")


@routes.get("/admin/users", may=Permission.BORROWERS_READ, **LISTED)
async def list_users(call: Read, query: UserQuery) -> Users | Stream:
    """List people.

    Newest first, unless `sort` says otherwise. Numbers are masked; see `reveal`.
    """
    return await answer(call, USERS, query, Users, FINDER)
