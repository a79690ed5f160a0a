"""One clock for the lender, PostgreSQL and the sandbox. It stands still until somebody moves it.

So a run is months long, waits for nothing, and is the same each time. PostgreSQL is told the time by
functions of ours that stand before its own in the search path; column defaults, which were bound when the
tables were made, are pointed at them.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, 6, tzinfo=UTC)  # nine in the morning in Nairobi
SEARCH_PATH = "sim, pg_catalog, public"

SET_UP = r"""
create schema sim;
create table sim.clock (at timestamptz not null);
create function sim.now() returns timestamptz language sql stable as 'select at from sim.clock';
create function sim.clock_timestamp() returns timestamptz language sql stable as 'select at from sim.clock';
do $$
declare
    held record;
begin
    for held in
        select adrelid::regclass as relation, attname, pg_get_expr(adbin, adrelid) as expression
        from pg_attrdef
        join pg_attribute on attrelid = adrelid and attnum = adnum
        where pg_get_expr(adbin, adrelid) like '%now()%'
    loop
        execute format(
            'alter table %s alter column %I set default %s',
            held.relation,
            held.attname,
            regexp_replace(held.expression, '(pg_catalog\.)?now\(\)', 'sim.now()')
        );
    end loop;
end
$$;
"""


async def set_up(connection: Any) -> None:
    """Let this database have a clock that stands."""
    await connection.execute(SET_UP)
    await connection.execute("insert into sim.clock values ($1)", START)


async def tell(pool: Any, moment: datetime) -> None:
    """It is that late, for PostgreSQL."""
    await pool.execute("update sim.clock set at = $1", moment)


def until_nairobi(moment: datetime, hour: int, minute: int) -> float:
    """Seconds until the next time it is that late in Nairobi, which is three hours ahead all year."""
    wanted = moment.replace(hour=(hour - 3) % 24, minute=minute, second=0, microsecond=0)
    if wanted <= moment:
        wanted += timedelta(days=1)
    return (wanted - moment).total_seconds()


def day_of(moment: datetime) -> date:
    """The date in Nairobi."""
    return (moment + timedelta(hours=3)).date()
