"""What a handler of an operation is handed: who asks, and what to work with.

Read     asks for something. `pool` and `cache`; nothing is changed
Change   changes something: `connection` is inside the transaction that also keeps the reply under the
         caller's Idempotency-Key and the row of the audit. It commits when the handler returns, and is
         rolled back when it raises
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from services.api.audit import Audited
from services.api.permissions import Permission, Role
from services.api.problems import FORBIDDEN

if TYPE_CHECKING:
    from services.api.desk import Desk


@dataclass(slots=True, frozen=True)
class Identity:
    """Who asks. `name` is how approvals and the audit know them: a person's e-mail address, or a key's
    `key:<prefix>`; both fit services/loans/approvals.NAME. Of an operation that is open to everybody it is
    NOBODY."""

    kind: Literal["person", "key", "nobody"]
    id: int
    name: str
    permissions: frozenset[Permission]
    role: Role | None = None
    session_id: int | None = None  # of a person: the login this came by
    new_password: bool = False  # somebody else set theirs: they may choose one, and nothing else

    @property
    def ref(self) -> str:
        """Short and unique: `person:12`, `key:3`. What limits and kept replies go by."""
        return f"{self.kind}:{self.id}"

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed to them."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise FORBIDDEN when it is not: for what depends on the body, beyond the operation's own `may`."""
        if permission not in self.permissions:
            raise FORBIDDEN.of(f"This needs the permission {permission}.")


NOBODY = Identity("nobody", 0, "nobody", frozenset())


@dataclass(slots=True)
class Read:
    """A request that changes nothing. `headers` go out with its answer."""

    desk: "Desk"
    who: Identity
    request_id: str
    caller: str  # the address it came from, behind the trusted proxies
    headers: list[tuple[str, str]] = field(default_factory=list, kw_only=True)

    @property
    def pool(self) -> Any:
        """The process's connections to PostgreSQL."""
        return self.desk.pool


@dataclass(slots=True)
class Change(Read):
    """A request that changes something."""

    connection: Any = None
    key: str = ""  # unique for this request: the caller's Idempotency-Key and who they are, or one made up
    audited: list[Audited] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)

    def audit(
        self, subject: str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
    ) -> None:
        """Say what was changed; written with who, when, from where and by which operation. What is secret
        or a whole phone number does not belong in it."""
        self.audited.append(Audited(subject, before or {}, after or {}))

    def forget(self, *tags: str) -> None:
        """What is kept in the cache under these tags (`loan:12`, `borrower:7`) is stale once this commits."""
        self.stale.update(tags)


@dataclass(slots=True, frozen=True)
class Stream:
    """An answer of bytes that are made as they are sent: an export. The rows come from a cursor."""

    content_type: str
    filename: str
    chunks: AsyncIterator[bytes]
