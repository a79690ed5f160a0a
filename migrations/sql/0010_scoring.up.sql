-- Scoring: what a mobile-money statement says in sums, and everybody scored again, a day at a time.

-- 1. Somebody may agree that their statement is read. Nothing of one is kept without that.
alter table consent
drop constraint consent_purpose_check,
add constraint consent_purpose_check check (purpose in ('terms', 'marketing', 'statement'));

-- Sums only: who was paid and by whom is read and forgotten. A file is taken once for a borrower.
create table money_statement (
    id bigint generated always as identity primary key,
    borrower_id bigint not null references borrower (id),
    consent_id bigint not null references consent (id),
    file_sha256 bytea not null check (octet_length(file_sha256) = 32),
    from_on date not null,
    to_on date not null,
    moves integer not null check (moves > 0),
    in_cents bigint not null check (in_cents >= 0),
    out_cents bigint not null check (out_cents >= 0),
    weeks integer not null check (weeks > 0),
    weeks_with_income integer not null check (weeks_with_income between 0 and weeks),
    spread_percent integer check (spread_percent >= 0), -- of the income of its 30 days; null: fewer than two
    imported_by text not null check (char_length(imported_by) between 1 and 80),
    imported_at timestamptz not null default now(),
    constraint money_statement_in_order check (from_on <= to_on),
    constraint money_statement_once unique (borrower_id, file_sha256)
);

create index money_statement_newest on money_statement (borrower_id, to_on desc, id desc);

create trigger money_statement_append_only
before update on money_statement
for each row execute function refuse_change();

create trigger money_statement_not_truncated
before truncate on money_statement
for each statement execute function refuse_change();

-- 2. One run of scoring everybody again: for a day, a scorecard and a ladder there is one. done_up_to is
-- the last borrower it has passed; whoever goes on after a crash begins there.
create table rescoring (
    id bigint generated always as identity primary key,
    day date not null,
    scorecard text not null,
    ladder text not null,
    features text[] not null,
    done_up_to bigint not null default 0,
    borrowers bigint not null default 0,
    changed bigint not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint rescoring_once unique (day, scorecard, ladder)
);

-- Whose score or limit a run changed, and what it saw: the values of rescoring.features in their order,
-- NaN for missing. With the scorecard, named by its hash, they give the points of each feature. The rows
-- are written beside the very update of their borrower: a foreign key would only look again, and lock.
create table score_change (
    borrower_id bigint not null,
    rescoring_id bigint not null,
    score_before integer not null,
    score integer not null,
    limit_before_cents bigint not null,
    limit_cents bigint not null,
    inputs double precision[] not null,
    primary key (borrower_id, rescoring_id)
);

create trigger score_change_append_only
before update or delete on score_change
for each row execute function refuse_change();

create trigger score_change_not_truncated
before truncate on score_change
for each statement execute function refuse_change();

-- 3. What reading and writing a million needs. Room in each page lets a new score stay in its page, so
-- that no index of the borrower is touched.
alter table borrower set (fillfactor = 80);
create index payment_request_of_borrower on payment_request (borrower_id, created_at desc);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, truncate on money_statement from umoja_app;
        revoke update, delete, truncate on score_change from umoja_app;
        revoke delete, truncate on rescoring from umoja_app;
    end if;
end
$$;
