"""What we tell people by SMS, and asking for it.

Each notice has a kind, and what may stand in its words. The words are in sms.yaml of the menu folder.

    kind        in quiet hours   without consent to offers
    money       is sent          is sent         money moved, or did not; what they asked for
    service     waits            is sent         what somebody has to know to keep their word
    marketing   waits            is not sent     everything else

`ask` works inside the transaction of its cause: the message is asked for if and only if that commits.
There is one message under a key, whoever asks and however often.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import orjson

from services import outbox

Kind = Literal["money", "service", "marketing"]
Slot = Literal["money", "date", "integer", "text", "digits"]

# What every message may say.
COMMON: Mapping[str, Slot] = {"name": "text", "paybill": "digits"}
# The widest value of each slot, to know how long a message can become.
WIDEST: Mapping[str, Any] = {
    "name": "W" * 20, "paybill": "9" * 7, "ref": "W" * 8, "receipt": "W" * 10, "amount": 99_999_99,
    "owed": 99_999_99, "credit": 99_999_99, "limit": 99_999_00, "due": "2026-12-23", "days": 999,
    "on": "2026-12-23", "rows": "W" * 150, "fee": 99_999_99,
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Notice:
    """A message that the lender sends: its kind, and its slots beside the common ones."""

    kind: Kind
    slots: Mapping[str, Slot] = field(default_factory=dict)


_REF: Mapping[str, Slot] = {"ref": "text"}
_LOAN: Mapping[str, Slot] = {**_REF, "amount": "money"}
_DEBT: Mapping[str, Slot] = {**_REF, "owed": "money", "due": "date"}
_PAID: Mapping[str, Slot] = {**_LOAN, "receipt": "text"}

STATEMENT = "statement"

NOTICES: Mapping[str, Notice] = {
    "money_sent": Notice("money", {**_LOAN, "owed": "money", "due": "date"}),
    "payout_failed": Notice("money", _LOAN),
    "payment": Notice("money", {**_PAID, "owed": "money", "due": "date"}),
    "loan_repaid": Notice("money", _PAID),
    "loan_overpaid": Notice("money", {**_PAID, "credit": "money"}),
    "payment_kept": Notice("money", {"amount": "money", "receipt": "text"}),
    "payment_undone": Notice("money", {**_PAID, "owed": "money"}),
    "prompt_failed": Notice("money", _LOAN),
    "not_lent": Notice("service", _LOAN),
    "due_soon": Notice("service", {**_DEBT, "days": "integer"}),
    "due_tomorrow": Notice("service", _DEBT),
    "due_today": Notice("service", _DEBT),
    "overdue": Notice("service", {**_DEBT, "days": "integer"}),
    "overdue_long": Notice("service", {**_DEBT, "days": "integer"}),
    "more_time": Notice("money", {**_DEBT, "fee": "money"}),
    # They asked for it, and wait for it.
    STATEMENT: Notice("money", {"on": "date", "rows": "text", "owed": "money", "credit": "money"}),
    "crb_notice": Notice("service", {**_REF, "owed": "money", "on": "date"}),
    "crb_listed": Notice("service", {**_REF, "owed": "money", "on": "date"}),
    "crb_corrected": Notice("service", {**_REF, "on": "date"}),
    "applied_for": Notice("money", {**_LOAN, "owed": "money", "due": "date"}),
    "pin_reset": Notice("money", {"days": "integer"}),  # of what guards their money
    "limit_raised": Notice("marketing", {"limit": "money"}),
}

ASK = """
insert into sms (key, borrower_id, loan_id, kind, notice, details)
values ($1, $2, $3, $4, $5, $6)
on conflict (key) do nothing
returning id
"""

FIND_BORROWER = """
select id
from borrower
where msisdn = $1
"""


MAY_HEAR_OF_LIMIT = """
select offers_wanted($1) and not exists (
    select 1
    from sms
    where borrower_id = $1
    and notice = 'limit_raised'
    and (created_at at time zone 'Africa/Nairobi')::date > $2::date - $3::integer
)
"""


async def ask(
    connection: Any,
    key: str,
    notice: str,
    borrower_id: int,
    details: Mapping[str, Any],
    loan_id: int | None = None,
) -> bool:
    """Have a message sent to a borrower's own number. False when this one was asked for before.

    details: its slots; money is cents, dates are ISO.
    """
    known = NOTICES[notice]
    assert set(details) == set(known.slots), notice
    values = orjson.dumps(details).decode()
    number = await connection.fetchval(ASK, key, borrower_id, loan_id, known.kind, notice, values)
    if number is None:
        return False
    await outbox.put(connection, f"sms:{number}", outbox.SMS, {"sms_id": number})
    return True


async def money_sent(connection: Any, loan: Any, owed_cents: int, due: date) -> bool:
    """The loan's money arrived."""
    details = {**_about(loan), "owed": owed_cents, "due": due.isoformat()}
    return await _loan(connection, f"money_sent:{loan['ref']}", "money_sent", loan, details)


async def payout_failed(connection: Any, loan: Any) -> bool:
    """The loan's money certainly did not go out."""
    return await _loan(connection, f"payout_failed:{loan['ref']}", "payout_failed", loan, _about(loan))


async def prompt_failed(connection: Any, loan: Any, number: int, amount_cents: int) -> bool:
    """They asked to pay, and the prompt ended without a payment. number: the payment request's."""
    details = {"ref": loan["ref"], "amount": amount_cents}
    return await _loan(connection, f"prompt_failed:{number}", "prompt_failed", loan, details)


async def not_lent(connection: Any, loan: Any) -> bool:
    """A person looked at the application and said no."""
    return await _loan(connection, f"not_lent:{loan['ref']}", "not_lent", loan, _about(loan))


async def paid_back(
    connection: Any,
    loan: Any,
    receipt: str,
    amount_cents: int,
    left_cents: int,
    credit_cents: int,
    told: str = "",
) -> bool:
    """A payment for the loan was booked: so much is left to pay, so much is the borrower's credit now. told:
    what it is one message for, if not the receipt."""
    details = {"ref": loan["ref"], "amount": amount_cents, "receipt": receipt}
    if left_cents > 0:
        details |= {"owed": left_cents, "due": loan["due_on"].isoformat()}
        notice = "payment"
    elif credit_cents > 0:
        details |= {"credit": credit_cents}
        notice = "loan_overpaid"
    else:
        notice = "loan_repaid"
    return await _loan(connection, f"payment:{told or receipt}", notice, loan, details)


async def payment_undone(
    connection: Any, loan: Any, receipt: str, key: str, amount_cents: int, owed_cents: int
) -> bool:
    """A payment was taken off the loan again: so much is owed now."""
    details = {"ref": loan["ref"], "amount": amount_cents, "receipt": receipt, "owed": owed_cents}
    return await _loan(connection, f"payment_undone:{receipt}:{key}", "payment_undone", loan, details)


async def more_time(connection: Any, loan: Any, due: date, owed_cents: int, fee_cents: int) -> bool:
    """They bought more time. fee_cents: with its excise."""
    details = {"ref": loan["ref"], "owed": owed_cents, "due": due.isoformat(), "fee": fee_cents}
    return await _loan(connection, f"more_time:{loan['ref']}:{due.isoformat()}", "more_time", loan, details)


async def applied_for(connection: Any, borrower_id: int, ref: str, quote: Any) -> bool:
    """Staff applied for them, as they asked: so that nobody has a loan they never heard of."""
    details = {"ref": ref, "amount": quote.principal_cents, "owed": quote.total_cents}
    details["due"] = quote.due.isoformat()
    return await ask(connection, f"applied_for:{ref}", "applied_for", borrower_id, details)


async def payment_kept(connection: Any, msisdn: str, receipt: str, amount_cents: int) -> bool:
    """A payment came and we do not know what for. Only a borrower of ours is told, at their own number;
    False for anybody else."""
    borrower_id = await connection.fetchval(FIND_BORROWER, msisdn)
    if borrower_id is None:
        return False
    details = {"amount": amount_cents, "receipt": receipt}
    return await ask(connection, f"kept:{receipt}", "payment_kept", borrower_id, details)


async def limit_raised(
    connection: Any, borrower_id: int, limit_cents: int, today: date, every_days: int = 30
) -> bool:
    """Their limit went up. False for who wants no offers, or was told so less than every_days ago."""
    if not await connection.fetchval(MAY_HEAR_OF_LIMIT, borrower_id, today, every_days):
        return False
    key = f"limit:{borrower_id}:{today.isoformat()}"
    return await ask(connection, key, "limit_raised", borrower_id, {"limit": limit_cents})


def _about(loan: Any) -> dict[str, Any]:
    return {"ref": loan["ref"], "amount": loan["principal_cents"]}


async def _loan(connection: Any, key: str, notice: str, loan: Any, details: Mapping[str, Any]) -> bool:
    return await ask(connection, key, notice, loan["borrower_id"], details, loan["id"])
