-- What the law says of people's data: consent that can be withdrawn, what a credit bureau is told, what is
-- forgotten and when, and who asked for what is held about them.

-- 1. A consent is never changed; that it is withdrawn is a row of its own.
create table consent_withdrawal (
    consent_id bigint primary key references consent (id),
    borrower_id bigint not null references borrower (id),
    channel text not null,
    session_key text not null,
    withdrawn_at timestamptz not null default now()
);

create index consent_withdrawal_of_borrower on consent_withdrawal (borrower_id);

create trigger consent_withdrawal_append_only
before update or delete on consent_withdrawal
for each row execute function refuse_change();

create trigger consent_withdrawal_not_truncated
before truncate on consent_withdrawal
for each statement execute function refuse_change();

-- Whether somebody may be written to of offers: they said so, did not take it back, and did not opt out.
create function offers_wanted(borrower bigint) returns boolean
language sql
stable
as $$
    select exists (
        select 1
        from consent
        where consent.borrower_id = borrower
        and consent.purpose = 'marketing'
        and not exists (select 1 from consent_withdrawal where consent_id = consent.id)
    )
    and not exists (select 1 from sms_opt_out where sms_opt_out.borrower_id = borrower)
$$;

-- 2. Somebody who is forgotten keeps their row, for the books name it, and nothing that says who they were.
alter table borrower
add column forgotten_at timestamptz,
drop constraint borrower_msisdn_check,
add constraint borrower_msisdn_check check (
    case when forgotten_at is null then msisdn ~ '^[1-9][0-9]{6,14}$'
    else msisdn = 'forgotten:' || id and num_nonnulls(name, national_id, pin_hash) = 0 end
);

-- 3. The words of a message may be forgotten: they become empty, and nothing else.
create or replace function sms_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.key, new.borrower_id, new.loan_id, new.kind, new.notice, new.created_at)
       is distinct from
       (old.id, old.key, old.borrower_id, old.loan_id, old.kind, old.notice, old.created_at)
       or (new.details is distinct from old.details
           and not (new.details = '{}' and coalesce(new.words, '') = ''
                    and new.state not in ('queued', 'sending'))) then
        raise exception 'sms %: what it says does not change', old.id using errcode = 'restrict_violation';
    end if;
    if new.state <> old.state and not (case old.state
        when 'queued' then new.state in ('sending', 'refused')
        when 'sending' then new.state in ('queued', 'accepted', 'refused', 'unknown')
        when 'unknown' then new.state in ('accepted')
        when 'accepted' then new.state in ('delivered', 'failed')
        when 'failed' then new.state in ('delivered')
        else false
    end) then
        raise exception 'sms %: % may not become %', old.id, old.state, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create index sms_remembered on sms (created_at) where details <> '{}';

-- 4. What a credit reference bureau is told of a loan. Dates are Nairobi's.
--   noticed    the borrower was warned; list_from is when the time they were given is over
--   lapsed     they paid, or it is too little to be told
--   listed     the bureau was told
--   corrected  the bureau was told that it is paid
create table crb_listing (
    id bigint generated always as identity primary key,
    loan_id bigint not null references loan (id),
    borrower_id bigint not null references borrower (id),
    state text not null default 'noticed' check (state in ('noticed', 'lapsed', 'listed', 'corrected')),
    notice_key text not null unique, -- of its message; a notice that did not arrive is given again
    notices integer not null default 1 check (notices > 0),
    noticed_on date not null,
    told_key text unique, -- of the message that the bureau was told
    list_from date,
    listed_on date,
    listed_cents bigint check (listed_cents > 0),
    days_late integer check (days_late > 0),
    ended_on date, -- lapsed or corrected
    constraint crb_listing_listed_whole check (
        (state in ('listed', 'corrected') and num_nulls(listed_on, listed_cents, days_late) = 0)
        or (state in ('noticed', 'lapsed') and num_nulls(listed_on, listed_cents, days_late) = 3)
    ),
    constraint crb_listing_after_notice check (
        listed_on is null or (list_from is not null and listed_on >= list_from and list_from > noticed_on)
    ),
    constraint crb_listing_ended_whole check ((state in ('lapsed', 'corrected')) = (ended_on is not null))
);

create unique index crb_listing_open_once on crb_listing (loan_id) where state in ('noticed', 'listed');
create index crb_listing_of_borrower on crb_listing (borrower_id);
create index crb_listing_open on crb_listing (id) where state in ('noticed', 'listed');
create index crb_listing_listed on crb_listing (listed_on) where listed_on is not null;
create index crb_listing_ended on crb_listing (ended_on) where ended_on is not null;

create function crb_listing_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'noticed' then
            raise exception 'a listing begins with a notice' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (new.id, new.loan_id, new.borrower_id) is distinct from (old.id, old.loan_id, old.borrower_id)
       or (old.listed_on is not null
           and (new.listed_on, new.listed_cents, new.days_late, new.noticed_on, new.list_from)
               is distinct from
               (old.listed_on, old.listed_cents, old.days_late, old.noticed_on, old.list_from))
       or (new.state <> old.state
           and (old.state, new.state) not in (('noticed', 'lapsed'), ('noticed', 'listed'),
                                              ('listed', 'corrected'))) then
        raise exception 'listing % is %: this does not change', old.id, old.state
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger crb_listing_guard
before insert or update on crb_listing
for each row execute function crb_listing_guard();

create trigger crb_listing_kept
before delete on crb_listing
for each row execute function refuse_change();

create trigger crb_listing_not_truncated
before truncate on crb_listing
for each statement execute function refuse_change();

-- 5. What was forgotten, when, how much of each kind.
create table retention_run (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    rules text not null, -- the bundle whose rules it went by
    counts jsonb not null
);

create trigger retention_run_append_only
before update or delete on retention_run
for each row execute function refuse_change();

-- 6. Who asked for what is held about them, or to be forgotten, and who answered.
create table subject_request (
    id bigint generated always as identity primary key,
    borrower_id bigint not null references borrower (id),
    kind text not null check (kind in ('export', 'erase')),
    answered_by text not null check (char_length(answered_by) between 1 and 80),
    answer text not null check (char_length(answer) <= 200),
    at timestamptz not null default now()
);

create index subject_request_of_borrower on subject_request (borrower_id);

create trigger subject_request_append_only
before update or delete on subject_request
for each row execute function refuse_change();

-- 7. The audit holds names: what is older than anybody may ask for can go, and nothing else.
create function refuse_change_while_young() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '2 years' then
        return old;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'restrict_violation';
end
$$;

drop trigger audit_append_only on audit;
create trigger audit_append_only
before update or delete on audit
for each row execute function refuse_change_while_young();

create index borrower_never_joined on borrower (created_at)
where registered_at is null and forgotten_at is null;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on consent_withdrawal, retention_run, subject_request from umoja_app;
        revoke delete, truncate on crb_listing from umoja_app;
        grant delete on audit to umoja_app;
    end if;
end
$$;
