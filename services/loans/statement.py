"""A borrower's statement: every movement of their money, in full for an officer, in short for an SMS.

What is owed is the sum of the borrower's own accounts: the parts of their loans, what is still owed of a
loan written off, what a late payout claims; less the credit we hold for them. So the balance after the last
row is what the wallet says.
"""

from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Any, Literal

import orjson

from services import clock
from services.loans import views
from services.sms import notices
from ussd_engine.actions import Call

MOST_ROWS = 5_000  # of a full statement
SHORT_ROWS = 6
SHORT_LETTERS = 150  # of the rows in the SMS; notices.WIDEST counts with it

Sent = Literal["ok", "none", "enough"]

# Each journal that touched the borrower's own accounts, with what it did to each part of what they owe.
ROWS = """
with mine as (
    select account.id, split_part(account.code, ':', 1) as name
    from account
    where account.borrower_id = $1
    or account.loan_id in (select id from loan where borrower_id = $1)
),
moved as (
    select posting.journal_id, mine.name, sum(posting.amount_cents)::bigint as cents
    from posting
    join mine on mine.id = posting.account_id
    group by posting.journal_id, mine.name
)
select
    journal.id,
    journal.value_on,
    journal.kind,
    loan.ref,
    jsonb_object_agg(moved.name, moved.cents)::text as parts,
    sum(moved.cents)::bigint as cents
from moved
join journal on journal.id = moved.journal_id
left join loan on loan.id = journal.loan_id
group by journal.id, loan.ref
order by journal.value_on, journal.id
limit $2
"""

SENT_TODAY = """
select count(*)
from sms
where borrower_id = $1
and notice = 'statement'
and created_at >= ($2::date::timestamp at time zone 'Africa/Nairobi')
"""

BORROWER = """
select id
from borrower
where msisdn = $1
for no key update
"""


@dataclass(slots=True, frozen=True)
class Row:
    """A movement. cents: what is owed became more (above 0) or less by it; balance_cents: is owed after it,
    below 0 what we hold for them. parts: the same by part, such as principal, fee, credit."""

    on: date
    kind: str
    ref: str
    parts: dict[str, int]
    cents: int
    balance_cents: int


@dataclass(slots=True, frozen=True)
class Statement:
    """The movements of a time, oldest first, and what was owed before and after it."""

    since: date | None
    until: date | None
    before_cents: int
    after_cents: int
    rows: tuple[Row, ...]


async def full(
    connection: Any, borrower_id: int, since: date | None = None, until: date | None = None
) -> Statement:
    """All movements from `since` to `until`, both included; None: from the first, to the last."""
    found = await connection.fetch(ROWS, borrower_id, MOST_ROWS)
    balances = accumulate(row["cents"] for row in found)
    every = [_row(row, balance) for row, balance in zip(found, balances, strict=True)]
    before = [row for row in every if since is not None and row.on < since]
    shown = [row for row in every[len(before) :] if until is None or row.on <= until]
    opening = before[-1].balance_cents if before else 0
    closing = shown[-1].balance_cents if shown else opening
    return Statement(since, until, opening, closing, tuple(shown))


async def send(connection: Any, call: Call, most_a_day: int) -> Sent:
    """Have the short one sent to who asks, inside the caller's transaction; at most so many a day."""
    today = clock.nairobi_date(clock.now())
    borrower_id = await connection.fetchval(BORROWER, call.msisdn)
    entries = await views.statement(connection, call.msisdn, call.language, SHORT_ROWS)
    if borrower_id is None or not entries:
        return "none"
    sent = await connection.fetchval(SENT_TODAY, borrower_id, today)
    if sent >= most_a_day:
        return "enough"
    wallet = await connection.fetchrow(views.WALLET, borrower_id)
    details = {
        "on": today.isoformat(),
        "rows": short(entries),
        "owed": wallet["owed_cents"],
        "credit": wallet["credit_cents"],
    }
    key = f"statement:{borrower_id}:{today.isoformat()}:{sent + 1}"
    await notices.ask(connection, key, notices.STATEMENT, borrower_id, details)
    return "ok"


def short(entries: list[dict[str, Any]]) -> str:
    """The newest movements in few letters: `20/11 Paid 2,950.50; 01/11 Fee 900`. As many as there is room."""
    said = ""
    for entry in entries:
        day = date.fromisoformat(entry["date"])
        cents = entry["amount"]
        amount = f"{cents // 100:,}" if cents % 100 == 0 else f"{cents // 100:,}.{cents % 100:02}"
        more = f"{'; ' if said else ''}{day:%d/%m} {entry['kind']} {amount}"
        if len(said) + len(more) > SHORT_LETTERS:
            break
        said += more
    return said


def _row(row: Any, balance_cents: int) -> Row:
    parts = {
        name.removeprefix("loan_").removeprefix("customer_"): cents
        for name, cents in orjson.loads(row["parts"]).items()
        if cents
    }
    return Row(row["value_on"], row["kind"], row["ref"] or "", parts, row["cents"], balance_cents)
