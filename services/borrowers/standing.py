"""What staff may do to a borrower's row: lend nothing more to somebody, lend again, speak another language.

Whoever listed somebody does not take them off the list again: that is for a second person. A change of what
menus know is told to Redis by the outbox, so that the next dial asks for the profile again.
"""

from typing import Any

from services import outbox
from services.borrowers.people import LANGUAGES
from services.loans.approvals import ApprovalError, SamePersonError

FIND = """
select id, msisdn, language, blacklisted_at, blacklisted_by, blacklist_reason, registered_at
from borrower
where id = $1
"""

FIND_BY_MSISDN = """
select id, msisdn, language, blacklisted_at, blacklisted_by, blacklist_reason, registered_at
from borrower
where msisdn = $1
"""

LOCK = f"{FIND.rstrip()}\nfor no key update\n"

BLACKLIST = """
update borrower
set blacklisted_at = now(),
    blacklisted_by = $2,
    blacklist_reason = $3
where id = $1
"""

UNBLOCK = """
update borrower
set blacklisted_at = null,
    blacklisted_by = null,
    blacklist_reason = null
where id = $1
"""

SET_LANGUAGE = """
update borrower
set language = $2
where id = $1
"""


class StandingError(ApprovalError):
    """This cannot be done to that borrower now. The message says why."""


class SameHandError(SamePersonError):
    """You listed them. Somebody else must take them off the list."""


async def lock(connection: Any, borrower_id: int) -> Any | None:
    """The borrower's row, locked; None when there is none."""
    return await connection.fetchrow(LOCK, borrower_id)


async def blacklist(connection: Any, row: Any, who: str, reason: str) -> None:
    """Lend nothing more to them; the row is locked. Raises StandingError when that was so."""
    if row["blacklisted_at"] is not None:
        raise StandingError("They are on the list already.")
    await connection.execute(BLACKLIST, row["id"], who, reason)


async def unblock(connection: Any, row: Any, who: str) -> None:
    """They may borrow again; the row is locked. Raises StandingError."""
    if row["blacklisted_at"] is None:
        raise StandingError("They are not on the list.")
    if row["blacklisted_by"] == who:
        raise SameHandError(SameHandError.__doc__)
    await connection.execute(UNBLOCK, row["id"])


async def speak(connection: Any, row: Any, language: str, key: str) -> None:
    """Speak this language from now on; the row is locked. Raises StandingError for one we do not speak."""
    if language not in LANGUAGES:
        raise StandingError(f"We speak {' and '.join(LANGUAGES)}.")
    await connection.execute(SET_LANGUAGE, row["id"], language)
    await forget_profile(connection, row["id"], key)


async def forget_profile(connection: Any, borrower_id: int, key: str) -> None:
    """What Redis knows of them for the menus is stale once this commits. key: unique for the change."""
    await outbox.put(connection, f"profile:{key}", outbox.PROFILE, {"borrower_id": borrower_id})
