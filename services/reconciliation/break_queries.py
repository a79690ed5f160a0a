"""The SQL of the queue of differences, and of payouts that M-Pesa was asked about."""

# What a run found and people have to look at. What is only ours waits until it is old: M-Pesa may be
# late with it. $2: before when it must have happened. A difference that came back is open again.
OPEN_BREAKS = """
insert into reconciliation_break as kept (
    account, subject, kind, outcome, ours_cents, theirs_cents, ours_on, theirs_at, linked, first_run,
    last_run
)
select
    run.account, item.subject, item.kind, item.outcome, item.ours_cents, item.theirs_cents, item.ours_on,
    item.theirs_at, item.linked, run.id, run.id
from reconciliation_item as item
join reconciliation_run as run on run.id = item.run_id
where run.id = $1
and item.outcome <> 'matched'
and item.made = ''
and (item.outcome <> 'ours_only' or item.ours_at < $2)
on conflict (account, subject, outcome, coalesce(ours_cents, 0), coalesce(theirs_cents, 0)) do update
set last_run = excluded.last_run,
    state = case when kept.state = 'cleared' then 'open' else kept.state end,
    closed_by = case when kept.state = 'cleared' then null else kept.closed_by end,
    closed_at = case when kept.state = 'cleared' then null else kept.closed_at end,
    reason = case when kept.state = 'cleared' then '' else kept.reason end
returning id, subject, outcome, state, (xmax = 0) as is_new
"""

# Differences of this account that this run has looked at and found gone, or found to be another one.
CLEAR_BREAKS = """
update reconciliation_break as kept
set state = 'cleared',
    closed_by = 'system',
    closed_at = clock_timestamp(),
    reason = 'found by run ' || $1,
    last_run = $1
from reconciliation_run as run
join reconciliation_item as item on item.run_id = run.id
where run.id = $1
and kept.account = run.account
and kept.subject = item.subject
and kept.state = 'open'
and (
    item.outcome <> kept.outcome
    or item.ours_cents is distinct from kept.ours_cents
    or item.theirs_cents is distinct from kept.theirs_cents
)
returning kept.id
"""

BREAKS = """
select *
from reconciliation_break
where state = 'open'
and ($1::bigint is null or id > $1)
and ($2::text is null or account = $2)
order by id
limit $3
"""

OPEN_OF_RUN = """
select count(*)
from reconciliation_break as kept
join reconciliation_item as item
    on item.run_id = $1
    and item.subject = kept.subject
    and item.outcome = kept.outcome
    and item.ours_cents is not distinct from kept.ours_cents
    and item.theirs_cents is not distinct from kept.theirs_cents
join reconciliation_run as run on run.id = item.run_id
where kept.account = run.account
and kept.state = 'open'
"""

BREAK = """
select *
from reconciliation_break
where id = $1
"""

LOCK_BREAK = f"{BREAK}for update"

RESOLVE = """
update reconciliation_break
set state = 'resolved',
    closed_by = $2,
    closed_at = clock_timestamp(),
    reason = $3,
    approval_id = $4
where id = $1
"""

# A payout that a withdrawal of theirs may be: the same amount, and no success in our books.
CANDIDATES = """
select payout.id, payout.state, payout.amount_cents, payout.created_at, loan.ref
from payout
left join loan on loan.id = payout.loan_id
where payout.state <> 'posted'
and payout.amount_cents = $1
and payout.created_at between $2::timestamptz - interval '7 days' and $2::timestamptz + interval '5 minutes'
order by payout.created_at desc
limit 10
"""

# Payouts of a period that no other way has confirmed, and that M-Pesa was not asked about since they ended.
TO_ASK = """
select payout.id, payout.originator_id
from payout
where payout.created_at between $1 and $2
and payout.state in ('submitted', 'unknown', 'posted', 'voided')
and not exists (
    select 1
    from mpesa_inbox
    where mpesa_inbox.kind = 'status'
    and mpesa_inbox.ref = payout.originator_id
    and mpesa_inbox.received_at >= payout.changed_at
)
and not exists (
    select 1
    from reconciliation_item
    join reconciliation_run on reconciliation_run.id = reconciliation_item.run_id
    where reconciliation_item.subject = payout.receipt
    and reconciliation_item.outcome = 'matched'
    and reconciliation_run.account = 'utility'
)
order by payout.id
limit $3
"""

# The last answer about each payout of a period, as it came.
ANSWERS = """
select
    payout.id, payout.originator_id, payout.receipt, payout.changed_at, answer.body, answer.received_at
from payout
cross join lateral (
    select body, received_at
    from mpesa_inbox
    where mpesa_inbox.kind = 'status'
    and mpesa_inbox.ref = payout.originator_id
    order by mpesa_inbox.id desc
    limit 1
) as answer
where payout.created_at between $1 and $2
and payout.id > $3
order by payout.id
limit $4
"""

# How many of the period were asked about and not answered yet.
UNANSWERED = """
select count(*)
from payout
where payout.id = any($1::bigint[])
and not exists (
    select 1
    from mpesa_inbox
    where mpesa_inbox.kind = 'status'
    and mpesa_inbox.ref = payout.originator_id
    and mpesa_inbox.received_at >= $2
)
"""

# Payouts in our books that M-Pesa says it did not make. $2: their receipts.
WRITE_DENIED = """
insert into reconciliation_item as kept (
    run_id, subject, kind, outcome, ours_cents, ours_on, ours_at
)
select $1, receipt, 'payout', 'ours_only', cents, value_on, at
from mpesa_movement
where receipt = any($2::text[])
and journal_id = any(array(
    select journal.id
    from payout
    join journal on journal.loan_id = payout.loan_id and journal.kind = 'disbursement'
    where payout.receipt = any($2::text[])
    union
    select refund.settled_by
    from payout
    join refund on refund.id = payout.refund_id
    where payout.receipt = any($2::text[])
    union
    select journal.id
    from payout
    join journal on journal.key = 'refund_late:' || payout.refund_id
    where payout.receipt = any($2::text[])
))
on conflict (run_id, subject) do update
set outcome = excluded.outcome,
    theirs_cents = null,
    theirs_at = null
"""

OTHER_SIDE = """
select account
from reconciliation_break
where subject = $1
and account <> $2
limit 1
"""
