-- What lists still lacked with a million people: docs/operations/lists.md tells what each index answers.

-- People of some days are counted and filtered without being read.
drop index borrower_by_created;
create index borrower_by_created on borrower (created_at, id) include (registered_at, blacklisted_at, language);

-- Who owes: wallets are listed and counted by it, without reading one loan.
create index loan_owed on loan (borrower_id)
where disbursed_at is not null
and (is_open or state = 'written_off');

-- A kind of decision is walked in its own order, as each state is. Of an amount, or of one who proposed, there are
-- often few among very many.
drop index approval_by_proposed;
create index approval_by_proposed on approval (state, kind, proposed_at, id) include (amount_cents, proposed_by);
create index approval_by_amount on approval (state, kind, amount_cents, id) include (proposed_at, proposed_by);
create index approval_by_proposer on approval (proposed_by, state, kind, proposed_at, id) include (amount_cents);

-- Of two rows of one moment the list knows which is first: with that in the index nothing is sorted, and what is
-- skipped is not read.
drop index audit_at;
create index audit_at on audit (at, id);

-- How far a message to many has come is counted without reading its messages.
drop index sms_of_bulk;
create index sms_of_bulk on sms (bulk_id, state) include (cost_cents) where bulk_id is not null;
