"""The SQL of forgetting, by name. $1 is an age in days, $2 the most rows at once, unless said otherwise."""

PRUNE_ANSWERS = """
delete from action_result
where key in (
    select key
    from action_result
    where created_at < now() - make_interval(days => $1)
    order by created_at
    limit $2
)
"""

# What a message was about stays; its words, and what stood in them, go.
FORGET_WORDS = """
update sms
set words = case when words is not null then '' end,
    details = '{}'
where id in (
    select id
    from sms
    where created_at < now() - make_interval(days => $1)
    and details <> '{}'
    and state not in ('queued', 'sending')
    order by created_at
    limit $2
)
"""

PRUNE_STATEMENTS = """
delete from money_statement
where id in (
    select id
    from money_statement
    where imported_at < now() - make_interval(days => $1)
    order by id
    limit $2
)
"""

# The database itself refuses to delete what is younger than two years.
PRUNE_AUDIT = """
delete from audit
where id in (
    select id
    from audit
    where at < now() - make_interval(days => $1)
    order by at
    limit $2
)
"""

# Who began to join and did not. No loan, no money: there is nothing to keep. $3: the borrower after whom to
# look; $4: this one only, or null.
STRANGERS = """
select borrower.id
from borrower
where registered_at is null
and forgotten_at is null
and created_at < now() - make_interval(days => $1)
and id > $3
and ($4::bigint is null or id = $4)
and not exists (select 1 from loan where loan.borrower_id = borrower.id)
and not exists (select 1 from account where account.borrower_id = borrower.id)
order by id
limit $2
"""

# Who has no loan, owes nothing and is owed nothing, for so long. $3, $4: as above.
CLOSED = """
select borrower.id
from borrower
join wallet on wallet.borrower_id = borrower.id
where borrower.forgotten_at is null
and borrower.registered_at < now() - make_interval(days => $1)
and borrower.id > $3
and ($4::bigint is null or borrower.id = $4)
and wallet.owed_cents = 0
and wallet.credit_cents = 0
and not exists (
    select 1
    from loan
    where loan.borrower_id = borrower.id
    and (loan.is_open or loan.state = 'written_off'
         or coalesce(loan.closed_at, loan.applied_at) >= now() - make_interval(days => $1))
)
and not exists (
    select 1
    from journal
    where journal.borrower_id = borrower.id
    and journal.at >= now() - make_interval(days => $1)
)
order by borrower.id
limit $2
"""

# -- one person. $1: the borrower's number here ------------------------------------------------

LOCK = """
select id, msisdn
from borrower
where id = $1
and forgotten_at is null
for update
"""

FORGET = """
update borrower
set msisdn = 'forgotten:' || id,
    name = null,
    national_id = null,
    pin_hash = null,
    registered_at = null,
    pin_failures = 0,
    pin_locked_until = null,
    blacklist_reason = null,
    score = 300,
    limit_cents = 0,
    forgotten_at = now()
where id = $1
"""

FORGET_THEIR_WORDS = """
update sms
set words = case when words is not null then '' end,
    details = '{}'
where borrower_id = $1
and details <> '{}'
and state not in ('queued', 'sending')
"""

# What was never sent is not for them any more.
DROP_WAITING = """
update sms
set state = 'refused',
    reason = 'forgotten',
    settled_at = now()
where borrower_id = $1
and state = 'queued'
"""

FORGET_THEIR_STATEMENTS = """
delete from money_statement
where borrower_id = $1
"""

FORGET_OPT_OUT = """
delete from sms_opt_out
where borrower_id = $1
"""

# -- the same, by the phone number. $1: the number ---------------------------------------------

FORGET_STAGED_PIN = """
delete from pin_stage
where msisdn = $1
"""

FORGET_REPORTS = """
delete from sms_callback
where processed_at is not null
and body ->> 'phoneNumber' in ($1, '+' || $1)
"""

FORGET_CALLBACKS = """
delete from mpesa_inbox
where state in ('done', 'ignored')
and position(convert_to($1, 'UTF8') in body) > 0
"""

# $1: the digest of the number that keys of presses hold.
FORGET_ANSWERS = """
delete from action_result
where position(':' || $1 || ':' in key) > 0
"""

# Why somebody may not be forgotten, and until when. $2: days that the books of a loan are kept. null:
# as long as it is owed, or we hold money of theirs.
HELD = """
select
    wallet.owed_cents,
    wallet.credit_cents,
    (
        select ref
        from loan
        where loan.borrower_id = borrower.id
        and (loan.is_open or loan.state = 'written_off')
        order by loan.id desc
        limit 1
    ) as open_ref,
    (
        select (max(coalesce(closed_at, applied_at)) at time zone 'Africa/Nairobi')::date + $2::integer
        from loan
        where loan.borrower_id = borrower.id
        and loan.disbursed_at is not null
    ) as kept_until
from borrower
join wallet on wallet.borrower_id = borrower.id
where borrower.id = $1
"""

KEEP_RUN = """
insert into retention_run (rules, counts)
values ($1, $2)
"""

KEEP_REQUEST = """
insert into subject_request (borrower_id, kind, answered_by, answer)
values ($1, $2, $3, $4)
"""
