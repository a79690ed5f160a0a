drop table payment_request;
drop table action_result;
drop table outbox;
