-- What has to leave, and what must not happen twice.

-- Written in the transaction of its cause; the relay publishes it afterwards, at least once.
create table outbox (
    id bigint generated always as identity primary key,
    key text not null unique,
    topic text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    attempts integer not null default 0 check (attempts >= 0)
);

create index outbox_waiting on outbox (id) where sent_at is null;

-- One row an effect, under the key of the press that asked for it. The collation is "C" so that the
-- primary key itself answers "is there a key that begins with gateway:session:".
create table action_result (
    key text collate "C" primary key,
    action text not null,
    request_hash bytea not null check (octet_length(request_hash) = 32),
    checkpoint jsonb not null,
    outcome jsonb,
    created_at timestamptz not null default now()
);

create index action_result_age on action_result (created_at);

-- A repayment someone asked to be prompted for on their phone.
create table payment_request (
    id bigint generated always as identity primary key,
    loan_id bigint not null references loan (id),
    borrower_id bigint not null references borrower (id),
    amount_cents bigint not null check (amount_cents > 0 and amount_cents % 100 = 0),
    state text not null default 'queued' check (state in ('queued', 'prompted', 'paid', 'failed')),
    action_key text not null unique,
    checkout_request_id text unique,
    created_at timestamptz not null default now()
);

create index payment_request_of_loan on payment_request (loan_id, id desc);
