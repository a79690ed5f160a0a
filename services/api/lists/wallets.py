"""The list of wallets: what we hold for people, and what they owe."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Column, Key, Listing, Sort, Where, since, until
from services.api.lists.query import Day, ListQuery, Page, Search
from services.api.lists.search import People
from services.api.lists.users import ID, USERS
from services.api.operation import Routes
from services.api.permissions import Permission
from ussd_engine.observe.logs import mask

routes = Routes("Money")

# As the index loan_owed has it: it is asked of each wallet that a page or a total passes.
OWES = """exists (
    select from loan
    where loan.borrower_id = borrower.id
    and (loan.is_open or loan.state = 'written_off')
    and loan.disbursed_at is not null
)"""


class WalletQuery(ListQuery):
    """Which wallets."""

    q: Search | None = Field(
        None, description="What words of a name begin with, a whole phone number, or a loan's reference."
    )
    owes: bool | None = Field(None, description="Whether they have a loan to pay back.")
    joined_from: Day | None = None
    joined_to: Day | None = None
    sort: Literal["joined", "-joined", "name", "-name"] = Field(
        "-joined", description="`-` is the other way round. A search by name has its own."
    )


class Wallet(BaseModel):
    """What somebody has with us."""

    user_id: int = Field(examples=[7])
    name: str | None = Field(examples=["Wanjiru Kamau"])
    msisdn: str = Field(description="Masked.", examples=["2547***126"])
    credit_cents: int = Field(description="What we hold for them: paid beyond their debts.", examples=[0])
    owed_cents: int = Field(description="What they owe, written off or not.", examples=[590000])
    limit_cents: int = Field(description="What they might borrow, if they owed nothing.", examples=[1500000])
    joined_at: datetime


class Wallets(Page[Wallet]):
    """A page of wallets."""


def _owes(where: Where, value: bool) -> None:
    where.add(OWES if value else f"not {OWES}")


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "user_id": row["id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "credit_cents": row["credit_cents"],
        "owed_cents": row["owed_cents"],
        "limit_cents": row["limit_cents"],
        "joined_at": row["created_at"],
    }


WALLETS = Listing(
    name="wallets",
    table="borrower",
    id=ID,
    select="""borrower.id, borrower.name, borrower.msisdn, borrower.limit_cents, borrower.created_at,
    wallet.credit_cents, wallet.owed_cents""",
    joins="""join borrower on borrower.id = page.id
join wallet on wallet.borrower_id = page.id""",
    sorts={**USERS.sorts, "joined": Sort((Key("borrower.created_at", datetime), ID))},
    filters={
        "owes": _owes,
        "joined_from": since("borrower.created_at"),
        "joined_to": until("borrower.created_at"),
    },
    columns=(
        Column("person", "user_id", "number"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("credit_kes", "credit_cents", "money"),
        Column("owed_kes", "owed_cents", "money"),
        Column("limit_kes", "limit_cents", "money"),
        Column("joined", "joined_at", "moment"),
    ),
    shown=shown,
    tags=("borrower", "loan", "journal"),
    narrow=USERS.narrow,
)
FINDER = People("borrower.id")


@routes.get("/admin/wallets", may=Permission.MONEY_READ, **LISTED)
async def list_wallets(call: Read, query: WalletQuery) -> Wallets | Stream:
    """List wallets.

    A wallet is what the ledger says of somebody: the credit we hold for them, and what they owe.
    """
    return await answer(call, WALLETS, query, Wallets, FINDER)
