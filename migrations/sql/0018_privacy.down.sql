-- Back to what was before. Who was forgotten stays so: their number is one that nobody has.

drop index borrower_never_joined;

drop trigger audit_append_only on audit;
create trigger audit_append_only
before update or delete on audit
for each row execute function refuse_change();
drop function refuse_change_while_young();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke delete on audit from umoja_app;
    end if;
end
$$;

drop table subject_request;
drop table retention_run;
drop table crb_listing;
drop function crb_listing_guard();
drop index sms_remembered;

create or replace function sms_guard() returns trigger
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

alter table borrower drop constraint borrower_msisdn_check;
update borrower set msisdn = '999' || lpad(id::text, 12, '0') where forgotten_at is not null;
alter table borrower
drop column forgotten_at,
add constraint borrower_msisdn_check check (msisdn ~ '^[1-9][0-9]{6,14}$');

drop function offers_wanted(bigint);
drop table consent_withdrawal;
