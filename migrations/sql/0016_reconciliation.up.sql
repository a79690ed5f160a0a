-- M-Pesa's books beside ours: every movement of our money as our books have it, runs that compare them
-- with what M-Pesa says, what each run found, and the queue of what people have to look at.

-- 1. Our movements on the three accounts that M-Pesa knows, one row a journal and account. `receipt` is
-- M-Pesa's; of our own money it is what whoever booked it called it. `at` is the best that is known: when
-- M-Pesa moved it, else when it was booked, and on another day than it counts for, the end of that day.
create view mpesa_movement as
select
    journal.id as journal_id,
    moved.account,
    journal.kind,
    case
        when journal.key like 'receipt:%' then split_part(substr(journal.key, 9), '/', 1)
        when journal.key like 'loss:%' then split_part(journal.key, ':', 3)
        when journal.kind = 'disbursement' then paid.receipt
        when journal.kind = 'refund' then sent_back.receipt
        when journal.kind in ('funding', 'move', 'excise_remitted')
            then substr(journal.key, strpos(journal.key, ':') + 1)
    end as receipt,
    case when journal.kind = 'suspense_returned' then substr(journal.key, 8) end as linked,
    journal.key,
    moved.cents,
    journal.value_on,
    coalesce(
        case
            when journal.kind = 'disbursement' then coalesce(late_payout.arrived_at, loan.disbursed_at)
            when journal.kind = 'refund' then refund.settled_at
            when journal.kind = 'suspense' then suspense_item.received_at
            when (journal.at at time zone 'Africa/Nairobi')::date = journal.value_on then journal.at
        end,
        ((journal.value_on + 1)::timestamp at time zone 'Africa/Nairobi') - interval '1 second'
    ) as at
from journal
cross join lateral (
    select
        case
            when account.code = 'mpesa_utility' then 'utility'
            when account.code = 'mpesa_charges_paid' then 'charges'
            else 'working'
        end as account,
        sum(posting.amount_cents)::bigint as cents
    from posting
    join account on account.id = posting.account_id
    where posting.journal_id = journal.id
    and account.code in ('mpesa_utility', 'mpesa_charges_paid', 'mpesa_working', 'mpesa_paybill')
    group by 1
    having sum(posting.amount_cents) <> 0
) as moved
left join loan on journal.kind = 'disbursement' and loan.id = journal.loan_id
left join late_payout on journal.kind = 'disbursement' and late_payout.loan_id = journal.loan_id
left join payout as paid on journal.kind = 'disbursement' and paid.loan_id = journal.loan_id
left join refund on journal.kind = 'refund' and refund.settled_by = journal.id
left join payout as sent_back
    on journal.kind = 'refund'
    and sent_back.refund_id = coalesce(
        refund.id,
        case when journal.key like 'refund\_late:%' then substr(journal.key, 13)::bigint end
    )
left join suspense_item on journal.kind = 'suspense' and suspense_item.booked_by = journal.id;

-- 2. A run: one file, or one period asked for. The same file or period is the same run, looked at again.
create table reconciliation_run (
    id bigint generated always as identity primary key,
    source text not null check (source in ('statement', 'pull', 'status')),
    account text not null check (account in ('utility', 'working', 'charges')),
    shortcode text not null default '' check (char_length(shortcode) <= 20),
    identity bytea not null check (octet_length(identity) = 32),
    state text not null default 'running' check (state in ('running', 'incomplete', 'done')),
    looks integer not null default 1 check (looks > 0),
    period_from timestamptz,
    period_to timestamptz,
    lines bigint not null default 0 check (lines >= 0),
    copies bigint not null default 0 check (copies >= 0), -- lines that were there twice, word for word
    counts jsonb not null default '{}', -- how many of each outcome
    ours jsonb not null default '{}', -- cents of each outcome, by our books
    theirs jsonb not null default '{}', -- and by M-Pesa
    opening_cents bigint,
    closing_cents bigint,
    missing_cents bigint, -- closing less opening less all lines: a whole statement has 0
    books_opening_cents bigint,
    books_closing_cents bigint,
    booked integer not null default 0 check (booked >= 0), -- payments that only M-Pesa knew
    charges_cents bigint not null default 0 check (charges_cents >= 0), -- charges that only M-Pesa knew
    made_by text not null check (char_length(made_by) between 1 and 80),
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint reconciliation_run_period check (period_from <= period_to),
    unique (source, account, identity)
);

create index reconciliation_run_latest on reconciliation_run (started_at desc);

create trigger reconciliation_run_kept
before delete on reconciliation_run
for each row execute function refuse_change();

-- 3. What a run says of each transaction. `made` is what was made of one that only M-Pesa knew.
create table reconciliation_item (
    run_id bigint not null references reconciliation_run (id),
    subject text not null check (char_length(subject) between 1 and 120),
    kind text not null check (kind in ('payment', 'payout', 'reversal', 'own')),
    outcome text not null check (
        outcome in ('matched', 'ours_only', 'theirs_only', 'amount_differs', 'date_differs', 'reversed')
    ),
    ours_cents bigint,
    theirs_cents bigint,
    ours_on date,
    theirs_at timestamptz,
    ours_at timestamptz,
    linked text not null default '',
    made text not null default '' check (made in ('', 'repayment', 'suspense', 'known')),
    primary key (run_id, subject),
    constraint reconciliation_item_somebodys check (num_nonnulls(ours_cents, theirs_cents) > 0)
);

create index reconciliation_item_open on reconciliation_item (run_id, outcome) where outcome <> 'matched';

-- 4. The queue. A difference is here once, whichever runs see it: open; cleared, when a later run finds
-- that it is gone; or resolved, by people, with a reason.
create table reconciliation_break (
    id bigint generated always as identity primary key,
    account text not null check (account in ('utility', 'working', 'charges')),
    subject text not null check (char_length(subject) between 1 and 120),
    kind text not null,
    outcome text not null check (outcome <> 'matched'),
    ours_cents bigint,
    theirs_cents bigint,
    ours_on date,
    theirs_at timestamptz,
    linked text not null default '',
    first_run bigint not null references reconciliation_run (id),
    last_run bigint not null references reconciliation_run (id),
    opened_at timestamptz not null default now(),
    state text not null default 'open' check (state in ('open', 'cleared', 'resolved')),
    closed_by text check (closed_by ~ '^[a-z0-9][a-z0-9._@:+-]{0,79}$'),
    closed_at timestamptz,
    reason text not null default '' check (char_length(reason) <= 500),
    approval_id bigint references approval (id),
    constraint reconciliation_break_closed_whole check (
        (state = 'open' and num_nulls(closed_by, closed_at) = 2)
        or (state <> 'open' and num_nulls(closed_by, closed_at) = 0)
    )
);

create unique index reconciliation_break_once
on reconciliation_break (account, subject, outcome, coalesce(ours_cents, 0), coalesce(theirs_cents, 0));

create index reconciliation_break_open on reconciliation_break (opened_at, id) where state = 'open';

create function reconciliation_break_guard() returns trigger
language plpgsql
as $$
begin
    if old.state = 'resolved' and new.state <> 'resolved' then
        raise exception 'break %: what people resolved stays so', old.id using errcode = 'restrict_violation';
    end if;
    if (new.id, new.account, new.subject, new.outcome, new.ours_cents, new.theirs_cents, new.first_run)
       is distinct from
       (old.id, old.account, old.subject, old.outcome, old.ours_cents, old.theirs_cents, old.first_run) then
        raise exception 'break %: what was found does not change', old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger reconciliation_break_guard
before update on reconciliation_break
for each row execute function reconciliation_break_guard();

create trigger reconciliation_break_kept
before delete on reconciliation_break
for each row execute function refuse_change();

-- Status answers are looked for by what they are about.
create index mpesa_inbox_status on mpesa_inbox (ref, id) where kind = 'status';

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke delete, truncate on reconciliation_run, reconciliation_break from umoja_app;
    end if;
end
$$;
