"""What `ussd admin` does: the staff and the keys, for whoever runs the server. Written to the audit as done
at the terminal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from services import clock
from services.api import audit, keys, people
from services.api.passwords import Passwords, fault, made_up
from services.api.permissions import Permission, Role
from services.api.settings import api
from ussd_engine.errors import UssdError
from ussd_engine.pool import connect
from ussd_engine.settings import Settings, settings

BY = "terminal"
FIRST = "admin@localhost"
FILE = "admin-password"
T = TypeVar("T")


def run(work: Callable[[Any], Awaitable[T]]) -> T:
    """Do this in one transaction with the database of the settings. Raises UssdError."""

    async def do() -> T:
        connection = await connect(settings().database_url)
        try:
            async with connection.transaction():
                return await work(connection)
        except (people.StaffError, keys.ScopeError) as error:
            raise UssdError(str(error)) from None
        except asyncpg.UndefinedTableError:
            raise UssdError("The database is not of this version. Run: ussd migrate") from None
        finally:
            await connection.close()

    return asyncio.run(do())


async def create(connection: Any, email: str, role: Role, password: str, *, must_change: bool) -> str:
    """Let somebody in; what to say of it."""
    email = people.email_of(email)
    require_strong(password, email)
    hashed = await Passwords(api()).hashed(password)
    row = await people.make(connection, email, role, hashed, must_change=must_change, by=BY)
    await _note(connection, "admin create", f"staff:{email}", {}, people.shown(row))
    return f"{email} is {role} now."


async def listed(connection: Any) -> str:
    """Everybody, in lines."""
    rows = await people.listed(connection)
    return (
        table(
            [
                (row["email"], row["role"], "" if row["active"] else "disabled", _day(row["last_login_at"]))
                for row in rows
            ]
        )
        or "Nobody yet. Begin with: ussd admin create EMAIL --role admin"
    )


async def change(connection: Any, email: str, role: Role | None, active: bool | None) -> str:
    """Change somebody's role or access; what to say of it."""
    row = await _somebody(connection, email)
    after = await people.change(
        connection, row, role or Role(row["role"]), active=row["active"] if active is None else active
    )
    await _note(connection, "admin change", f"staff:{row['email']}", people.shown(row), people.shown(after))
    return f"{after['email']} is {after['role']}{'' if after['active'] else ', and disabled'} now."


async def reset(connection: Any, email: str, password: str) -> str:
    """Set somebody's password anew; what to say of it."""
    row = await _somebody(connection, email)
    require_strong(password, row["email"])
    await people.reset(connection, row, await Passwords(api()).hashed(password))
    await _note(connection, "admin reset", f"staff:{row['email']}", {}, {"password": "reset"})
    return f"{row['email']} is logged out, and has to choose a password at the next login."


async def make_key(connection: Any, label: str, scopes: Sequence[Permission], days: int) -> str:
    """A new key; the whole of it."""
    made = await keys.make(connection, label, scopes, BY, days)
    subject = f"key:{made.row['prefix']}"
    await _note(connection, "admin key create", subject, {}, {"label": label, "scopes": list(scopes)})
    return made.whole


async def listed_keys(connection: Any) -> str:
    """All keys, in lines."""
    rows = await keys.listed(connection, 0, 1000)
    return (
        table([(row["prefix"], row["label"], _standing(row), " ".join(row["scopes"])) for row in rows])
        or "No keys yet. Make one with: ussd admin key create LABEL --scope loans:read"
    )


async def revoke_key(connection: Any, prefix: str) -> str:
    """End a key; what to say of it."""
    number = await connection.fetchval("select id from api_key where prefix = $1", prefix)
    if number is None or await keys.revoke(connection, number, BY) is None:
        raise UssdError(f"There is no key {prefix} that could be revoked. See: ussd admin key list")
    await _note(connection, "admin key revoke", f"key:{prefix}", {"revoked": False}, {"revoked": True})
    return f"The key {prefix} is refused from now on."


async def first(chosen: Settings, folder: Path) -> tuple[str, str] | None:
    """In development: make the first admin when nobody is there yet; their address and password, as long as
    it is the one in the folder's file."""
    assert chosen.env == "development", "an account with a known password is for development only"
    file, passwords = folder / FILE, Passwords(api())
    connection = await connect(chosen.database_url)
    try:
        async with connection.transaction():
            await connection.execute("lock table staff in share row exclusive mode")
            if not await connection.fetchval("select exists (select from staff)"):
                password = made_up()
                file.touch(mode=0o600)
                file.write_text(password + "\n")
                hashed = await passwords.hashed(password)
                await people.make(connection, FIRST, Role.ADMIN, hashed, must_change=False, by=BY)
        row = await people.by_email(connection, FIRST)
    finally:
        await connection.close()
    password = file.read_text().strip() if file.exists() else ""
    if row is None or not row["active"] or not await passwords.matches(password, row["password_hash"]):
        return None
    return FIRST, password


def require_strong(password: str, email: str) -> None:
    """Raise UssdError for a password that is too easy to guess."""
    weak = fault(password, email)
    if weak:
        raise UssdError(weak)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows with their columns below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


async def _somebody(connection: Any, email: str) -> Any:
    row = await people.by_email(connection, people.email_of(email))
    if row is None:
        raise UssdError(f"There is nobody with the address {email}. See: ussd admin list")
    return await people.locked(connection, row["id"])


async def _note(connection: Any, operation: str, subject: str, before: Any, after: Any) -> None:
    by = audit.By(BY, "terminal", operation)
    await audit.write(connection, by, [audit.Audited(subject, before, after)])


def _day(moment: Any) -> str:
    return f"last login {clock.nairobi_date(moment)}" if moment else "never logged in"


def _standing(row: Any) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return (
        f"{'ended' if row['expires_at'] < clock.now() else 'until'} {clock.nairobi_date(row['expires_at'])}"
    )
