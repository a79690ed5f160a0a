"""M-Pesa's SQL, by name: the inbox, payouts, the float. Prompts and payments are in payment_queries.py."""

# -- the inbox ---------------------------------------------------------------------------------

KEEP_CALLBACK = """
insert into mpesa_inbox (kind, ref, dedupe_key, body)
values ($1, $2, $3, $4)
on conflict (kind, dedupe_key) do nothing
returning id
"""

# One that is due, and that nobody else has in hand.
TAKE_CALLBACK = """
select id, kind, ref, body, attempts, received_at
from mpesa_inbox
where state = 'new'
and try_at <= clock_timestamp()
order by try_at, id
limit 1
for update skip locked
"""

END_CALLBACK = """
update mpesa_inbox
set state = $2,
    note = $3,
    attempts = attempts + 1
where id = $1
"""

LATER_CALLBACK = """
update mpesa_inbox
set attempts = attempts + 1,
    note = $3,
    try_at = clock_timestamp() + make_interval(secs => $2)
where id = $1
"""

# Bodies hold phone numbers and names. What was made of them is in the books.
PRUNE_CALLBACKS = """
delete from mpesa_inbox
where id in (
    select id
    from mpesa_inbox
    where state in ('done', 'ignored')
    and received_at < clock_timestamp() - make_interval(days => $1)
    order by id
    limit $2
)
"""

# -- payouts -----------------------------------------------------------------------------------

READY_LOAN = """
insert into payout (loan_id, borrower_id, amount_cents, originator_id)
select id, borrower_id, principal_cents, $2
from loan
where id = $1
and state = 'disbursing'
on conflict (loan_id) do nothing
returning id
"""

READY_REFUND = """
insert into payout (refund_id, borrower_id, amount_cents, originator_id)
select id, borrower_id, amount_cents, $2
from refund
where id = $1
and state = 'approved'
on conflict (refund_id) do nothing
returning id
"""

PAYOUT_OF_LOAN = """
select id
from payout
where loan_id = $1
"""

PAYOUT_OF_REFUND = """
select id
from payout
where refund_id = $1
"""

PAYOUT_BY_ORIGINATOR = """
select id
from payout
where originator_id = $1
"""

WHOSE_PAYOUT = """
select borrower_id, loan_id
from payout
where id = $1
"""

LOCK_PAYOUT = """
select payout.*, borrower.msisdn, coalesce(loan.ref, 'refund ' || payout.refund_id) as subject, loan.ref
from payout
join borrower on borrower.id = payout.borrower_id
left join loan on loan.id = payout.loan_id
where payout.id = $1
for update of payout
"""

MOVE_PAYOUT = """
update payout
set state = $2,
    attempts = attempts + case when $2 = 'submitting' then 1 else 0 end,
    manual_at = case when $2 in ('posted', 'voided', 'failed') then null else manual_at end
where id = $1
"""

WRITE_PAYOUT_EVENT = """
insert into payout_event (payout_id, what, from_state, to_state, detail)
values ($1, $2, $3, $4, $5)
"""

KEEP_CONVERSATION = """
update payout
set conversation_id = coalesce(conversation_id, $2)
where id = $1
"""

KEEP_RESULT = """
update payout
set result_code = $2,
    receipt = coalesce(receipt, $3)
where id = $1
"""

# To be asked about soon, whatever was asked before.
ASK_SOON = """
update payout
set asked_at = null,
    asks = 0
where id = $1
"""

# The question itself never left: it does not count.
NOT_ASKED = """
update payout
set asks = greatest(asks - 1, 0)
where id = $1
"""

NOT_FOUND = """
update payout
set not_found = not_found + 1
where id = $1
returning not_found
"""

# We died, or hang, while we asked for them. $1: seconds no request takes.
STUCK_SUBMITTING = """
select id
from payout
where state = 'submitting'
and changed_at < clock_timestamp() - make_interval(secs => $1)
order by id
limit $2
"""

# Asked for, and nothing heard: no result, no answer to the last query. $1: seconds to wait for either.
UNHEARD = """
update payout
set asked_at = clock_timestamp(),
    asks = asks + 1
where id in (
    select id
    from payout
    where state in ('submitted', 'unknown')
    and manual_at is null
    and asks < $2
    and coalesce(asked_at, changed_at) < clock_timestamp() - make_interval(secs => $1)
    order by coalesce(asked_at, changed_at)
    limit $3
    for update skip locked
)
returning id, originator_id
"""

# Asked about as often as we ask. From here on a person looks.
HAND_OVER = """
update payout
set manual_at = clock_timestamp()
where id in (
    select id
    from payout
    where state in ('submitted', 'unknown')
    and manual_at is null
    and asks >= $2
    and asked_at < clock_timestamp() - make_interval(secs => $1)
    for update skip locked
)
returning id, originator_id
"""

MANUAL = """
select payout.id, payout.originator_id, payout.state, payout.amount_cents, payout.manual_at, loan.ref
from payout
left join loan on loan.id = payout.loan_id
where payout.manual_at is not null
and payout.state in ('submitted', 'unknown')
order by payout.manual_at
limit $1
"""

READY_PAYOUTS = """
select id
from payout
where state = 'ready'
and changed_at < clock_timestamp() - make_interval(secs => $1)
order by id
limit $2
"""

# Approved and never asked for: its message was lost. $1: seconds a message takes at the most.
UNSENT_LOANS = """
select loan.id
from loan
where state = 'disbursing'
and not exists (select 1 from payout where payout.loan_id = loan.id)
and exists (
    select 1
    from loan_event
    where loan_event.loan_id = loan.id
    and move = 'send'
    and at < clock_timestamp() - make_interval(secs => $1)
)
order by loan.id
limit $2
"""

UNSENT_REFUNDS = """
select id
from refund
where state = 'approved'
and not exists (select 1 from payout where payout.refund_id = refund.id)
and approved_at < clock_timestamp() - make_interval(secs => $1)
order by id
limit $2
"""

# -- the float ---------------------------------------------------------------------------------

FLOAT = """
select paused_at, reason, held_by, utility_cents, told_at
from mpesa_float
"""

# What the float has to cover before payouts go on.
WANTED = """
select greatest(
    coalesce((select max(amount_cents) from payout where state = 'ready'), 0),
    coalesce((select amount_cents from payout where result_code = '1' order by id desc limit 1), 0)
)::bigint
"""

PAUSE = """
update mpesa_float
set paused_at = coalesce(paused_at, clock_timestamp()),
    reason = $1
where paused_at is null
returning paused_at
"""

# Not while a person holds it.
RESUME = """
update mpesa_float
set paused_at = null,
    reason = ''
where paused_at is not null
and held_by is null
returning id
"""

HOLD_FLOAT = """
update mpesa_float
set paused_at = coalesce(paused_at, clock_timestamp()),
    reason = $1,
    held_by = $2
where held_by is null
returning id
"""

RELEASE_FLOAT = """
update mpesa_float
set paused_at = null,
    reason = '',
    held_by = null
where paused_at is not null
returning id
"""

OPEN_DAY = """
insert into payout_day (day, asked_cents)
values ($1, 0)
on conflict (day) do nothing
"""

# $3: the most of a day; null: no bound.
COUNT_DAY = """
update payout_day
set asked_cents = asked_cents + $2
where day = $1
and ($3::bigint is null or asked_cents + $2 <= $3)
returning asked_cents
"""

UNCOUNT_DAY = """
update payout_day
set asked_cents = greatest(asked_cents - $2, 0)
where day = $1
"""

FLOAT_TOLD = """
update mpesa_float
set utility_cents = $1,
    told_at = clock_timestamp()
"""

FLOAT_DUE = """
update mpesa_float
set asked_at = clock_timestamp()
where (asked_at is null or asked_at < clock_timestamp() - make_interval(secs => $1))
and (paused_at is not null or $2)
returning id
"""

KEEP_BALANCE = """
insert into mpesa_balance (told, account, cents, books_cents)
values ($1, $2, $3, $4)
on conflict (told, account) do nothing
"""

# -- registration ------------------------------------------------------------------------------

IS_REGISTERED = """
select exists (
    select 1
    from mpesa_registration
    where what = $1
    and urls_sha256 = $2
)
"""

KEEP_REGISTRATION = """
insert into mpesa_registration (what, urls_sha256)
values ($1, $2)
on conflict (what) do update
set urls_sha256 = excluded.urls_sha256,
    done_at = now()
"""
