-- What the lists of staff need to be quick: back.
drop index
    approval_of_borrower, approval_by_proposed, sms_by_notice, sms_by_state, refund_of_borrower,
    suspense_item_by_received, payout_of_borrower, payout_by_amount, payout_by_created, journal_by_kind,
    loan_by_due, loan_by_amount, loan_by_applied, borrower_by_created_joining,
    borrower_by_created_blacklisted, borrower_by_name, borrower_by_created;
drop trigger borrower_words_follow on borrower;
drop function borrower_words_follow();
drop table borrower_word;
drop function name_key(text);
