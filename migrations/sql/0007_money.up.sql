-- The whole life of money: what was agreed is kept with the loan, non-performing loans, charges and
-- their caps, holds in part and in time, suspense, refunds, two pairs of eyes, business days.

-- 1. What a loan keeps. `terms` is what its product said when it was priced: see services/loans/agreed.py.
-- A cap in duplum: from duplum_on, at most duplum_room_cents of charges may still be added.
drop index loan_open_once;
drop index loan_due;

alter table loan
drop column is_open,
drop constraint loan_state_known,
drop constraint loan_total_adds_up,
drop constraint loan_owed_once_disbursed,
add column terms jsonb not null default '{}',
add column interest_cents bigint not null default 0 check (interest_cents >= 0),
add column interest_excise_cents bigint not null default 0 check (interest_excise_cents >= 0),
add column rollovers integer not null default 0 check (rollovers >= 0),
add column day_done date, -- the last business day whose end has passed over this loan
add column duplum_on date,
add column duplum_room_cents bigint check (duplum_room_cents >= 0),
-- Not over: whoever has one may not borrow. Everything that asks, asks this.
add column is_open boolean not null generated always as (
    state in ('applied', 'approved', 'disbursing', 'active', 'overdue', 'non_performing')
) stored,
add constraint loan_state_known check (
    state in ('applied', 'rejected', 'approved', 'cancelled', 'disbursing', 'failed', 'active', 'overdue',
              'non_performing', 'repaid', 'written_off', 'recovered')
),
add constraint loan_total_adds_up check (
    total_cents = principal_cents + fee_cents + excise_cents + interest_cents + interest_excise_cents
),
add constraint loan_owed_once_disbursed check (
    state not in ('active', 'overdue', 'non_performing', 'repaid', 'written_off', 'recovered')
    or disbursed_at is not null
),
add constraint loan_duplum_whole check ((duplum_on is null) = (duplum_room_cents is null));

-- One open loan a borrower, whatever the code above believes.
create unique index loan_open_once
on loan (borrower_id)
where is_open;

create index loan_due on loan (due_on) where state in ('active', 'overdue', 'non_performing');
create index loan_written_off on loan (borrower_id) where state = 'written_off';

insert into loan_move (from_state, move, to_state) values
    ('failed', 'pay_out_late', 'active'),
    ('active', 'roll_over', 'active'),
    ('overdue', 'roll_over', 'active'),
    ('overdue', 'stop_performing', 'non_performing'),
    ('non_performing', 'repay', 'repaid'),
    ('non_performing', 'write_off', 'written_off');

-- 2. Two pairs of eyes. Whoever proposes never decides; what is decided stays decided. People are
-- written in small letters, so that nobody is two people.
create table approval (
    id bigint generated always as identity primary key,
    kind text not null check (kind ~ '^[a-z_]{1,30}$'),
    subject text not null check (char_length(subject) between 1 and 80),
    loan_id bigint references loan (id),
    borrower_id bigint references borrower (id),
    amount_cents bigint not null check (amount_cents > 0),
    details jsonb not null default '{}',
    reason text not null check (char_length(reason) between 1 and 500),
    state text not null default 'proposed' check (state in ('proposed', 'approved', 'rejected')),
    proposed_by text not null check (proposed_by ~ '^[a-z0-9][a-z0-9._@:+-]{0,79}$'),
    proposed_at timestamptz not null default now(),
    decided_by text check (decided_by ~ '^[a-z0-9][a-z0-9._@:+-]{0,79}$'),
    decided_at timestamptz,
    note text not null default '' check (char_length(note) <= 500),
    constraint approval_two_people check (decided_by <> proposed_by),
    constraint approval_decided_whole check (
        (state = 'proposed' and num_nulls(decided_by, decided_at) = 2)
        or (state <> 'proposed' and num_nulls(decided_by, decided_at) = 0)
    )
);

create unique index approval_open_once on approval (kind, subject) where state = 'proposed';
create index approval_of_loan on approval (loan_id, kind) where loan_id is not null;

create function approval_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'proposed' then
            raise exception 'an approval begins as proposed, not %', new.state
                using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if old.state <> 'proposed' then
        raise exception 'approval % is % already', old.id, old.state using errcode = 'restrict_violation';
    end if;
    if (new.id, new.kind, new.subject, new.loan_id, new.borrower_id, new.amount_cents, new.details,
        new.reason, new.proposed_by, new.proposed_at)
       is distinct from
       (old.id, old.kind, old.subject, old.loan_id, old.borrower_id, old.amount_cents, old.details,
        old.reason, old.proposed_by, old.proposed_at) then
        raise exception 'approval %: what was proposed does not change', old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger approval_guard
before insert or update on approval
for each row execute function approval_guard();

create trigger approval_kept
before delete on approval
for each row execute function refuse_change();

create trigger approval_not_truncated
before truncate on approval
for each statement execute function refuse_change();

-- 3. What the database refuses about loans. New: who still owes a written-off loan gets no other; a
-- write-off, and a loan above its product's threshold, need an approval; a due date moves by a rollover.
create or replace function loan_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'applied' then
            raise exception 'a loan begins as applied, not %', new.state using errcode = 'check_violation';
        end if;
        if exists (select 1 from loan where borrower_id = new.borrower_id and state = 'written_off') then
            raise exception 'borrower % still owes a loan that was written off', new.borrower_id
                using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if new.state <> old.state and not exists (
        select 1
        from loan_move
        where from_state = old.state
        and to_state = new.state
    ) then
        raise exception 'loan %: % may not become %', old.ref, old.state, new.state
            using errcode = 'check_violation';
    end if;
    if (new.id, new.ref, new.borrower_id, new.product, new.purpose, new.principal_cents, new.fee_cents,
        new.excise_cents, new.interest_cents, new.interest_excise_cents, new.total_cents, new.apr_bp,
        new.term_days, new.bundle, new.terms, new.action_key, new.applied_at)
       is distinct from
       (old.id, old.ref, old.borrower_id, old.product, old.purpose, old.principal_cents, old.fee_cents,
        old.excise_cents, old.interest_cents, old.interest_excise_cents, old.total_cents, old.apr_bp,
        old.term_days, old.bundle, old.terms, old.action_key, old.applied_at)
       or (old.disbursed_at is not null and new.disbursed_at is distinct from old.disbursed_at)
       or (old.due_on is not null and new.due_on is distinct from old.due_on
           and not (new.rollovers = old.rollovers + 1 and new.due_on > old.due_on))
       or (new.rollovers <> old.rollovers and new.due_on is not distinct from old.due_on)
       or (old.duplum_on is not null
           and (new.duplum_on, new.duplum_room_cents)
               is distinct from (old.duplum_on, old.duplum_room_cents)) then
        raise exception 'loan %: its terms do not change', old.ref using errcode = 'restrict_violation';
    end if;
    if new.state <> old.state and (
        new.state = 'written_off'
        or (new.state = 'approved' and new.principal_cents > (new.terms ->> 'approval_above_cents')::bigint)
    ) and not exists (
        select 1
        from approval
        where loan_id = new.id
        and kind = case when new.state = 'approved' then 'loan' else 'write_off' end
        and state = 'approved'
    ) then
        raise exception 'loan %: to become % it needs an approval', old.ref, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

-- 4. Accounts. A memo account stands beside the books: what is still owed on a loan written off.
alter table account
drop constraint account_kind_check,
add constraint account_kind_check check (
    kind in ('asset', 'liability', 'income', 'expense', 'equity', 'memo')
);

alter table account disable trigger account_fixed;
update account set kind = 'memo' where code = 'written_off_contra' or code like 'loan_written_off:%';
alter table account enable trigger account_fixed;

insert into account (code, kind) values
    ('mpesa_working', 'asset'),
    ('mpesa_charges_paid', 'asset'),
    ('interest_income', 'income'),
    ('penalty_income', 'income'),
    ('charges_waived', 'expense'),
    ('refunds_payable', 'liability'),
    ('written_off_contra', 'memo')
on conflict (code) do nothing;

-- 5. The business day a journal counts for: a payment's is M-Pesa's, a missed day's charge is that day's.
alter table journal add column value_on date;
alter table journal disable trigger journal_append_only;
update journal set value_on = (at at time zone 'Africa/Nairobi')::date;
alter table journal enable trigger journal_append_only;
alter table journal
alter column value_on set default ((now() at time zone 'Africa/Nairobi')::date),
alter column value_on set not null;

create index journal_value on journal (value_on, id);
create index journal_of_loan on journal (loan_id, kind) where loan_id is not null;
-- A loan is paid out once.
create unique index journal_one_disbursement on journal (loan_id) where kind = 'disbursement';

-- 6. Holds may be posted in part (the rest is free again), and may end by themselves.
alter table hold
drop constraint hold_state_check,
add constraint hold_state_check check (state in ('pending', 'posted', 'voided', 'expired')),
add column posted_cents bigint,
add column expires_at timestamptz;

alter table hold disable trigger hold_guard;
update hold set posted_cents = amount_cents where state = 'posted';
alter table hold enable trigger hold_guard;

alter table hold
add constraint hold_posted_whole check (
    case when state = 'posted' then posted_cents between 1 and amount_cents and posted_cents is not null
    else posted_cents is null end
);

create or replace function hold_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'pending' then
            raise exception 'a hold begins as pending, not %', new.state using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if old.state <> 'pending' or new.state = 'pending' then
        raise exception 'hold % is % already', old.key, old.state using errcode = 'check_violation';
    end if;
    if (new.id, new.key, new.loan_id, new.amount_cents, new.placed_by, new.placed_at, new.expires_at)
       is distinct from
       (old.id, old.key, old.loan_id, old.amount_cents, old.placed_by, old.placed_at, old.expires_at) then
        raise exception 'hold %: only its state changes', old.key using errcode = 'restrict_violation';
    end if;
    if new.state = 'expired' and (old.expires_at is null or old.expires_at > clock_timestamp()) then
        raise exception 'hold % has not expired', old.key using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create index hold_expiring on hold (expires_at) where state = 'pending' and expires_at is not null;

-- 7. Money that came and belongs to nobody we know. `payer` is a digest or a borrower's number, never a
-- phone number. What is settled stays settled.
create table suspense_item (
    id bigint generated always as identity primary key,
    receipt text not null unique,
    amount_cents bigint not null check (amount_cents > 0),
    payer text not null,
    account_ref text not null,
    received_at timestamptz not null,
    booked_by bigint not null unique references journal (id),
    state text not null default 'open' check (state in ('open', 'matched', 'returned')),
    settled_by bigint unique references journal (id),
    settled_at timestamptz,
    constraint suspense_item_settled_whole check (
        (state = 'open' and num_nulls(settled_by, settled_at) = 2)
        or (state <> 'open' and num_nulls(settled_by, settled_at) = 0)
    )
);

create index suspense_item_open on suspense_item (received_at) where state = 'open';

create function settled_once() returns trigger
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

create trigger suspense_item_settled_once
before update on suspense_item
for each row execute function settled_once();

create trigger suspense_item_kept
before delete on suspense_item
for each row execute function refuse_change();

create trigger suspense_item_not_truncated
before truncate on suspense_item
for each statement execute function refuse_change();

-- 8. Credit that goes back to a borrower: approved, then paid or failed.
create table refund (
    id bigint generated always as identity primary key,
    borrower_id bigint not null references borrower (id),
    amount_cents bigint not null check (amount_cents > 0 and amount_cents % 100 = 0),
    approval_id bigint not null unique references approval (id),
    booked_by bigint not null unique references journal (id),
    state text not null default 'approved' check (state in ('approved', 'paid', 'failed')),
    settled_by bigint unique references journal (id),
    settled_at timestamptz,
    approved_at timestamptz not null default now(),
    constraint refund_settled_whole check (
        (state = 'approved' and num_nulls(settled_by, settled_at) = 2)
        or (state <> 'approved' and num_nulls(settled_by, settled_at) = 0)
    )
);

create trigger refund_settled_once
before update on refund
for each row execute function settled_once();

create trigger refund_kept
before delete on refund
for each row execute function refuse_change();

create trigger refund_not_truncated
before truncate on refund
for each statement execute function refuse_change();

-- 9. A payout that succeeded after it was given up, while its borrower has another loan: the money is
-- claimed, and the loan begins when the other one is over.
create table late_payout (
    loan_id bigint primary key references loan (id),
    borrower_id bigint not null references borrower (id),
    arrived_at timestamptz not null,
    begun_at timestamptz
);

create index late_payout_waiting on late_payout (borrower_id) where begun_at is null;

create trigger late_payout_kept
before delete on late_payout
for each row execute function refuse_change();

-- 10. Business days, in order, each closed once.
create table business_day (
    day date primary key,
    closed_at timestamptz not null default now(),
    counts jsonb not null
);

create function business_day_follows() returns trigger
language plpgsql
as $$
begin
    if new.day <> (select max(day) + 1 from business_day) then
        raise exception 'business day % does not follow the last one closed', new.day
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create trigger business_day_follows
before insert on business_day
for each row execute function business_day_follows();

create trigger business_day_append_only
before update or delete on business_day
for each row execute function refuse_change();

create trigger business_day_not_truncated
before truncate on business_day
for each statement execute function refuse_change();

-- 11. The portfolio at the end of a business day, by product. Days past due count from the due date;
-- par1 is one day and more, par30 more than 30 days.
create table portfolio_day (
    day date not null references business_day (day) deferrable initially deferred,
    product text not null,
    loans integer not null,
    principal_cents bigint not null,
    charges_cents bigint not null,
    par1_cents bigint not null,
    par30_cents bigint not null,
    par60_cents bigint not null,
    par90_cents bigint not null,
    disbursed_cents bigint not null,
    repaid_cents bigint not null,
    written_off_cents bigint not null,
    recovered_cents bigint not null,
    primary key (day, product)
);

create trigger portfolio_day_append_only
before update or delete on portfolio_day
for each row execute function refuse_change();

create trigger portfolio_day_not_truncated
before truncate on portfolio_day
for each statement execute function refuse_change();

-- 12. A wallet is a view on accounts: the credit we hold for a borrower, and what they owe.
create view wallet as
select borrower.id as borrower_id, mine.credit_cents, mine.owed_cents
from borrower
cross join lateral (
    select
        coalesce(-sum(balance.balance_cents) filter (where account.kind = 'liability'), 0)::bigint
            as credit_cents,
        coalesce(sum(balance.balance_cents) filter (where account.kind <> 'liability'), 0)::bigint
            as owed_cents
    from account
    join balance on balance.account_id = account.id
    where account.borrower_id = borrower.id
    or account.loan_id in (select id from loan where loan.borrower_id = borrower.id)
) as mine;

create index account_of_borrower on account (borrower_id) where borrower_id is not null;

-- 13. The checks of the books are `ussd ledger verify` now: services/ledger/checks.py.
drop view ledger_break;

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on business_day, portfolio_day from umoja_app;
        revoke delete, truncate on approval, suspense_item, refund, late_payout from umoja_app;
    end if;
end
$$;
