"""The ledger's SQL, by name."""

OPEN_ACCOUNTS = """
insert into account (code, kind, loan_id, borrower_id)
select code, kind, loan_id, borrower_id
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as wanted (code, kind, loan_id, borrower_id)
where not exists (select 1 from account where account.code = wanted.code)
order by code
on conflict (code) do nothing
"""

# No row when the key is taken.
WRITE_JOURNAL = """
insert into journal (key, kind, loan_id, borrower_id, value_on)
values ($1, $2, $3, $4, coalesce($5::date, (now() at time zone 'Africa/Nairobi')::date))
on conflict (key) do nothing
returning id
"""

# Only the rows whose key was free.
WRITE_JOURNALS = """
insert into journal (key, kind, loan_id, borrower_id, value_on)
select key, kind, loan_id, borrower_id, coalesce(value_on, (now() at time zone 'Africa/Nairobi')::date)
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::date[]) with ordinality
    as entry (key, kind, loan_id, borrower_id, value_on, place)
order by place
on conflict (key) do nothing
returning id, key
"""

WRITE_MANY_POSTINGS = """
insert into posting (journal_id, account_id, amount_cents)
select leg.journal_id, account.id, leg.amount_cents
from unnest($1::bigint[], $2::text[], $3::bigint[]) with ordinality
    as leg (journal_id, code, amount_cents, place)
join account on account.code = leg.code
order by leg.place
"""

# One statement for all legs: the balances then move once an account, in the order of accounts.
WRITE_POSTINGS = """
insert into posting (journal_id, account_id, amount_cents)
select $1, account.id, leg.amount_cents
from unnest($2::text[], $3::bigint[]) with ordinality as leg (code, amount_cents, place)
join account on account.code = leg.code
order by leg.place
"""

READ_JOURNAL = """
select
    journal.id,
    journal.kind,
    journal.loan_id,
    journal.borrower_id,
    array_agg(account.code order by posting.id) as codes,
    array_agg(posting.amount_cents order by posting.id) as amounts
from journal
join posting on posting.journal_id = journal.id
join account on account.id = posting.account_id
where journal.key = $1
group by journal.id
"""

IS_WRITTEN = """
select exists (
    select 1
    from journal
    where key = $1
)
"""

BALANCE = """
select coalesce(sum(balance.balance_cents), 0)::bigint
from account
join balance on balance.account_id = account.id
where account.code = $1
"""

# What a loan's own accounts add up to: what is owed on it.
OUTSTANDING = """
select
    split_part(account.code, ':', 1) as part,
    coalesce(balance.balance_cents, 0) as owed_cents
from account
left join balance on balance.account_id = account.id
where account.loan_id = $1
"""

PLACE_HOLD = """
insert into hold (key, loan_id, amount_cents, placed_by, expires_at)
values ($1, $2, $3, $4, $5)
on conflict (key) do nothing
returning id
"""

LOCK_HOLD = """
select key, loan_id, amount_cents, state, posted_cents, expires_at
from hold
where key = $1
for update
"""

SETTLE_HOLD = """
update hold
set state = $2,
    settled_by = $3,
    posted_cents = $4,
    settled_at = now()
where key = $1
"""

# Promises whose time is over, oldest first.
EXPIRED_HOLDS = """
select key, loan_id
from hold
where state = 'pending'
and expires_at <= $1
order by expires_at
limit $2
"""

# One receipt at a time, whatever it is for. The lock ends with the transaction.
LOCK_RECEIPT = """
select pg_advisory_xact_lock(hashtextextended('receipt:' || $1, 0))
"""

WRITE_SUSPENSE = """
insert into suspense_item (receipt, amount_cents, payer, account_ref, received_at, booked_by)
values ($1, $2, $3, $4, $5, $6)
"""

LOCK_SUSPENSE = """
select receipt, amount_cents, payer, account_ref, received_at, state
from suspense_item
where receipt = $1
for update
"""

# Its money is on its way back to whoever sent it.
GOING_BACK = """
select exists (
    select 1
    from reversal
    where receipt = $1
    and state not in ('done', 'failed')
)
"""

SETTLE_SUSPENSE = """
update suspense_item
set state = $2,
    settled_by = $3,
    settled_at = now()
where receipt = $1
"""

OPEN_SUSPENSE = """
select receipt, amount_cents, payer, account_ref, received_at
from suspense_item
where state = 'open'
order by received_at, id
limit $1
"""

# The float that can still be promised: what is there, less what is promised to loans and refunds.
FREE_FLOAT = """
select coalesce(sum(balance.balance_cents), 0)::bigint
from account
join balance on balance.account_id = account.id
where account.code in ('mpesa_utility', 'mpesa_utility_pending', 'refunds_payable')
"""
