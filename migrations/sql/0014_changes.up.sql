-- Changes that people make: what moves no money may be proposed and decided too, menus, messages to many,
-- money on its way back to whoever paid it, settings, and a forgotten PIN.

-- 1. An approval of what moves no money (menus, a setting, a PIN) has an amount of nothing.
alter table approval
drop constraint approval_amount_cents_check,
add constraint approval_amount_cents_check check (amount_cents >= 0);

-- 2. Menus: what two people decided is published beside, once. The number is in the order of deciding;
-- a publication that comes late gives way to a later one. `bundle_publication.change_id` is the number.
--   waiting ─ published | superseded | failed
create table menu_change (
    id bigint generated always as identity primary key,
    approval_id bigint not null unique references approval (id),
    service text not null,
    bundle text not null references bundle (name),
    state text not null default 'waiting' check (state in ('waiting', 'published', 'superseded', 'failed')),
    problem text not null default '' check (char_length(problem) <= 2000),
    decided_at timestamptz not null default now(),
    done_at timestamptz,
    constraint menu_change_done_whole check ((state = 'waiting') = (done_at is null))
);

alter table bundle_publication
add column change_id bigint references menu_change (id);

create unique index bundle_publication_once on bundle_publication (change_id) where change_id is not null;

-- 3. Money in suspense that goes back to whoever sent it: a reversal, asked for at M-Pesa.
--   approved ─ asking ─ asked | unknown ─ done | failed,  and approved again: it never left us
-- M-Pesa reverses a receipt once, so that asking again for the same one cannot send it twice.
create table reversal (
    id bigint generated always as identity primary key,
    receipt text not null references suspense_item (receipt),
    amount_cents bigint not null check (amount_cents > 0 and amount_cents % 100 = 0),
    approval_id bigint not null unique references approval (id),
    state text not null default 'approved' check (
        state in ('approved', 'asking', 'asked', 'unknown', 'done', 'failed')
    ),
    attempts integer not null default 0 check (attempts >= 0),
    result_code text not null default '' check (char_length(result_code) <= 40),
    manual_at timestamptz, -- asked for often enough: a person has to look
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now()
);

-- While one is under way there is no other, and its money is nobody else's.
create unique index reversal_open_once on reversal (receipt) where state <> 'failed';
create index reversal_under_way on reversal (changed_at)
where state in ('approved', 'asking', 'asked', 'unknown');

create function reversal_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.receipt, new.amount_cents, new.approval_id, new.created_at)
       is distinct from (old.id, old.receipt, old.amount_cents, old.approval_id, old.created_at) then
        raise exception 'reversal %: only its state changes', old.id using errcode = 'restrict_violation';
    end if;
    if old.state = 'done' and new.state <> 'done' then
        raise exception 'reversal % is done', old.id using errcode = 'check_violation';
    end if;
    new.changed_at := case when new.state = old.state then old.changed_at else clock_timestamp() end;
    return new;
end
$$;

create trigger reversal_guard
before update on reversal
for each row execute function reversal_guard();

create trigger reversal_kept
before delete on reversal
for each row execute function refuse_change();

create trigger reversal_not_truncated
before truncate on reversal
for each statement execute function refuse_change();

-- 4. One message to many. `texts` are its own words by language, or `notice` names one of sms.yaml. Who
-- gets it is fixed when it begins; done_up_to is the last of them it was asked for.
--   proposed ─ sending ─ sent | stopped,  or rejected
create table bulk_message (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('service', 'marketing')),
    notice text not null,
    texts jsonb not null default '{}',
    chosen jsonb not null, -- the filter, as it was asked for
    recipients integer not null check (recipients >= 0),
    cost_cents bigint not null check (cost_cents >= 0), -- as it was estimated
    state text not null default 'proposed' check (
        state in ('proposed', 'rejected', 'sending', 'sent', 'stopped')
    ),
    asked_by text not null,
    approval_id bigint unique references approval (id),
    done_up_to bigint not null default 0,
    created_at timestamptz not null default now(),
    begun_at timestamptz,
    ended_at timestamptz
);

create table bulk_recipient (
    bulk_id bigint not null references bulk_message (id),
    borrower_id bigint not null references borrower (id),
    primary key (bulk_id, borrower_id)
);

alter table sms
add column bulk_id bigint references bulk_message (id);

create index sms_of_bulk on sms (bulk_id) where bulk_id is not null;

-- 5. What staff may set while the server runs: services/runtime_settings.py knows the names and bounds.
create table setting (
    name text primary key check (name ~ '^[a-z_]{1,40}$'),
    value jsonb not null,
    changed_by text not null,
    changed_at timestamptz not null default now()
);

-- 6. People: why one is not lent to, and a PIN that may be chosen anew until then.
alter table borrower
add column blacklisted_by text,
add column blacklist_reason text check (char_length(blacklist_reason) between 1 and 500),
add column pin_reset_until timestamptz,
add column pin_reset_tries integer not null default 0 check (pin_reset_tries >= 0);

-- 7. The float: payouts that a person made to wait go on when a person says so. And how much was asked for
-- on a day (Nairobi's), for those who set a most.
alter table mpesa_float
add column held_by text;

create table payout_day (
    day date primary key,
    asked_cents bigint not null check (asked_cents >= 0)
);

-- 8. Staff who borrow: their own numbers. Nobody applies for themselves, or decides about themselves.
create table staff_number (
    who text not null check (who ~ '^[a-z0-9][a-z0-9._@:+-]{0,79}$'),
    msisdn text not null check (msisdn ~ '^[1-9][0-9]{6,14}$'),
    primary key (who, msisdn)
);

create function approval_not_ones_own() returns trigger
language plpgsql
as $$
begin
    if new.decided_by is not null and exists (
        select 1
        from staff_number
        join borrower on borrower.msisdn = staff_number.msisdn
        where staff_number.who = new.decided_by
        and (borrower.id = new.borrower_id
             or borrower.id = (select loan.borrower_id from loan where loan.id = new.loan_id))
    ) then
        raise exception 'approval %: it is about % themselves', new.id, new.decided_by
            using errcode = 'check_violation', constraint = 'approval_not_ones_own';
    end if;
    return new;
end
$$;

create trigger approval_not_ones_own
before update on approval
for each row execute function approval_not_ones_own();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke delete, truncate on menu_change, reversal, bulk_message from umoja_app;
    end if;
end
$$;
