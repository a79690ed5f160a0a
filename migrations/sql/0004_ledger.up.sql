-- Double entry in cents, append only. A posting's amount is signed: a debit is above zero, a credit
-- below. The database itself refuses a journal that does not sum to zero, keeps the balances in the
-- same transaction, and lets nobody change what was written.

create table account (
    id bigint generated always as identity primary key,
    code text not null unique check (code ~ '^[a-z_]+(:[A-Za-z0-9]+)?$'),
    kind text not null check (kind in ('asset', 'liability', 'income', 'expense', 'equity')),
    loan_id bigint references loan (id),
    borrower_id bigint references borrower (id),
    opened_at timestamptz not null default now()
);

create index account_of_loan on account (loan_id) where loan_id is not null;

create table journal (
    id bigint generated always as identity primary key,
    key text not null unique,
    kind text not null,
    loan_id bigint references loan (id),
    borrower_id bigint references borrower (id),
    at timestamptz not null default now(),
    -- Postings may join only in the transaction that wrote the journal.
    written_in xid8 not null default pg_current_xact_id()
);

create index journal_of_borrower on journal (borrower_id, id desc) where borrower_id is not null;

create table posting (
    id bigint generated always as identity primary key,
    journal_id bigint not null references journal (id),
    account_id bigint not null references account (id),
    amount_cents bigint not null check (amount_cents <> 0 and abs(amount_cents) <= 100000000000000)
);

create index posting_of_journal on posting (journal_id);
create index posting_of_account on posting (account_id, id desc);

create table balance (
    account_id bigint primary key references account (id),
    debits_cents bigint not null default 0 check (debits_cents >= 0),
    credits_cents bigint not null default 0 check (credits_cents >= 0),
    balance_cents bigint generated always as (debits_cents - credits_cents) stored
);

-- The accounts every lender has. Those of a loan or a borrower are opened when first posted to.
insert into account (code, kind) values
    ('mpesa_utility', 'asset'),
    ('mpesa_utility_pending', 'asset'),
    ('mpesa_paybill', 'asset'),
    ('loans_in_disbursement', 'asset'),
    ('fee_income', 'income'),
    ('excise_payable', 'liability'),
    ('mpesa_charges', 'expense'),
    ('suspense_unmatched', 'liability'),
    ('write_off_loss', 'expense'),
    ('recovery_income', 'income'),
    ('funding', 'equity');

-- 1. A journal balances, and has two legs or more. Checked at commit, when all legs are in.
create function journal_balances() returns trigger
language plpgsql
as $$
declare
    subject bigint := case when tg_table_name = 'journal' then (to_jsonb(new) ->> 'id')::bigint
                           else (to_jsonb(new) ->> 'journal_id')::bigint end;
    legs integer;
    total numeric;
begin
    select count(*), coalesce(sum(amount_cents), 0)
    into legs, total
    from posting
    where journal_id = subject;
    if legs < 2 or total <> 0 then
        raise exception 'journal % has % legs and sums to %', subject, legs, total
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create constraint trigger journal_balances
after insert on journal
deferrable initially deferred
for each row execute function journal_balances();

create constraint trigger posting_balances
after insert on posting
deferrable initially deferred
for each row execute function journal_balances();

-- 2. A journal is closed when its transaction ends.
create function posting_joins_own_journal() returns trigger
language plpgsql
as $$
begin
    if exists (
        select 1
        from added
        join journal on journal.id = added.journal_id
        where journal.written_in <> pg_current_xact_id()
    ) then
        raise exception 'a journal takes no more postings once it is committed'
            using errcode = 'restrict_violation';
    end if;
    return null;
end
$$;

create trigger posting_joins_own_journal
after insert on posting
referencing new table as added
for each statement execute function posting_joins_own_journal();

-- 3. Balances move with the postings. In order of account, so that two journals cannot deadlock.
create function posting_moves_balance() returns trigger
language plpgsql
as $$
begin
    insert into balance as kept (account_id, debits_cents, credits_cents)
    select
        account_id,
        sum(greatest(amount_cents, 0)),
        sum(greatest(-amount_cents, 0))
    from added
    group by account_id
    order by account_id
    on conflict (account_id) do update
    set debits_cents = kept.debits_cents + excluded.debits_cents,
        credits_cents = kept.credits_cents + excluded.credits_cents;
    return null;
end
$$;

create trigger posting_moves_balance
after insert on posting
referencing new table as added
for each statement execute function posting_moves_balance();

-- 4. Nothing else moves a balance.
create function balance_follows_postings() returns trigger
language plpgsql
as $$
begin
    if pg_trigger_depth() < 2 then
        raise exception 'balances follow postings: % of balance refused', tg_op
            using errcode = 'restrict_violation';
    end if;
    return coalesce(new, old);
end
$$;

create trigger balance_follows_postings
before insert or update or delete on balance
for each row execute function balance_follows_postings();

-- 5. Nothing written is changed.
create trigger journal_append_only
before update or delete on journal
for each row execute function refuse_change();

create trigger posting_append_only
before update or delete on posting
for each row execute function refuse_change();

create trigger journal_not_truncated
before truncate on journal
for each statement execute function refuse_change();

create trigger posting_not_truncated
before truncate on posting
for each statement execute function refuse_change();

create trigger balance_not_truncated
before truncate on balance
for each statement execute function refuse_change();

-- Money promised and not yet sent. A hold's journal debits loans_in_disbursement and credits
-- mpesa_utility_pending; settling it, once, reverses that journal, and when the money went out books it.
create table hold (
    id bigint generated always as identity primary key,
    key text not null unique,
    loan_id bigint not null references loan (id),
    amount_cents bigint not null check (amount_cents > 0),
    state text not null default 'pending' check (state in ('pending', 'posted', 'voided')),
    placed_by bigint not null unique references journal (id),
    settled_by bigint unique references journal (id),
    placed_at timestamptz not null default now(),
    settled_at timestamptz,
    constraint hold_settled_whole check (
        (state = 'pending' and num_nulls(settled_by, settled_at) = 2)
        or (state <> 'pending' and num_nulls(settled_by, settled_at) = 0)
    )
);

create unique index hold_pending_once on hold (loan_id) where state = 'pending';

create function hold_guard() returns trigger
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

create trigger hold_guard
before insert or update on hold
for each row execute function hold_guard();

create trigger hold_kept
before delete on hold
for each row execute function refuse_change();

-- What must be empty. `ussd` and the nightly check read it.
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

-- Where the server runs as a role of its own (docs/money.md), it may not even try.
do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on journal, posting, loan_event, decision, consent from umoja_app;
        revoke delete, truncate on loan, hold, account, balance from umoja_app;
    end if;
end
$$;
