"""The SQL of messages, by name."""

# All that sending looks at. `spent`: a reminder of a loan that is paid back, or that moved on.
LOCK = """
select
    sms.*,
    borrower.msisdn,
    borrower.language as speaks,
    coalesce(borrower.name, '') as name,
    coalesce(bulk_message.state = 'stopped', false) as stopped,
    nullif(bulk_message.texts, '{}')::text as own_words,
    not offers_wanted(sms.borrower_id) as unwanted,
    sms.details ? 'due' and sms.kind = 'service' and not exists (
        select 1
        from loan
        where loan.id = sms.loan_id
        and loan.state in ('active', 'overdue', 'non_performing')
        and loan.due_on::text = sms.details ->> 'due'
    ) as spent
from sms
join borrower on borrower.id = sms.borrower_id
left join bulk_message on bulk_message.id = sms.bulk_id
where sms.id = $1
for update of sms
"""

BEGIN = """
update sms
set state = 'sending',
    attempts = attempts + 1,
    language = $2,
    words = $3,
    parts = $4,
    sending_at = $5
where id = $1
"""

REFUSE = """
update sms
set state = 'refused',
    status_code = $2,
    reason = $3,
    settled_at = now()
where id = $1
and state in ('queued', 'sending')
"""

BACK = """
update sms
set state = 'queued',
    status_code = $2,
    reason = $3
where id = $1
and state = 'sending'
"""

UNKNOWN = """
update sms
set state = 'unknown',
    reason = $2,
    settled_at = now()
where id = $1
and state = 'sending'
"""

# Also after somebody gave it up as unknown: now it is known.
ACCEPT = """
update sms
set state = 'accepted',
    provider_id = $2,
    status_code = $3,
    cost_cents = $4,
    reason = '',
    settled_at = now()
where id = $1
and state in ('sending', 'unknown')
"""

KEEP_CALLBACK = """
insert into sms_callback (kind, dedupe_key, body)
values ($1, $2, $3)
on conflict (kind, dedupe_key) do nothing
returning id
"""

LOCK_CALLBACK = """
select id, kind, body::text as body, received_at
from sms_callback
where id = $1
and processed_at is null
for update
"""

END_CALLBACK = """
update sms_callback
set processed_at = now(),
    outcome = $2
where id = $1
"""

BY_PROVIDER = """
select id, state, report_rank
from sms
where provider_id = $1
for update
"""

RANK = """
update sms
set report_rank = $2
where id = $1
"""

REPORT = """
update sms
set state = $2,
    reason = $3,
    report_rank = $4
where id = $1
"""

OPT_OUT = """
insert into sms_opt_out (borrower_id, source)
values ($1, $2)
on conflict (borrower_id) do nothing
"""

OPT_IN = """
delete from sms_opt_out
where borrower_id = $1
returning borrower_id
"""

FIND_BORROWER = """
select id
from borrower
where msisdn = $1
"""

PRUNE_CALLBACKS = """
delete from sms_callback
where id in (
    select id
    from sms_callback
    where received_at < now() - make_interval(days => $1)
    order by received_at
    limit $2
)
"""

# Reminders that a borrower had for that day (Nairobi's), and for the seven days that end with it. The key is
# reminder:LOAN:DUE:DAYS.
REMINDED = """
select
    count(*) filter (where told.day = $2) as in_day,
    count(*) as in_week
from (
    select split_part(key, ':', 3)::date + split_part(key, ':', 4)::integer as day
    from sms
    where borrower_id = $1
    and starts_with(key, 'reminder:')
) as told
where told.day between $2::date - 6 and $2
"""

# Loans whose due date is so many days away ($2, negative: before it) and that owe something.
DUE = """
select
    loan.id,
    loan.ref,
    loan.borrower_id,
    loan.due_on,
    $1::date - loan.due_on as days,
    sum(balance.balance_cents)::bigint as owed_cents
from loan
join account on account.loan_id = loan.id and account.kind = 'asset'
join balance on balance.account_id = account.id
where loan.state in ('active', 'overdue', 'non_performing')
and loan.due_on = any($2::date[])
and loan.id > $3
group by loan.id
having sum(balance.balance_cents) > 0
order by loan.id
limit $4
"""
