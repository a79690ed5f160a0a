"""A forgotten PIN. An officer proposes that a new one may be chosen, another person agrees; the borrower is
told by SMS, and chooses it at the next dial, for a day. No one but the borrower ever knows it.

    officer    has made sure who is on the phone, and proposes; another person decides
    borrower   dials, types the national id and the new PIN twice
    tries      three wrong ids, and it is over: it has to be proposed again

While it is open the old PIN is refused. If nobody chooses a new one in time, the old one counts again: a
reset that nobody wanted locks nobody out, and gives nobody in.
"""

import hmac
from datetime import timedelta
from typing import Any, Literal

from services import outbox
from services.borrowers import pins, queries
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.sms import notices
from ussd_engine.actions import Call

RESET = "pin_reset"
OPEN_FOR = timedelta(days=1)
TRIES = 3

Chosen = Literal["ok", "mismatch", "wrong_id", "closed"]

IS_REGISTERED = """
select registered_at is not null
from borrower
where id = $1
"""

OPEN = """
update borrower
set pin_reset_until = clock_timestamp() + $2::interval,
    pin_reset_tries = 0
where id = $1
and registered_at is not null
returning id
"""

IS_OPEN = """
select exists (
    select 1
    from borrower
    where msisdn = $1
    and pin_reset_until > clock_timestamp()
)
"""

# The try is counted before it is checked.
COUNT_TRY = """
update borrower
set pin_reset_tries = pin_reset_tries + 1
where msisdn = $1
and pin_reset_until > clock_timestamp()
returning id, national_id, pin_reset_tries
"""

CLOSE = """
update borrower
set pin_reset_until = null,
    pin_reset_tries = 0
where id = $1
"""

KEEP_PIN = """
update borrower
set pin_hash = $2,
    pin_failures = 0,
    pin_locked_until = null,
    pin_reset_until = null,
    pin_reset_tries = 0
where id = $1
"""


async def propose(connection: Any, borrower_id: int, who: str, reason: str) -> int:
    """Ask that they may choose a new PIN. Gives the approval's number. Raises ApprovalError."""
    if not await connection.fetchval(IS_REGISTERED, borrower_id):
        raise ApprovalError("Who has not joined has no PIN to forget.")
    request = Request(RESET, f"borrower:{borrower_id}", 0, reason, borrower_id=borrower_id)
    return await approvals.propose(connection, request, who)


async def is_open(connection: Any, msisdn: str) -> bool:
    """Whether this number may choose a new PIN now: the dialog begins with it then."""
    found: bool = await connection.fetchval(IS_OPEN, msisdn)
    return found


async def choose(connection: Any, call: Call, national_id: str, pin: str, secret: bytes) -> Chosen:
    """Take the new PIN, which was staged by `people.stage_pin` before, inside the caller's transaction.

    `wrong_id` may be tried again; `closed` may not: it was not open, or that was the last try.
    """
    row = await connection.fetchrow(COUNT_TRY, call.msisdn)
    if row is None:
        return "closed"
    typed, kept = national_id.lstrip("0").encode(), row["national_id"].encode()
    if not hmac.compare_digest(typed, kept):
        if row["pin_reset_tries"] < TRIES:
            return "wrong_id"
        await connection.execute(CLOSE, row["id"])
        return "closed"
    staged = await connection.fetchrow(queries.TAKE_STAGED_PIN, call.msisdn)
    if staged is None or not staged["fresh"] or not await pins.matches(pin, staged["pin_hash"], secret):
        return "mismatch"
    await connection.execute(KEEP_PIN, row["id"], staged["pin_hash"])
    return "ok"


async def _opened(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    borrower_id = row["borrower_id"]
    if await connection.fetchval(OPEN, borrower_id, OPEN_FOR) is None:
        raise ApprovalError("Who has not joined has no PIN to forget.")
    await notices.ask(connection, f"pin_reset:{row['id']}", "pin_reset", borrower_id, {"days": OPEN_FOR.days})
    await outbox.put(connection, f"profile:{RESET}:{row['id']}", outbox.PROFILE, {"borrower_id": borrower_id})


approvals.EFFECTS[RESET] = Effect(_opened)
