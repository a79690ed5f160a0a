-- Messages to people, and an outbox that knows what was done.

-- 1. The outbox: a row is sent (published) any number of times, and done once. `due_at` is when it may
-- next be published; a row that was published and is not done by its due_at is published again, so losing
-- all of Redis loses nothing. The notice wakes the relay; without one it looks anyway.
alter table outbox
add column due_at timestamptz not null default now(),
add column done_at timestamptz;

drop index outbox_waiting;
create index outbox_waiting on outbox (due_at, id) where done_at is null;
create index outbox_done on outbox (done_at) where done_at is not null;

create function outbox_wakes() returns trigger
language plpgsql
as $$
begin
    notify outbox;
    return null;
end
$$;

create trigger outbox_wakes
after insert on outbox
for each statement execute function outbox_wakes();

-- 2. One row a message. The key says what it is about, and there is one message about it, whoever asks.
-- The words are kept once they are on their way; before that, what goes into them.
--   queued     will be sent
--   sending    the gateway is being asked; whoever finds it so later cannot know: unknown
--   accepted   the gateway took it
--   refused    it will not be sent, and `reason` says why
--   unknown    the gateway may have taken it. It is never sent again
--   delivered, failed   what the network said of it
create table sms (
    id bigint generated always as identity primary key,
    key text not null unique check (char_length(key) between 3 and 120),
    borrower_id bigint not null references borrower (id),
    loan_id bigint references loan (id),
    kind text not null check (kind in ('money', 'service', 'marketing')),
    notice text not null,
    details jsonb not null,
    state text not null default 'queued' check (
        state in ('queued', 'sending', 'accepted', 'refused', 'unknown', 'delivered', 'failed')
    ),
    attempts integer not null default 0 check (attempts >= 0),
    language text,
    words text,
    parts integer check (parts > 0),
    provider_id text unique,
    status_code integer,
    reason text not null default '',
    cost_cents bigint not null default 0 check (cost_cents >= 0),
    report_rank integer not null default 0,
    created_at timestamptz not null default now(),
    sending_at timestamptz,
    settled_at timestamptz,
    constraint sms_worded_once_sending check (
        state in ('queued', 'refused') or num_nulls(language, words, parts, sending_at) = 0
    ),
    constraint sms_accepted_whole check (
        state not in ('accepted', 'delivered', 'failed') or provider_id is not null
    )
);

create index sms_of_borrower on sms (borrower_id, id desc);
create index sms_of_loan on sms (loan_id) where loan_id is not null;
create index sms_sending on sms (sending_at) where state = 'sending';

-- What may become of a message. A message that may be on its way never goes back to be sent again, but
-- for one that certainly was not sent: then `attempts` says how often it was tried.
create function sms_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.key, new.borrower_id, new.loan_id, new.kind, new.notice, new.details, new.created_at)
       is distinct from
       (old.id, old.key, old.borrower_id, old.loan_id, old.kind, old.notice, old.details, old.created_at) then
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

create trigger sms_guard
before update on sms
for each row execute function sms_guard();

-- 3. What the gateway told us, as it came, before anybody answered it.
create table sms_callback (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('report', 'opt_out')),
    dedupe_key text not null check (char_length(dedupe_key) between 1 and 200),
    body jsonb not null,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    outcome text not null default '',
    unique (kind, dedupe_key)
);

create index sms_callback_age on sms_callback (received_at);

-- 4. Who wants no marketing, and since when. What concerns their money is sent all the same.
create table sms_opt_out (
    borrower_id bigint primary key references borrower (id),
    source text not null check (source in ('phone', 'gateway', 'staff')),
    at timestamptz not null default now()
);
