"""The SQL of messages to many, by name."""

# Who fits. $1: kind; $2: language; $3: states; $4: product; $5, $6: days past due; $7: borrowers by id;
# $8: today; $9: whether they must have a loan that is owed. Null: whatever it is. Nobody who has not joined,
# none for offers who does not want them, or who is not lent to.
_CHOSEN = """
from borrower
left join lateral (
    select loan.state, loan.product, $8::date - loan.due_on as days
    from loan
    where loan.borrower_id = borrower.id
    and (loan.is_open or loan.state = 'written_off')
    order by loan.id desc
    limit 1
) as mine on true
where borrower.registered_at is not null
and ($1 <> 'marketing' or (borrower.blacklisted_at is null and offers_wanted(borrower.id)))
and ($2::text is null or borrower.language = $2)
and ($3::text[] is null or coalesce(mine.state, 'none') = any($3))
and ($4::text is null or mine.product = $4)
and ($5::int is null or mine.days >= $5)
and ($6::int is null or mine.days <= $6)
and ($7::bigint[] is null or borrower.id = any($7))
and (not $9 or mine.state in ('active', 'overdue', 'non_performing'))
"""

COUNT = f"""
select borrower.language, count(*) as people
{_CHOSEN}
group by borrower.language
"""

FIX = f"""
insert into bulk_recipient (bulk_id, borrower_id)
select $10, borrower.id
{_CHOSEN}
"""

# What a part has cost of late, in cents. A message of several parts costs each.
PART_COST = """
select coalesce(ceil(avg(cost_cents::numeric / parts)), $1)::bigint
from (
    select cost_cents, parts
    from sms
    where cost_cents > 0
    order by id desc
    limit 1000
) as late
"""

WRITE = """
insert into bulk_message (kind, notice, texts, chosen, recipients, cost_cents, asked_by)
values ($1, $2, $3, $4, $5, $6, $7)
returning id
"""

LOCK = """
select *
from bulk_message
where id = $1
for update
"""

BEGIN = """
update bulk_message
set state = 'sending',
    recipients = $2,
    begun_at = now()
where id = $1
and state = 'proposed'
"""

NEEDS = """
update bulk_message
set approval_id = $2
where id = $1
"""

END = """
update bulk_message
set state = $2,
    ended_at = now()
where id = $1
"""

# The next of them: their messages, and for each a row of the outbox. What a notice says of their loan is
# what is so now; who owes nothing any more gets none. $1: the message; $2: the last one done; $3: how many;
# $4: kind; $5: notice; $6: today; $7: whether it speaks of a loan.
ASK = """
with batch as materialized (
    select borrower_id
    from bulk_recipient
    where bulk_id = $1
    and borrower_id > $2
    order by borrower_id
    limit $3
), about as (
    select
        batch.borrower_id,
        mine.id as loan_id,
        case when $7 then jsonb_strip_nulls(jsonb_build_object(
            'ref', mine.ref,
            'owed', mine.owed_cents,
            'due', mine.due_on,
            'days', case when $8 then abs($6::date - mine.due_on) end
        )) else '{}' end as details
    from batch
    left join lateral (
        select loan.id, loan.ref, loan.due_on, sum(balance.balance_cents)::bigint as owed_cents
        from loan
        join account on account.loan_id = loan.id and account.kind = 'asset'
        join balance on balance.account_id = account.id
        where $7
        and loan.borrower_id = batch.borrower_id
        and loan.state in ('active', 'overdue', 'non_performing')
        group by loan.id
        having sum(balance.balance_cents) > 0
    ) as mine on true
    where not $7 or mine.id is not null
), asked as (
    insert into sms (key, borrower_id, loan_id, kind, notice, details, bulk_id)
    select 'bulk:' || $1 || ':' || borrower_id, borrower_id, loan_id, $4, $5, details, $1
    from about
    on conflict (key) do nothing
    returning id
), put as (
    insert into outbox (key, topic, payload)
    select 'sms:' || id, 'sms.send', jsonb_build_object('sms_id', id)
    from asked
)
select
    (select max(borrower_id) from batch) as last,
    (select count(*) from batch) as passed,
    (select count(*) from asked) as asked
"""

PASSED = """
update bulk_message
set done_up_to = $2
where id = $1
"""

PROGRESS = """
select state, count(*) as messages, sum(cost_cents)::bigint as cost_cents
from sms
where bulk_id = $1
group by state
"""
