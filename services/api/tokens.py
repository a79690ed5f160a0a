"""Logins of people, and the tokens that prove them.

A login begins with a password and ends with a logout, a new password, a theft that showed, or its time.
While it lasts it has either a cookie (the admin page), or an access token for 15 minutes and a refresh
token that is good for one exchange. All are random and opaque; PostgreSQL keeps their SHA-256. Each request
asks PostgreSQL, so a role that changes or a login that ends counts from that moment.

    umt_…  access      umr_…  refresh      umc_…  cookie
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.api.settings import ApiSettings

Kind = Literal["access", "refresh", "cookie"]
BEGINNINGS: dict[Kind, str] = {"access": "umt_", "refresh": "umr_", "cookie": "umc_"}
MOST = 100  # characters of anything that is offered as a token
SLIDE_S = 60.0  # a cookie's time is moved on at most so often

BEGIN = """
insert into staff_login (staff_id, address, expires_at)
values ($1, $2, now() + make_interval(secs => $3))
returning id
"""

SEEN = """
update staff
set last_login_at = now()
where id = $1
"""

ISSUE = """
insert into staff_token (hash, login_id, kind, expires_at)
select $1, id, $3, least(expires_at, now() + make_interval(secs => $4))
from staff_login
where id = $2
returning expires_at
"""

FIND = """
select staff.id, staff.email, staff.role, staff.must_change, staff_login.id as login_id, staff_token.kind,
    extract(epoch from staff_token.expires_at - now())::float8 as left_s
from staff_token
join staff_login on staff_login.id = staff_token.login_id
join staff on staff.id = staff_login.staff_id
where staff_token.hash = $1
and staff_token.kind <> 'refresh'
and staff_token.expires_at > now()
and staff_login.ended_at is null
and staff.active
"""

SLIDE = """
update staff_token
set expires_at = least(
    now() + make_interval(secs => $2),
    (select expires_at from staff_login where id = staff_token.login_id)
)
where hash = $1
"""

LOCK_REFRESH = """
select staff_token.login_id, staff_login.staff_id, staff_token.used_at is not null as used,
    staff_token.expires_at > now() and staff_login.ended_at is null and staff.active as good
from staff_token
join staff_login on staff_login.id = staff_token.login_id
join staff on staff.id = staff_login.staff_id
where staff_token.hash = $1
and staff_token.kind = 'refresh'
for update of staff_token, staff_login
"""

USE = """
update staff_token
set used_at = now()
where hash = $1
"""

END = """
update staff_login
set ended_at = now(),
    ended_why = $2
where id = $1
and ended_at is null
"""

END_ALL = """
update staff_login
set ended_at = now(),
    ended_why = $2
where staff_id = $1
and ended_at is null
and id is distinct from $3
"""

PRUNE = """
delete from staff_login
where id in (
    select id
    from staff_login
    where expires_at < now() - make_interval(days => $1)
    order by expires_at
    limit $2
)
"""


@dataclass(slots=True, frozen=True)
class Issued:
    """A token to hand over, once, and when it is over."""

    token: str
    expires_at: datetime


@dataclass(slots=True, frozen=True)
class Refreshed:
    """What came of a refresh token: whose it is, and whether the login goes on. stolen: it came before."""

    login_id: int
    staff_id: int
    good: bool
    stolen: bool = False


def digest(token: str) -> bytes:
    """What is kept of it."""
    return hashlib.sha256(token.encode()).digest()


async def begin(connection: Any, settings: ApiSettings, staff_id: int, address: str) -> int:
    """A new login of somebody who proved who they are; its number."""
    await connection.execute(SEEN, staff_id)
    number: int = await connection.fetchval(BEGIN, staff_id, address, settings.login_s)
    return number


async def issue(connection: Any, settings: ApiSettings, login_id: int, kind: Kind) -> Issued:
    """A new token of a login. It is never good for longer than the login."""
    lasts = {
        "access": settings.access_token_s,
        "refresh": settings.refresh_token_s,
        "cookie": settings.cookie_idle_s,
    }
    token = BEGINNINGS[kind] + secrets.token_urlsafe(32)
    return Issued(token, await connection.fetchval(ISSUE, digest(token), login_id, kind, lasts[kind]))


async def find(connection: Any, settings: ApiSettings, token: str) -> Any | None:
    """Whose access token or cookie this is. A cookie that is used lasts on."""
    row = await connection.fetchrow(FIND, digest(token))
    if row is not None and row["kind"] == "cookie" and row["left_s"] < settings.cookie_idle_s - SLIDE_S:
        await connection.execute(SLIDE, digest(token), settings.cookie_idle_s)
    return row


async def refresh(connection: Any, token: str) -> Refreshed | None:
    """Use up a refresh token, inside the caller's transaction, which must commit whatever comes of it: a
    token that comes again ends its login. None for what is no refresh token of ours."""
    row = await connection.fetchrow(LOCK_REFRESH, digest(token))
    if row is None:
        return None
    if row["used"]:
        await end(connection, row["login_id"], "reuse")
        return Refreshed(row["login_id"], row["staff_id"], good=False, stolen=True)
    await connection.execute(USE, digest(token))
    return Refreshed(row["login_id"], row["staff_id"], good=row["good"])


async def end(connection: Any, login_id: int, why: str) -> None:
    """End a login. Its tokens are worth nothing from then on."""
    await connection.execute(END, login_id, why)


async def end_all(connection: Any, staff_id: int, why: str, but: int | None = None) -> None:
    """End all logins of somebody, apart from that one."""
    await connection.execute(END_ALL, staff_id, why, but)
