drop table mpesa_registration;
drop table mpesa_balance;
drop table mpesa_float;

drop index payment_request_open;
update payment_request set state = 'queued' where state = 'prompting';
alter table payment_request
drop column settled_at,
drop column said_paid,
drop column asks,
drop column asked_at,
drop column prompted_at,
drop column receipt,
drop column outcome,
drop column merchant_request_id,
drop constraint payment_request_state_check,
add constraint payment_request_state_check check (state in ('queued', 'prompted', 'paid', 'failed'));

drop index refund_approved;
drop index loan_disbursing;
drop table payout_event;
drop table payout;
drop table payout_move;
drop function payout_guard();
drop table mpesa_inbox;
drop function mpesa_inbox_guard();
