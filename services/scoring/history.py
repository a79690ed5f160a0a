"""Features from the database: one SQL statement, for one borrower as for a million.

Every feature is a double precision column, NaN when it is missing, so a row of a binary COPY has one
width. What a scorecard does not name is not asked for: PostgreSQL leaves out a join nobody looks at.
Only features and money we know of ourselves are here; what is derived from them is in `features`.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from services.scoring.features import HISTORY, NAMES, RECENT, STATEMENT, STATEMENT_DAYS, Features

# Each feature by name, as SQL over the rows of _FROM. null is missing.
_COLUMNS = {
    "loans_repaid": "coalesce(loans.repaid, 0)",
    "worst_days_late": "loans.worst_days_late",
    "defaults": "coalesce(loans.defaults, 0)",
    "days_overdue": "coalesce(loans.days_overdue, 0)",
    "tenure_days": "$3::date - (borrower.registered_at at time zone 'Africa/Nairobi')::date",
    "mean_days_late": "loans.mean_days_late",
    "days_since_repaid": "$3::date - loans.last_repaid_on",
    "largest_repaid": "coalesce(loans.largest_repaid_cents, 0) / 100.0",
    "payments_per_loan": "paid.payments_per_loan",
    "utilisation_percent": "used.utilisation_percent",
    "refusals_30d": "coalesce(refused.refusals, 0)",
    "failed_prompts_30d": "coalesce(prompted.failed, 0)",
    "mpesa_days": "statement.days",
    "mpesa_in_month": "statement.in_cents * 30 / (100.0 * statement.days)",
    "mpesa_out_percent": "100.0 * statement.out_cents / nullif(statement.in_cents, 0)",
    "mpesa_regular_percent": "100.0 * statement.weeks_with_income / statement.weeks",
    "mpesa_in_spread": "statement.spread_percent",
}
assert tuple(_COLUMNS) == NAMES

# $1, $2: the first and the last borrower; $3: today; $4: days late that call for a cool-off. place counts
# the loans paid back, the last one first.
_LOANS = """
    select
        id,
        borrower_id,
        state,
        principal_cents,
        closed_on,
        closed_on - due_on as days_late,
        $3::date - due_on as days_overdue,
        row_number() over (partition by borrower_id, state = 'repaid' order by closed_at desc) as place
    from (
        select *, (closed_at at time zone 'Africa/Nairobi')::date as closed_on
        from loan
        where borrower_id between $1 and $2
    ) as dated
"""

_FROM = f"""
from borrower
left join (
    select
        borrower_id,
        count(*) filter (where state = 'repaid') as repaid,
        count(*) filter (where state = 'repaid' and days_late <= $4) as repaid_in_time,
        max(principal_cents) filter (where state = 'repaid') as largest_repaid_cents,
        max(closed_on) filter (where state = 'repaid') as last_repaid_on,
        max(greatest(days_late, 0)) filter (where state = 'repaid' and place <= {RECENT}) as worst_days_late,
        avg(greatest(days_late, 0)) filter (where state = 'repaid' and place <= {RECENT}) as mean_days_late,
        count(*) filter (where state in ('written_off', 'recovered')) as defaults,
        max(greatest(days_overdue, 0)) filter (where state in ('active', 'overdue', 'non_performing'))
            as days_overdue
    from ({_LOANS}) as mine
    group by borrower_id
) as loans on loans.borrower_id = borrower.id
left join (
    select mine.borrower_id, count(*)::numeric / count(distinct mine.id) as payments_per_loan
    from ({_LOANS}) as mine
    join journal on journal.loan_id = mine.id
    where mine.state = 'repaid'
    and mine.place <= {RECENT}
    and journal.kind = 'repayment'
    group by mine.borrower_id
) as paid on paid.borrower_id = borrower.id
left join (
    select borrower_id, avg(percent) as utilisation_percent
    from (
        select
            decision.borrower_id,
            100.0 * loan.principal_cents / nullif(decision.limit_cents, 0) as percent,
            row_number() over (partition by decision.borrower_id order by loan.id desc) as place
        from decision
        join loan on loan.id = decision.loan_id
        where decision.borrower_id between $1 and $2
        and loan.borrower_id between $1 and $2
    ) as taken
    where place <= {RECENT}
    group by borrower_id
) as used on used.borrower_id = borrower.id
left join (
    select borrower_id, count(*) as refusals
    from decision
    where borrower_id between $1 and $2
    and loan_id is null
    and outcome = 'not_eligible'
    and at >= ($3::date - 30)::timestamp at time zone 'Africa/Nairobi'
    group by borrower_id
) as refused on refused.borrower_id = borrower.id
left join (
    select borrower_id, count(*) as failed
    from payment_request
    where borrower_id between $1 and $2
    and state = 'failed'
    and created_at >= ($3::date - 30)::timestamp at time zone 'Africa/Nairobi'
    group by borrower_id
) as prompted on prompted.borrower_id = borrower.id
left join (
    select distinct on (borrower_id) *, to_on - from_on + 1 as days
    from money_statement
    where borrower_id between $1 and $2
    and to_on between $3::date - {STATEMENT_DAYS} and $3::date
    order by borrower_id, to_on desc, id desc
) as statement on statement.borrower_id = borrower.id
where borrower.id between $1 and $2
"""  # noqa: S608 - numbers and statements of ours

_BESIDE = (
    "borrower.id",
    "borrower.score",
    "borrower.limit_cents",
    "coalesce(loans.largest_repaid_cents, 0)",
    "coalesce(loans.repaid_in_time, 0)",
)


def needs_history(names: Iterable[str]) -> bool:
    """Whether a scorecard asks for more than the record."""
    return any(name in HISTORY or name in STATEMENT for name in names)


def query_of_many(names: Sequence[str]) -> str:
    """Everybody registered from $1 to $2: id, score, limit, largest repaid, repaid in time, the features.

    The first five are bigint and never null, the others double precision.
    """
    first = [f"({column})::bigint" for column in _BESIDE]
    return _select([*first, *map(_feature, names)]) + "and borrower.registered_at is not null\n"


async def read(connection: Any, borrower_id: int, today: date, names: Sequence[str] = NAMES) -> Features:
    """Features of one borrower. The record is among them only to compare with."""
    row = await connection.fetchrow(
        _select([f'{_feature(name)} as "{name}"' for name in names]),
        borrower_id,
        borrower_id,
        today,
        0,
    )
    return {name: None if math.isnan(value) else value for name, value in row.items()}


def _feature(name: str) -> str:
    return f"coalesce(({_COLUMNS[name]})::float8, 'NaN')"


def _select(columns: Sequence[str]) -> str:
    """The statement with these columns. Each parameter is there, whichever columns are chosen."""
    return (
        f"select {', '.join(columns)}{_FROM}"
        "and ($1::bigint is not null and $2::bigint is not null)\n"
        "and ($3::date is not null and $4::integer is not null)\n"
    )
