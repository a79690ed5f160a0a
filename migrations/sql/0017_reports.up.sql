-- Reports: what was owed on each loan at the end of a day, and reports that were kept.

-- 1. The standing of every loan that something was owed on at the end of a day, from the ledger: today's
-- balances without what counts for later days. The due date is the one of that day: a rollover moves it to
-- the later of itself and the rollover's day, and the rollover's term. A loan whose rollovers have no
-- journals (they were free) has the due date it has now.
create function loan_standing(day date) returns table (
    loan_id bigint,
    ref text,
    borrower_id bigint,
    product text,
    lent_cents bigint,
    disbursed_on date,
    due_on date,
    days_late integer,
    standing text,
    principal_cents bigint,
    fee_cents bigint,
    interest_cents bigint,
    excise_cents bigint,
    penalty_cents bigint,
    outstanding_cents bigint
)
language sql
stable
as $$
    with later as (
        select posting.account_id, sum(posting.amount_cents) as cents
        from journal
        join posting on posting.journal_id = journal.id
        where journal.value_on > day
        and journal.loan_id is not null
        group by posting.account_id
    ),
    owed as (
        select
            account.loan_id,
            split_part(account.code, ':', 1) as part,
            sum(balance.balance_cents - coalesce(later.cents, 0)) as cents
        from account
        join balance on balance.account_id = account.id
        left join later on later.account_id = account.id
        where account.kind = 'asset'
        and account.loan_id is not null
        and (balance.balance_cents <> 0 or later.cents is not null)
        group by account.loan_id, part
    ),
    debts as (
        select
            owed.loan_id,
            coalesce(sum(cents) filter (where part = 'loan_principal'), 0)::bigint as principal_cents,
            coalesce(sum(cents) filter (where part = 'loan_fee'), 0)::bigint as fee_cents,
            coalesce(sum(cents) filter (where part = 'loan_interest'), 0)::bigint as interest_cents,
            coalesce(sum(cents) filter (where part = 'loan_excise'), 0)::bigint as excise_cents,
            coalesce(sum(cents) filter (where part = 'loan_penalty'), 0)::bigint as penalty_cents,
            sum(cents)::bigint as outstanding_cents
        from owed
        group by owed.loan_id
        having sum(cents) <> 0
    ),
    dated as (
        select
            debts.*,
            loan.ref,
            loan.borrower_id,
            loan.product,
            loan.principal_cents as lent_cents,
            (loan.disbursed_at at time zone 'Africa/Nairobi')::date as disbursed_on,
            coalesce((loan.terms ->> 'non_performing_days')::integer, 90) as non_performing_days,
            case
                when rolled.later_number = 0 then loan.due_on
                else greatest(
                    (loan.disbursed_at at time zone 'Africa/Nairobi')::date + loan.term_days
                        + rolled.number * (loan.terms ->> 'rollover_days')::integer,
                    rolled.due_on
                )
            end as due_on
        from debts
        join loan on loan.id = debts.loan_id
        cross join lateral (
            select
                count(*) filter (where value_on > day)::integer as later_number,
                count(*) filter (where value_on <= day)::integer as number,
                max(value_on + (before - place + 1) * (loan.terms ->> 'rollover_days')::integer)
                    filter (where value_on <= day) as due_on
            from (
                select
                    journal.value_on,
                    (row_number() over (order by journal.id))::integer as place,
                    (count(*) filter (where journal.value_on <= day) over ())::integer as before
                from journal
                where journal.loan_id = loan.id
                and journal.kind = 'rollover'
                and loan.rollovers > 0
            ) as rollover
        ) as rolled
    )
    select
        dated.loan_id,
        dated.ref,
        dated.borrower_id,
        dated.product,
        dated.lent_cents,
        dated.disbursed_on,
        dated.due_on,
        day - dated.due_on,
        case
            when day - dated.due_on < 1 then 'active'
            when day - dated.due_on < dated.non_performing_days then 'overdue'
            else 'non_performing'
        end,
        dated.principal_cents,
        dated.fee_cents,
        dated.interest_cents,
        dated.excise_cents,
        dated.penalty_cents,
        dated.outstanding_cents
    from dated
$$;

-- 2. What accounts held together at the end of a day.
create function held_on(codes text[], day date) returns bigint
language sql
stable
as $$
    select (
        coalesce((
            select sum(balance.balance_cents)
            from account
            join balance on balance.account_id = account.id
            where account.code = any(codes)
        ), 0)
        - coalesce((
            select sum(posting.amount_cents)
            from journal
            join posting on posting.journal_id = journal.id
            join account on account.id = posting.account_id
            where journal.value_on > day
            and account.code = any(codes)
        ), 0)
    )::bigint
$$;

-- 3. Words and shares that reports have in common. A share is in basis points, half up; 0 of nothing.
create function late_bucket(days_late integer) returns text
language sql
immutable
as $$
    select case
        when days_late < 1 then 'not due'
        when days_late <= 30 then '1-30'
        when days_late <= 60 then '31-60'
        when days_late <= 90 then '61-90'
        else 'over 90'
    end
$$;

create function share_bp(part numeric, whole numeric) returns bigint
language sql
immutable
as $$
    select case when whole > 0 then floor((2 * part * 10000 + whole) / (2 * whole)) else 0 end::bigint
$$;

-- 4. Reports that were made and kept. One on schedule is made once for its period.
create table report_run (
    id bigint generated always as identity primary key,
    name text not null check (name ~ '^[a-z_]{1,40}$'),
    parameters jsonb not null,
    period_to date not null, -- the last day it is about
    scheduled boolean not null,
    format text not null check (format in ('csv', 'xlsx', 'pdf')),
    made_by text not null check (char_length(made_by) between 1 and 80),
    made_at timestamptz not null default now(),
    rows bigint not null check (rows >= 0),
    data_sha256 bytea not null check (octet_length(data_sha256) = 32),
    file_sha256 bytea not null check (octet_length(file_sha256) = 32),
    file bytea check (octet_length(file) <= 20971520) -- of those on schedule; a larger one is not kept
);

create unique index report_run_once on report_run (name, period_to, format) where scheduled;
create index report_run_latest on report_run (name, id desc);

create trigger report_run_append_only
before update or delete on report_run
for each row execute function refuse_change();

do $$
begin
    if exists (select 1 from pg_roles where rolname = 'umoja_app') then
        revoke update, delete, truncate on report_run from umoja_app;
    end if;
end
$$;
