-- What the lists of staff need to be quick: back.
create or replace view wallet as
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
drop index
    approval_of_borrower, approval_by_proposed, sms_listed, refund_of_borrower,
    suspense_item_by_received, payout_of_borrower, payout_by_amount, payout_by_created, journal_by_kind,
    loan_by_due, loan_by_amount, loan_by_applied, borrower_by_created_joining,
    borrower_by_created_blacklisted, borrower_by_name, borrower_by_created;
drop trigger borrower_words_follow on borrower;
drop function borrower_words_follow();
drop table borrower_word;
drop function words_of(text);
drop function name_key(text);
