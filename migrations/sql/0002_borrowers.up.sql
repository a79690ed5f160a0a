-- People. A row begins with the first thing someone asks us to remember (a language, a consent) and
-- becomes a borrower's when they register: name, national id and PIN come together or not at all.

create table borrower (
    id bigint generated always as identity primary key,
    msisdn text not null unique check (msisdn ~ '^[1-9][0-9]{6,14}$'),
    language text not null default 'en' check (language ~ '^[a-z]{2}$'),
    name text check (char_length(name) between 1 and 60),
    national_id text unique check (national_id ~ '^[0-9]{5,12}$'),
    pin_hash text,
    pin_failures integer not null default 0 check (pin_failures >= 0),
    pin_locked_until timestamptz,
    score integer not null default 300 check (score between 0 and 850),
    limit_cents bigint not null default 0 check (limit_cents >= 0),
    blacklisted_at timestamptz,
    created_at timestamptz not null default now(),
    registered_at timestamptz,
    constraint registered_whole check (
        num_nulls(name, national_id, pin_hash, registered_at) in (0, 4)
    )
);

-- Refuses what its table never allows, saying which table. Used by every append-only table.
create function refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'restrict_violation';
end
$$;

-- Data Protection Act 2019: who agreed to what, when, over which channel. `bundle` is the hash of the
-- menus they saw, so with version and language it names the exact words.
create table consent (
    id bigint generated always as identity primary key,
    borrower_id bigint not null references borrower (id),
    purpose text not null default 'terms' check (purpose in ('terms', 'marketing')),
    version text not null check (char_length(version) between 1 and 40),
    bundle text not null,
    language text not null,
    channel text not null,
    session_key text not null unique,
    given_at timestamptz not null default now()
);

create index consent_of_borrower on consent (borrower_id, purpose);

create trigger consent_append_only
before update or delete on consent
for each row execute function refuse_change();

-- The first of the two entries of a new PIN, hashed, waiting for the second.
create table pin_stage (
    msisdn text primary key,
    pin_hash text not null,
    expires_at timestamptz not null
);

create index pin_stage_expires on pin_stage (expires_at);
