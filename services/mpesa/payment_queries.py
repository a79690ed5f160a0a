"""The SQL of prompts, and of finding out whose a payment is, by name."""

LOCK_REQUEST = """
select payment_request.*, borrower.msisdn, loan.ref
from payment_request
join borrower on borrower.id = payment_request.borrower_id
join loan on loan.id = payment_request.loan_id
where payment_request.id = $1
for update of payment_request
"""

WHOSE_REQUEST = """
select borrower_id, loan_id
from payment_request
where id = $1
"""

REQUEST_BY_CHECKOUT = """
select id
from payment_request
where checkout_request_id = $1
"""

MOVE_REQUEST = """
update payment_request
set state = $2,
    outcome = $3,
    prompted_at = case when $2 = 'prompting' then clock_timestamp() else prompted_at end,
    settled_at = case when $2 in ('paid', 'failed') then clock_timestamp() end
where id = $1
"""

KEEP_CHECKOUT = """
update payment_request
set checkout_request_id = coalesce(checkout_request_id, $2),
    merchant_request_id = coalesce(merchant_request_id, $3)
where id = $1
"""

# Not one that was taken for another prompt's: of two for the same amount nobody can tell.
KEEP_REQUEST_RECEIPT = """
update payment_request
set receipt = $2
where id = $1
and not exists (
    select 1
    from payment_request
    where receipt = $2
)
"""

SAID_PAID = """
update payment_request
set said_paid = true
where id = $1
"""

ASK_PROMPT_SOON = """
update payment_request
set asked_at = prompted_at - interval '1 day'
where id = $1
and state = 'prompted'
"""

# Prompts whose callback did not come. $1: seconds to wait for it, and between two queries.
UNHEARD_PROMPTS = """
update payment_request
set asked_at = clock_timestamp(),
    asks = asks + 1
where id in (
    select id
    from payment_request
    where state = 'prompted'
    and checkout_request_id is not null
    and not said_paid
    and coalesce(asked_at, prompted_at) < clock_timestamp() - make_interval(secs => $1)
    order by coalesce(asked_at, prompted_at)
    limit $2
    for update skip locked
)
returning id, checkout_request_id
"""

# Prompts that nobody will hear of, and those that could not be shown for so long. $1: seconds. One that was
# said to be paid waits for its receipt for $2, until it can no longer be among the payments that are pulled.
GIVEN_UP_PROMPTS = """
select id
from payment_request
where state in ('queued', 'prompting', 'prompted')
and case when state = 'queued' then created_at else prompted_at end < clock_timestamp() - make_interval(
    secs => case when said_paid then $2::double precision else $1::double precision end
)
order by id
limit $3
"""

# Asked for so long ago that nobody waits for it with the phone in hand. $2: seconds.
IS_STALE = """
select created_at < clock_timestamp() - make_interval(secs => $2)
from payment_request
where id = $1
"""

# $1: seconds after which a message is lost; $2: seconds after which nobody waits for a prompt any more.
UNSENT_PROMPTS = """
select id
from payment_request
where state = 'queued'
and created_at between clock_timestamp() - make_interval(secs => $2)
    and clock_timestamp() - make_interval(secs => $1)
order by id
limit $3
"""

# A prompt that a query said was paid, and whose receipt came another way.
RECEIPT_FOUND = """
update payment_request
set state = 'paid',
    receipt = $3,
    settled_at = clock_timestamp()
where id = (
    select id
    from payment_request
    where loan_id = $1
    and amount_cents = $2
    and state = 'prompted'
    and said_paid
    order by id
    limit 1
)
"""

# The receipt of a payment of that amount for that loan, booked since the prompt and of no other one.
BOOKED_SINCE = """
select substr(journal.key, 9)
from journal
join posting on posting.journal_id = journal.id
where journal.borrower_id = $1
and journal.loan_id = $2
and journal.kind = 'repayment'
and journal.at >= $3
and posting.amount_cents > 0
and not exists (
    select 1
    from payment_request
    where receipt = substr(journal.key, 9)
)
group by journal.id
having sum(posting.amount_cents) = $4
order by journal.id
limit 1
"""

# The loan of a reference; when that one is over, the loan that its borrower owes by now: else what is paid
# under an old reference were credit, while the other loan falls due.
LOAN_BY_REF = """
select coalesce(owed.id, named.id) as id, named.borrower_id
from loan as named
left join lateral (
    select id
    from loan
    where loan.borrower_id = named.borrower_id
    and loan.state in ('active', 'overdue', 'non_performing', 'written_off')
    order by id desc
    limit 1
) as owed on named.state in ('repaid', 'recovered', 'rejected', 'cancelled', 'failed')
where named.ref = $1
"""

# What somebody's payment is for: the loan that is owed, else the latest that was ever paid out.
LOAN_BY_MSISDN = """
select loan.id, loan.borrower_id
from loan
join borrower on borrower.id = loan.borrower_id
where borrower.msisdn = $1
and (loan.disbursed_at is not null or loan.state = 'disbursing')
order by (loan.is_open or loan.state = 'written_off') desc, loan.id desc
limit 1
"""

BORROWER_BY_MSISDN = """
select id
from borrower
where msisdn = $1
"""
