-- What the lists of staff need to be quick: services/api/lists. docs/operations/lists.md says what each index
-- is for, with the plans. None is on a balance or a score: those change too often to be kept in order.

-- 1. Names as they are looked for: small letters without marks or apostrophes, one blank between words.
-- Ndũng'u is ndungu.
create function name_key(name text) returns text
language sql
immutable
strict
parallel safe
as $$
    -- Nearly all names are plain words already, and need but small letters.
    select case
        when name ~ '^[A-Za-z]+( [A-Za-z]+)*$' then lower(name collate "C")
        else btrim(regexp_replace(
            translate(
                lower(regexp_replace(normalize(name, nfkd), '[\u0300-\u036f]', '', 'g') collate "C"),
                '''`´‘’ʼ', ''
            ),
            '[ .,_-]+', ' ', 'g'
        ))
    end
$$;

-- Each word of each name, in order: a search for `wanj` reads as many rows as it shows. `before` is the word
-- of the same name that comes before this one in the alphabet: whoever has two words that begin alike is
-- found at the first of them. `name` is the whole name, to look for other words in.
create table borrower_word (
    word text collate "C" not null,
    borrower_id bigint not null,
    before text collate "C",
    name text collate "C" not null,
    primary key (word, borrower_id)
);

create function words_of(name text) returns table (word text, before text, whole text)
language sql
immutable
parallel safe
as $$
    select word, lag(word) over (order by word collate "C"), name_key(name)
    from (
        select distinct word
        from unnest(string_to_array(name_key(name), ' ')) as word
        where word <> ''
    ) as words
$$;

create function borrower_words_follow() returns trigger
language plpgsql
as $$
begin
    if tg_op <> 'INSERT' and old.name is not null then
        delete from borrower_word
        where borrower_id = old.id
        and word = any(string_to_array(name_key(old.name), ' '));
    end if;
    if tg_op <> 'DELETE' and new.name is not null then
        insert into borrower_word (word, borrower_id, before, name)
        select word, new.id, before, whole
        from words_of(new.name);
    end if;
    return null;
end
$$;

create trigger borrower_words_follow
after insert or delete or update of name on borrower
for each row execute function borrower_words_follow();

insert into borrower_word (word, borrower_id, before, name)
select words.word, borrower.id, words.before, words.whole
from borrower
cross join words_of(borrower.name) as words
where borrower.name is not null
order by words.word collate "C", borrower.id;

-- 2. People, by when they came and by name.
create index borrower_by_created on borrower (created_at, id);
create index borrower_by_name on borrower ((name_key(name) collate "C"), id)
include (name, created_at, registered_at, blacklisted_at, language);
create index borrower_by_created_blacklisted on borrower (created_at, id) where blacklisted_at is not null;
create index borrower_by_created_joining on borrower (created_at, id) where registered_at is null;

-- 3. Loans, in each order they are listed in, within each state and product. What is filtered by lies in
-- the index, so that a walk past many rows does not read them.
create index loan_by_applied on loan (state, product, applied_at, id) include (principal_cents, due_on);
create index loan_by_amount on loan (state, product, principal_cents, id) include (applied_at, due_on);
create index loan_by_due on loan (state, product, due_on, id) include (principal_cents, applied_at);

-- 4. Money and messages.
create index journal_by_kind on journal (kind, value_on, id);
create index payout_by_created on payout (state, created_at, id) include (amount_cents);
create index payout_by_amount on payout (state, amount_cents, id) include (created_at);
create index payout_of_borrower on payout (borrower_id, id desc);
create index suspense_item_by_received on suspense_item (received_at, id);
create index refund_of_borrower on refund (borrower_id, id desc);
create index sms_listed on sms (kind, notice, state, created_at, id);

-- 5. What people decide.
create index approval_by_proposed on approval (state, proposed_at, id) include (kind, amount_cents);
create index approval_of_borrower on approval (borrower_id, id desc) where borrower_id is not null;

-- 6. A wallet, as before, and read by the borrower's own accounts: an `or` over both ways to them read every
-- account of the ledger for one borrower.
create or replace view wallet as
select borrower.id as borrower_id, mine.credit_cents, mine.owed_cents
from borrower
cross join lateral (
    select
        coalesce(-sum(cents) filter (where kind = 'liability'), 0)::bigint as credit_cents,
        coalesce(sum(cents) filter (where kind <> 'liability'), 0)::bigint as owed_cents
    from (
        select account.kind, balance.balance_cents as cents
        from account
        join balance on balance.account_id = account.id
        where account.borrower_id = borrower.id
        union all
        select account.kind, balance.balance_cents
        from loan
        join account on account.loan_id = loan.id
        join balance on balance.account_id = account.id
        where loan.borrower_id = borrower.id
    ) as each_account
) as mine;
