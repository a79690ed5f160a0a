-- What was still open: which words a consent was to, truncating, renaming an account, and how long a
-- dialog's answers (a name, a national id) stay beside the outcome of its effects.

-- SHA-256 of the words on the screens of consent, in the language they were read in.
alter table consent
add column words_sha256 bytea check (octet_length(words_sha256) = 32);

-- A row trigger does not see TRUNCATE.
create trigger loan_not_truncated
before truncate on loan
for each statement execute function refuse_change();

create trigger loan_move_not_truncated
before truncate on loan_move
for each statement execute function refuse_change();

create trigger loan_event_not_truncated
before truncate on loan_event
for each statement execute function refuse_change();

create trigger decision_not_truncated
before truncate on decision
for each statement execute function refuse_change();

create trigger consent_not_truncated
before truncate on consent
for each statement execute function refuse_change();

create trigger hold_not_truncated
before truncate on hold
for each statement execute function refuse_change();

create trigger account_not_truncated
before truncate on account
for each statement execute function refuse_change();

-- An account that changes its name or kind rewrites every journal it is in.
create trigger account_fixed
before update or delete on account
for each row execute function refuse_change();

-- A checkpoint is forgotten ('{}') long before the answer beside it: see services/tasks/upkeep.py.
create index action_result_remembered on action_result (created_at) where checkpoint <> '{}';

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke truncate on loan_move from umoja_app;
        revoke update on account from umoja_app;
    end if;
end
$$;
