"""The rollup's SQL, by name. $1 and $2 of most: transactions from, and before which, what they wrote is
counted now. Days are Nairobi's."""

# In which transactions what is not counted yet was written: all before the oldest that is still writing.
RANGE = """
select
    upto::text as since,
    pg_snapshot_xmin(pg_current_snapshot())::text as upto,
    upto = '0' as first,
    at,
    limits_at
from rollup
"""

ADVANCE = """
update rollup
set upto = $1::text::xid8,
    at = $2
"""

# A loan's vintage is the month its money came; of what happens before, the month of that.
# A default is the first time a loan stops performing, or is written off before it has.
LOANS = """
with happened as (
    select
        case
            when loan_event.move in ('pay_out', 'pay_out_late') then loan.disbursed_at
            when loan_event.move in ('repay', 'recover') then coalesce(loan.closed_at, loan_event.at)
            else loan_event.at
        end as at,
        loan.product,
        case
            when loan_event.to_state in
                ('active', 'overdue', 'non_performing', 'repaid', 'written_off', 'recovered')
            then loan.disbursed_at
        end as lent_at,
        loan_event.move as what,
        loan_event.move = 'stop_performing'
            or (loan_event.move = 'write_off' and loan_event.from_state = 'overdue') as defaulted,
        loan.principal_cents
    from loan_event
    join loan on loan.id = loan_event.loan_id
    where loan_event.written_in >= $1::text::xid8
    and loan_event.written_in < $2::text::xid8
    union all
    select
        decision.at,
        coalesce(loan.product, ''),
        null,
        case when decision.loan_id is null then 'refused' else 'applied' end,
        false,
        coalesce(loan.principal_cents, 0)
    from decision
    left join loan on loan.id = decision.loan_id
    where decision.written_in >= $1::text::xid8
    and decision.written_in < $2::text::xid8
),
named as (
    select at, product, lent_at, what, principal_cents
    from happened
    union all
    select at, product, lent_at, 'default', principal_cents
    from happened
    where defaulted
)
insert into loan_day as kept (day, product, vintage, what, loans, cents)
select
    (at at time zone 'Africa/Nairobi')::date,
    product,
    date_trunc('month', coalesce(lent_at, at) at time zone 'Africa/Nairobi')::date,
    what,
    count(*),
    sum(principal_cents)
from named
group by 1, 2, 3, 4
on conflict (day, what, product, vintage) do update
set loans = kept.loans + excluded.loans,
    cents = kept.cents + excluded.cents
"""

# What was posted to a loan's debt, to recoveries, and to what M-Pesa charged.
_FACT = """
with fact as (
    select
        journal.value_on,
        journal.kind,
        coalesce(loan.product, '') as product,
        (loan.disbursed_at at time zone 'Africa/Nairobi')::date as lent_on,
        (loan.disbursed_at at time zone 'Africa/Nairobi')::date + loan.term_days as due_on,
        account.loan_id is not null as of_debt,
        case account.code
            when 'recovery_income' then 'recovered'
            when 'mpesa_charges' then 'mpesa_charges'
            else substr(split_part(account.code, ':', 1), 6)
        end as part,
        posting.amount_cents
    from journal
    join posting on posting.journal_id = journal.id
    join account on account.id = posting.account_id
    left join loan on loan.id = coalesce(account.loan_id, journal.loan_id)
    where journal.written_in >= $1::text::xid8
    and journal.written_in < $2::text::xid8
    and (
        (account.loan_id is not null and account.kind = 'asset')
        or account.code in ('recovery_income', 'mpesa_charges')
    )
)
"""

MONEY = (
    _FACT
    + """
insert into money_day as kept (day, product, vintage, kind, part, cents)
select
    value_on,
    product,
    date_trunc('month', coalesce(lent_on, value_on))::date,
    kind,
    part,
    sum(amount_cents)
from fact
group by 1, 2, 3, 4, 5
on conflict (day, kind, part, product, vintage) do update
set cents = kept.cents + excluded.cents
"""
)

# Paid is what a payment settled of the debt. What is waived is not owed; what is written off still is.
COLLECTED = (
    _FACT
    + """
insert into collection_day as kept (due_on, product, days_after, owed_cents, paid_cents)
select
    due_on,
    product,
    greatest(-60, least(120, value_on - due_on)),
    coalesce(sum(amount_cents) filter (where kind <> all($3::text[]) and kind <> 'write_off'), 0),
    coalesce(-sum(amount_cents) filter (where kind = any($3::text[])), 0)
from fact
where of_debt
and due_on is not null
group by 1, 2, 3
on conflict (due_on, product, days_after) do update
set owed_cents = kept.owed_cents + excluded.owed_cents,
    paid_cents = kept.paid_cents + excluded.paid_cents
"""
)

# Counted anew for each day on which money came to be known to have arrived.
WAITS = """
with touched as (
    select distinct (loan.disbursed_at at time zone 'Africa/Nairobi')::date as day
    from loan_event
    join loan on loan.id = loan_event.loan_id
    where loan_event.written_in >= $1::text::xid8
    and loan_event.written_in < $2::text::xid8
    and loan_event.move in ('pay_out', 'pay_out_late')
),
waited as (
    select
        touched.day,
        loan.product,
        extract(epoch from loan.disbursed_at - loan.applied_at)::double precision as seconds
    from touched
    join loan on loan.disbursed_at >= touched.day::timestamp at time zone 'Africa/Nairobi'
    and loan.disbursed_at < (touched.day + 1)::timestamp at time zone 'Africa/Nairobi'
)
insert into wait_day (day, product, loans, p50_s, p90_s, p99_s)
select
    day,
    product,
    count(*),
    percentile_cont(0.5) within group (order by seconds),
    percentile_cont(0.9) within group (order by seconds),
    percentile_cont(0.99) within group (order by seconds)
from waited
group by day, product
on conflict (day, product) do update
set loans = excluded.loans,
    p50_s = excluded.p50_s,
    p90_s = excluded.p90_s,
    p99_s = excluded.p99_s
"""

# What is owed now on each loan that something happened to, in place of what was.
STANDING = """
with touched as (
    select loan_id
    from journal
    where written_in >= $1::text::xid8
    and written_in < $2::text::xid8
    and loan_id is not null
    union
    select loan_id
    from loan_event
    where written_in >= $1::text::xid8
    and written_in < $2::text::xid8
),
now_owed as (
    select
        loan.id as loan_id,
        loan.product,
        date_trunc('month', loan.disbursed_at at time zone 'Africa/Nairobi')::date as vintage,
        loan.due_on,
        coalesce(sum(balance.balance_cents)
            filter (where account.code like 'loan\\_principal:%'), 0) as principal_cents,
        coalesce(sum(balance.balance_cents)
            filter (where account.code not like 'loan\\_principal:%'), 0) as charges_cents
    from touched
    join loan on loan.id = touched.loan_id
    join account on account.loan_id = loan.id
    join balance on balance.account_id = account.id
    where account.kind = 'asset'
    and loan.due_on is not null
    group by loan.id
    having sum(balance.balance_cents) > 0
),
was_owed as (
    select standing_loan.*
    from standing_loan
    join touched on touched.loan_id = standing_loan.loan_id
),
gone as (
    delete from standing_loan
    where loan_id in (select loan_id from was_owed)
    and loan_id not in (select loan_id from now_owed)
),
written as (
    insert into standing_loan as kept (loan_id, product, vintage, due_on, principal_cents, charges_cents)
    select loan_id, product, vintage, due_on, principal_cents, charges_cents
    from now_owed
    on conflict (loan_id) do update
    set due_on = excluded.due_on,
        principal_cents = excluded.principal_cents,
        charges_cents = excluded.charges_cents
),
change as (
    select
        product, vintage, due_on, sum(loans) as loans, sum(principal_cents) as principal_cents,
        sum(charges_cents) as charges_cents
    from (
        select product, vintage, due_on, 1 as loans, principal_cents, charges_cents
        from now_owed
        union all
        select product, vintage, due_on, -1, -principal_cents, -charges_cents
        from was_owed
    ) as both_sides
    group by product, vintage, due_on
)
insert into standing as kept (product, vintage, due_on, loans, principal_cents, charges_cents)
select *
from change
where loans <> 0
or principal_cents <> 0
or charges_cents <> 0
on conflict (product, vintage, due_on) do update
set loans = kept.loans + excluded.loans,
    principal_cents = kept.principal_cents + excluded.principal_cents,
    charges_cents = kept.charges_cents + excluded.charges_cents
"""

STANDING_EMPTY = """
delete from standing
where loans = 0
"""

# A borrower is active on the days money moves between us and them. $3: kinds of journals that move it.
ACTIVE = """
with seen as (
    select borrower_id, max(value_on) as last_on
    from journal
    where written_in >= $1::text::xid8
    and written_in < $2::text::xid8
    and borrower_id is not null
    and kind = any($3::text[])
    group by borrower_id
),
moved as (
    select seen.borrower_id, seen.last_on, active_borrower.last_on as before_on
    from seen
    left join active_borrower using (borrower_id)
    where active_borrower.last_on is null
    or active_borrower.last_on < seen.last_on
),
written as (
    insert into active_borrower (borrower_id, last_on)
    select borrower_id, last_on
    from moved
    on conflict (borrower_id) do update
    set last_on = excluded.last_on
),
change as (
    select day, sum(borrowers) as borrowers
    from (
        select last_on as day, 1 as borrowers
        from moved
        union all
        select before_on, -1
        from moved
        where before_on is not null
    ) as both_sides
    group by day
)
insert into active_day as kept (last_on, borrowers)
select day, borrowers
from change
where borrowers <> 0
on conflict (last_on) do update
set borrowers = kept.borrowers + excluded.borrowers
"""

# Counted anew from day $1 on: a message's cost is known when the gateway took it, seconds after it was sent.
MESSAGES = """
insert into message_day (day, messages, cost_cents)
select (sending_at at time zone 'Africa/Nairobi')::date, count(*), sum(cost_cents)
from sms
where sending_at >= $1::date::timestamp at time zone 'Africa/Nairobi'
and provider_id is not null
group by 1
on conflict (day) do update
set messages = excluded.messages,
    cost_cents = excluded.cost_cents
"""

LIMITS = """
insert into limit_day (day, borrowers, limit_cents)
select $1, count(*), coalesce(sum(limit_cents), 0)
from borrower
where registered_at is not null
and blacklisted_at is null
and limit_cents > 0
on conflict (day) do update
set borrowers = excluded.borrowers,
    limit_cents = excluded.limit_cents
"""

LIMITS_DONE = """
update rollup
set limits_at = $1
"""

# The last closed day of a month before this one whose portfolio is not kept by vintage: it was closed by an
# older release, or seeded. The newest first.
UNKEPT_MONTH = """
select closed.day
from (
    select distinct on (date_trunc('month', day)) day
    from business_day
    where day < date_trunc('month', $1::date)
    order by date_trunc('month', day), day desc
) as closed
where exists (select 1 from portfolio_day where portfolio_day.day = closed.day and loans > 0)
and not exists (select 1 from vintage_day where vintage_day.day = closed.day)
order by closed.day desc
limit 1
"""

KEEP_MONTH = """
insert into vintage_day (
    day, product, vintage, loans, principal_cents, par1_cents, par30_cents, par60_cents, par90_cents
)
select
    $1,
    product,
    date_trunc('month', disbursed_on)::date,
    count(*),
    sum(principal_cents),
    coalesce(sum(principal_cents) filter (where days_late >= 1), 0),
    coalesce(sum(principal_cents) filter (where days_late > 30), 0),
    coalesce(sum(principal_cents) filter (where days_late > 60), 0),
    coalesce(sum(principal_cents) filter (where days_late > 90), 0)
from loan_standing($1)
where outstanding_cents > 0
group by 2, 3
on conflict (day, product, vintage) do nothing
"""
