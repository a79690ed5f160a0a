"""The list of transactions: the journals of the ledger, with their postings."""

from datetime import date, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import Branch, Column, Key, Listing, Sort, among, at_least, at_most, equal
from services.api.lists.query import Day, Id, ListQuery, Page, Search
from services.api.lists.search import Things
from services.api.operation import Routes
from services.api.permissions import Permission

routes = Routes("Money")


class TransactionQuery(ListQuery):
    """Which transactions."""

    q: Search | None = Field(
        None, description="A receipt of M-Pesa, a loan's reference, or a whole phone number."
    )
    kind: list[str] = Field(
        [], max_length=30, description="What it was.", examples=[["repayment", "disbursement"]]
    )
    user_id: Id | None = Field(None, description="Of this person.")
    loan_id: Id | None = Field(None, description="Of this loan.")
    on_from: Day | None = Field(None, description="The business day it counts for.")
    on_to: Day | None = Field(None, description="The business day it counts for.")
    sort: Literal["on", "-on"] = Field("-on", description="By business day; `-` is the latest first.")


class Posting(BaseModel):
    """One leg. The legs of a transaction sum to zero."""

    account: str = Field(examples=["mpesa_paybill"])
    cents: int = Field(description="Above zero a debit, below zero a credit.", examples=[340000])


class Transaction(BaseModel):
    """A journal: money that moved, or was owed or settled."""

    id: int = Field(examples=[90210])
    key: str = Field(
        description="What it is known by; a receipt's begins `receipt:`.", examples=["receipt:QK1"]
    )
    kind: str = Field(examples=["repayment"])
    on: date = Field(description="The business day it counts for.")
    at: datetime = Field(description="When it was written.")
    amount_cents: int = Field(description="The sum of its debits.", examples=[340000])
    user_id: int | None
    loan_id: int | None
    loan_ref: str | None
    postings: list[Posting]


class Transactions(Page[Transaction]):
    """A page of transactions."""


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    return {
        "id": row["id"],
        "key": row["key"],
        "kind": row["kind"],
        "on": row["value_on"],
        "at": row["at"],
        "amount_cents": row["amount_cents"],
        "user_id": row["borrower_id"],
        "loan_id": row["loan_id"],
        "loan_ref": row["ref"],
        "postings": orjson.loads(row["postings"]),
        "legs": row["legs"],
    }


ID = Key("journal.id", int)

TRANSACTIONS = Listing(
    name="transactions",
    table="journal",
    id=ID,
    select="""journal.id, journal.key, journal.kind, journal.value_on, journal.at, journal.borrower_id,
    journal.loan_id, loan.ref, moved.amount_cents, moved.postings::text as postings, moved.legs""",
    joins="""join journal on journal.id = page.id
left join loan on loan.id = journal.loan_id
cross join lateral (
    select
        coalesce(sum(posting.amount_cents) filter (where posting.amount_cents > 0), 0)::bigint
            as amount_cents,
        jsonb_agg(jsonb_build_object('account', account.code, 'cents', posting.amount_cents)
            order by posting.id) as postings,
        string_agg(account.code || ' ' || round(posting.amount_cents / 100.0, 2), '; '
            order by posting.id) as legs
    from posting
    join account on account.id = posting.account_id
    where posting.journal_id = journal.id
) as moved""",
    sorts={"on": Sort((Key("journal.value_on", date), ID))},
    filters={
        "kind": among("journal.kind"),
        "user_id": equal("journal.borrower_id"),
        "loan_id": equal("journal.loan_id"),
        "on_from": at_least("journal.value_on"),
        "on_to": at_most("journal.value_on"),
    },
    columns=(
        Column("id", "id", "number"),
        Column("key", "key"),
        Column("kind", "kind"),
        Column("on", "on", "date"),
        Column("written", "at", "moment"),
        Column("amount_kes", "amount_cents", "money"),
        Column("person", "user_id", "number"),
        Column("loan", "loan_ref"),
        Column("postings", "legs"),
    ),
    shown=shown,
    tags=("journal",),
    branches=(Branch("journal.kind", "kind"),),
)
RECEIPT = """journal.key in (
    {0}::text, 'receipt:' || upper({0}::text), 'match:' || upper({0}::text), 'return:' || upper({0}::text),
    'recovery:' || upper({0}::text)
)"""
FINDER = Things("journal.borrower_id", "journal.loan_id", RECEIPT)


@routes.get("/admin/transactions", may=Permission.MONEY_READ, **LISTED)
async def list_transactions(call: Read, query: TransactionQuery) -> Transactions | Stream:
    """List transactions.

    Each is a journal of the double-entry ledger, with its postings.
    """
    return await answer(call, TRANSACTIONS, query, Transactions, FINDER)
