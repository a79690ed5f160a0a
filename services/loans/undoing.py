"""Taking a booked payment off its loan: it was for another one, or M-Pesa sent it back. Two people decide.

    Dr the parts of the debt that it had settled   Cr suspense_unmatched
       what of it was a borrower's credit
       recovery_income, for a loan written off     and the memo accounts the other way round
       write_off_loss, for what was written off after it

What it had settled is owed again, and a loan that it had paid back is open again; charges of the days
between are neither made up for nor taken back. Its money is in suspense: from there it is matched to the
loan it was for, sent back, or known to be back already (services/ledger/suspense.py).

It cannot be undone while the borrower has another loan, which theirs would stand beside, nor when what was
too much of it went elsewhere: into another loan, or out as a refund.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

from services import clock
from services.ledger import accounts, journals
from services.ledger import queries as ledger_queries
from services.ledger.accounts import Account
from services.ledger.journals import Journal, debit
from services.loans import accruals, agreed, approvals, books, lifecycle, queries
from services.loans.approvals import ApprovalError, Effect, Request
from services.loans.servicing import owed_cents
from services.sms import notices

UNDO = "undo_payment"

# What is matched was booked by what settled its item; all else by the receipt's own journal.
FIND = """
select journal.id, journal.loan_id, item.state
from (values ($1::text)) as wanted (receipt)
left join suspense_item as item on item.receipt = wanted.receipt
join journal on journal.id = case
    when item.id is null
    then (select id from journal where key = 'receipt:' || wanted.receipt and kind = 'repayment')
    else item.settled_by
end
"""

LEGS = """
select split_part(account.code, ':', 1) as name, -posting.amount_cents as cents
from posting
join account on account.id = posting.account_id
where posting.journal_id = $1
and posting.amount_cents < 0
order by posting.id
"""

REOPEN_ITEM = """
update suspense_item
set state = 'open',
    settled_by = null,
    settled_at = null
where receipt = $1
returning id
"""

# When it came: as well as we know it. Who paid it is not known any more.
WRITE_ITEM = """
insert into suspense_item (receipt, amount_cents, payer, account_ref, received_at, booked_by)
select
    $1,
    $2,
    '',
    $3,
    case when (at at time zone 'Africa/Nairobi')::date = value_on then at
    else (value_on + time '12:00') at time zone 'Africa/Nairobi' end,
    $4
from journal
where id = $5
"""

# The days until now are over for a loan that is open again: they charge nothing any more.
DAYS_ARE_OVER = """
update loan
set day_done = greatest(day_done, $2)
where id = $1
"""


@dataclass(slots=True, frozen=True)
class Booked:
    """Where a payment is booked: the journal, its loan, and how much."""

    journal_id: int
    loan_id: int
    cents: int


async def booked(connection: Any, receipt: str) -> Booked | None:
    """The journal by which a receipt settles a loan, or is a borrower's credit; None when none does."""
    row = await connection.fetchrow(FIND, receipt)
    if row is None or row["state"] == "returned":
        return None
    cents = sum(leg["cents"] for leg in await connection.fetch(LEGS, row["id"]))
    return Booked(row["id"], row["loan_id"], cents)


async def propose(connection: Any, receipt: str, who: str, reason: str) -> int:
    """Ask for a payment to be taken off its loan. Gives the approval's number. Raises ApprovalError."""
    found = await booked(connection, receipt)
    if found is None:
        raise ApprovalError(f"Receipt {receipt} is booked for no loan.")
    request = Request(UNDO, receipt, found.cents, reason, loan_id=found.loan_id, details={"receipt": receipt})
    return await approvals.propose(connection, request, who)


async def undo(connection: Any, receipt: str, key: str, actor: str) -> int:
    """Take it off, inside the caller's transaction, which has the borrower and the loan locked. Gives how
    much is in suspense now. key: unique for this decision. Raises ApprovalError."""
    await connection.execute(ledger_queries.LOCK_RECEIPT, receipt)
    found = await booked(connection, receipt)
    if found is None:
        raise ApprovalError(f"Receipt {receipt} is booked for no loan.")
    loan = await connection.fetchrow(queries.LOCK_LOAN, found.loan_id)
    settled: Counter[str] = Counter()
    for leg in await connection.fetch(LEGS, found.journal_id):
        settled[leg["name"].removeprefix("loan_")] += leg["cents"]
    await _require_possible(connection, loan, settled)
    today = clock.nairobi_date(clock.now())
    journal_id = await _write(connection, loan, receipt, key, settled, today)
    if await connection.fetchval(REOPEN_ITEM, receipt) is None:
        kept = receipt, found.cents, loan["ref"], journal_id, found.journal_id
        await connection.execute(WRITE_ITEM, *kept)
    await _reopen(connection, loan, settled, actor, today)
    owed = sum((await owed_cents(connection, loan["id"])).values())
    await notices.payment_undone(connection, loan, receipt, key, found.cents, owed)
    return found.cents


async def _require_possible(connection: Any, loan: Any, settled: Counter[str]) -> None:
    over = loan["state"] == "repaid" and any(settled[part] for part in accounts.PARTS)
    if over and await connection.fetchval(queries.HAS_OTHER_OPEN, loan["borrower_id"], loan["id"]):
        raise ApprovalError(
            f"Loan {loan['ref']} cannot be open again: its borrower has another one. Wait until that is over."
        )
    account = accounts.customer_credit(loan["borrower_id"])
    if settled["customer_credit"] > -await journals.balance_cents(connection, account):
        raise ApprovalError("What was paid too much is no longer the borrower's credit: it went elsewhere.")


async def _write(connection: Any, loan: Any, receipt: str, key: str, settled: Counter[str], on: date) -> int:
    """The journal that takes it off, and the memo of a loan written off; the first one's number."""
    written_off = loan["state"] in ("written_off", "recovered")
    legs = [debit(account, cents) for account, cents in _undone(loan, settled, written_off=written_off)]
    total = sum(leg.amount_cents for leg in legs)
    legs.append(journals.credit(accounts.SUSPENSE_UNMATCHED, total))
    journal = Journal(f"undone:{receipt}:{key}", books.UNDONE, legs, loan["id"], loan["borrower_id"], on)
    number = await journals.write(connection, journal)
    again = total - settled["customer_credit"]
    if written_off and again:
        memo = [
            debit(accounts.loan_written_off(loan["ref"], loan["id"]), again),
            journals.credit(accounts.WRITTEN_OFF_CONTRA, again),
        ]
        beside = f"undone_memo:{receipt}:{key}"
        whose = loan["id"], loan["borrower_id"], on
        await journals.write(connection, Journal(beside, books.WRITE_OFF_MEMO, memo, *whose))
    return number


def _undone(loan: Any, settled: Counter[str], *, written_off: bool) -> list[tuple[Account, int]]:
    """Which accounts get back how much. What was paid of a loan before it was written off is lost too."""
    named = {
        "customer_credit": accounts.customer_credit(loan["borrower_id"]),
        "recovery_income": accounts.RECOVERY_INCOME,
    }
    found: Counter[Account] = Counter()
    for name, cents in settled.items():
        if name in named:
            found[named[name]] += cents
        elif written_off:
            found[accounts.WRITE_OFF_LOSS] += cents
        else:
            found[accounts.loan_part(name, loan["ref"], loan["id"])] += cents
    return [(account, cents) for account, cents in found.items() if cents]


async def _reopen(connection: Any, loan: Any, settled: Counter[str], actor: str, today: date) -> None:
    """A loan that is owed again goes on: as late as it is today."""
    debt = sum(cents for name, cents in settled.items() if name != "customer_credit")
    if not debt or loan["state"] not in ("repaid", "recovered"):
        return
    state = await lifecycle.make(connection, loan["id"], loan["state"], "reopen", actor)
    if state != "active":
        return
    await connection.execute(DAYS_ARE_OVER, loan["id"], today - timedelta(days=1))
    terms, late_days = agreed.of(loan), (today - loan["due_on"]).days
    if late_days < 1:
        return
    owed = (await accruals.debts_on(connection, [loan["id"]], today))[loan["id"]]
    await accruals.cap(connection, loan, terms, owed, today)
    state = await lifecycle.make(connection, loan["id"], state, "fall_due", actor)
    if late_days >= terms.non_performing_days:
        await lifecycle.make(connection, loan["id"], state, "stop_performing", actor)


async def _approved(connection: Any, row: Any, who: str) -> None:
    await undo(connection, orjson.loads(row["details"])["receipt"], str(row["id"]), who)


approvals.EFFECTS[UNDO] = Effect(_approved)
