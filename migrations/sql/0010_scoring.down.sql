-- Back to what was before. A consent to read a statement has no meaning without the statement.

drop index payment_request_of_borrower;
alter table borrower reset (fillfactor);
drop table score_change;
drop table rescoring;
drop table money_statement;

alter table consent disable trigger consent_append_only;
delete from consent where purpose = 'statement';
alter table consent enable trigger consent_append_only;

alter table consent
drop constraint consent_purpose_check,
add constraint consent_purpose_check check (purpose in ('terms', 'marketing'));
