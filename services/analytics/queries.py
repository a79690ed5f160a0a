"""The SQL of the figures, by name. Each reads day and hour rows only, never loans or journals. Days are
Nairobi's; $1 and $2 are the first and the last day, or the moments they begin and end at."""

CONVERSION = """
with dialled as (
    select (hour at time zone 'Africa/Nairobi')::date as day, sum(begun)::bigint as dials
    from dialog_hour
    where hour >= $1
    and hour < $2
    group by 1
),
asked as (
    select
        day,
        coalesce(sum(loans) filter (where what = 'applied'), 0)::bigint as applied,
        coalesce(sum(loans) filter (where what = 'refused'), 0)::bigint as refused,
        coalesce(sum(loans) filter (where what = 'approve'), 0)::bigint as approved,
        coalesce(sum(loans) filter (where what in ('pay_out', 'pay_out_late')), 0)::bigint as paid_out
    from loan_day
    where day >= ($1 at time zone 'Africa/Nairobi')::date
    and day < ($2 at time zone 'Africa/Nairobi')::date
    group by day
)
select
    day,
    coalesce(dials, 0) as dials,
    coalesce(applied, 0) as applied,
    coalesce(refused, 0) as refused,
    coalesce(approved, 0) as approved,
    coalesce(paid_out, 0) as paid_out
from dialled
full join asked using (day)
order by day
"""

# $3 to $5: of which version, network, language; null: of all together. What is null is not grouped by.
FUNNEL = """
select
    service,
    bundle,
    case when $4::boolean then network else '' end as network,
    case when $5::boolean then language else '' end as language,
    state,
    sum(shown)::bigint as shown,
    sum(moved_on)::bigint as moved_on,
    sum(refused)::bigint as refused,
    sum(begun)::bigint as begun,
    sum(ended)::bigint as ended,
    sum(dwell_ms)::bigint as dwell_ms,
    sum(within_2s)::bigint as within_2s,
    sum(within_5s)::bigint as within_5s,
    sum(within_10s)::bigint as within_10s,
    sum(within_20s)::bigint as within_20s,
    sum(within_60s)::bigint as within_60s,
    sum(longer)::bigint as longer
from dialog_hour
where hour >= $1
and hour < $2
and ($3::text is null or bundle = $3)
group by 1, 2, 3, 4, 5
order by bundle, network, language, sum(shown) desc, state
"""

SESSIONS = """
select
    bundle,
    case when $4::boolean then network else '' end as network,
    case when $5::boolean then language else '' end as language,
    state,
    status,
    currency,
    sum(sessions)::bigint as sessions,
    sum(cost_micros)::bigint as cost_micros,
    sum(duration_ms)::bigint as duration_ms,
    sum(hops)::bigint as hops
from session_hour
where hour >= $1
and hour < $2
and ($3::text is null or bundle = $3)
group by 1, 2, 3, 4, 5, 6
order by bundle, network, language, sum(sessions) desc, state, status, currency
"""

WAITS = """
select day, product, loans, p50_s, p90_s, p99_s
from wait_day
where day between $1 and $2
order by day, product
"""

# $1: today.
STANDING = """
select
    product,
    sum(loans)::bigint as loans,
    sum(principal_cents)::bigint as principal_cents,
    sum(charges_cents)::bigint as charges_cents,
    coalesce(sum(principal_cents) filter (where $1 - due_on >= 1), 0)::bigint as par1_cents,
    coalesce(sum(principal_cents) filter (where $1 - due_on > 30), 0)::bigint as par30_cents,
    coalesce(sum(principal_cents) filter (where $1 - due_on > 60), 0)::bigint as par60_cents,
    coalesce(sum(principal_cents) filter (where $1 - due_on > 90), 0)::bigint as par90_cents
from standing
group by product
order by product
"""

PORTFOLIO_DAYS = """
select
    day, product, loans, principal_cents, charges_cents, par1_cents, par30_cents, par60_cents, par90_cents
from portfolio_day
where day between $1 and $2
order by day, product
"""

# By vintage and month: what was owed at the month's end (of the present month: is owed now), and what had
# been paid back, recovered and written off by then. $1, $2: vintages; $3: today.
VINTAGES = """
with closed as (
    select distinct on (date_trunc('month', day)) day
    from business_day
    where day >= $1
    and day < date_trunc('month', $3::date)
    order by date_trunc('month', day), day desc
),
stock as (
    select
        date_trunc('month', vintage_day.day)::date as month,
        vintage,
        sum(principal_cents) as principal_cents,
        sum(par30_cents) as par30_cents,
        sum(par90_cents) as par90_cents
    from vintage_day
    join closed using (day)
    where vintage between $1 and $2
    group by 1, 2
    union all
    select
        date_trunc('month', $3::date)::date,
        vintage,
        sum(principal_cents),
        coalesce(sum(principal_cents) filter (where $3 - due_on > 30), 0),
        coalesce(sum(principal_cents) filter (where $3 - due_on > 90), 0)
    from standing
    where vintage between $1 and $2
    group by vintage
),
flow as (
    select
        date_trunc('month', day)::date as month,
        vintage,
        sum(cents) filter (where kind in ('disbursement', 'claim_settled')) as lent_cents,
        -sum(cents) filter (where kind = any($4::text[])) as repaid_cents,
        -sum(cents) filter (where kind = 'write_off') as written_off_cents
    from money_day
    where part = 'principal'
    and vintage between $1 and $2
    group by 1, 2
),
months as (
    select vintage, month::date
    from (select distinct vintage from flow) as vintages
    cross join generate_series(vintage, date_trunc('month', $3::date), interval '1 month') as month
)
select
    months.vintage,
    months.month,
    (coalesce(sum(lent_cents) over so_far, 0))::bigint as lent_cents,
    (coalesce(sum(repaid_cents) over so_far, 0))::bigint as repaid_cents,
    (coalesce(sum(written_off_cents) over so_far, 0))::bigint as written_off_cents,
    coalesce(stock.principal_cents, 0)::bigint as principal_cents,
    coalesce(stock.par30_cents, 0)::bigint as par30_cents,
    coalesce(stock.par90_cents, 0)::bigint as par90_cents
from months
left join flow on flow.vintage = months.vintage and flow.month = months.month
left join stock on stock.vintage = months.vintage and stock.month = months.month
window so_far as (partition by months.vintage order by months.month)
order by months.vintage, months.month
"""

DEFAULTS = """
with lent as (
    select
        vintage,
        coalesce(sum(loans) filter (where what in ('pay_out', 'pay_out_late')), 0)::bigint as loans,
        coalesce(sum(cents) filter (where what in ('pay_out', 'pay_out_late')), 0)::bigint as lent_cents,
        coalesce(sum(loans) filter (where what = 'default'), 0)::bigint as defaulted,
        coalesce(sum(cents) filter (where what = 'default'), 0)::bigint as defaulted_cents
    from loan_day
    where vintage between $1 and $2
    group by vintage
),
lost as (
    select
        vintage,
        coalesce(-sum(cents) filter (where kind = 'write_off' and part = 'principal'), 0)::bigint
            as written_off_cents,
        coalesce(-sum(cents) filter (where part = 'recovered'), 0)::bigint as recovered_cents
    from money_day
    where vintage between $1 and $2
    group by vintage
)
select
    vintage, loans, lent_cents, defaulted, defaulted_cents,
    coalesce(written_off_cents, 0) as written_off_cents,
    coalesce(recovered_cents, 0) as recovered_cents
from lent
left join lost using (vintage)
where loans > 0
order by vintage
"""

DUE = """
select
    due_on,
    sum(owed_cents)::bigint as owed_cents,
    coalesce(sum(paid_cents) filter (where days_after < 0), 0)::bigint as paid_before_cents,
    coalesce(sum(paid_cents) filter (where days_after = 0), 0)::bigint as paid_on_day_cents,
    coalesce(sum(paid_cents) filter (where days_after <= 7), 0)::bigint as paid_7_cents,
    coalesce(sum(paid_cents) filter (where days_after <= 30), 0)::bigint as paid_30_cents,
    sum(paid_cents)::bigint as paid_cents,
    coalesce(sum(owed_cents) filter (where days_after <= 0), 0)::bigint as promised_cents
from collection_day
where due_on between $1 and $2
group by due_on
order by due_on
"""

COLLECTED = """
select
    day,
    coalesce(-sum(cents) filter (where part = 'principal'), 0)::bigint as principal_cents,
    coalesce(-sum(cents) filter (where part not in ('principal', 'recovered')), 0)::bigint as charges_cents,
    coalesce(-sum(cents) filter (where part = 'recovered'), 0)::bigint as recovered_cents
from money_day
where day between $1 and $2
and kind = any($3::text[])
group by day
order by day
"""

LIMITS = """
select day, borrowers, limit_cents
from limit_day
where day between $1 and $2
order by day
"""

DRAWN = """
select coalesce(sum(principal_cents), 0)::bigint
from standing
"""

DRAWN_DAYS = """
select day, sum(principal_cents)::bigint as principal_cents
from portfolio_day
where day between $1 and $2
group by day
"""

ACTIVE = """
select
    coalesce(sum(borrowers) filter (where last_on > $1::date - 30), 0)::bigint as within_30,
    coalesce(sum(borrowers) filter (where last_on > $1::date - 90), 0)::bigint as within_90,
    coalesce((select sum(loans) from standing), 0)::bigint as owing
from active_day
where last_on <= $1
"""

COSTS = """
with messages as (
    select day, messages, cost_cents as sms_cents
    from message_day
    where day between $3 and $4
),
dialogs as (
    select
        (hour at time zone 'Africa/Nairobi')::date as day,
        sum(sessions)::bigint as sessions,
        sum(cost_micros)::bigint as ussd_micros
    from session_hour
    where hour >= $1
    and hour < $2
    and currency in ('', 'KES')
    group by 1
),
charges as (
    select day, sum(cents)::bigint as mpesa_cents
    from money_day
    where day between $3 and $4
    and part = 'mpesa_charges'
    group by day
),
lent as (
    select day, sum(loans)::bigint as loans
    from loan_day
    where day between $3 and $4
    and what in ('pay_out', 'pay_out_late')
    group by day
)
select
    day,
    coalesce(loans, 0) as loans,
    coalesce(messages, 0) as messages,
    coalesce(sms_cents, 0) as sms_cents,
    coalesce(sessions, 0) as sessions,
    coalesce(ussd_micros, 0) as ussd_micros,
    coalesce(mpesa_cents, 0) as mpesa_cents
from messages
full join dialogs using (day)
full join charges using (day)
full join lent using (day)
order by day
"""

# $3: the length of a row's time, in PostgreSQL's words for date_trunc.
SERVER = """
select
    date_trunc($3, hour at time zone 'Africa/Nairobi') as began,
    metric,
    label,
    other,
    bound,
    sum(value) as value
from server_hour
where hour >= $1
and hour < $2
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
"""
