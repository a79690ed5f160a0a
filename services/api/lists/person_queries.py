"""The SQL of one person's page, by name. Each reads by an index of the borrower's."""

PROFILE = """
select
    borrower.*,
    wallet.credit_cents,
    wallet.owed_cents,
    exists (select from sms_opt_out where sms_opt_out.borrower_id = borrower.id) as opted_out
from borrower
join wallet on wallet.borrower_id = borrower.id
where borrower.id = $1
"""

REVEAL = """
select id, name, msisdn, national_id
from borrower
where id = $1
"""

CONSENTS = """
select purpose, version, language, channel, given_at
from consent
where borrower_id = $1
order by given_at desc, id desc
limit $2
"""

DECISIONS = """
select decision.id, decision.outcome, decision.score, decision.limit_cents, decision.reasons, decision.points,
    decision.scorecard, decision.at, loan.ref
from decision
left join loan on loan.id = decision.loan_id
where decision.borrower_id = $1
order by decision.id desc
limit $2
"""

PAYMENTS = """
select journal.id, journal.key, journal.kind, journal.at, journal.value_on, loan.ref,
    (
        select sum(posting.amount_cents)::bigint
        from posting
        where posting.journal_id = journal.id
        and posting.amount_cents > 0
    ) as amount_cents
from journal
left join loan on loan.id = journal.loan_id
where journal.borrower_id = $1
and journal.kind in ('repayment', 'suspense_matched', 'credit_used', 'refund', 'payment_undone')
order by journal.value_on desc, journal.id desc
limit $2
"""

MESSAGES = """
select sms.id, sms.notice, sms.state, sms.words, sms.reason, sms.created_at, loan.ref
from sms
left join loan on loan.id = sms.loan_id
where sms.borrower_id = $1
order by sms.id desc
limit $2
"""

# What happened, by source: each with when, what, which loan, how much, and what else there is to say.
OF_PERSON = """
select 'person' as source, borrower.id, borrower.created_at as at, 'met' as what, null::bigint as loan_id,
    null::bigint as cents, '{}'::jsonb as more
from borrower
where borrower.id = $1
union all
select 'person', -borrower.id, borrower.registered_at, 'registered', null, null, '{}'
from borrower
where borrower.id = $1
and borrower.registered_at is not null
union all
select 'consent', consent.id, consent.given_at, 'agreed', null, null,
    jsonb_build_object('purpose', consent.purpose, 'version', consent.version, 'channel', consent.channel)
from consent
where consent.borrower_id = $1
"""

OF_LOANS = """
select 'decision' as source, decision.id, decision.at, decision.outcome as what, decision.loan_id,
    decision.limit_cents as cents,
    jsonb_build_object('score', decision.score, 'reasons', decision.reasons) as more
from decision
where decision.borrower_id = $1
union all
select 'loan', 0 - loan.id, loan.applied_at, 'apply', loan.id, loan.principal_cents,
    jsonb_build_object('purpose', loan.purpose, 'product', loan.product)
from loan
where loan.borrower_id = $1
union all
select 'loan', loan_event.id, loan_event.at, loan_event.move, loan.id, null,
    jsonb_build_object('by', loan_event.actor, 'from', loan_event.from_state, 'to', loan_event.to_state)
from loan
join loan_event on loan_event.loan_id = loan.id
where loan.borrower_id = $1
union all
select 'approval', approval.id, approval.proposed_at, approval.kind, approval.loan_id, approval.amount_cents,
    jsonb_build_object('status', approval.state, 'proposed_by', approval.proposed_by,
        'decided_by', approval.decided_by, 'reason', approval.reason)
from loan
join approval on approval.loan_id = loan.id
where loan.borrower_id = $1
union all
select 'approval', approval.id, approval.proposed_at, approval.kind, null, approval.amount_cents,
    jsonb_build_object('status', approval.state, 'proposed_by', approval.proposed_by,
        'decided_by', approval.decided_by, 'reason', approval.reason)
from approval
where approval.borrower_id = $1
and approval.loan_id is null
"""

OF_MONEY = """
select 'money' as source, journal.id, journal.at, journal.kind as what, journal.loan_id,
    (
        select sum(posting.amount_cents)::bigint
        from posting
        where posting.journal_id = journal.id
        and posting.amount_cents > 0
    ) as cents,
    jsonb_build_object('key', journal.key, 'on', journal.value_on) as more
from journal
where journal.borrower_id = $1
union all
select 'prompt', payment_request.id, payment_request.created_at, payment_request.state,
    payment_request.loan_id, payment_request.amount_cents,
    jsonb_build_object('outcome', payment_request.outcome)
from payment_request
where payment_request.borrower_id = $1
union all
select 'payout', payout.id, payout.created_at, payout.state, payout.loan_id, payout.amount_cents,
    jsonb_build_object('receipt', payout.receipt, 'result_code', payout.result_code)
from payout
where payout.borrower_id = $1
"""

OF_MESSAGES = """
select 'message' as source, sms.id, sms.created_at as at, sms.notice as what, sms.loan_id,
    null::bigint as cents, jsonb_build_object('status', sms.state, 'words', sms.words) as more
from sms
where sms.borrower_id = $1
"""

TIMELINE = """
select happened.*, loan.ref
from (
    {sources}
) as happened
left join loan on loan.id = happened.loan_id
{after}
order by happened.at desc, happened.source desc, happened.id desc
limit {limit:d}
"""
