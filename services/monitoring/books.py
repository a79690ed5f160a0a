"""What PostgreSQL knows and a monitor watches. Each query is answered from an index, however old the lender
is; they run on a scrape, at most once in EVERY_S a process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.outbox import BACKLOG

RECENT = 10_000

PAYOUTS = """
select state, count(*) as number, count(*) filter (where manual_at is not null) as manual
from payout
where state in ('ready', 'submitting', 'submitted', 'unknown')
group by state
"""

# Callbacks that wait; and of the last $1, those that came to nothing.
INBOX = """
select
    (select count(*) from mpesa_inbox where state = 'new') as waiting,
    (
        select count(*)
        from mpesa_inbox
        where state = 'failed'
        and id > (select coalesce(max(id), 0) - $1 from mpesa_inbox)
    ) as failed
"""

WAITING = """
select
    (select count(*) from suspense_item where state = 'open') as suspense,
    (select coalesce(sum(amount_cents), 0)::bigint from suspense_item where state = 'open') as suspense_cents,
    (select count(*) from approval where state = 'proposed') as approvals
"""

FLOAT = """
select
    utility_cents,
    extract(epoch from now() - told_at)::float as told_s,
    (paused_at is not null)::int as paused,
    (
        select coalesce(sum(balance.balance_cents), 0)::bigint
        from account
        join balance on balance.account_id = account.id
        where account.code in ('mpesa_utility', 'mpesa_utility_pending', 'refunds_payable')
    ) as free_cents
from mpesa_float
"""

PORTFOLIO = """
select
    sum(principal_cents)::bigint as principal_cents,
    coalesce(sum(par30_cents)::float / nullif(sum(principal_cents), 0), 0) as par30,
    extract(epoch from now() - (day + 1)::timestamp at time zone 'Africa/Nairobi')::float as old_s
from portfolio_day
where day = (select max(day) from portfolio_day)
group by day
"""

OPEN_STATES = ("ready", "submitting", "submitted", "unknown")


@dataclass(slots=True, frozen=True)
class Gauge:
    """A family: its name, what it is, the name of its label if it has one."""

    name: str
    about: str
    label: str = ""


PAYOUTS_OPEN = Gauge("umoja_payouts_open", "Payouts under way", "state")
PAYOUTS_MANUAL = Gauge("umoja_payouts_manual", "Payouts that need a person")
PAYOUTS_PAUSED = Gauge("umoja_payouts_paused", "1: payouts wait for the float")
OUTBOX_DUE = Gauge("umoja_outbox_due", "Rows of the outbox that wait to be handed on")
OUTBOX_UNFINISHED = Gauge("umoja_outbox_unfinished", "Rows handed on that nobody has done yet")
OUTBOX_STUCK = Gauge("umoja_outbox_stuck", "Of them, rows handed on more than three times")
OUTBOX_LAG = Gauge("umoja_outbox_lag_seconds", "How long the oldest row waits to be handed on")
INBOX_WAITING = Gauge("umoja_inbox_waiting", "Callbacks of M-Pesa that wait to be processed")
INBOX_FAILED = Gauge("umoja_inbox_failed", "Of the last 10,000 callbacks, those that came to nothing")
SUSPENSE_OPEN = Gauge("umoja_suspense_open", "Payments that nobody is known for")
SUSPENSE_CENTS = Gauge("umoja_suspense_open_cents", "Their amount")
APPROVALS = Gauge("umoja_approvals_waiting", "Decisions that wait for a second person")
FLOAT_TOLD = Gauge("umoja_float_told_cents", "The utility account, as M-Pesa told it last")
FLOAT_TOLD_AGE = Gauge("umoja_float_told_age_seconds", "How long ago that was")
FLOAT_FREE = Gauge("umoja_float_free_cents", "Float that may still be promised, by our books")
PRINCIPAL = Gauge("umoja_principal_cents", "Principal outstanding at the end of the last closed day")
PAR30 = Gauge("umoja_par30_ratio", "Of it, the part of loans more than 30 days past due")
DAY_AGE = Gauge("umoja_closed_day_age_seconds", "How long ago the last closed day ended")
BOOKS_UP = Gauge("umoja_books_up", "1: PostgreSQL answered; 0: what is above is missing")

GAUGES: Sequence[Gauge] = (
    PAYOUTS_OPEN, PAYOUTS_MANUAL, PAYOUTS_PAUSED, OUTBOX_DUE, OUTBOX_UNFINISHED, OUTBOX_STUCK, OUTBOX_LAG,
    INBOX_WAITING, INBOX_FAILED, SUSPENSE_OPEN, SUSPENSE_CENTS, APPROVALS, FLOAT_TOLD, FLOAT_TOLD_AGE,
    FLOAT_FREE, PRINCIPAL, PAR30, DAY_AGE,
)  # fmt: skip

Sample = list[tuple[Gauge, str, float]]


async def read(connection: Any) -> Sample:
    """Every gauge now: the family, the value of its label, the number. What is not known yet is left out."""
    payouts = {row["state"]: row for row in await connection.fetch(PAYOUTS)}
    found: list[tuple[Gauge, str, float | None]] = [
        (PAYOUTS_OPEN, state, payouts[state]["number"] if state in payouts else 0) for state in OPEN_STATES
    ]
    found.append((PAYOUTS_MANUAL, "", sum(row["manual"] for row in payouts.values())))
    row = await connection.fetchrow(BACKLOG)
    found += [(OUTBOX_DUE, "", row["due"]), (OUTBOX_UNFINISHED, "", row["unfinished"]),
              (OUTBOX_STUCK, "", row["stuck"]), (OUTBOX_LAG, "", row["lag_s"])]  # fmt: skip
    row = await connection.fetchrow(INBOX, RECENT)
    found += [(INBOX_WAITING, "", row["waiting"]), (INBOX_FAILED, "", row["failed"])]
    row = await connection.fetchrow(WAITING)
    found += [(SUSPENSE_OPEN, "", row["suspense"]), (SUSPENSE_CENTS, "", row["suspense_cents"]),
              (APPROVALS, "", row["approvals"])]  # fmt: skip
    row = await connection.fetchrow(FLOAT)
    found += [(PAYOUTS_PAUSED, "", row["paused"]), (FLOAT_TOLD, "", row["utility_cents"]),
              (FLOAT_TOLD_AGE, "", row["told_s"]), (FLOAT_FREE, "", row["free_cents"])]  # fmt: skip
    row = await connection.fetchrow(PORTFOLIO)
    if row is not None:
        found += [(PRINCIPAL, "", row["principal_cents"]), (PAR30, "", row["par30"]),
                  (DAY_AGE, "", row["old_s"])]  # fmt: skip
    return [(gauge, value, float(number)) for gauge, value, number in found if number is not None]
