create or replace function settled_once() returns trigger
language plpgsql
as $$
declare
    was jsonb := to_jsonb(old) - array['state', 'settled_by', 'settled_at'];
begin
    if old.settled_at is not null then
        raise exception '% %: settled already', tg_table_name, old.id using errcode = 'restrict_violation';
    end if;
    if was is distinct from to_jsonb(new) - array['state', 'settled_by', 'settled_at'] then
        raise exception '% %: only its state changes', tg_table_name, old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

drop index journal_undone;

alter table loan_move disable trigger loan_move_fixed;
delete from loan_move where move = 'reopen';
alter table loan_move enable trigger loan_move_fixed;
