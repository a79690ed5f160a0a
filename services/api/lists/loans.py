"""The list of loans."""

from datetime import date, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api.calls import Read, Stream
from services.api.lists.answering import LISTED, answer
from services.api.lists.listing import (
    Branch,
    Column,
    Filter,
    Key,
    Listing,
    Sort,
    Where,
    at_least,
    at_most,
    equal,
    since,
    today,
    until,
)
from services.api.lists.query import Cents, Day, DaysLate, Id, ListQuery, Page, Search
from services.api.lists.search import People
from services.api.lists.users import FOUND
from services.api.operation import Routes
from services.api.permissions import Permission
from services.loans.lifecycle import LENT, STATES
from ussd_engine.observe.logs import mask

routes = Routes("Loans")

LoanStatus = Literal[
    "applied", "approved", "rejected", "disbursing", "cancelled", "active", "failed", "repaid", "overdue",
    "non_performing", "written_off", "recovered",
]  # fmt: skip
DUE = ("due_from", "due_to", "days_late_min", "days_late_max")
LoanSort = Literal["applied", "-applied", "amount", "-amount", "due", "-due"]


class LoanQuery(ListQuery):
    """Which loans."""

    q: Search | None = Field(
        None, description="A loan's reference, a whole phone number, or words that a name begins with."
    )
    status: list[LoanStatus] = Field([], description="One or more states.")
    product: list[str] = Field([], max_length=20, description="One or more products.", examples=[["umoja30"]])
    user_id: Id | None = Field(None, description="Of this person.")
    amount_min_cents: Cents | None = Field(
        None, description="Of the amount lent. Such loans come by amount, or the latest first."
    )
    amount_max_cents: Cents | None = Field(None, description="Of the amount lent.")
    applied_from: Day | None = None
    applied_to: Day | None = None
    due_from: Day | None = Field(None, description="Due dates come in their own order: `due` or `-due`.")
    due_to: Day | None = Field(None, description="Not beside `applied_from` or `applied_to`.")
    days_late_min: DaysLate | None = Field(None, description="Of loans that are owed. 1: everything late.")
    days_late_max: DaysLate | None = Field(None, description="Of loans that are owed.")
    sort: LoanSort = Field("-applied", description="`-` is the other way round; without a due date last.")

    @model_validator(mode="after")
    def _one_date(self) -> Self:
        """A walk past rows of other dates, in another order than theirs, would read most loans there are."""
        applied = self.applied_from or self.applied_to
        due = any(getattr(self, name) is not None for name in DUE)
        if applied and due:
            raise ValueError("ask for one of the two dates: applied or due")
        if due and "sort" not in self.model_fields_set:
            # Written into this very one: a copy of it is dropped when the query is made in the code, and what
            # runs before the fields are read would read JSON less strictly.
            self.__dict__["sort"] = "-due"
            self.model_fields_set.add("sort")
        if due and self.sort.removeprefix("-") != "due":
            raise ValueError("loans of some due dates come by due date: sort=due or sort=-due")
        if applied and self.sort.removeprefix("-") != "applied":
            raise ValueError("loans applied for on some days come by these: sort=applied or sort=-applied")
        return self

    @model_validator(mode="after")
    def _large_ones_came_late(self) -> Self:
        """People may borrow more as they go on: whoever looks for large loans from the first one on passes
        half a million small ones. One person's are few, and a search has an order of its own."""
        asked = self.amount_min_cents is not None or self.amount_max_cents is not None
        if asked and self.sort in ("applied", "due") and self.user_id is None and self.q is None:
            raise ValueError(f"loans of some amount come by amount, or the latest first: sort=-{self.sort}")
        return self


class Loan(BaseModel):
    """A loan, in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 12, "ref": "U4K7QXN", "user_id": 7, "name": "Wanjiru Kamau", "msisdn": "2547***126",
                    "product": "umoja30", "purpose": "business", "status": "overdue",
                    "principal_cents": 500000, "total_cents": 590000, "owed_cents": 340000,
                    "applied_at": "2026-10-20T09:14:00Z", "disbursed_at": "2026-10-20T09:15:02Z",
                    "due_on": "2026-11-20", "closed_at": None, "days_late": 3,
                }
            ]
        }
    )  # fmt: skip

    id: int
    ref: str
    user_id: int
    name: str | None
    msisdn: str = Field(description="Masked.")
    product: str
    purpose: str
    status: LoanStatus
    principal_cents: int = Field(description="What was lent.")
    total_cents: int = Field(description="What was agreed to be paid back.")
    owed_cents: int = Field(description="What is owed now, penalties and what was written off included.")
    applied_at: datetime
    disbursed_at: datetime | None
    due_on: date | None
    closed_at: datetime | None
    days_late: int | None = Field(description="Days past due, while it is owed; null before the money came.")


class Loans(Page[Loan]):
    """A page of loans."""


def _days_late(where: Where, due: str, day: date) -> None:
    """Days past due are days since the due date; only what is owed is late."""
    states = ", ".join(f"'{state}'" for state in LENT)
    where.add(f"loan.state in ({states})")
    where.add(f"loan.due_on {due} {{}}", day)


def _late_at_least(where: Where, days: int) -> None:
    _days_late(where, "<=", today() - timedelta(days=days))


def _late_at_most(where: Where, days: int) -> None:
    _days_late(where, ">=", today() - timedelta(days=days))


def _is(column: str) -> Filter:
    """What the branches ask for already: said once, in a search that has no branches."""
    return lambda where, values: where.add(f"{column} = any({{}}::text[])", list(values))


def shown(row: Any) -> dict[str, Any]:
    """A row as it is told."""
    late = (today() - row["due_on"]).days if row["due_on"] is not None else None
    owed = row["state"] in (*LENT, "written_off")
    return {
        "id": row["id"],
        "ref": row["ref"],
        "user_id": row["borrower_id"],
        "name": row["name"],
        "msisdn": mask(row["msisdn"]),
        "product": row["product"],
        "purpose": row["purpose"],
        "status": row["state"],
        "principal_cents": row["principal_cents"],
        "total_cents": row["total_cents"],
        "owed_cents": row["owed_cents"],
        "applied_at": row["applied_at"],
        "disbursed_at": row["disbursed_at"],
        "due_on": row["due_on"],
        "closed_at": row["closed_at"],
        "days_late": max(late, 0) if late is not None and owed else None,
    }


ID = Key("loan.id", int)
WINDOW = 800  # people of a name whose loans are looked at for a page

# The states and products there are, each found by one look into an index: not by reading the table.
COMBINATIONS = """
with recursive seen as (
    (select state, product from loan order by state, product limit 1)
    union all
    select later.state, later.product
    from seen
    cross join lateral (
        select loan.state, loan.product
        from loan
        where (loan.state, loan.product) > (seen.state, seen.product)
        order by loan.state, loan.product
        limit 1
    ) as later
)
select state, product
from seen
"""

LOANS = Listing(
    name="loans",
    table="loan",
    id=ID,
    select="""loan.id, loan.ref, loan.borrower_id, borrower.name, borrower.msisdn, loan.product, loan.purpose,
    loan.state, loan.principal_cents, loan.total_cents, loan.applied_at, loan.disbursed_at, loan.due_on,
    loan.closed_at, owed.cents as owed_cents""",
    joins="""join loan on loan.id = page.id
join borrower on borrower.id = loan.borrower_id
cross join lateral (
    select coalesce(sum(balance.balance_cents), 0)::bigint as cents
    from account
    join balance on balance.account_id = account.id
    where account.loan_id = loan.id
) as owed""",
    sorts={
        "applied": Sort((Key("loan.applied_at", datetime), ID)),
        "amount": Sort((Key("loan.principal_cents", int), ID)),
        "due": Sort((Key("loan.due_on", date, nullable=True), ID)),
        "found": Sort(
            (*FOUND, ID),
            window=WINDOW,
            of="borrower_word",
            # `offset 0`: by each person's own index, never all the loans that the filters leave.
            joined="cross join lateral (select * from loan "
            "where loan.borrower_id = borrower_word.borrower_id offset 0) as loan",
        ),
    },
    filters={
        "status": _is("loan.state"),
        "product": _is("loan.product"),
        "user_id": equal("loan.borrower_id"),
        "amount_min_cents": at_least("loan.principal_cents"),
        "amount_max_cents": at_most("loan.principal_cents"),
        "applied_from": since("loan.applied_at"),
        "applied_to": until("loan.applied_at"),
        "due_from": at_least("loan.due_on"),
        "due_to": at_most("loan.due_on"),
        "days_late_min": _late_at_least,
        "days_late_max": _late_at_most,
    },
    columns=(
        Column("loan", "ref"),
        Column("person", "user_id", "number"),
        Column("name", "name"),
        Column("phone", "msisdn"),
        Column("product", "product"),
        Column("purpose", "purpose"),
        Column("status", "status"),
        Column("lent_kes", "principal_cents", "money"),
        Column("agreed_kes", "total_cents", "money"),
        Column("owed_kes", "owed_cents", "money"),
        Column("applied", "applied_at", "moment"),
        Column("money_sent", "disbursed_at", "moment"),
        Column("due", "due_on", "date"),
        Column("closed", "closed_at", "moment"),
        Column("days_late", "days_late", "number"),
    ),
    shown=shown,
    tags=("loan", "journal", "borrower"),
    branches=(Branch("loan.state", "status", STATES), Branch("loan.product", "product")),
    combinations=COMBINATIONS,
    narrow={"amount": ("amount_min_cents", "amount_max_cents")},
)
FINDER = People("loan.borrower_id", "loan.id")


@routes.get("/admin/loans", may=Permission.LOANS_READ, **LISTED)
async def list_loans(call: Read, query: LoanQuery) -> Loans | Stream:
    """List loans.

    The latest application first, unless `sort` says otherwise.
    """
    return await answer(call, LOANS, query, Loans, FINDER)
