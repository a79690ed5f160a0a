"""Who asks: by an API key, by an access token, or by the admin page's cookie. What comes first counts.

Authorization: Bearer umk_… or umt_…
X-API-Key: umk_…
Cookie: umoja=umc_…
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.api import keys, tokens
from services.api.calls import Identity
from services.api.permissions import ROLES, Permission, Role

if TYPE_CHECKING:
    from services.api.desk import Desk

COOKIE = "umoja"
SAFE_COOKIE = "__Host-umoja"  # a browser takes this name only over TLS, for the whole host
_KEYS = frozenset(Permission) - {Permission.OWN}


@dataclass(slots=True, frozen=True)
class Proof:
    """Somebody we know, and whether a browser's cookie said so: then a change needs csrf.require."""

    identity: Identity
    by_cookie: bool = False


def cookie_name(env: str) -> str:
    """The cookie's name: a browser guards that of production."""
    return COOKIE if env == "development" else SAFE_COOKIE


def set_cookie(env: str, token: str, lasts_s: float) -> tuple[str, str]:
    """The header that sets the cookie, for as long as a login may last; an empty token takes it away."""
    secure = "" if env == "development" else "; Secure"
    lasts = int(lasts_s) if token else 0
    value = f"{cookie_name(env)}={token}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}"
    return "Set-Cookie", value


async def proven(desk: "Desk", headers: Mapping[str, str], cookies: Mapping[str, str]) -> Proof | None:
    """Who this is, or None: nothing came, or it is not good (any more)."""
    offered = _offered(headers)
    by_cookie = offered is None
    if offered is None:
        offered = cookies.get(cookie_name(desk.settings.env), "")
    if not offered or len(offered) > tokens.MOST or not offered.isascii():
        return None
    async with desk.acquire() as connection:
        if offered.startswith(keys.BEGINNING) and not by_cookie:
            return _machine(await keys.find(connection, offered))
        if offered.startswith(tokens.BEGINNINGS["cookie" if by_cookie else "access"]):
            return _person(await tokens.find(connection, desk.api, offered))
    return None


def _offered(headers: Mapping[str, str]) -> str | None:
    """What a header says; None when none says anything, and empty for what we do not understand."""
    said = headers.get("Authorization")
    if said is not None:
        scheme, _, value = said.partition(" ")
        return value.strip() if scheme.lower() == "bearer" else ""
    said = headers.get("X-API-Key")
    return said if said is None or said.startswith(keys.BEGINNING) else ""


def _machine(row: Any | None) -> Proof | None:
    if row is None:
        return None
    held = frozenset(Permission(scope) for scope in row["scopes"] if scope in _KEYS)
    return Proof(Identity("key", row["id"], f"key:{row['prefix']}", held))


def _person(row: Any | None) -> Proof | None:
    if row is None:
        return None
    role = Role(row["role"])
    identity = Identity(
        "person", row["id"], row["email"], ROLES[role], role, row["login_id"], row["must_change"]
    )
    return Proof(identity, row["kind"] == "cookie")
