"""The loans' SQL, by name. Dates are Nairobi's.

Borrowers and loans are locked `for no key update`: their numbers never change. `for update` would also make
whoever writes a row that names one of them wait, such as the day's end a journal that names a borrower; and
then it and a payment, which has the borrower and wants the loan, wait for each other in a circle.
"""

LOCK_BORROWER = """
select id
from borrower
where msisdn = $1
for no key update
"""

# All that eligibility and the scorecard look at. $2: today; $3: days late that call for a cool-off; $4: how
# many of the latest loans count; $5: the version of the terms that is asked for, empty: any.
STANDING = """
with mine as (
    select
        loan.*,
        (loan.closed_at at time zone 'Africa/Nairobi')::date as closed_on
    from loan
    join borrower on borrower.id = loan.borrower_id
    where borrower.msisdn = $1
)
select
    borrower.id as borrower_id,
    borrower.registered_at is not null as registered,
    borrower.blacklisted_at is not null as blacklisted,
    coalesce((
        select value = 'true'
        from setting
        where name = 'applications_paused'
    ), false) as paused,
    exists (
        select 1
        from consent
        where consent.borrower_id = borrower.id
        and consent.purpose = 'terms'
        and ($5 = '' or consent.version = $5)
    ) as consented,
    exists (
        select 1
        from mine
        where is_open
    ) as has_loan,
    exists (
        select 1
        from mine
        where state = 'written_off'
    ) as owes_written_off,
    exists (
        select 1
        from late_payout
        where late_payout.borrower_id = borrower.id
        and begun_at is null
    ) as owes_claim,
    (
        select count(*)
        from mine
        where state = 'repaid'
    ) as loans_repaid,
    (
        select count(*)
        from mine
        where state = 'repaid'
        and closed_on - due_on <= $3
    ) as repaid_in_time,
    (
        select coalesce(max(principal_cents), 0)
        from mine
        where state = 'repaid'
    ) as largest_repaid_cents,
    (
        select max(days_late)
        from (
            select closed_on - due_on as days_late
            from mine
            where state = 'repaid'
            order by closed_at desc
            limit $4
        ) as recent
    ) as worst_days_late,
    (
        select count(*)
        from mine
        where state in ('written_off', 'recovered')
    ) as defaults,
    (
        select coalesce(max(greatest($2 - due_on, 0)), 0)
        from mine
        where state in ('active', 'overdue', 'non_performing')
    ) as days_overdue,
    (
        select max(closed_on)
        from mine
        where state in ('repaid', 'recovered')
        and closed_on - due_on > $3
    ) as last_late_on
from borrower
where borrower.msisdn = $1
"""

NEXT_LOAN_NUMBER = """
select nextval(pg_get_serial_sequence('loan', 'id'))
"""

WRITE_LOAN = """
insert into loan (
    id, ref, borrower_id, product, purpose,
    principal_cents, fee_cents, excise_cents, interest_cents, interest_excise_cents,
    total_cents, apr_bp, term_days, bundle, terms, action_key
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""

WRITE_DECISION = """
insert into decision (
    borrower_id, loan_id, action_key, scorecard, inputs, points, score, outcome, limit_cents, reasons
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

LOCK_LIMIT = """
select limit_cents
from borrower
where id = $1
for no key update
"""

KEEP_SCORE = """
update borrower
set score = $2,
    limit_cents = $3
where id = $1
"""

# The loan to speak of when somebody asks for theirs: the open one, or one written off and still owed.
CURRENT_LOAN = """
select loan.*
from loan
join borrower on borrower.id = loan.borrower_id
where borrower.msisdn = $1
and (loan.is_open or loan.state = 'written_off')
order by loan.id desc
limit 1
"""

HISTORY = """
select
    loan.ref,
    loan.state,
    loan.principal_cents,
    coalesce(loan.disbursed_at, loan.applied_at) as at
from loan
join borrower on borrower.id = loan.borrower_id
where borrower.msisdn = $1
and loan.state not in ('rejected', 'cancelled', 'failed')
order by loan.id desc
limit $2
"""

STATEMENT = """
select
    journal.kind,
    journal.value_on,
    sum(posting.amount_cents) filter (where posting.amount_cents > 0)::bigint as cents
from journal
join borrower on borrower.id = journal.borrower_id
join posting on posting.journal_id = journal.id
where borrower.msisdn = $1
and journal.kind = any($2::text[])
group by journal.id
order by journal.id desc
limit $3
"""

LOCK_LOAN = """
select *
from loan
where id = $1
for no key update
"""

BORROWER_OF = """
select borrower_id
from loan
where id = $1
"""

LOCK_BORROWER_BY_ID = """
select id
from borrower
where id = $1
for no key update
"""

SET_DUE = """
update loan
set disbursed_at = $2,
    due_on = $3
where id = $1
"""

ROLL_OVER = """
update loan
set due_on = $2,
    rollovers = rollovers + 1
where id = $1
"""

# What may still be charged from a day on: said once.
FREEZE_CHARGES = """
update loan
set duplum_on = $2,
    duplum_room_cents = $3
where id = $1
and duplum_on is null
"""

HAS_OTHER_OPEN = """
select exists (
    select 1
    from loan
    where borrower_id = $1
    and is_open
    and id <> $2
)
"""

# How often a payment was taken off a loan.
TIMES_UNDONE = """
select count(*)
from journal
where kind = 'payment_undone'
and split_part(key, ':', 2) = $1
"""

WAIT_LATE = """
insert into late_payout (loan_id, borrower_id, arrived_at)
values ($1, $2, $3)
"""

BEGIN_LATE = """
update late_payout
set begun_at = $2
where loan_id = $1
and begun_at is null
returning loan_id
"""

# What is owed on loans at the end of a day, by part, and what they were charged: the balances without
# what counts for later days. $2: that day. charged_cents counts from the loan's duplum_on. A payment that
# was taken off is no charge.
DEBTS_ON = """
select
    account.loan_id,
    split_part(account.code, ':', 1) as account,
    coalesce(balance.balance_cents, 0) - coalesce(since.later_cents, 0) as owed_cents,
    coalesce(balance.debits_cents, 0) - coalesce(since.undone_cents, 0) as debits_cents,
    coalesce(since.charged_cents, 0) as charged_cents
from account
join loan on loan.id = account.loan_id
left join balance on balance.account_id = account.id
left join lateral (
    select
        coalesce(sum(posting.amount_cents) filter (where journal.value_on > $2), 0)::bigint as later_cents,
        coalesce(
            sum(posting.amount_cents) filter (
                where posting.amount_cents > 0
                and journal.value_on >= loan.duplum_on
                and journal.kind <> 'payment_undone'
            ),
            0
        )::bigint as charged_cents,
        coalesce(sum(posting.amount_cents) filter (where journal.kind = 'payment_undone'), 0)::bigint
            as undone_cents
    from posting
    join journal on journal.id = posting.journal_id
    where posting.account_id = account.id
) as since on true
where account.loan_id = any($1)
and account.kind = 'asset'
"""

# A prompt for the same amount that the phone may still show, or that waits for M-Pesa and will be shown. $3:
# seconds that M-Pesa shows one.
PROMPTED_ALREADY = """
select exists (
    select 1
    from payment_request
    where loan_id = $1
    and amount_cents = $2
    and (
        state = 'queued'
        or state in ('prompting', 'prompted')
        and coalesce(prompted_at, created_at) > now() - make_interval(secs => $3)
    )
)
"""

WRITE_PAYMENT_REQUEST = """
insert into payment_request (loan_id, borrower_id, amount_cents, action_key)
values ($1, $2, $3, $4)
returning id
"""
