-- What lists still lacked with a million people: back.
drop index sms_of_bulk;
create index sms_of_bulk on sms (bulk_id) where bulk_id is not null;
drop index audit_at;
create index audit_at on audit (at);
drop index approval_by_proposer, approval_by_amount, approval_by_proposed;
create index approval_by_proposed on approval (state, proposed_at, id) include (kind, amount_cents);
drop index loan_owed;
drop index borrower_by_created;
create index borrower_by_created on borrower (created_at, id);
