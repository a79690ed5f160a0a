"""The SQL of money that goes back to whoever sent it, by name."""

WRITE_REVERSAL = """
insert into reversal (receipt, amount_cents, approval_id)
values ($1, $2, $3)
returning id
"""

UNDER_WAY = """
select id, state, manual_at
from reversal
where receipt = $1
and state <> 'failed'
"""

REVERSAL_RECEIPT = """
select receipt
from reversal
where id = $1
"""

LOCK_REVERSAL = """
select *
from reversal
where id = $1
for update
"""

MOVE_REVERSAL = """
update reversal
set state = $2,
    result_code = case when $3 = '' then result_code else $3 end,
    attempts = attempts + case when $2 = 'asking' then 1 else 0 end,
    manual_at = case when $2 in ('done', 'failed') then null else manual_at end
where id = $1
"""

REVERSAL_NEEDS_PERSON = """
update reversal
set manual_at = clock_timestamp()
where id = $1
and manual_at is null
returning id
"""

# A person says: ask again.
REVIVE_REVERSAL = """
update reversal
set manual_at = null,
    attempts = 0
where id = $1
"""
