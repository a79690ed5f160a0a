"""The recorder's SQL, by name. Every batch comes as arrays, and its rows in the order of their keys, so that
two processes never wait for each other in a circle."""

# No row: this batch was kept before, and its acknowledgement lost.
NEXT_BATCH = """
insert into event_writer as kept (writer, batch)
values ($1, $2)
on conflict (writer) do update
set batch = excluded.batch,
    at = now()
where kept.batch < excluded.batch
returning batch
"""

DIALOGS = """
insert into dialog_hour as kept (
    hour, service, bundle, network, language, state, shown, moved_on, refused, begun, ended, dwell_ms,
    within_2s, within_5s, within_10s, within_20s, within_60s, longer
)
select *
from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::bigint[], $18::bigint[]
)
on conflict (hour, service, bundle, network, language, state) do update
set shown = kept.shown + excluded.shown,
    moved_on = kept.moved_on + excluded.moved_on,
    refused = kept.refused + excluded.refused,
    begun = kept.begun + excluded.begun,
    ended = kept.ended + excluded.ended,
    dwell_ms = kept.dwell_ms + excluded.dwell_ms,
    within_2s = kept.within_2s + excluded.within_2s,
    within_5s = kept.within_5s + excluded.within_5s,
    within_10s = kept.within_10s + excluded.within_10s,
    within_20s = kept.within_20s + excluded.within_20s,
    within_60s = kept.within_60s + excluded.within_60s,
    longer = kept.longer + excluded.longer
"""

# $1 is the session's digest: only those that are new count.
SESSIONS = """
with told as (
    select distinct on (session) *
    from unnest(
        $1::bytea[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]
    ) as notice (
        session, hour, gateway, service_code, network, bundle, language, state, status, currency,
        cost_micros, duration_ms, hops
    )
    order by session
),
fresh as (
    insert into session_over (session)
    select session
    from told
    order by session
    on conflict do nothing
    returning session
)
insert into session_hour as kept (
    hour, gateway, service_code, network, bundle, language, state, status, currency, sessions, cost_micros,
    duration_ms, hops
)
select hour, gateway, service_code, network, bundle, language, state, status, currency, count(*),
    sum(cost_micros), sum(duration_ms), sum(hops)
from told
join fresh using (session)
group by hour, gateway, service_code, network, bundle, language, state, status, currency
order by hour, gateway, service_code, network, bundle, language, state, status, currency
on conflict (hour, gateway, service_code, network, bundle, language, state, status, currency) do update
set sessions = kept.sessions + excluded.sessions,
    cost_micros = kept.cost_micros + excluded.cost_micros,
    duration_ms = kept.duration_ms + excluded.duration_ms,
    hops = kept.hops + excluded.hops
"""

SERVER = """
insert into server_hour as kept (hour, metric, label, other, bound, value)
select *
from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::double precision[], $6::double precision[]
)
on conflict (hour, metric, label, other, bound) do update
set value = kept.value + excluded.value
"""

MAKE_PARTITIONS = """
select make_event_partitions($1::date)
"""
