-- What a cache is told of changes, whoever makes them: tags on the channel `cache` once they are committed
-- (services/api/cache.py). `loan loan:12 borrower:7` is one loan of one borrower; of very many rows at once
-- it says `loan loan:* borrower:*`.
--
-- One notice a statement, and PostgreSQL sends equal ones of a transaction once. A journal stands for its
-- postings and the balances they move; a loan for its events; a payout for what happened to it.

create function cache_told_of_loan() returns trigger
language plpgsql
as $$
declare
    told text;
begin
    select case when count(*) > 20 then ' loan:* borrower:*'
           else string_agg(' loan:' || id || ' borrower:' || borrower_id, '') end
    into told
    from (select id, borrower_id from changed limit 21) as few;
    if told is not null then
        perform pg_notify('cache', 'loan' || told);
    end if;
    return null;
end
$$;

create function cache_told_of_borrower() returns trigger
language plpgsql
as $$
declare
    told text;
begin
    select case when count(*) > 20 then ' borrower:*' else string_agg(' borrower:' || id, '') end
    into told
    from (select id from changed limit 21) as few;
    if told is not null then
        perform pg_notify('cache', 'borrower' || told);
    end if;
    return null;
end
$$;

-- Of what belongs to a loan, to a borrower, or to both.
create function cache_told_of_theirs() returns trigger
language plpgsql
as $$
declare
    told text;
begin
    select case when count(*) > 20 then ' loan:* borrower:*'
           else string_agg(concat(' loan:' || loan_id, ' borrower:' || borrower_id), '') end
    into told
    from (select loan_id, borrower_id from changed limit 21) as few;
    if told is not null then
        perform pg_notify('cache', tg_table_name || told);
    end if;
    return null;
end
$$;

-- Of what belongs to a borrower only.
create function cache_told_of_borrowers() returns trigger
language plpgsql
as $$
declare
    told text;
begin
    select case when count(*) > 20 then ' borrower:*' else string_agg(' borrower:' || borrower_id, '') end
    into told
    from (select borrower_id from changed limit 21) as few;
    if told is not null then
        perform pg_notify('cache', tg_table_name || told);
    end if;
    return null;
end
$$;

-- Of what is seen in lists only.
create function cache_told_of_list() returns trigger
language plpgsql
as $$
begin
    perform pg_notify('cache', tg_table_name);
    return null;
end
$$;

create trigger loan_insert_tells_cache
after insert on loan
referencing new table as changed
for each statement execute function cache_told_of_loan();

create trigger loan_update_tells_cache
after update on loan
referencing new table as changed
for each statement execute function cache_told_of_loan();

create trigger borrower_insert_tells_cache
after insert on borrower
referencing new table as changed
for each statement execute function cache_told_of_borrower();

create trigger borrower_update_tells_cache
after update on borrower
referencing new table as changed
for each statement execute function cache_told_of_borrower();

create trigger journal_insert_tells_cache
after insert on journal
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger payout_insert_tells_cache
after insert on payout
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger payout_update_tells_cache
after update on payout
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger payment_request_insert_tells_cache
after insert on payment_request
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger payment_request_update_tells_cache
after update on payment_request
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger sms_insert_tells_cache
after insert on sms
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger sms_update_tells_cache
after update on sms
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger approval_insert_tells_cache
after insert on approval
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger approval_update_tells_cache
after update on approval
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger decision_insert_tells_cache
after insert on decision
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger late_payout_insert_tells_cache
after insert on late_payout
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger late_payout_update_tells_cache
after update on late_payout
referencing new table as changed
for each statement execute function cache_told_of_theirs();

create trigger refund_insert_tells_cache
after insert on refund
referencing new table as changed
for each statement execute function cache_told_of_borrowers();

create trigger refund_update_tells_cache
after update on refund
referencing new table as changed
for each statement execute function cache_told_of_borrowers();

create trigger consent_insert_tells_cache
after insert on consent
referencing new table as changed
for each statement execute function cache_told_of_borrowers();

create trigger sms_opt_out_insert_tells_cache
after insert on sms_opt_out
referencing new table as changed
for each statement execute function cache_told_of_borrowers();

create trigger suspense_item_insert_tells_cache
after insert on suspense_item
for each statement execute function cache_told_of_list();

create trigger suspense_item_update_tells_cache
after update on suspense_item
for each statement execute function cache_told_of_list();

create trigger business_day_insert_tells_cache
after insert on business_day
for each statement execute function cache_told_of_list();

create trigger mpesa_float_update_tells_cache
after update on mpesa_float
for each statement execute function cache_told_of_list();
