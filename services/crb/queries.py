"""The SQL of listings, by name. Dates are Nairobi's."""

# Loans that a notice is due for, if they owe enough. What is owed is on the loan's own accounts, also of one
# written off. $1: today; $2: states; $3: days late at least; $4: after this loan; $5: at most so many.
TO_NOTICE = """
select
    loan.id,
    loan.ref,
    loan.borrower_id,
    (
        select coalesce(sum(balance.balance_cents), 0)::bigint
        from account
        join balance on balance.account_id = account.id
        where account.loan_id = loan.id
    ) as owed_cents
from loan
where loan.state = any($2::text[])
and $1::date - loan.due_on >= $3
and loan.id > $4
and not exists (
    select 1
    from crb_listing
    where crb_listing.loan_id = loan.id
    and crb_listing.state in ('noticed', 'listed')
)
order by loan.id
limit $5
"""

NOTICE = """
insert into crb_listing (loan_id, borrower_id, notice_key, noticed_on)
values ($1, $2, $3, $4)
on conflict do nothing
returning id
"""

# Open listings with how their loan stands. Borrower, loan and listing are locked, in that order.
OPEN_IDS = """
select id
from crb_listing
where state in ('noticed', 'listed')
and id > $1
order by id
limit $2
"""

WHOSE = """
select borrower_id, loan_id
from crb_listing
where id = $1
"""

STANDS = """
select
    crb_listing.*,
    loan.ref,
    loan.state as loan_state,
    loan.due_on,
    (
        select coalesce(sum(balance.balance_cents), 0)::bigint
        from account
        join balance on balance.account_id = account.id
        where account.loan_id = loan.id
    ) as owed_cents,
    notice.state as notice_state,
    (notice.sending_at at time zone 'Africa/Nairobi')::date as given_on,
    told.state as told_state
from crb_listing
join loan on loan.id = crb_listing.loan_id
left join sms as notice on notice.key = crb_listing.notice_key
left join sms as told on told.key = crb_listing.told_key
where crb_listing.id = $1
for update of crb_listing
"""

GIVEN = """
update crb_listing
set list_from = $2
where id = $1
"""

NOTICE_AGAIN = """
update crb_listing
set notice_key = $2,
    noticed_on = $3,
    notices = notices + 1,
    list_from = null
where id = $1
"""

LIST = """
update crb_listing
set state = 'listed',
    listed_on = $2,
    listed_cents = $3,
    days_late = $4,
    told_key = $5
where id = $1
"""

TOLD = """
update crb_listing
set told_key = $2
where id = $1
"""

END = """
update crb_listing
set state = $2,
    ended_on = $3
where id = $1
"""

# What changed on a day: loans that were listed, and those that were corrected.
OF_DAY = """
select
    crb_listing.id,
    case when crb_listing.ended_on = $1 then 'corrected' else 'listed' end as what,
    borrower.name,
    borrower.national_id,
    borrower.msisdn,
    loan.ref,
    loan.product,
    loan.principal_cents,
    (loan.disbursed_at at time zone 'Africa/Nairobi')::date as disbursed_on,
    loan.due_on,
    loan.state as loan_state,
    crb_listing.noticed_on,
    crb_listing.listed_on,
    crb_listing.listed_cents,
    crb_listing.days_late,
    case when crb_listing.ended_on = $1 then 0 else crb_listing.listed_cents end as owed_cents,
    crb_listing.ended_on as corrected_on
from crb_listing
join loan on loan.id = crb_listing.loan_id
join borrower on borrower.id = crb_listing.borrower_id
where (crb_listing.listed_on = $1 or (crb_listing.ended_on = $1 and crb_listing.listed_on is not null))
and crb_listing.id > $2
order by crb_listing.id
limit $3
"""
