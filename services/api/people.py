"""The lender's staff in the database: made, changed, disabled; never deleted.

What must hold: somebody active is an admin, as soon as there is one; whoever's password was set by
somebody else has to change it before anything else; a person who is disabled, or whose password is set
anew, is logged out everywhere in that moment.
"""

import re
from typing import Any

import asyncpg

from services.api import tokens, tries
from services.api.permissions import Role

EMAIL = re.compile(r"[a-z0-9][a-z0-9._+-]*@[a-z0-9][a-z0-9.-]*")
MOST_EMAIL = 80

MAKE = """
insert into staff (email, role, password_hash, must_change, created_by)
values ($1, $2, $3, $4, $5)
returning *
"""

LIST = """
select *
from staff
where id > $1
order by id
limit $2
"""

BY_EMAIL = """
select *
from staff
where email = $1
"""

LOCK = """
select *
from staff
where id = $1
for update
"""

LOCK_ADMINS = """
select id
from staff
where role = 'admin'
and active
order by id
for update
"""

CHANGE = """
update staff
set role = $2,
    active = $3
where id = $1
returning *
"""

RENEW = """
update staff
set password_hash = $2,
    must_change = $3,
    password_at = now()
where id = $1
"""


class StaffError(Exception):
    """This cannot be done to somebody of the staff. The message says why.

    StaffError
    ├── KnownError       there is somebody with this address
    └── LastAdminError   nobody would be left who can let others in
    """


class KnownError(StaffError):
    """There is somebody with this e-mail address already."""


class LastAdminError(StaffError):
    """This is the last admin. Make somebody else an admin first."""


def email_of(given: str) -> str:
    """An e-mail address as it is kept. Raises StaffError for what is none."""
    email = given.strip().lower()
    if not EMAIL.fullmatch(email) or len(email) > MOST_EMAIL:
        raise StaffError(f"{given!r} is not an e-mail address of up to {MOST_EMAIL} characters.")
    return email


async def make(
    connection: Any, email: str, role: Role, password_hash: str, *, must_change: bool, by: str
) -> Any:
    """Somebody new. Raises KnownError."""
    try:
        async with connection.transaction():
            return await connection.fetchrow(MAKE, email_of(email), role, password_hash, must_change, by)
    except asyncpg.UniqueViolationError:
        raise KnownError(KnownError.__doc__) from None


async def listed(connection: Any, after: int = 0, most: int = 1000) -> list[Any]:
    """People, the oldest first, those who left among them."""
    return list(await connection.fetch(LIST, after, most))


async def by_email(connection: Any, email: str) -> Any | None:
    """Somebody, active or not."""
    return await connection.fetchrow(BY_EMAIL, email)


async def locked(connection: Any, staff_id: int) -> Any | None:
    """Somebody, who stays as they are until the caller's transaction ends. The admins are locked first, so
    that two who take each other's role away come one after the other."""
    await connection.fetch(LOCK_ADMINS)
    return await connection.fetchrow(LOCK, staff_id)


async def change(connection: Any, row: Any, role: Role, *, active: bool) -> Any:
    """Give somebody who is locked another role, or disable them. Raises LastAdminError."""
    is_admin, stays = row["role"] == "admin" and row["active"], role is Role.ADMIN and active
    if is_admin and not stays and len(await connection.fetch(LOCK_ADMINS)) < 2:
        raise LastAdminError(LastAdminError.__doc__)
    if row["active"] and not active:
        await tokens.end_all(connection, row["id"], "disabled")
    return await connection.fetchrow(CHANGE, row["id"], role, active)


async def reset(connection: Any, row: Any, password_hash: str) -> None:
    """Set a password for somebody else: they are logged out, and must choose their own."""
    await connection.execute(RENEW, row["id"], password_hash, True)
    await tokens.end_all(connection, row["id"], "reset")
    await tries.forget_person(connection, row["email"])


async def choose(connection: Any, staff_id: int, password_hash: str, login_id: int | None) -> None:
    """One's own new password: every other login of theirs ends."""
    await connection.execute(RENEW, staff_id, password_hash, False)
    await tokens.end_all(connection, staff_id, "password", but=login_id)


def shown(row: Any) -> dict[str, Any]:
    """What the audit keeps of somebody."""
    return {"email": row["email"], "role": row["role"], "active": row["active"]}
