"""How people get in and out: login, refresh, logout, who am I, a new password.

What these change is kept even when the answer is a refusal: a wrong password counts, a refresh token that
comes twice ends its login. So each has its own transactions, takes no Idempotency-Key, and writes its own
row of the audit.
"""

from datetime import datetime
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services import alerts
from services.api import audit, csrf, people, tokens, tries
from services.api.calls import Read
from services.api.identity import set_cookie
from services.api.operation import Limit, Routes
from services.api.passwords import LONGEST, fault
from services.api.permissions import Permission, Role
from services.api.problems import FORBIDDEN, INVALID, TOO_MANY, UNKNOWN_CALLER
from ussd_engine.observe.logs import mask

log = structlog.get_logger("umoja.staff")

routes = Routes("Getting in")

WRONG = "The e-mail address and the password do not belong together."
Email = Annotated[str, Field(min_length=3, max_length=people.MOST_EMAIL, examples=["wanjiru@example.org"])]
Password = Annotated[str, Field(min_length=1, max_length=LONGEST)]

OWN_HASH = """
select email, password_hash
from staff
where id = $1
"""


# Unless it was changed meanwhile.
REHASH = """
update staff
set password_hash = $3
where id = $1
and password_hash = $2
"""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Login(_Asked):
    """An e-mail address and a password. cookie: for a page in a browser, instead of tokens."""

    email: Email
    password: Password
    cookie: bool = False


class Refresh(_Asked):
    """A refresh token. It is used up by this."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=tokens.MOST)]


class NewPassword(_Asked):
    """One's password, and the one to have from now on."""

    current: Password
    new: Password


class LoggedIn(BaseModel):
    """What proves from now on who somebody is: two tokens, or for a cookie its CSRF token."""

    access_token: str | None = None
    access_expires_at: datetime
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    csrf_token: str | None = None
    new_password_needed: bool


class Me(BaseModel):
    """Who asks, and what they may."""

    id: int
    email: str
    role: Role
    permissions: list[Permission]
    csrf_token: str


@routes.post("/auth/login", may=None, limit=Limit.LOGIN, changes=False, problems=(UNKNOWN_CALLER, TOO_MANY))
async def login(call: Read, body: Login) -> LoggedIn:
    """Log in with e-mail address and password.

    The access token is good for 15 minutes, the refresh token for one exchange at `/auth/refresh`. With
    `cookie` the answer sets a cookie instead, and `csrf_token` goes into the header X-CSRF-Token of each
    change. After some wrong passwords in a row there is a wait (429), which doubles."""
    outcome = "refused"
    try:
        row = await _right(call, body.email.strip().lower(), body.password)
        outcome = "done"
    finally:
        if call.desk.metrics is not None:
            call.desk.metrics.logins.labels(outcome).inc()
    api = call.desk.api
    async with call.desk.acquire() as connection, connection.transaction():
        number = await tokens.begin(connection, api, row["id"], call.caller)
        found = await _issued(call, connection, number, by_cookie=body.cookie)
        await _audit(call, connection, row["email"], "login", after={"login": number})
    found.new_password_needed = row["must_change"]
    return found


@routes.post("/auth/refresh", may=None, limit=Limit.LOGIN, changes=False, problems=(UNKNOWN_CALLER,))
async def refresh(call: Read, body: Refresh) -> LoggedIn:
    """Exchange a refresh token for two new tokens.

    Each refresh token is good once. One that comes a second time was stolen, or its thief was quicker:
    its login ends, with all of its tokens."""
    async with call.desk.acquire() as connection, connection.transaction():
        used = await tokens.refresh(connection, body.refresh_token)
        if used is not None and used.good:
            found = await _issued(call, connection, used.login_id, by_cookie=False)
            found.new_password_needed = await connection.fetchval(
                "select must_change from staff where id = $1", used.staff_id
            )
            return found
        if used is not None and used.stolen:
            email = await connection.fetchval("select email from staff where id = $1", used.staff_id)
            await _audit(call, connection, email, "refresh_reused", after={"login": used.login_id})
            alerts.tell(log, "refresh_token_reused", who=email, caller=call.caller)
    raise UNKNOWN_CALLER.of("This refresh token is not good, or not any more. Log in again.")


@routes.post("/auth/logout", may=Permission.OWN, changes=False)
async def logout(call: Read) -> None:
    """End this login. Its tokens and its cookie are worth nothing from then on."""
    async with call.desk.acquire() as connection, connection.transaction():
        await tokens.end(connection, call.who.session_id or 0, "logout")
        await _audit(call, connection, call.who.name, "logout", after={"login": call.who.session_id})
    call.headers.append(set_cookie(call.desk.settings.env, "", 0))


@routes.get("/auth/me", may=Permission.OWN)
async def me(call: Read) -> Me:
    """Who you are, and what you may."""
    assert call.who.role is not None
    assert call.who.session_id is not None
    return Me(
        id=call.who.id,
        email=call.who.name,
        role=call.who.role,
        permissions=sorted(call.who.permissions),
        csrf_token=csrf.token(call.desk.secret, call.who.session_id),
    )


@routes.post(
    "/auth/password", may=Permission.OWN, limit=Limit.LOGIN, changes=False, problems=(FORBIDDEN, TOO_MANY)
)
async def choose_password(call: Read, body: NewPassword) -> None:
    """Choose a new password.

    It has 12 characters or more, and is not easy to guess. Your other logins end; this one goes on. A wrong
    current password counts as one at the login does."""
    async with call.desk.acquire() as connection:
        row = await connection.fetchrow(OWN_HASH, call.who.id)
        counted = await tries.count(connection, call.desk.api, row["email"], call.caller)
    _require_no_wait(counted)
    if not await call.desk.passwords.matches(body.current, row["password_hash"]):
        raise FORBIDDEN.of("This is not your password.")
    async with call.desk.acquire() as connection:
        await tries.forget(connection, call.desk.api, counted)
    weak = fault(body.new, row["email"]) or ("Choose another one." if body.new == body.current else "")
    if weak:
        raise INVALID.of(weak, [{"where": "body.new", "what": weak}])
    chosen = await call.desk.passwords.hashed(body.new)
    async with call.desk.acquire() as connection, connection.transaction():
        await people.choose(connection, call.who.id, chosen, call.who.session_id)
        await _audit(call, connection, call.who.name, "choose_password")


async def _right(call: Read, email: str, password: str) -> Any:
    """The row of somebody whose password this is. The same refusal, in the same time, whatever is wrong."""
    async with call.desk.acquire() as connection:
        counted = await tries.count(connection, call.desk.api, email, call.caller)
        row = await people.by_email(connection, email)
    _require_no_wait(counted)
    right = await call.desk.passwords.matches(password, row["password_hash"] if row else None)
    if row is None or not right or not row["active"]:
        log.warning("login_refused", who=email if row else mask(""), caller=call.caller)
        raise UNKNOWN_CALLER.of(WRONG)
    renewed = await call.desk.passwords.hashed(password) if _outdated(call, row) else None
    async with call.desk.acquire() as connection:
        await tries.forget(connection, call.desk.api, counted)
        if renewed is not None:
            await connection.execute(REHASH, row["id"], row["password_hash"], renewed)
    return row


def _outdated(call: Read, row: Any) -> bool:
    return call.desk.passwords.outdated(row["password_hash"])


def _require_no_wait(counted: tries.Counted) -> None:
    if counted.wait_s is not None:
        wait = {"Retry-After": str(round(counted.wait_s))}
        raise TOO_MANY.of("Too many wrong passwords. Wait, then try again.", headers=wait)


async def _issued(call: Read, connection: Any, login_id: int, *, by_cookie: bool) -> LoggedIn:
    api = call.desk.api
    if by_cookie:
        cookie = await tokens.issue(connection, api, login_id, "cookie")
        call.headers.append(set_cookie(call.desk.settings.env, cookie.token, api.login_s))
        return LoggedIn(
            access_expires_at=cookie.expires_at,
            csrf_token=csrf.token(call.desk.secret, login_id),
            new_password_needed=False,
        )
    access = await tokens.issue(connection, api, login_id, "access")
    again = await tokens.issue(connection, api, login_id, "refresh")
    return LoggedIn(
        access_token=access.token,
        access_expires_at=access.expires_at,
        refresh_token=again.token,
        refresh_expires_at=again.expires_at,
        new_password_needed=False,
    )


async def _audit(call: Read, connection: Any, who: str, operation: str, after: Any = None) -> None:
    by = audit.By(who, "person", operation, call.caller, call.request_id)
    await audit.write(connection, by, [audit.Audited(f"staff:{who}", {}, after or {})])
