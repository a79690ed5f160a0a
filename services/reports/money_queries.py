"""The SQL of reports about accounts, by name: income, excise, the float, reconciliation, all accounts."""

# $1, $2: the period; $3: `day` or `month`.
INCOME = """
with moved as (
    select
        date_trunc($3, journal.value_on::timestamp)::date as day,
        account.code,
        sum(posting.amount_cents)::bigint as cents
    from journal
    join posting on posting.journal_id = journal.id
    join account on account.id = posting.account_id
    where journal.value_on between $1 and $2
    and account.kind in ('income', 'expense')
    group by 1, 2
)
select
    day,
    coalesce(-sum(cents) filter (where code = 'fee_income'), 0)::bigint as fee_cents,
    coalesce(-sum(cents) filter (where code = 'interest_income'), 0)::bigint as interest_cents,
    coalesce(-sum(cents) filter (where code = 'penalty_income'), 0)::bigint as penalty_cents,
    coalesce(-sum(cents) filter (where code = 'recovery_income'), 0)::bigint as recovery_cents,
    coalesce(sum(cents) filter (where code = 'charges_waived'), 0)::bigint as waived_cents,
    coalesce(sum(cents) filter (where code = 'write_off_loss'), 0)::bigint as loss_cents,
    coalesce(sum(cents) filter (where code = 'mpesa_charges'), 0)::bigint as mpesa_cents,
    coalesce(-sum(cents), 0)::bigint as net_cents
from moved
group by day
order by day
"""

# What raised excise, by kind of transaction, and what was paid of it. $1, $2: the period.
EXCISE = """
with raised as (
    select
        journal.id,
        journal.kind,
        -sum(posting.amount_cents) filter (where account.kind = 'income') as base_cents,
        -sum(posting.amount_cents) filter (where account.code = 'excise_payable') as excise_cents
    from journal
    join posting on posting.journal_id = journal.id
    join account on account.id = posting.account_id
    where journal.value_on between $1 and $2
    group by journal.id
    having bool_or(account.code = 'excise_payable')
)
select
    kind,
    count(*) as number,
    coalesce(sum(base_cents), 0)::bigint as base_cents,
    coalesce(sum(excise_cents) filter (where excise_cents > 0), 0)::bigint as excise_cents,
    coalesce(-sum(excise_cents) filter (where excise_cents < 0), 0)::bigint as paid_cents
from raised
group by kind
order by kind
"""

EXCISE_FACTS = """
select
    -held_on(array['excise_payable'], $1::date - 1) as opening_cents,
    -held_on(array['excise_payable'], $2) as closing_cents
"""

# Each of our accounts at M-Pesa on each day: by our books, and what M-Pesa last told that day, beside what
# our books had at that moment.
FLOAT = """
with days as (
    select day::date
    from generate_series($1::date, $2::date, interval '1 day') as day
),
books as (
    select account, value_on, sum(greatest(cents, 0)) as in_cents, sum(greatest(-cents, 0)) as out_cents
    from mpesa_movement
    where value_on between $1 and $2
    group by account, value_on
),
opening as (
    select 'charges' as account, held_on(array['mpesa_charges_paid'], $1::date - 1) as cents
    union all
    select 'utility', held_on(array['mpesa_utility'], $1::date - 1)
    union all
    select 'working', held_on(array['mpesa_paybill', 'mpesa_working'], $1::date - 1)
),
told as (
    select distinct on (account, (at at time zone 'Africa/Nairobi')::date)
        account,
        (at at time zone 'Africa/Nairobi')::date as day,
        at,
        cents,
        cents - books_cents as differs_cents
    from mpesa_balance
    where at >= ($1::date::timestamp at time zone 'Africa/Nairobi')
    and at < (($2::date + 1)::timestamp at time zone 'Africa/Nairobi')
    order by account, (at at time zone 'Africa/Nairobi')::date, id desc
),
lines as (
    select
        days.day,
        opening.account,
        opening.cents as first_cents,
        coalesce(books.in_cents, 0) as in_cents,
        coalesce(books.out_cents, 0) as out_cents,
        sum(coalesce(books.in_cents, 0) - coalesce(books.out_cents, 0))
            over (partition by opening.account order by days.day) as moved_cents
    from days
    cross join opening
    left join books on books.account = opening.account and books.value_on = days.day
)
select
    lines.day,
    lines.account,
    (first_cents + moved_cents - in_cents + out_cents)::bigint as opening_cents,
    in_cents::bigint,
    out_cents::bigint,
    (first_cents + moved_cents)::bigint as closing_cents,
    told.cents as told_cents,
    told.at as told_at,
    told.differs_cents
from lines
left join told on told.account = lines.account and told.day = lines.day
order by lines.day, lines.account
"""

# $1: the last day.
FLOAT_FACTS = """
select
    held_on(array['loans_in_disbursement'], $1) as promised_cents,
    -held_on(array['refunds_payable'], $1) as refunds_cents,
    -held_on(array['suspense_unmatched'], $1) as suspense_cents,
    held_on(array['mpesa_utility', 'mpesa_utility_pending', 'refunds_payable'], $1) as free_cents
"""

# Runs that ended on those days of Nairobi's.
RECONCILIATION = """
select
    id,
    source,
    account,
    period_from,
    period_to,
    lines,
    coalesce((counts ->> 'matched')::bigint, 0) as matched,
    coalesce((counts ->> 'ours_only')::bigint, 0) as ours_only,
    coalesce((counts ->> 'theirs_only')::bigint, 0) as theirs_only,
    coalesce((counts ->> 'amount_differs')::bigint, 0) as amount_differs,
    coalesce((counts ->> 'date_differs')::bigint, 0) as date_differs,
    coalesce((counts ->> 'reversed')::bigint, 0) as reversed,
    booked,
    charges_cents,
    closing_cents,
    books_closing_cents,
    closing_cents - books_closing_cents as differs_cents,
    state
from reconciliation_run
where (ended_at at time zone 'Africa/Nairobi')::date between $1 and $2
order by id
"""

# The queue at the end of the period. $1: its last day.
RECONCILIATION_FACTS = """
select
    count(*) filter (where outcome = 'ours_only') as ours_only,
    count(*) filter (where outcome = 'theirs_only') as theirs_only,
    count(*) filter (where outcome not in ('ours_only', 'theirs_only')) as differ,
    coalesce(sum(coalesce(theirs_cents, 0) - coalesce(ours_cents, 0)), 0)::bigint as cents
from reconciliation_break
where (opened_at at time zone 'Africa/Nairobi')::date <= $1
and (closed_at is null or (closed_at at time zone 'Africa/Nairobi')::date > $1)
"""

# All accounts at the end of a day, those of loans and borrowers together under their names.
TRIAL_BALANCE = """
with held as (
    select
        split_part(account.code, ':', 1) as name,
        account.kind,
        account.id,
        sum(posting.amount_cents) as cents
    from account
    join posting on posting.account_id = account.id
    join journal on journal.id = posting.journal_id
    where journal.value_on <= $1
    group by account.id
    having sum(posting.amount_cents) <> 0
)
select
    name,
    kind,
    count(*) as accounts,
    sum(greatest(cents, 0))::bigint as debit_cents,
    sum(greatest(-cents, 0))::bigint as credit_cents
from held
group by name, kind
order by array_position(array['asset', 'liability', 'equity', 'income', 'expense', 'memo'], kind), name
"""
