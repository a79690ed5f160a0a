"""One loan: what it is, what is to be paid when, and every movement of it. By its id or its reference."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from itertools import accumulate
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, Field

from services.api.cached import cached
from services.api.calls import Read
from services.api.lists.listing import today
from services.api.lists.loans import LOANS, Loan, LoanQuery
from services.api.lists.pages import asked, fetch, snapshot
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import AWAY, NOT_FOUND

routes = Routes("Loans")

M = TypeVar("M", bound=BaseModel)

WHICH = """
select id, borrower_id
from loan
where {column} = $1
"""

DETAILS = """
select loan.*, hold.state as hold, payout.state as payout, payout.receipt
from loan
left join hold on hold.key = loan.ref
left join payout on payout.loan_id = loan.id
where loan.id = $1
"""

# What each part of the debt was charged and what of it was settled, from the ledger.
PARTS = """
select
    split_part(account.code, ':', 1) as part,
    (balance.debits_cents - undone.cents)::bigint as charged_cents,
    (balance.credits_cents - undone.cents)::bigint as settled_cents
from account
join balance on balance.account_id = account.id
cross join lateral (
    select coalesce(sum(posting.amount_cents), 0) as cents
    from journal
    join posting on posting.journal_id = journal.id and posting.account_id = account.id
    where journal.loan_id = $1
    and journal.kind = 'payment_undone'
) as undone
where account.loan_id = $1
"""

EVENTS = """
select move, from_state, to_state, actor, at
from loan_event
where loan_id = $1
order by id
"""

CHARGES = """
select journal.kind, journal.value_on, sum(posting.amount_cents)::bigint as cents
from journal
join posting on posting.journal_id = journal.id and posting.amount_cents > 0
where journal.loan_id = $1
and journal.kind in ('fee', 'interest', 'penalty', 'rollover')
group by journal.id
order by journal.value_on, journal.id
"""

MOVEMENTS = """
select
    journal.id,
    journal.key,
    journal.kind,
    journal.value_on,
    journal.at,
    jsonb_object_agg(moved.part, moved.cents)::text as parts,
    sum(moved.cents)::bigint as cents
from (
    select posting.journal_id, split_part(account.code, ':', 1) as part,
        sum(posting.amount_cents)::bigint as cents
    from account
    join posting on posting.account_id = account.id
    where account.loan_id = $1
    group by posting.journal_id, part
) as moved
join journal on journal.id = moved.journal_id
group by journal.id
order by journal.value_on, journal.id
limit $2
"""
MOST_MOVEMENTS = 5_000


class LoanEvent(BaseModel):
    """A move it made."""

    move: str = Field(examples=["pay_out"])
    from_status: str
    to_status: str
    by: str = Field(examples=["mpesa"])
    at: datetime


class LoanPage(Loan):
    """A loan with all that is known of it."""

    fee_cents: int
    interest_cents: int = Field(description="For the whole term, as it was agreed.")
    excise_cents: int = Field(description="On fee and interest, as it was agreed.")
    apr_bp: int = Field(description="What it costs a year, in hundredths of a percent.", examples=[21900])
    term_days: int
    rollovers: int
    owed: dict[str, int] = Field(
        description="What is owed by part, in cents.", examples=[{"principal": 340000}]
    )
    hold_status: str | None = Field(description="Of the money that was promised.")
    payout_status: str | None
    receipt: str | None = Field(description="Of its payout.")
    duplum_on: date | None = Field(description="From when on what it may be charged is capped.")
    duplum_room_cents: int | None
    terms: dict[str, Any] = Field(description="The rules of its product, as they were agreed.")
    bundle: str = Field(description="The menus and prices that were shown.")
    events: list[LoanEvent]


class ScheduledPart(BaseModel):
    """A part of what is to be paid."""

    part: str = Field(examples=["principal"])
    cents: int = Field(description="What was charged, or is agreed.")
    settled_cents: int = Field(description="Of it, what was paid, waived or written off.")
    left_cents: int


class Charged(BaseModel):
    """A charge, with its excise."""

    kind: str = Field(examples=["penalty"])
    on: date
    cents: int


class Schedule(BaseModel):
    """What is to be paid, and when: one payment at the end of the term, or earlier."""

    loan_id: int
    ref: str
    due_on: date | None = Field(description="Null before the money arrived: the term begins then.")
    term_days: int
    parts: list[ScheduledPart]
    charges: list[Charged] = Field(description="What it was charged so far.")
    total_cents: int
    settled_cents: int
    left_cents: int


class Movement(BaseModel):
    """A movement of a loan."""

    id: int
    key: str
    kind: str = Field(examples=["repayment"])
    on: date
    at: datetime
    parts: dict[str, int] = Field(description="What became more (above 0) or less owed, by part.")
    cents: int = Field(description="All parts together.")
    balance_cents: int = Field(description="What is owed after it.")


class LoanStatement(BaseModel):
    """Every movement of a loan, the oldest first."""

    loan_id: int
    ref: str
    movements: list[Movement]
    owed_cents: int = Field(description="After the last one.")


@routes.get("/loans/{loan_id}", may=Permission.LOANS_READ, problems=(NOT_FOUND, AWAY))
async def get_loan(call: Read, loan_id: str) -> LoanPage:
    """Show one loan, by its id or its reference."""
    return await _of_loan(call, "loan", loan_id, LoanPage, _loan)


@routes.get("/loans/{loan_id}/schedule", may=Permission.LOANS_READ, problems=(NOT_FOUND, AWAY))
async def get_schedule(call: Read, loan_id: str) -> Schedule:
    """Show what is to be paid for a loan, and when.

    Before the money has arrived: what was agreed. Afterwards: what the ledger says, penalties included.
    """
    return await _of_loan(call, "schedule", loan_id, Schedule, _schedule)


@routes.get("/loans/{loan_id}/statement", may=Permission.LOANS_READ, problems=(NOT_FOUND, AWAY))
async def get_loan_statement(call: Read, loan_id: str) -> LoanStatement:
    """Show every movement of a loan, with what is owed after each."""
    return await _of_loan(call, "statement", loan_id, LoanStatement, _statement)


async def _of_loan(
    call: Read, name: str, given: str, model: type[M], read: Callable[[Any, int], Awaitable[M]]
) -> M:
    """What is kept of that loan under that name, or read now. Raises NOT_FOUND."""
    by_id = given.isascii() and given.isdecimal() and len(given) < 19
    which = await call.pool.fetchrow(
        WHICH.format(column="id" if by_id else "ref"), int(given) if by_id else given.upper()
    )
    if which is None:
        raise NOT_FOUND.of(f"There is no loan {given[:20]}.")

    async def make() -> M:
        async with snapshot(call) as connection:
            return await read(connection, which["id"])

    tags = (f"loan:{which['id']}", f"borrower:{which['borrower_id']}")
    return await cached(call, (name, which["id"], today()), tags, model, make)


async def _loan(connection: Any, loan_id: int) -> LoanPage:
    row = await connection.fetchrow(DETAILS, loan_id)
    made = await asked(connection, LOANS, LoanQuery(user_id=row["borrower_id"]), None)
    made.wanted.where.add("loan.id = {}", loan_id)
    rows, _ = await fetch(connection, made.wanted, None, 1)
    listed = LOANS.shown(rows[0])
    parts = await connection.fetch(PARTS, loan_id)
    events = await connection.fetch(EVENTS, loan_id)
    return LoanPage.model_validate({
        **row,
        **listed,
        "excise_cents": row["excise_cents"] + row["interest_excise_cents"],
        "owed": {_short(each["part"]): _left(each) for each in parts if _left(each)},
        "hold_status": row["hold"],
        "payout_status": row["payout"],
        "terms": orjson.loads(row["terms"]),
        "events": [
            {"move": each["move"], "from_status": each["from_state"], "to_status": each["to_state"],
             "by": each["actor"], "at": each["at"]}
            for each in events
        ],
    })  # fmt: skip


async def _schedule(connection: Any, loan_id: int) -> Schedule:
    row = await connection.fetchrow(DETAILS, loan_id)
    parts = [
        ScheduledPart(
            part=_short(each["part"]),
            cents=each["charged_cents"],
            settled_cents=each["settled_cents"],
            left_cents=_left(each),
        )
        for each in await connection.fetch(PARTS, loan_id)
        if each["part"] != "loan_written_off"
    ] or _agreed(row)
    return Schedule(
        loan_id=loan_id,
        ref=row["ref"],
        due_on=row["due_on"],
        term_days=row["term_days"],
        parts=parts,
        charges=[
            Charged(kind=each["kind"], on=each["value_on"], cents=each["cents"])
            for each in await connection.fetch(CHARGES, loan_id)
        ],
        total_cents=sum(each.cents for each in parts),
        settled_cents=sum(each.settled_cents for each in parts),
        left_cents=sum(each.left_cents for each in parts),
    )


def _agreed(row: Any) -> list[ScheduledPart]:
    """What will be owed once the money has arrived."""
    agreed = {
        "principal": row["principal_cents"],
        "fee": row["fee_cents"],
        "interest": row["interest_cents"],
        "excise": row["excise_cents"] + row["interest_excise_cents"],
    }
    return [
        ScheduledPart(part=part, cents=cents, settled_cents=0, left_cents=cents)
        for part, cents in agreed.items()
        if cents
    ]


async def _statement(connection: Any, loan_id: int) -> LoanStatement:
    ref = await connection.fetchval("select ref from loan where id = $1", loan_id)
    rows = await connection.fetch(MOVEMENTS, loan_id, MOST_MOVEMENTS)
    movements = [
        Movement(
            id=row["id"],
            key=row["key"],
            kind=row["kind"],
            on=row["value_on"],
            at=row["at"],
            parts={_short(part): cents for part, cents in orjson.loads(row["parts"]).items() if cents},
            cents=row["cents"],
            balance_cents=balance,
        )
        for row, balance in zip(rows, accumulate(row["cents"] for row in rows), strict=True)
    ]
    owed = movements[-1].balance_cents if movements else 0
    return LoanStatement(loan_id=loan_id, ref=ref, movements=movements, owed_cents=owed)


def _short(account: str) -> str:
    return account.removeprefix("loan_")


def _left(part: Any) -> int:
    left: int = part["charged_cents"] - part["settled_cents"]
    return left
