"""The SQL of a business day's end, by name. Dates are Nairobi's."""

# The day after the last one closed; before any was, the day the first money arrived. $1: at the latest.
NEXT_DAY = """
select coalesce(
    (select max(day) + 1 from business_day),
    least((select min((disbursed_at at time zone 'Africa/Nairobi')::date) from loan), $1::date)
)
"""

IS_CLOSED = """
select exists (
    select 1
    from business_day
    where day = $1
)
"""

# Loans that are late or bear interest and that this day's end has not passed over yet. All are locked
# before anything is posted, so that two batches, or a payment, cannot wait for each other in a circle.
LOANS_OF_DAY = """
select *
from loan
where state in ('active', 'overdue', 'non_performing')
and (day_done is null or day_done < $1)
and (due_on <= $1 or (terms ->> 'daily_bp')::integer > 0)
and (disbursed_at at time zone 'Africa/Nairobi')::date <= $1
order by id
limit $2
for no key update
"""

DONE = """
update loan
set day_done = $2
where id = any($1)
"""

WAITING_LATE = """
select loan_id
from late_payout
where begun_at is null
and not exists (
    select 1
    from loan
    where loan.borrower_id = late_payout.borrower_id
    and loan.is_open
)
order by loan_id
"""

CLOSE = """
insert into business_day (day, counts)
values ($1, $2)
"""

# Whose loan was paid back, or was written off, on that day: their limit may follow.
CLOSED_ON = """
select distinct borrower.msisdn
from loan
join borrower on borrower.id = loan.borrower_id
where loan.closed_at >= ($1::date::timestamp at time zone 'Africa/Nairobi')
and loan.closed_at < (($1::date + 1)::timestamp at time zone 'Africa/Nairobi')
and loan.state in ('repaid', 'recovered')
order by borrower.msisdn
"""

# The portfolio at the end of a day, by product: what counts for later days is taken off the balances.
KEEP_PORTFOLIO = """
with later as (
    select posting.account_id, sum(posting.amount_cents) as cents
    from journal
    join posting on posting.journal_id = journal.id
    where journal.value_on > $1
    group by posting.account_id
),
owed as (
    select
        loan.id,
        loan.product,
        date_trunc('month', loan.disbursed_at at time zone 'Africa/Nairobi')::date as vintage,
        $1 - loan.due_on as days_late,
        sum(balance.balance_cents - coalesce(later.cents, 0))
            filter (where account.code like 'loan\\_principal:%') as principal_cents,
        sum(balance.balance_cents - coalesce(later.cents, 0))
            filter (where account.code not like 'loan\\_principal:%') as charges_cents
    from account
    join loan on loan.id = account.loan_id
    join balance on balance.account_id = account.id
    left join later on later.account_id = account.id
    where account.kind = 'asset'
    and (balance.balance_cents <> 0 or later.cents is not null)
    group by loan.id
    having sum(balance.balance_cents - coalesce(later.cents, 0)) > 0
),
stock as (
    select
        product,
        count(*) as loans,
        sum(principal_cents) as principal_cents,
        sum(charges_cents) as charges_cents,
        sum(principal_cents) filter (where days_late >= 1) as par1_cents,
        sum(principal_cents) filter (where days_late > 30) as par30_cents,
        sum(principal_cents) filter (where days_late > 60) as par60_cents,
        sum(principal_cents) filter (where days_late > 90) as par90_cents
    from owed
    group by product
),
by_vintage as (
    insert into vintage_day (
        day, product, vintage, loans, principal_cents, par1_cents, par30_cents, par60_cents, par90_cents
    )
    select
        $1,
        product,
        vintage,
        count(*),
        coalesce(sum(principal_cents), 0),
        coalesce(sum(principal_cents) filter (where days_late >= 1), 0),
        coalesce(sum(principal_cents) filter (where days_late > 30), 0),
        coalesce(sum(principal_cents) filter (where days_late > 60), 0),
        coalesce(sum(principal_cents) filter (where days_late > 90), 0)
    from owed
    group by product, vintage
    on conflict (day, product, vintage) do nothing
),
flow as (
    select
        loan.product,
        sum(posting.amount_cents) filter (
            where journal.kind = 'disbursement' and posting.amount_cents > 0
        ) as disbursed_cents,
        sum(-posting.amount_cents) filter (
            where journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'payment_undone')
            and account.loan_id is not null
        ) as repaid_cents,
        sum(posting.amount_cents) filter (
            where journal.kind = 'write_off' and posting.amount_cents > 0
        ) as written_off_cents,
        sum(-posting.amount_cents) filter (where account.code = 'recovery_income') as recovered_cents
    from journal
    join posting on posting.journal_id = journal.id
    join account on account.id = posting.account_id
    join loan on loan.id = journal.loan_id
    where journal.value_on = $1
    and account.kind <> 'memo'
    group by loan.product
)
insert into portfolio_day (
    day, product, loans, principal_cents, charges_cents, par1_cents, par30_cents, par60_cents, par90_cents,
    disbursed_cents, repaid_cents, written_off_cents, recovered_cents
)
select
    $1,
    product,
    coalesce(stock.loans, 0),
    coalesce(stock.principal_cents, 0),
    coalesce(stock.charges_cents, 0),
    coalesce(stock.par1_cents, 0),
    coalesce(stock.par30_cents, 0),
    coalesce(stock.par60_cents, 0),
    coalesce(stock.par90_cents, 0),
    coalesce(flow.disbursed_cents, 0),
    coalesce(flow.repaid_cents, 0),
    coalesce(flow.written_off_cents, 0),
    coalesce(flow.recovered_cents, 0)
from stock
full join flow using (product)
"""
