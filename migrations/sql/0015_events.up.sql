-- What dialogs and the server were like, counted by the hour; what lending was like, counted by the day.

-- 1. Hours, kept by the recorder of each web process (ussd_engine/observe/recorder.py). Partitions by month,
-- UTC: `make_event_partitions` makes what is missing, `drop_event_partitions` ends what is old.
create table dialog_hour (
    hour timestamptz not null,
    service text not null,
    bundle text not null,
    network text not null,
    language text not null,
    state text not null,
    shown bigint not null,
    moved_on bigint not null, -- answers that led to another state
    refused bigint not null,
    begun bigint not null,
    ended bigint not null,
    dwell_ms bigint not null,
    within_2s bigint not null,
    within_5s bigint not null,
    within_10s bigint not null,
    within_20s bigint not null,
    within_60s bigint not null,
    longer bigint not null,
    primary key (hour, service, bundle, network, language, state)
) partition by range (hour);

-- Sessions that a gateway told the end of. bundle, language and state are where the session stood; empty
-- when it was no longer known. Cost in millionths of the currency.
create table session_hour (
    hour timestamptz not null,
    gateway text not null,
    service_code text not null,
    network text not null,
    bundle text not null,
    language text not null,
    state text not null,
    status text not null,
    currency text not null,
    sessions bigint not null,
    cost_micros bigint not null,
    duration_ms bigint not null,
    hops bigint not null,
    primary key (hour, gateway, service_code, network, bundle, language, state, status, currency)
) partition by range (hour);

-- What a process counts of itself: a counter has one row (bound 0), a histogram one row a bucket, with
-- the bucket's greatest seconds (infinity for the last), and its sum under `<metric>_sum`.
create table server_hour (
    hour timestamptz not null,
    metric text not null,
    label text not null,
    other text not null,
    bound double precision not null,
    value double precision not null,
    primary key (hour, metric, label, other, bound)
) partition by range (hour);

create function make_event_partitions(month date) returns void
language plpgsql
security definer
set search_path = public
as $$
declare
    first date := date_trunc('month', month)::date;
    parent text;
begin
    perform pg_advisory_xact_lock(86654);
    foreach parent in array array['dialog_hour', 'session_hour', 'server_hour'] loop
        execute format(
            'create table if not exists %I partition of %I for values from (%L) to (%L)',
            parent || to_char(first, '_YYYY_MM'), parent,
            first || ' 00:00+00', (first + interval '1 month')::date || ' 00:00+00'
        );
    end loop;
end
$$;

-- Ends the months that are over before that one. Gives how many partitions went.
create function drop_event_partitions(month date) returns integer
language plpgsql
security definer
set search_path = public
as $$
declare
    partition text;
    gone integer := 0;
begin
    perform pg_advisory_xact_lock(86654);
    for partition in
        select child.relname
        from pg_inherits
        join pg_class child on child.oid = pg_inherits.inhrelid
        join pg_class parent on parent.oid = pg_inherits.inhparent
        where parent.relname in ('dialog_hour', 'session_hour', 'server_hour')
        and right(child.relname, 7) < to_char(month, 'YYYY_MM')
    loop
        execute format('drop table %I', partition);
        gone := gone + 1;
    end loop;
    return gone;
end
$$;

-- A session's end is counted once, however often its gateway tells it. Kept for days, not months.
create table session_over (
    session bytea primary key check (octet_length(session) = 16),
    at timestamptz not null default now()
);

create index session_over_age on session_over (at);

-- The last batch of each process that was kept: who does not know whether its batch arrived sends it again.
create table event_writer (
    writer text primary key check (char_length(writer) <= 40),
    batch bigint not null,
    at timestamptz not null default now()
);

-- 2. Days, kept by services/analytics/rollup.py out of what was written since it last looked. So that it can
-- see that, what is never changed says in which transaction it was written.
alter table loan_event add column written_in xid8 not null default pg_current_xact_id();
alter table decision add column written_in xid8 not null default pg_current_xact_id();
create index loan_event_written on loan_event (written_in);
create index decision_written on decision (written_in);
create index journal_written on journal (written_in);

-- Everything written in a transaction before this one is counted.
create table rollup (
    id boolean primary key default true check (id),
    upto xid8 not null default '0',
    at timestamptz not null default 'epoch',
    limits_at timestamptz not null default 'epoch'
);

insert into rollup default values;

-- What happened to loans: applied, refused, each move of loan_move, and default. vintage is the month the
-- money went out, before that the month of the day. cents are of principal.
create table loan_day (
    day date not null,
    product text not null,
    vintage date not null,
    what text not null,
    loans bigint not null,
    cents bigint not null,
    primary key (day, what, product, vintage)
);

-- What was booked, by the business day it counts for: the kind of the journal, and the part: of a loan's
-- debt (principal, fee, …), recovered, or mpesa_charges. A debit is above zero.
create table money_day (
    day date not null,
    product text not null,
    vintage date not null,
    kind text not null,
    part text not null,
    cents bigint not null,
    primary key (day, kind, part, product, vintage)
);

-- What fell due on a day by the first agreement, and what was paid of it how many days later.
create table collection_day (
    due_on date not null,
    product text not null,
    days_after integer not null check (days_after between -400 and 400),
    owed_cents bigint not null,
    paid_cents bigint not null,
    primary key (due_on, product, days_after)
);

-- Seconds from the application to the money, of the loans whose money came on a day.
create table wait_day (
    day date not null,
    product text not null,
    loans bigint not null,
    p50_s double precision not null,
    p90_s double precision not null,
    p99_s double precision not null,
    primary key (day, product)
);

create index loan_disbursed on loan (disbursed_at) where disbursed_at is not null;

-- What is owed now: by loan, and summed up by due date, from which days past due follow.
create table standing_loan (
    loan_id bigint primary key,
    product text not null,
    vintage date not null,
    due_on date not null,
    principal_cents bigint not null,
    charges_cents bigint not null
);

create table standing (
    product text not null,
    vintage date not null,
    due_on date not null,
    loans bigint not null,
    principal_cents bigint not null,
    charges_cents bigint not null,
    primary key (product, vintage, due_on)
);

-- The portfolio at the end of a business day by vintage; portfolio_day has it by product alone.
create table vintage_day (
    day date not null references business_day (day) on delete cascade deferrable initially deferred,
    product text not null,
    vintage date not null,
    loans bigint not null,
    principal_cents bigint not null,
    par1_cents bigint not null,
    par30_cents bigint not null,
    par60_cents bigint not null,
    par90_cents bigint not null,
    primary key (day, product, vintage)
);

-- The last day money moved between us and a borrower; and how many borrowers have which last day.
create table active_borrower (
    borrower_id bigint primary key,
    last_on date not null
);

create table active_day (
    last_on date primary key,
    borrowers bigint not null
);

-- The limits granted, the last time they were counted on a day.
create table limit_day (
    day date primary key,
    borrowers bigint not null,
    limit_cents bigint not null
);

-- Messages that were taken by the gateway, and what it charged.
create table message_day (
    day date primary key,
    messages bigint not null,
    cost_cents bigint not null
);

create index sms_sent on sms (sending_at) where sending_at is not null;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke truncate on dialog_hour, session_hour, server_hour, loan_day, money_day, collection_day,
            vintage_day from umoja_app;
    end if;
end
$$;
