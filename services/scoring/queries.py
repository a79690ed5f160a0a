"""The SQL of scoring everybody again and of statements, by name."""

LATER = """
select exists (
    select 1
    from rescoring
    where day > $1
)
"""

BEGIN = """
insert into rescoring (day, scorecard, ladder, features)
values ($1, $2, $3, $4)
on conflict (day, scorecard, ladder) do update
set day = excluded.day -- so that the row that is there already is returned
returning *
"""

LAST_BORROWER = """
select coalesce(max(id), 0)
from borrower
"""

# A session's own; emptied by each commit.
STAGE = """
create temp table if not exists rescored (
    borrower_id bigint not null,
    score_before integer not null,
    limit_before_cents bigint not null,
    score integer not null,
    limit_cents bigint not null,
    inputs double precision[] not null
) on commit delete rows
"""

# Whoever got another score since they were measured (they applied, or paid) keeps that one. $1: the run;
# $2, $3: the block, so that the planner never reads the whole table for it.
KEEP = """
with moved as (
    update borrower
    set score = rescored.score,
        limit_cents = rescored.limit_cents
    from rescored
    where borrower.id between $2 and $3
    and borrower.id = rescored.borrower_id
    and borrower.score = rescored.score_before
    and borrower.limit_cents = rescored.limit_before_cents
    returning
        borrower.id,
        rescored.score_before,
        rescored.score,
        rescored.limit_before_cents,
        rescored.limit_cents,
        rescored.inputs
), written as (
    insert into score_change (
        borrower_id, rescoring_id, score_before, score, limit_before_cents, limit_cents, inputs
    )
    select id, $1, score_before, score, limit_before_cents, limit_cents, inputs
    from moved
    returning 1
)
select count(*)
from written
"""

# Of a block, who may be told that they can borrow more: they want to hear it. $1: the run; $2, $3: the block.
RAISED = """
select borrower.msisdn, score_change.borrower_id, score_change.limit_cents
from score_change
join borrower on borrower.id = score_change.borrower_id
where score_change.rescoring_id = $1
and score_change.borrower_id between $2 and $3
and score_change.limit_cents > score_change.limit_before_cents
and score_change.limit_before_cents > 0
and exists (
    select 1
    from consent
    where consent.borrower_id = score_change.borrower_id
    and consent.purpose = 'marketing'
)
and offers_wanted(score_change.borrower_id)
order by score_change.borrower_id
"""

# Sorting a block in memory, and on one core: the others are for dialogs.
ROOM = """
set local work_mem = '64MB';
set local max_parallel_workers_per_gather = 0
"""

ADVANCE = """
update rescoring
set done_up_to = $2,
    borrowers = borrowers + $3,
    changed = changed + $4
where id = $1
"""

FINISH = """
update rescoring
set finished_at = now()
where id = $1
"""

REGISTERED = """
select id
from borrower
where msisdn = $1
and registered_at is not null
"""

STATEMENT_CONSENT = """
select max(id)
from consent
where borrower_id = $1
and purpose = 'statement'
"""

# Whose form it is: a number is used once.
CONSENT_BY_FORM = """
with given as (
    insert into consent (borrower_id, purpose, version, bundle, language, channel, session_key)
    values ($1, 'statement', $2, '', $3, 'form', $4)
    on conflict (session_key) do nothing
    returning borrower_id
)
select borrower_id
from given
union all
select borrower_id
from consent
where session_key = $4
and purpose = 'statement'
limit 1
"""

KEEP_STATEMENT = """
insert into money_statement (
    borrower_id, consent_id, file_sha256, from_on, to_on, moves, in_cents, out_cents, weeks,
    weeks_with_income, spread_percent, imported_by
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (borrower_id, file_sha256) do nothing
returning id
"""
