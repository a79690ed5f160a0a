-- M-Pesa: what it told us, payouts, what became of prompts, the float.

-- 1. The inbox: a callback is here, as it came, before it is answered. The same body to the same path is
-- one row. `ref` is ours, out of the path that we gave M-Pesa.
create table mpesa_inbox (
    id bigint generated always as identity primary key,
    kind text not null check (kind ~ '^[a-z0-9_]{1,30}$'),
    ref text not null default '' check (char_length(ref) <= 40),
    dedupe_key bytea not null check (octet_length(dedupe_key) = 32),
    body bytea not null check (octet_length(body) <= 65536),
    received_at timestamptz not null default now(),
    state text not null default 'new' check (state in ('new', 'done', 'ignored', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    try_at timestamptz not null default now(),
    note text not null default '' check (char_length(note) <= 200),
    unique (kind, dedupe_key)
);

create index mpesa_inbox_new on mpesa_inbox (try_at, id) where state = 'new';

create function mpesa_inbox_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.kind, new.ref, new.dedupe_key, new.body, new.received_at)
       is distinct from (old.id, old.kind, old.ref, old.dedupe_key, old.body, old.received_at) then
        raise exception 'callback %: what came does not change', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger mpesa_inbox_guard
before update on mpesa_inbox
for each row execute function mpesa_inbox_guard();

-- 2. Payouts: one a loan, one a refund. The originator's id is ours, made before the first call, and the
-- only one this payout will ever have.
--     ready ─ submitting ─ submitted | unknown ─ posted | voided,  and failed: refused when it was asked for
-- posted is the end. A success that comes after voided or failed is booked all the same: it leads to posted.
create table payout (
    id bigint generated always as identity primary key,
    loan_id bigint unique references loan (id),
    refund_id bigint unique references refund (id),
    borrower_id bigint not null references borrower (id),
    amount_cents bigint not null check (amount_cents > 0 and amount_cents % 100 = 0),
    originator_id text not null unique check (char_length(originator_id) between 8 and 20),
    state text not null default 'ready' check (
        state in ('ready', 'submitting', 'submitted', 'unknown', 'posted', 'voided', 'failed')
    ),
    attempts integer not null default 0 check (attempts >= 0),
    conversation_id text,
    result_code text,
    receipt text unique,
    asks integer not null default 0 check (asks >= 0), -- status queries since it was last heard of
    not_found integer not null default 0 check (not_found >= 0), -- of them, answered: there is no such payment
    asked_at timestamptz,
    manual_at timestamptz, -- a person has to say what became of it
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    constraint payout_for_one_thing check (num_nonnulls(loan_id, refund_id) = 1),
    constraint payout_receipt_once_posted check (receipt is null or state = 'posted')
);

create index payout_open on payout (changed_at)
where state in ('ready', 'submitting', 'submitted', 'unknown');

-- What the sweep looks for every minute among all loans and refunds there ever were.
create index loan_disbursing on loan (id) where state = 'disbursing';
create index refund_approved on refund (id) where state = 'approved';

create table payout_move (
    from_state text not null,
    to_state text not null,
    primary key (from_state, to_state)
);

insert into payout_move (from_state, to_state) values
    ('ready', 'submitting'),
    ('ready', 'failed'), -- what it was for has ended
    ('submitting', 'ready'), -- it certainly never left us
    ('submitting', 'submitted'),
    ('submitting', 'unknown'),
    ('submitting', 'failed'),
    ('submitting', 'posted'),
    ('submitting', 'voided'),
    ('unknown', 'submitting'), -- the same id again, once M-Pesa said that it does not know it
    ('unknown', 'submitted'),
    ('unknown', 'posted'),
    ('unknown', 'voided'),
    ('submitted', 'unknown'), -- it waited too long in M-Pesa's queue
    ('submitted', 'posted'),
    ('submitted', 'voided'),
    ('ready', 'posted'), -- told by somebody who knew before us
    ('failed', 'posted'),
    ('voided', 'posted');

create function payout_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'ready' then
            raise exception 'a payout begins as ready, not %', new.state using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if new.state <> old.state and not exists (
        select 1
        from payout_move
        where from_state = old.state
        and to_state = new.state
    ) then
        raise exception 'payout %: % may not become %', old.id, old.state, new.state
            using errcode = 'check_violation';
    end if;
    if (new.id, new.loan_id, new.refund_id, new.borrower_id, new.amount_cents, new.originator_id,
        new.created_at)
       is distinct from
       (old.id, old.loan_id, old.refund_id, old.borrower_id, old.amount_cents, old.originator_id,
        old.created_at)
       or (old.receipt is not null and new.receipt is distinct from old.receipt) then
        raise exception 'payout %: only its state changes', old.id using errcode = 'restrict_violation';
    end if;
    new.changed_at := case when new.state = old.state then old.changed_at else now() end;
    return new;
end
$$;

create trigger payout_guard
before insert or update on payout
for each row execute function payout_guard();

create trigger payout_kept
before delete on payout
for each row execute function refuse_change();

create trigger payout_not_truncated
before truncate on payout
for each statement execute function refuse_change();

create trigger payout_move_fixed
before update or delete on payout_move
for each row execute function refuse_change();

-- 3. What happened to a payout, in order: each call, its outcome, each result.
create table payout_event (
    id bigint generated always as identity primary key,
    payout_id bigint not null references payout (id),
    what text not null,
    from_state text not null,
    to_state text not null,
    detail text not null default '' check (char_length(detail) <= 200),
    at timestamptz not null default now()
);

create index payout_event_of_payout on payout_event (payout_id, id);

create trigger payout_event_append_only
before update or delete on payout_event
for each row execute function refuse_change();

-- 4. Prompts. `prompting`: we are asking M-Pesa, or died while we did.
alter table payment_request
drop constraint payment_request_state_check,
add constraint payment_request_state_check check (
    state in ('queued', 'prompting', 'prompted', 'paid', 'failed')
),
add column merchant_request_id text,
add column outcome text not null default '' check (char_length(outcome) <= 40), -- why it failed
add column receipt text unique,
add column prompted_at timestamptz,
add column asked_at timestamptz,
add column asks integer not null default 0 check (asks >= 0),
add column said_paid boolean not null default false, -- by a query, which brings no receipt
add column settled_at timestamptz;

create index payment_request_open on payment_request (prompted_at)
where state in ('queued', 'prompting', 'prompted');

-- 5. The float: what M-Pesa said there is, and whether payouts wait for more.
create table mpesa_float (
    id boolean primary key default true check (id),
    paused_at timestamptz,
    reason text not null default '' check (char_length(reason) <= 80),
    utility_cents bigint,
    told_at timestamptz,
    asked_at timestamptz
);

insert into mpesa_float default values;

-- 6. Account balances as M-Pesa told them, beside our books at that moment.
create table mpesa_balance (
    id bigint generated always as identity primary key,
    told text not null,
    account text not null check (account in ('utility', 'working', 'charges')),
    cents bigint not null,
    books_cents bigint not null,
    at timestamptz not null default now(),
    unique (told, account)
);

create index mpesa_balance_latest on mpesa_balance (account, id desc);

-- 7. Which URLs M-Pesa has of us.
create table mpesa_registration (
    what text primary key check (what in ('c2b', 'pull')),
    urls_sha256 bytea not null check (octet_length(urls_sha256) = 32),
    done_at timestamptz not null default now()
);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on payout_event, payout_move from umoja_app;
        revoke delete, truncate on payout from umoja_app;
        revoke truncate on mpesa_inbox from umoja_app;
    end if;
end
$$;
