-- What a cache is told of changes: back.

drop trigger mpesa_float_update_tells_cache on mpesa_float;
drop trigger business_day_insert_tells_cache on business_day;
drop trigger suspense_item_update_tells_cache on suspense_item;
drop trigger suspense_item_insert_tells_cache on suspense_item;
drop trigger sms_opt_out_insert_tells_cache on sms_opt_out;
drop trigger consent_insert_tells_cache on consent;
drop trigger refund_update_tells_cache on refund;
drop trigger refund_insert_tells_cache on refund;
drop trigger late_payout_update_tells_cache on late_payout;
drop trigger late_payout_insert_tells_cache on late_payout;
drop trigger decision_insert_tells_cache on decision;
drop trigger approval_update_tells_cache on approval;
drop trigger approval_insert_tells_cache on approval;
drop trigger sms_update_tells_cache on sms;
drop trigger sms_insert_tells_cache on sms;
drop trigger payment_request_update_tells_cache on payment_request;
drop trigger payment_request_insert_tells_cache on payment_request;
drop trigger payout_update_tells_cache on payout;
drop trigger payout_insert_tells_cache on payout;
drop trigger journal_insert_tells_cache on journal;
drop trigger borrower_update_tells_cache on borrower;
drop trigger borrower_insert_tells_cache on borrower;
drop trigger loan_update_tells_cache on loan;
drop trigger loan_insert_tells_cache on loan;

drop function cache_told_of_list();
drop function cache_told_of_borrowers();
drop function cache_told_of_theirs();
drop function cache_told_of_borrower();
drop function cache_told_of_loan();
