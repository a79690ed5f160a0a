"""Wrong passwords, counted by person and by address; after some in a row there is a wait, which doubles.

A try is counted before the password is looked at, so a hundred guesses at once are five. It is counted by
what was typed, whether there is such a person or not: the answers are the same. The right password forgets
the person's count, and takes its own try off the address's.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

from services.api.settings import ApiSettings

FORGIVEN_S = 24 * 3600.0

# $2 tries before the first wait of $3 seconds, at most $4. A wait that stands is not touched. No wait is the
# epoch, not now(): that would lie ahead of whoever began a moment before and was overtaken.
COUNT = """
insert into login_try as tried (who, failures, wait_until)
values ($1, 1, 'epoch')
on conflict (who) do update
set failures = case when tried.last_at < now() - make_interval(secs => $5) then 1 else tried.failures + 1 end,
    wait_until = case
        when tried.last_at < now() - make_interval(secs => $5) or tried.failures + 1 < $2 then 'epoch'
        else now() + make_interval(secs => least($4, $3 * power(2, least(tried.failures + 1 - $2, 30))))
    end,
    last_at = now()
where tried.wait_until <= now()
returning failures
"""

LEFT = """
select extract(epoch from wait_until - now())::float8
from login_try
where who = $1
"""

FORGET = """
delete from login_try
where who = $1
"""

TAKE_BACK = """
update login_try
set failures = greatest(failures - 1, 0),
    wait_until = case when failures - 1 < $2 then 'epoch' else wait_until end
where who = $1
"""

PRUNE = """
delete from login_try
where who in (
    select who
    from login_try
    where last_at < now() - make_interval(days => $1)
    order by last_at
    limit $2
)
"""


@dataclass(slots=True, frozen=True)
class Counted:
    """A try that was counted. wait_s: not to be looked at; come again then."""

    person: str
    address: str
    wait_s: float | None = None


async def count(connection: Any, settings: ApiSettings, email: str, address: str) -> Counted:
    """Count a try, outside any transaction that could be rolled back."""
    person, network = f"person:{email}"[:120], f"address:{network_of(address)}"
    for who, tries in ((person, settings.person_tries), (network, settings.address_tries)):
        counted = await connection.fetchval(
            COUNT, who, tries, settings.first_wait_s, settings.longest_wait_s, FORGIVEN_S
        )
        if counted is None:
            left = await connection.fetchval(LEFT, who)
            return Counted(person, network, max(1.0, left or 1.0))
    return Counted(person, network)


async def forget(connection: Any, settings: ApiSettings, counted: Counted) -> None:
    """It was the right password."""
    await connection.execute(FORGET, counted.person)
    await connection.execute(TAKE_BACK, counted.address, settings.address_tries)


async def forget_person(connection: Any, email: str) -> None:
    """Somebody of the staff has set a new password for them."""
    await connection.execute(FORGET, f"person:{email}"[:120])


def network_of(address: str) -> str:
    """An address; of IPv6 the /64, which one caller has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    mapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 4 or mapped is not None:
        return str(mapped or parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
