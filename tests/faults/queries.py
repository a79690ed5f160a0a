"""What the town of kills asks PostgreSQL: what is on its way, and whether nothing is."""

AGAIN = """
update outbox
set due_at = now()
where done_at is null
and sent_at < now() - make_interval(secs => $1)
"""

AT_REST = """
select not exists (select 1 from outbox where done_at is null)
and not exists (select 1 from mpesa_inbox where state = 'new')
and not exists (select 1 from payout where state not in ('posted', 'voided', 'failed'))
and not exists (select 1 from payment_request where state not in ('paid', 'failed'))
and not exists (select 1 from loan where state in ('applied', 'approved', 'disbursing'))
and not exists (select 1 from refund where state = 'approved')
and not exists (select 1 from reversal where state not in ('done', 'failed'))
and not exists (select 1 from sms where state in ('queued', 'sending'))
"""

WALLETS = """
select
    coalesce(sum(balance_cents) filter (where code = 'mpesa_utility'), 0)::bigint as utility,
    coalesce(sum(balance_cents) filter (where code = 'mpesa_paybill'), 0)::bigint as working
from balance
join account on account.id = account_id
"""

DEAD_SENDER = """
select exists (select 1 from sms where state = 'sending' and sending_at < now() - make_interval(secs => $1))
"""

ON_ITS_WAY = """
select to_jsonb(outbox)::text from outbox where done_at is null
union all select to_jsonb(inbox)::text from mpesa_inbox as inbox where state = 'new'
union all select to_jsonb(payout)::text from payout where state not in ('posted', 'voided', 'failed')
union all select to_jsonb(request)::text from payment_request as request where state not in ('paid', 'failed')
union all select to_jsonb(loan)::text from loan where state in ('applied', 'approved', 'disbursing')
union all select to_jsonb(sms)::text from sms where state in ('queued', 'sending')
"""

# Of these loans some payout, or some prompt, has begun.
BEGUN = """
select exists (
    select 1 from payout join loan on loan.id = loan_id where ref = any($1) and payout.state <> 'ready'
) or exists (
    select 1 from payment_request join loan on loan.id = loan_id
    where ref = any($1) and payment_request.state <> 'queued'
)
"""
