-- What dialogs and the server were like: events, counted: back.
drop index sms_sent;
drop table message_day, limit_day, active_day, active_borrower, vintage_day, standing, standing_loan;
drop index loan_disbursed;
drop table wait_day, collection_day, money_day, loan_day, rollup;
drop index journal_written;
alter table decision drop column written_in;
alter table loan_event drop column written_in;
drop table event_writer, session_over;
drop function drop_event_partitions(date);
drop function make_event_partitions(date);
drop table server_hour, session_hour, dialog_hour;
