"""The SQL of reports about loans, by name. Dates are Nairobi's; a day's end is the end of that business day.

loan_standing(day) is what was owed on each loan at the end of a day: see migration 0017. share_bp is a
quotient in basis points, half up. Money is cents, and never divided but for a share.
"""

# $1: the day. What is written off is beside the books: it is in no total of what is outstanding.
PORTFOLIO = """
with written_off as (
    select
        loan.product,
        count(*) as loans,
        count(distinct loan.borrower_id) as borrowers,
        sum(balance.balance_cents - coalesce(later.cents, 0)) as cents
    from account
    join loan on loan.id = account.loan_id
    join balance on balance.account_id = account.id
    left join (
        select posting.account_id, sum(posting.amount_cents) as cents
        from journal
        join posting on posting.journal_id = journal.id
        where journal.value_on > $1
        and journal.kind = 'write_off_memo'
        group by posting.account_id
    ) as later on later.account_id = account.id
    where account.kind = 'memo'
    and balance.balance_cents - coalesce(later.cents, 0) <> 0
    group by loan.product
),
lines as (
    select
        product,
        standing,
        late_bucket(days_late) as bucket,
        min(days_late) as place,
        count(*) as loans,
        count(distinct borrower_id) as borrowers,
        sum(principal_cents)::bigint as principal_cents,
        sum(fee_cents)::bigint as fee_cents,
        sum(interest_cents)::bigint as interest_cents,
        sum(excise_cents)::bigint as excise_cents,
        sum(penalty_cents)::bigint as penalty_cents,
        sum(outstanding_cents)::bigint as outstanding_cents,
        0::bigint as written_off_cents
    from loan_standing($1)
    group by product, standing, bucket
    union all
    select product, 'written_off', '', 1000000, loans, borrowers, 0, 0, 0, 0, 0, 0, cents::bigint
    from written_off
)
select
    product, standing, bucket, loans, borrowers, principal_cents, fee_cents, interest_cents, excise_cents,
    penalty_cents, outstanding_cents, written_off_cents
from lines
order by product, place, standing
"""

# PAR n: principal of loans more than n days late (PAR 1: a day or more), as a share of all principal.
# ledger_cents is added up from the accounts themselves, without regard to loans.
PORTFOLIO_FACTS = """
with standing as (
    select
        coalesce(sum(principal_cents), 0)::bigint as principal_cents,
        coalesce(sum(principal_cents) filter (where days_late >= 1), 0)::bigint as par1_cents,
        coalesce(sum(principal_cents) filter (where days_late > 30), 0)::bigint as par30_cents,
        coalesce(sum(principal_cents) filter (where days_late > 60), 0)::bigint as par60_cents,
        coalesce(sum(principal_cents) filter (where days_late > 90), 0)::bigint as par90_cents
    from loan_standing($1)
)
select
    par1_cents,
    share_bp(par1_cents, principal_cents) as par1,
    share_bp(par30_cents, principal_cents) as par30,
    share_bp(par60_cents, principal_cents) as par60,
    share_bp(par90_cents, principal_cents) as par90,
    (
        select coalesce(sum(posting.amount_cents), 0)::bigint
        from account
        join posting on posting.account_id = account.id
        join journal on journal.id = posting.journal_id
        where account.kind = 'asset'
        and account.loan_id is not null
        and journal.value_on <= $1
    ) as ledger_cents
from standing
"""

AGEING = """
select
    standing.ref,
    left(borrower.msisdn, 4) || '***' || right(borrower.msisdn, 3) as borrower,
    standing.product,
    standing.standing,
    standing.disbursed_on,
    standing.due_on,
    greatest(standing.days_late, 0) as days_late,
    case when days_late < 1 then outstanding_cents else 0 end as not_due_cents,
    case when days_late between 1 and 30 then outstanding_cents else 0 end as to_30_cents,
    case when days_late between 31 and 60 then outstanding_cents else 0 end as to_60_cents,
    case when days_late between 61 and 90 then outstanding_cents else 0 end as to_90_cents,
    case when days_late > 90 then outstanding_cents else 0 end as over_90_cents,
    standing.outstanding_cents
from loan_standing($1) as standing
join borrower on borrower.id = standing.borrower_id
order by standing.days_late desc, standing.loan_id
"""

# $1, $2: the period; $3: `day` or `month`.
DISBURSEMENT = """
select
    date_trunc($3, journal.value_on::timestamp)::date as day,
    loan.product,
    count(*) as loans,
    count(distinct journal.borrower_id) as borrowers,
    count(*) filter (where not exists (
        select 1
        from loan as earlier
        where earlier.borrower_id = loan.borrower_id
        and earlier.disbursed_at is not null
        and earlier.id < loan.id
    )) as first_loans,
    sum(-posting.amount_cents)::bigint as disbursed_cents,
    min(-posting.amount_cents)::bigint as smallest_cents,
    max(-posting.amount_cents)::bigint as largest_cents
from journal
join posting on posting.journal_id = journal.id
join account on account.id = posting.account_id and account.code = 'mpesa_utility'
join loan on loan.id = journal.loan_id
where journal.kind = 'disbursement'
and journal.value_on between $1 and $2
group by 1, 2
order by 1, 2
"""

# Cohorts by the day they fell due; $1, $2: that day; $3: as of; $4: `day` or `month`. What was charged to
# the loans of a cohort (principal and all charges), and what came in for it.
COLLECTION = """
with cohort as (
    select loan.id, loan.product, loan.borrower_id, loan.due_on
    from loan
    where loan.due_on between $1 and $2
    and (loan.disbursed_at at time zone 'Africa/Nairobi')::date <= $3
),
moved as (
    select
        cohort.id,
        cohort.product,
        cohort.borrower_id,
        date_trunc($4, cohort.due_on::timestamp)::date as due,
        coalesce(sum(posting.amount_cents) filter (
            where journal.kind in ('disbursement', 'claim_settled')
        ), 0)::bigint as principal_cents,
        coalesce(sum(posting.amount_cents) filter (
            where posting.amount_cents > 0 and journal.kind <> 'payment_undone'
        ), 0)::bigint as charged_cents,
        coalesce(sum(posting.amount_cents) filter (
            where posting.amount_cents > 0
            and journal.kind <> 'payment_undone'
            and journal.value_on <= cohort.due_on
        ), 0)::bigint as charged_by_due_cents,
        coalesce(sum(-posting.amount_cents) filter (
            where journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'payment_undone')
        ), 0)::bigint as collected_cents,
        coalesce(sum(-posting.amount_cents) filter (
            where journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'payment_undone')
            and journal.value_on <= cohort.due_on
        ), 0)::bigint as by_due_cents,
        coalesce(sum(-posting.amount_cents) filter (
            where journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'payment_undone')
            and journal.value_on <= cohort.due_on + 30
        ), 0)::bigint as by_30_cents,
        coalesce(sum(-posting.amount_cents) filter (where journal.kind = 'waiver'), 0)::bigint
            as waived_cents,
        coalesce(sum(-posting.amount_cents) filter (where journal.kind = 'write_off'), 0)::bigint
            as written_off_cents,
        coalesce(sum(posting.amount_cents), 0)::bigint as outstanding_cents
    from cohort
    join account on account.loan_id = cohort.id and account.kind = 'asset'
    join posting on posting.account_id = account.id
    join journal on journal.id = posting.journal_id
    where journal.value_on <= $3
    group by cohort.id, cohort.product, cohort.borrower_id, cohort.due_on
)
select
    due,
    product,
    count(*) as loans,
    count(distinct borrower_id) as borrowers,
    sum(principal_cents)::bigint,
    sum(charged_by_due_cents)::bigint,
    sum(by_due_cents)::bigint,
    share_bp(sum(by_due_cents), sum(charged_by_due_cents)) as on_time,
    sum(charged_cents)::bigint,
    sum(by_30_cents)::bigint,
    sum(collected_cents)::bigint,
    share_bp(sum(collected_cents), sum(charged_cents)) as collected,
    sum(waived_cents)::bigint,
    sum(written_off_cents)::bigint,
    sum(outstanding_cents)::bigint
from moved
group by due, product
order by due, product
"""

# $1, $2: the quarter. One line a measure; what does not apply to a measure is null.
REGULATOR = """
with at_end as (
    select
        count(*) as loans,
        count(distinct borrower_id) as borrowers,
        coalesce(sum(outstanding_cents), 0)::bigint as cents,
        count(*) filter (where days_late >= 1) as late_loans,
        coalesce(sum(outstanding_cents) filter (where days_late >= 1), 0)::bigint as late_cents,
        count(*) filter (where days_late > 90) as bad_loans,
        coalesce(sum(outstanding_cents) filter (where days_late > 90), 0)::bigint as bad_cents
    from loan_standing($2)
),
given as (
    select
        count(*) as loans,
        count(distinct loan.borrower_id) as borrowers,
        count(distinct loan.borrower_id) filter (where not exists (
            select 1
            from loan as earlier
            where earlier.borrower_id = loan.borrower_id
            and earlier.disbursed_at is not null
            and earlier.id < loan.id
        )) as new_borrowers,
        coalesce(sum(loan.principal_cents), 0)::bigint as cents,
        coalesce(sum(loan.principal_cents::numeric * loan.apr_bp), 0) as weighted
    from journal
    join loan on loan.id = journal.loan_id
    where journal.kind = 'disbursement'
    and journal.value_on between $1 and $2
),
moved as (
    select
        count(distinct journal.id) filter (
            where journal.kind in ('repayment', 'suspense_matched')
            and account.kind = 'asset' and account.loan_id is not null
        ) as payments,
        coalesce(sum(-posting.amount_cents) filter (
            where journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'payment_undone')
            and account.kind = 'asset' and account.loan_id is not null
        ), 0)::bigint as collected_cents,
        count(distinct journal.loan_id) filter (where journal.kind = 'write_off') as written_off_loans,
        coalesce(sum(posting.amount_cents) filter (
            where journal.kind = 'write_off' and account.code = 'write_off_loss'
        ), 0)::bigint as written_off_cents,
        count(distinct journal.loan_id) filter (where account.code = 'recovery_income') as recovered_loans,
        coalesce(sum(-posting.amount_cents) filter (where account.code = 'recovery_income'), 0)::bigint
            as recovered_cents,
        coalesce(sum(-posting.amount_cents) filter (
            where account.code in ('fee_income', 'interest_income', 'penalty_income')
        ), 0)::bigint as charged_cents,
        coalesce(sum(-posting.amount_cents) filter (
            where account.code = 'excise_payable' and posting.amount_cents < 0
        ), 0)::bigint as excise_cents
    from journal
    join posting on posting.journal_id = journal.id
    join account on account.id = posting.account_id
    where journal.value_on between $1 and $2
),
people as (
    select
        count(*) filter (
            where (registered_at at time zone 'Africa/Nairobi')::date <= $2
        ) as registered,
        count(*) filter (
            where (registered_at at time zone 'Africa/Nairobi')::date between $1 and $2
        ) as joined
    from borrower
)
select line.measure, line.number, line.cents, line.share
from at_end, given, moved, people
cross join lateral (
    values
        (1, 'Borrowers registered at the end', people.registered, null::bigint, null::bigint),
        (2, 'Borrowers registered in the period', people.joined, null, null),
        (3, 'Loans given', given.loans, given.cents, null),
        (4, 'Borrowers who were given a loan', given.borrowers, null, null),
        (5, 'of these, for the first time', given.new_borrowers, null,
            share_bp(given.new_borrowers, given.borrowers)),
        (6, 'Annual percentage rate, weighted by principal', null, null,
            coalesce(floor((2 * given.weighted + given.cents) / nullif(2 * given.cents, 0)), 0)::bigint),
        (7, 'Fees, interest and penalties charged', null, moved.charged_cents, null),
        (8, 'Excise duty on them', null, moved.excise_cents, null),
        (9, 'Payments received for loans', moved.payments, moved.collected_cents, null),
        (10, 'Loans outstanding at the end', at_end.loans, at_end.cents, null),
        (11, 'Borrowers who owe at the end', at_end.borrowers, null, null),
        (12, 'Non-performing: a day past due or more', at_end.late_loans, at_end.late_cents,
            share_bp(at_end.late_cents, at_end.cents)),
        (13, 'of these, more than 90 days', at_end.bad_loans, at_end.bad_cents,
            share_bp(at_end.bad_cents, at_end.cents)),
        (14, 'Loans written off', moved.written_off_loans, moved.written_off_cents, null),
        (15, 'Recovered of loans written off', moved.recovered_loans, moved.recovered_cents, null)
) as line (place, measure, number, cents, share)
order by line.place
"""
