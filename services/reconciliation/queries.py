"""The SQL of reconciliation, by name.

A run's lines are in `theirs`, our movements of its period in `ours`: temporary tables of the connection,
so that neither side is ever in the program's memory.
"""

MAKE_TABLES = """
create temporary table if not exists theirs (
    place bigint generated always as identity,
    receipt text not null,
    at timestamptz not null,
    cents bigint not null,
    kind text not null,
    account_ref text not null,
    payer text not null,
    linked text not null,
    balance_cents bigint
);
create temporary table if not exists ours (
    subject text not null,
    kind text not null,
    linked text,
    cents bigint not null,
    value_on date not null,
    at timestamptz not null,
    rest boolean not null
);
create temporary table if not exists paired (
    receipt text primary key,
    subject text not null unique
);
truncate theirs, ours, paired;
"""

DROP_TABLES = """
drop table if exists theirs;
drop table if exists ours;
drop table if exists paired;
"""

THEIRS = ("receipt", "at", "cents", "kind", "account_ref", "payer", "linked", "balance_cents")

# The same line twice, word for word and with the same balance after it, is a fault of the export.
DROP_COPIES = """
delete from theirs
where place in (
    select place
    from (
        select
            place,
            row_number() over (
                partition by receipt, kind, cents, at, balance_cents, linked order by place
            ) as time_seen
        from theirs
    ) as counted
    where time_seen > 1
)
"""

THEIR_SPAN = """
select min(at) as since, max(at) as until, coalesce(sum(cents), 0)::bigint as cents, count(*) as lines
from theirs
"""

LOOK_AGAIN = """
truncate ours, paired
"""

# Else the planner takes them for small.
ANALYZE_THEIRS = "analyze theirs"
ANALYZE_OURS = "analyze ours"

# Whoever books charges takes this first: one at a time.
LOCK_CHARGES = """
select id
from mpesa_float
for update
"""

# Ours: what counts for the period's days, and whatever else has a receipt of theirs. $1: account,
# $2, $3: the days, $4: only what customers paid. `rest`: our own money, whose name need not be a receipt.
FILL_OURS = """
insert into ours (subject, kind, linked, cents, value_on, at, rest)
select
    coalesce(min(receipt), min(key)),
    case
        when bool_or(kind in ('repayment', 'suspense')) then 'payment'
        when bool_or(kind in ('disbursement', 'refund')) then 'payout'
        when bool_or(kind = 'suspense_returned') then 'reversal'
        else 'own'
    end,
    min(linked),
    sum(cents),
    min(value_on),
    min(at),
    bool_and(kind in ('funding', 'move', 'excise_remitted'))
from mpesa_movement
where account = $1
and kind <> 'mpesa_charge'
and (not $4 or kind in ('repayment', 'suspense'))
and (
    value_on between $2 and $3
    or journal_id = any(array(
        select journal.id
        from theirs
        join journal on journal.key = 'receipt:' || theirs.receipt
        union
        select journal.id
        from theirs
        join payout on payout.receipt = theirs.receipt
        join journal on journal.loan_id = payout.loan_id and journal.kind = 'disbursement'
        union
        select refund.settled_by
        from theirs
        join payout on payout.receipt = theirs.receipt
        join refund on refund.id = payout.refund_id
        union
        select journal.id
        from theirs
        join payout on payout.receipt = theirs.receipt
        join journal on journal.key = 'refund_late:' || payout.refund_id
        union
        select journal.id
        from theirs
        join journal on journal.key in (
            'loss:' || $1 || ':' || theirs.receipt,
            'move:' || theirs.receipt,
            'funding:' || theirs.receipt,
            'excise:' || theirs.receipt,
            'return:' || theirs.linked
        )
    ))
)
group by coalesce(receipt, key)
having sum(cents) <> 0
"""

# Which of theirs is which of ours: by the receipt; a reversal by what it undoes.
PAIR_BY_RECEIPT = """
insert into paired (receipt, subject)
select receipt, receipt
from (select distinct receipt from theirs where kind <> 'charge') as told
where exists (select 1 from ours where ours.subject = told.receipt)
union all
select min(theirs.receipt), ours.subject
from theirs
join ours on ours.linked = theirs.linked
where theirs.kind = 'reversal'
and theirs.linked <> ''
group by ours.subject
on conflict do nothing
"""

# Our own money has no receipt in our books: it is paired by its amount, in the order of time.
PAIR_BY_AMOUNT = """
insert into paired (receipt, subject)
select receipt, subject
from (
    select receipt, cents, row_number() over (partition by cents order by at, receipt) as place
    from (
        select receipt, sum(cents)::bigint as cents, min(at) as at
        from theirs
        where kind = 'own'
        group by receipt
    ) as own
    where receipt not in (select receipt from paired)
) as told
join (
    select subject, cents, row_number() over (partition by cents order by at, subject) as place
    from ours
    where rest
    and subject not in (select subject from paired)
    and at between $1::timestamptz - interval '1 day' and $2::timestamptz + interval '1 day'
) as held using (cents, place)
on conflict do nothing
"""

# What both sides say, one row a transaction. $1: run, $2, $3: the period, $4: whether theirs is whole, so
# that what is only ours is missing there.
WRITE_ITEMS = """
with told as (
    select
        receipt,
        min(kind) as kind,
        sum(cents)::bigint as cents,
        min(at) as at,
        max(linked) as linked
    from theirs
    where kind <> 'charge'
    group by receipt
    having sum(cents) <> 0
),
sides as (
    select
        coalesce(told.receipt, ours.subject) as subject,
        coalesce(told.kind, ours.kind) as kind,
        ours.cents as ours_cents,
        told.cents as theirs_cents,
        ours.value_on as ours_on,
        told.at as theirs_at,
        ours.at as ours_at,
        coalesce(told.linked, ours.linked, '') as linked
    from told
    left join paired on paired.receipt = told.receipt
    full join ours on ours.subject = paired.subject
    where told.receipt is not null
    or ($4 and ours.at between $2 and $3)
),
named as (
    select
        *,
        case
            when theirs_cents is null then 'ours_only'
            when ours_cents is null and kind = 'reversal' then 'reversed'
            when ours_cents is null then 'theirs_only'
            when ours_cents <> theirs_cents then 'amount_differs'
            when abs((theirs_at at time zone 'Africa/Nairobi')::date - ours_on) > 1 then 'date_differs'
            else 'matched'
        end as outcome
    from sides
)
insert into reconciliation_item as kept (
    run_id, subject, kind, outcome, ours_cents, theirs_cents, ours_on, theirs_at, ours_at, linked
)
select $1, subject, kind, outcome, ours_cents, theirs_cents, ours_on, theirs_at, ours_at, linked
from named
on conflict (run_id, subject) do update
set kind = excluded.kind,
    outcome = excluded.outcome,
    ours_cents = excluded.ours_cents,
    theirs_cents = excluded.theirs_cents,
    ours_on = excluded.ours_on,
    theirs_at = excluded.theirs_at,
    ours_at = excluded.ours_at,
    linked = excluded.linked
"""

# What an earlier look at the same file said and this one does not.
FORGET_ITEMS = """
delete from reconciliation_item as item
where run_id = $1
and not exists (select 1 from theirs where theirs.receipt = item.subject)
and not exists (select 1 from ours where ours.subject = item.subject)
"""

# Customers' payments that only M-Pesa knows, and that nothing was made of yet.
UNKNOWN_PAYMENTS = """
select item.subject as receipt, item.theirs_cents as cents, theirs.account_ref, theirs.payer, theirs.at
from reconciliation_item as item
cross join lateral (
    select account_ref, payer, at
    from theirs
    where theirs.receipt = item.subject
    and theirs.kind = 'payment'
    order by place
    limit 1
) as theirs
where item.run_id = $1
and item.outcome = 'theirs_only'
and item.kind = 'payment'
and item.theirs_cents > 0
and item.made = ''
order by theirs.at, item.subject
limit $2
"""

MADE = """
update reconciliation_item
set made = $3
where run_id = $1
and subject = $2
"""

# Charges that stand among the account's own lines, and that are not in our books.
UNKNOWN_CHARGES = """
select receipt, -sum(cents)::bigint as cents, (min(at) at time zone 'Africa/Nairobi')::date as value_on
from theirs
where kind = 'charge'
and not exists (
    select 1
    from journal
    where journal.key = 'charge:' || $1 || ':' || theirs.receipt
)
group by receipt
having sum(cents) < 0
order by receipt
limit $2
"""

CHARGES_TOLD = """
select -coalesce(sum(cents), 0)::bigint
from theirs
where kind = 'charge'
"""

# What our books had before the first line: the balance, without what is later, and without what the
# statement itself has, whenever we booked it. $1: accounts, $2: account, $3: the period's beginning.
BOOKS_OPENING = """
with later as (
    select sum(cents) as cents
    from mpesa_movement
    where account = $2
    and value_on >= ($3::timestamptz at time zone 'Africa/Nairobi')::date
),
kept as (
    select
        sum(cents) filter (
            where at < $3
            and value_on >= ($3::timestamptz at time zone 'Africa/Nairobi')::date
            and paired.subject is null
        ) as before_cents,
        sum(cents) filter (
            where value_on < ($3::timestamptz at time zone 'Africa/Nairobi')::date
            and paired.subject is not null
        ) as inside_cents
    from ours
    left join paired on paired.subject = ours.subject
)
select (
    coalesce(sum(balance.balance_cents), 0)
    - coalesce((select cents from later), 0)
    + coalesce((select before_cents from kept), 0)
    - coalesce((select inside_cents from kept), 0)
)::bigint
from account
join balance on balance.account_id = account.id
where account.code = any($1::text[])
"""

ITEMS_OURS = """
select (
    (select coalesce(sum(ours_cents), 0) from reconciliation_item where run_id = $1)
    + (
        select coalesce(sum(moved.cents), 0)
        from (select distinct receipt from theirs where kind = 'charge') as charged
        join mpesa_movement as moved on moved.key = 'charge:' || $2 || ':' || charged.receipt
        where moved.account = $2
    )
)::bigint
"""
