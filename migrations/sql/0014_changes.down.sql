-- Changes that people make: back. Approvals of nothing become approvals of a cent.
drop trigger approval_not_ones_own on approval;
drop function approval_not_ones_own();
drop table staff_number;

drop table payout_day;

alter table mpesa_float
drop column held_by;

alter table borrower
drop column pin_reset_tries,
drop column pin_reset_until,
drop column blacklist_reason,
drop column blacklisted_by;

drop table setting;

drop index sms_of_bulk;
alter table sms
drop column bulk_id;

drop table bulk_recipient;
drop table bulk_message;

drop table reversal;
drop function reversal_guard();

drop index bundle_publication_once;
alter table bundle_publication
drop column change_id;

drop table menu_change;

alter table approval disable trigger approval_guard;
update approval set amount_cents = 1 where amount_cents = 0;
alter table approval enable trigger approval_guard;
alter table approval
drop constraint approval_amount_cents_check,
add constraint approval_amount_cents_check check (amount_cents > 0);
