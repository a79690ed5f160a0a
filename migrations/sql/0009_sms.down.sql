drop table sms_opt_out, sms_callback, sms;
drop function sms_guard();

drop trigger outbox_wakes on outbox;
drop function outbox_wakes();

drop index outbox_done;
drop index outbox_waiting;

alter table outbox
drop column done_at,
drop column due_at;

create index outbox_waiting on outbox (id) where sent_at is null;
