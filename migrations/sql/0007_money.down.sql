-- Back to what was before. What the older tables have no word for becomes its nearest one.

create view ledger_break as
select
    'balance' as kind,
    account.code as subject,
    coalesce(balance.balance_cents, 0) as kept_cents,
    coalesce(sum(posting.amount_cents), 0)::bigint as posted_cents
from account
left join balance on balance.account_id = account.id
left join posting on posting.account_id = account.id
group by account.code, balance.balance_cents
having coalesce(balance.balance_cents, 0) <> coalesce(sum(posting.amount_cents), 0)
union all
select
    'journal',
    journal.key,
    0,
    coalesce(sum(posting.amount_cents), 0)::bigint
from journal
left join posting on posting.journal_id = journal.id
group by journal.id
having coalesce(sum(posting.amount_cents), 0) <> 0 or count(posting.id) < 2
union all
select
    'holds',
    account.code,
    coalesce(balance.balance_cents, 0),
    (select coalesce(sum(amount_cents), 0)::bigint from hold where state = 'pending')
from account
left join balance on balance.account_id = account.id
where account.code = 'loans_in_disbursement'
and coalesce(balance.balance_cents, 0)
    <> (select coalesce(sum(amount_cents), 0) from hold where state = 'pending');

drop view wallet;
drop index account_of_borrower;
drop table portfolio_day;
drop table business_day;
drop function business_day_follows();
drop table late_payout;
drop table refund;
drop table suspense_item;
drop function settled_once();

alter table hold disable trigger hold_guard;
update hold set state = 'voided' where state = 'expired';
alter table hold enable trigger hold_guard;

drop index hold_expiring;
alter table hold
drop constraint hold_posted_whole,
drop column posted_cents,
drop column expires_at,
drop constraint hold_state_check,
add constraint hold_state_check check (state in ('pending', 'posted', 'voided'));

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
    if (new.id, new.key, new.loan_id, new.amount_cents, new.placed_by, new.placed_at)
       is distinct from
       (old.id, old.key, old.loan_id, old.amount_cents, old.placed_by, old.placed_at) then
        raise exception 'hold %: only its state changes', old.key using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

drop index journal_one_disbursement;
drop index journal_of_loan;
drop index journal_value;
alter table journal drop column value_on;

alter table account disable trigger account_fixed;
update account set kind = 'asset' where kind = 'memo';
delete from account
where code in ('mpesa_working', 'mpesa_charges_paid', 'interest_income', 'penalty_income', 'charges_waived',
               'refunds_payable', 'written_off_contra')
and not exists (select 1 from posting where posting.account_id = account.id);
alter table account enable trigger account_fixed;

alter table account
drop constraint account_kind_check,
add constraint account_kind_check check (kind in ('asset', 'liability', 'income', 'expense', 'equity'));

create or replace function loan_guard() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'applied' then
            raise exception 'a loan begins as applied, not %', new.state using errcode = 'check_violation';
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
        new.excise_cents, new.total_cents, new.apr_bp, new.term_days, new.bundle, new.action_key,
        new.applied_at)
       is distinct from
       (old.id, old.ref, old.borrower_id, old.product, old.purpose, old.principal_cents, old.fee_cents,
        old.excise_cents, old.total_cents, old.apr_bp, old.term_days, old.bundle, old.action_key,
        old.applied_at)
       or (old.disbursed_at is not null
           and (new.disbursed_at, new.due_on) is distinct from (old.disbursed_at, old.due_on)) then
        raise exception 'loan %: its terms do not change', old.ref using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

drop table approval;
drop function approval_guard();

drop index loan_open_once;
drop index loan_due;
drop index loan_written_off;

alter table loan disable trigger loan_guard;
update loan set state = 'overdue' where state = 'non_performing';
alter table loan enable trigger loan_guard;

alter table loan_move disable trigger loan_move_fixed;
delete from loan_move
where move in ('pay_out_late', 'roll_over', 'stop_performing')
or from_state = 'non_performing';
alter table loan_move enable trigger loan_move_fixed;

-- Interest counts as the fee it is nearest to: the total stays what the borrower was told.
alter table loan drop constraint loan_total_adds_up;
alter table loan disable trigger loan_guard;
update loan
set fee_cents = fee_cents + interest_cents,
    excise_cents = excise_cents + interest_excise_cents
where interest_cents + interest_excise_cents > 0;
alter table loan enable trigger loan_guard;

alter table loan
drop column is_open,
drop constraint loan_state_known,
drop constraint loan_owed_once_disbursed,
drop constraint loan_duplum_whole,
drop column terms,
drop column interest_cents,
drop column interest_excise_cents,
drop column rollovers,
drop column day_done,
drop column duplum_on,
drop column duplum_room_cents,
add column is_open boolean not null generated always as (
    state in ('applied', 'approved', 'disbursing', 'active', 'overdue')
) stored,
add constraint loan_state_known check (
    state in ('applied', 'rejected', 'approved', 'cancelled', 'disbursing', 'failed',
              'active', 'overdue', 'repaid', 'written_off', 'recovered')
),
add constraint loan_total_adds_up check (total_cents = principal_cents + fee_cents + excise_cents),
add constraint loan_owed_once_disbursed check (
    state not in ('active', 'overdue', 'repaid', 'written_off', 'recovered') or disbursed_at is not null
);

create unique index loan_open_once
on loan (borrower_id)
where is_open;

create index loan_due on loan (due_on) where state in ('active', 'overdue');
