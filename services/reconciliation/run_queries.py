"""The SQL of runs and their items, by name."""

BEGIN_RUN = """
insert into reconciliation_run as kept (
    source, account, shortcode, identity, period_from, period_to, made_by
)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (source, account, identity) do update
set looks = kept.looks + 1,
    state = 'running',
    started_at = now(),
    ended_at = null,
    made_by = excluded.made_by
returning id
"""

SET_PERIOD = """
update reconciliation_run
set period_from = $2,
    period_to = $3,
    lines = $4,
    copies = $5,
    opening_cents = $6,
    closing_cents = $7,
    missing_cents = $8
where id = $1
"""

ADD_BOOKED = """
update reconciliation_run
set booked = booked + $2,
    charges_cents = charges_cents + $3
where id = $1
"""

END_RUN = """
update reconciliation_run
set state = $2,
    books_opening_cents = $3,
    books_closing_cents = $4,
    counts = coalesce(found.counts, '{}'),
    ours = coalesce(found.ours, '{}'),
    theirs = coalesce(found.theirs, '{}'),
    ended_at = clock_timestamp()
from (
    select
        jsonb_object_agg(outcome, number) as counts,
        jsonb_object_agg(outcome, ours_cents) as ours,
        jsonb_object_agg(outcome, theirs_cents) as theirs
    from (
        select
            outcome,
            count(*) as number,
            coalesce(sum(ours_cents), 0)::bigint as ours_cents,
            coalesce(sum(theirs_cents), 0)::bigint as theirs_cents
        from reconciliation_item
        where run_id = $1
        group by outcome
    ) as outcomes
) as found
where id = $1
"""

RUN = """
select *
from reconciliation_run
where id = $1
"""

RUNS = """
select *
from reconciliation_run
where ($1::bigint is null or id < $1)
order by id desc
limit $2
"""

ITEMS = """
select subject, kind, outcome, ours_cents, theirs_cents, ours_on, theirs_at, ours_at, linked, made
from reconciliation_item
where run_id = $1
and ($2::text is null or outcome = $2)
order by coalesce(theirs_at, ours_at), subject
"""
