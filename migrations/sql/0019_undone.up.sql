-- A payment that was booked for a loan is taken off it again: it was for another one, or M-Pesa sent it back.
-- Its money is in suspense then, and what it had settled is owed again. See services/loans/undoing.py.

insert into loan_move (from_state, move, to_state) values
    ('repaid', 'reopen', 'active'),
    ('recovered', 'reopen', 'written_off');

-- Few there are, and every check of the books asks for them.
create index journal_undone on journal (loan_id) where kind = 'payment_undone';

-- What is settled stays settled; but for what was matched, when this transaction takes it off its loan.
create or replace function settled_once() returns trigger
language plpgsql
as $$
declare
    was jsonb := to_jsonb(old) - array['state', 'settled_by', 'settled_at'];
    undone boolean := false;
begin
    if tg_table_name = 'suspense_item' and old.state = 'matched' and new.state = 'open' then
        undone := exists (
            select 1
            from journal
            where kind = 'payment_undone'
            and written_in = pg_current_xact_id()
            and split_part(key, ':', 2) = was ->> 'receipt'
        );
    end if;
    if old.settled_at is not null and not undone then
        raise exception '% %: settled already', tg_table_name, old.id using errcode = 'restrict_violation';
    end if;
    if was is distinct from to_jsonb(new) - array['state', 'settled_by', 'settled_at'] then
        raise exception '% %: only its state changes', tg_table_name, old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
