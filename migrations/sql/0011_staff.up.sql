-- The lender's staff: who they are, what proves it, and what they changed.

-- 1. People. The e-mail address is the name that approvals and the audit know them by; it never changes,
-- and nobody is deleted: who leaves is no longer active. must_change: somebody else chose the password.
create table staff (
    id bigint generated always as identity primary key,
    email text not null unique check (
        email ~ '^[a-z0-9][a-z0-9._+-]*@[a-z0-9][a-z0-9.-]*$' and char_length(email) <= 80
    ),
    role text not null check (role in ('viewer', 'officer', 'approver', 'product', 'admin')),
    password_hash text not null,
    must_change boolean not null,
    active boolean not null default true,
    created_by text not null,
    created_at timestamptz not null default now(),
    password_at timestamptz not null default now(),
    last_login_at timestamptz
);

create function staff_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.email, new.created_by, new.created_at)
       is distinct from (old.id, old.email, old.created_by, old.created_at) then
        raise exception 'staff %: who somebody is does not change', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger staff_guard
before update on staff
for each row execute function staff_guard();

create trigger staff_kept
before delete on staff
for each row execute function refuse_change();

-- 2. A login of somebody, from its password to its end, and the tokens that prove it. Of a token its
-- SHA-256 is kept; it has 256 bits, so no slower hash is needed. A refresh token that was used stays, so
-- that it is known when it comes a second time: then it was stolen, and the login ends.
create table staff_login (
    id bigint generated always as identity primary key,
    staff_id bigint not null references staff (id),
    address text not null,
    began_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_why text check (ended_why in ('logout', 'reuse', 'password', 'reset', 'disabled')),
    constraint staff_login_ended_whole check ((ended_at is null) = (ended_why is null))
);

create index staff_login_open on staff_login (staff_id) where ended_at is null;
create index staff_login_age on staff_login (expires_at);

create table staff_token (
    hash bytea primary key check (octet_length(hash) = 32),
    login_id bigint not null references staff_login (id) on delete cascade,
    kind text not null check (kind in ('access', 'refresh', 'cookie')),
    expires_at timestamptz not null,
    used_at timestamptz
);

create index staff_token_of_login on staff_token (login_id);

-- 3. Wrong passwords, by person (`person:` and what was typed as one) and by address. A wait that has
-- begun stands, whatever comes meanwhile.
create table login_try (
    who text primary key check (char_length(who) between 3 and 120),
    failures integer not null check (failures >= 0),
    wait_until timestamptz not null default now(),
    last_at timestamptz not null default now()
);

create index login_try_age on login_try (last_at);

-- 4. Keys of machines: umk_<prefix>_<secret>. The audit knows them as key:<prefix>. What a key may do does
-- not change; make another.
create table api_key (
    id bigint generated always as identity primary key,
    prefix text not null unique check (prefix ~ '^[a-z0-9]{10}$'),
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    label text not null check (char_length(label) between 1 and 80),
    scopes text[] not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    constraint api_key_revoked_whole check ((revoked_at is null) = (revoked_by is null))
);

create function api_key_guard() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.prefix, new.secret_hash, new.label, new.scopes, new.created_by, new.created_at,
        new.expires_at)
       is distinct from
       (old.id, old.prefix, old.secret_hash, old.label, old.scopes, old.created_by, old.created_at,
        old.expires_at)
       or (old.revoked_at is not null
           and (new.revoked_at, new.revoked_by) is distinct from (old.revoked_at, old.revoked_by)) then
        raise exception 'api key %: what it may do does not change', old.prefix
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger api_key_guard
before update on api_key
for each row execute function api_key_guard();

create trigger api_key_kept
before delete on api_key
for each row execute function refuse_change();

-- Who made a key is whoever proposes by it: they may not decide it. The name of the constraint is that of
-- the approval's own rule, so that one sentence says both.
create function approval_not_by_own_key() returns trigger
language plpgsql
as $$
begin
    if new.decided_by is not null and new.proposed_by like 'key:%' and exists (
        select 1
        from api_key
        where prefix = substr(new.proposed_by, 5)
        and created_by = new.decided_by
    ) then
        raise exception 'approval %: % made the key that proposed it', new.id, new.decided_by
            using errcode = 'check_violation', constraint = 'approval_two_people';
    end if;
    return new;
end
$$;

create trigger approval_not_by_own_key
before update on approval
for each row execute function approval_not_by_own_key();

-- 5. What the staff and their machines changed, and whose data they looked at. Only ever added to.
-- before and after hold what differs.
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    who text not null check (char_length(who) between 1 and 80),
    kind text not null check (kind in ('person', 'key', 'terminal', 'nobody')),
    operation text not null check (char_length(operation) between 1 and 80),
    subject text not null check (char_length(subject) between 1 and 200),
    before jsonb not null,
    after jsonb not null,
    address text not null,
    request_id text not null
);

create index audit_of_subject on audit (subject, id desc);
create index audit_of_who on audit (who, id desc);
create index audit_of_operation on audit (operation, id desc);
create index audit_at on audit (at);

create trigger audit_append_only
before update or delete on audit
for each row execute function refuse_change();

create trigger audit_not_truncated
before truncate on audit
for each statement execute function refuse_change();

-- 6. Replies to changes, by the caller and their Idempotency-Key, written with the change itself. The body
-- is encrypted: some hold a secret that is shown once.
create table api_reply (
    caller text not null check (char_length(caller) between 1 and 80),
    key text not null check (char_length(key) between 1 and 128),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    status integer not null check (status between 200 and 299),
    body bytea not null check (octet_length(body) <= 2097152),
    created_at timestamptz not null default now(),
    primary key (caller, key)
);

create index api_reply_age on api_reply (created_at);

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on audit from umoja_app;
        revoke delete, truncate on staff, api_key from umoja_app;
    end if;
end
$$;
