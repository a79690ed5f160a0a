"""People of the staff and API keys, for whoever may manage them.

Nobody gives what they do not hold, changes their own role, or takes away the last admin.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.api import keys, passwords, people
from services.api.calls import Change, Identity, Read, Stream
from services.api.lists import export
from services.api.lists.answering import LISTED
from services.api.lists.listing import Column
from services.api.lists.query import Format
from services.api.operation import Routes
from services.api.permissions import ROLES, Permission, Role
from services.api.problems import CONFLICT, FORBIDDEN, NOT_FOUND, SAME_PERSON

routes = Routes("Staff")

MANAGE = Permission.STAFF_MANAGE
MOST = 200


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Page(_Asked):
    """Which part of a list: what comes after this id, at most so many."""

    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    format: Annotated[Format, Field(description="`csv` or `xlsx`: a file with all of them.")] = "json"


class NewPerson(_Asked):
    """Somebody who joins the staff."""

    email: Annotated[
        str,
        Field(pattern=f"^{people.EMAIL.pattern}$", max_length=people.MOST_EMAIL, examples=["a@example.org"]),
    ]
    role: Role


class PersonChange(_Asked):
    """What to change about somebody; what is left out stays."""

    role: Role | None = None
    active: bool | None = None
    reset_password: bool = False


class Person(BaseModel):
    """Somebody of the staff."""

    id: int
    email: str
    role: Role
    active: bool
    new_password_needed: bool
    created_by: str
    created_at: datetime
    last_login_at: datetime | None


class PersonWithPassword(BaseModel):
    """Somebody, and the password to give them, which is shown this once; they choose their own with it."""

    person: Person
    password: str | None = None


class People(BaseModel):
    """A page of people. next_after: where the next page begins; null when this is the last."""

    items: list[Person]
    next_after: int | None


class NewKey(_Asked):
    """A key for a machine: what it is for, what it may, and for how many days."""

    label: Annotated[str, Field(min_length=1, max_length=80, examples=["nightly export"])]
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    days: Annotated[int, Field(ge=1, le=keys.LONGEST_DAYS)] = 90


class Key(BaseModel):
    """An API key, without its secret."""

    id: int
    prefix: str
    label: str
    scopes: list[Permission]
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class KeyWithSecret(BaseModel):
    """A new key, and the whole of it, which is shown this once."""

    details: Key
    key: str


class Keys(BaseModel):
    """A page of keys."""

    items: list[Key]
    next_after: int | None


STAFF = export.Sheet(
    "staff",
    (
        Column("id", "id", "number"),
        Column("email", "email"),
        Column("role", "role"),
        Column("active", "active"),
        Column("created_by", "created_by"),
        Column("created", "created_at", "moment"),
        Column("last_login", "last_login_at", "moment"),
    ),
)
KEYS = export.Sheet(
    "keys",
    (
        Column("id", "id", "number"),
        Column("prefix", "prefix"),
        Column("label", "label"),
        Column("created_by", "created_by"),
        Column("created", "created_at", "moment"),
        Column("expires", "expires_at", "moment"),
        Column("last_used", "last_used_at", "moment"),
        Column("revoked", "revoked_at", "moment"),
        Column("revoked_by", "revoked_by"),
    ),
)


@routes.get("/admin/staff", may=MANAGE, **LISTED)
async def list_staff(call: Read, query: Page) -> People | Stream:
    """The people of the staff, the oldest first.

    Those who left are among them, as not active."""
    if query.format != "json":
        return await export.file_of(call, STAFF, query, query.format, export.by_id(call, people.listed))
    async with call.desk.acquire() as connection:
        rows = await people.listed(connection, query.after, query.limit)
    return People(items=[_person(row) for row in rows], next_after=_next(rows, query.limit))


@routes.post("/admin/staff", may=MANAGE, status=201, problems=(CONFLICT, FORBIDDEN))
async def add_person(call: Change, body: NewPerson) -> PersonWithPassword:
    """Let somebody in.

    The answer holds a password to give them. With it they can choose their own, and nothing else."""
    _require_held(call.who, ROLES[body.role])
    password = passwords.made_up()
    hashed = await call.desk.passwords.hashed(password)
    row = await people.make(
        call.connection, body.email, body.role, hashed, must_change=True, by=call.who.name
    )
    call.audit(f"staff:{row['email']}", after=people.shown(row))
    return PersonWithPassword(person=_person(row), password=password)


@routes.patch("/admin/staff/{staff_id}", may=MANAGE, problems=(NOT_FOUND, CONFLICT, SAME_PERSON, FORBIDDEN))
async def change_person(call: Change, staff_id: int, body: PersonChange) -> PersonWithPassword:
    """Change somebody's role, disable them or let them in again, or set their password anew.

    It holds at once: whoever is disabled, or has a new password, is logged out everywhere. Nobody changes
    themselves here, and the last admin stays one."""
    row = await people.locked(call.connection, staff_id)
    if row is None:
        raise NOT_FOUND.of(f"There is nobody with the id {staff_id}.")
    if call.who.kind == "person" and call.who.id == staff_id:
        raise SAME_PERSON.of("Nobody changes their own role or access. Ask another admin.")
    role = body.role or Role(row["role"])
    _require_held(call.who, ROLES[Role(row["role"])] | ROLES[role])
    active = row["active"] if body.active is None else body.active
    after = await people.change(call.connection, row, role, active=active)
    password = None
    if body.reset_password:
        password = passwords.made_up()
        await people.reset(call.connection, after, await call.desk.passwords.hashed(password))
        after = await people.locked(call.connection, staff_id)
    said = people.shown(after) | ({"password": "reset"} if password else {})
    call.audit(f"staff:{row['email']}", people.shown(row), said)
    return PersonWithPassword(person=_person(after), password=password)


@routes.get("/admin/keys", may=MANAGE, **LISTED)
async def list_keys(call: Read, query: Page) -> Keys | Stream:
    """The API keys, the oldest first.

    Those that are revoked or over are among them."""
    if query.format != "json":
        return await export.file_of(call, KEYS, query, query.format, export.by_id(call, keys.listed))
    async with call.desk.acquire() as connection:
        rows = await keys.listed(connection, query.after, query.limit)
    return Keys(items=[_key(row) for row in rows], next_after=_next(rows, query.limit))


@routes.post("/admin/keys", may=MANAGE, status=201, problems=(FORBIDDEN,))
async def add_key(call: Change, body: NewKey) -> KeyWithSecret:
    """Make a key for a machine.

    The answer holds the whole key, this once. A key may have any permission but to decide, to manage staff,
    and what is one's own; and none that its maker does not have."""
    _require_held(call.who, frozenset(body.scopes))
    made = await keys.make(call.connection, body.label, body.scopes, call.who.name, body.days)
    call.audit(f"key:{made.row['prefix']}", after={"label": body.label, "scopes": made.row["scopes"]})
    return KeyWithSecret(details=_key(made.row), key=made.whole)


@routes.delete("/admin/keys/{key_id}", may=MANAGE, problems=(NOT_FOUND,))
async def revoke_key(call: Change, key_id: int) -> Key:
    """Revoke a key.

    It is refused from then on."""
    row = await keys.revoke(call.connection, key_id, call.who.name)
    if row is None:
        raise NOT_FOUND.of(f"There is no key {key_id} that could be revoked.")
    call.audit(f"key:{row['prefix']}", {"revoked": False}, {"revoked": True})
    return _key(row)


def _require_held(who: Identity, wanted: frozenset[Permission]) -> None:
    """Raise FORBIDDEN for what they do not have themselves."""
    more = sorted(wanted - who.permissions - {Permission.OWN})
    if more:
        raise FORBIDDEN.of(f"You do not have this yourself: {', '.join(more)}.")


def _person(row: Any) -> Person:
    return Person(
        id=row["id"],
        email=row["email"],
        role=Role(row["role"]),
        active=row["active"],
        new_password_needed=row["must_change"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        last_login_at=row["last_login_at"],
    )


def _key(row: Any) -> Key:
    return Key.model_validate({name: row[name] for name in Key.model_fields})


def _next(rows: list[Any], most: int) -> int | None:
    return rows[-1]["id"] if len(rows) == most else None
