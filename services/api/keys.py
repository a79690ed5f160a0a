"""API keys of machines: `umk_<prefix>_<secret>`.

The prefix names the key in lists and in the audit. The secret has 256 bits; PostgreSQL keeps its SHA-256,
and it is shown once. A key has scopes, which are permissions, and an end. It decides nothing (see
permissions.NOT_FOR_KEYS), and who made it does not decide what it proposed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.api.permissions import NOT_FOR_KEYS, Permission

BEGINNING = "umk_"
PREFIX = 10  # characters
LONGEST_DAYS = 3650
NOTED_S = 60.0  # when a key was last used is written at most so often
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

MAKE = """
insert into api_key (prefix, secret_hash, label, scopes, created_by, expires_at)
values ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
returning *
"""

FIND = """
select id, prefix, secret_hash, scopes,
    extract(epoch from now() - last_used_at)::float8 as unused_s
from api_key
where prefix = $1
and revoked_at is null
and expires_at > now()
"""

NOTE = """
update api_key
set last_used_at = now()
where id = $1
and (last_used_at is null or last_used_at < now() - make_interval(secs => $2))
"""

LIST = """
select *
from api_key
where id > $1
order by id
limit $2
"""

REVOKE = """
update api_key
set revoked_at = now(),
    revoked_by = $2
where id = $1
and revoked_at is null
returning *
"""


class ScopeError(Exception):
    """A key may not have this scope."""


@dataclass(slots=True, frozen=True)
class Made:
    """A new key: its row, and the whole of it, which nobody can look up later."""

    row: Any
    whole: str


async def make(connection: Any, label: str, scopes: Iterable[Permission], by: str, days: int) -> Made:
    """A new key that ends in so many days. Raises ScopeError."""
    wanted = sorted(set(scopes))
    refused = [scope for scope in wanted if scope in NOT_FOR_KEYS]
    if refused:
        raise ScopeError(f"A key may not have {' or '.join(refused)}: that is for people.")
    if not wanted:
        raise ScopeError("A key without a scope may do nothing.")
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(PREFIX))
    secret = secrets.token_urlsafe(32)
    row = await connection.fetchrow(MAKE, prefix, _digest(secret), label, wanted, by, days)
    return Made(row, f"{BEGINNING}{prefix}_{secret}")


async def find(connection: Any, whole: str) -> Any | None:
    """The key this is, when it is good. Notes that it was used."""
    prefix, _, secret = whole.removeprefix(BEGINNING).partition("_")
    row = await connection.fetchrow(FIND, prefix) if prefix.isascii() and prefix.isalnum() else None
    if not hmac.compare_digest(_digest(secret), row["secret_hash"] if row else bytes(32)) or row is None:
        return None
    if row["unused_s"] is None or row["unused_s"] > NOTED_S:
        await connection.execute(NOTE, row["id"], NOTED_S)
    return row


async def listed(connection: Any, after: int, most: int) -> list[Any]:
    """Keys, the oldest first, those that are over among them."""
    return list(await connection.fetch(LIST, after, most))


async def revoke(connection: Any, key_id: int, by: str) -> Any | None:
    """End a key now. None when there is none, or it ended before."""
    return await connection.fetchrow(REVOKE, key_id, by)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
