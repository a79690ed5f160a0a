"""Forgetting one person: their row stays, for the books name it, and nothing says any more who they were.

    name, national id, PIN      gone
    phone number                `forgotten:12`, which nobody can dial
    SMS                         when, of which kind and at what cost; the words are gone
    statements, raw callbacks   deleted
    loans, journals, consents   stay: they are what the law asks to keep, and name nobody

Whoever dials from that number again is somebody new.
"""

import hashlib
from datetime import date
from typing import Any

from core_ext.siphash import Keyed
from services import clock
from services.privacy import queries


async def forget(connection: Any, borrower_id: int, phone_digest: str = "") -> bool:
    """Forget somebody, inside the caller's transaction. False when they were. Whether they may be is the
    caller's to know. phone_digest: of `digest_of`, to delete the answers to their last presses too."""
    row = await connection.fetchrow(queries.LOCK, borrower_id)
    if row is None:
        return False
    for statement in (
        queries.DROP_WAITING,
        queries.FORGET_THEIR_WORDS,
        queries.FORGET_THEIR_STATEMENTS,
        queries.FORGET_OPT_OUT,
        queries.FORGET,
    ):
        await connection.execute(statement, borrower_id)
    for statement in (queries.FORGET_STAGED_PIN, queries.FORGET_REPORTS, queries.FORGET_CALLBACKS):
        await connection.execute(statement, row["msisdn"])
    if phone_digest:
        await connection.execute(queries.FORGET_ANSWERS, phone_digest)
    return True


async def refusal(connection: Any, borrower_id: int, keep_days: int) -> str:
    """Why somebody may not be forgotten now, and until when; empty when they may."""
    row = await connection.fetchrow(queries.HELD, borrower_id, keep_days)
    if row["open_ref"] is not None:
        return f"Loan {row['open_ref']} is not over."
    if row["owed_cents"]:
        return f"KES {row['owed_cents'] / 100:,.2f} are still owed."
    if row["credit_cents"]:
        return f"We hold KES {row['credit_cents'] / 100:,.2f} for them. Send it back first."
    until: date | None = row["kept_until"]
    if until is not None and until > clock.nairobi_date(clock.now()):
        return f"The books of their loans are kept until {until}."
    return ""


def digest_of(msisdn: str, secret: str) -> str:
    """What the keys of a phone's presses hold in place of its number; the engine's sessions make it."""
    key = hashlib.blake2b(secret.encode(), digest_size=16, person=b"ussd-text").digest()
    made: str = Keyed(key).digest(msisdn)
    return made
