"""Joining: consent, then name, national id and a PIN entered twice; and the language to speak.

Each function works inside the caller's transaction and gives the name of what happened.
"""

from typing import Any, Literal

import asyncpg

from services.borrowers import names, pins, queries
from ussd_engine.actions import Call

STAGED_FOR_S = 10 * 60
LANGUAGES = ("en", "sw")
STRANGER = {
    "registered": False, "terms": "", "offers": False, "pin_reset": False,
    "has_loan": False, "name": "", "language": "",
}  # fmt: skip
TERMS, OFFERS = "terms", "marketing"  # purposes of consent

Joined = Literal["ok", "mismatch", "id_taken", "exists"]


class ConsentMissing(Exception):
    """Nothing about a person is kept before they agreed to these terms. The menu must ask first."""


async def profile(connection: Any, msisdn: str) -> dict[str, Any]:
    """What menus know of the subscriber. Every field is there, also for somebody new."""
    row = await connection.fetchrow(queries.PROFILE, msisdn)
    if row is None:
        return dict(STRANGER)
    return {**row, "name": names.shown(row["name"] or "")}


async def consent(
    connection: Any, call: Call, version: str, words_sha256: bytes | None, purpose: str = TERMS
) -> None:
    """Keep that they agreed, to which words, when, and over which channel."""
    borrower = await connection.fetchrow(queries.MEET, call.msisdn, call.language)
    await connection.execute(
        queries.GIVE_CONSENT,
        borrower["id"],
        purpose,
        version,
        words_sha256,
        call.bundle,
        call.language,
        f"ussd:{call.gateway}",
        call.key,
    )


async def want_offers(connection: Any, call: Call, version: str, words_sha256: bytes | None) -> None:
    """They agree that we write of offers, whatever they or the gateway said before."""
    await consent(connection, call, version, words_sha256, OFFERS)
    borrower = await connection.fetchrow(queries.MEET, call.msisdn, call.language)
    await connection.execute(queries.OPT_IN, borrower["id"])


async def refuse_offers(connection: Any, call: Call) -> None:
    """They want no offers any more."""
    borrower = await connection.fetchrow(queries.MEET, call.msisdn, call.language)
    await connection.execute(queries.WITHDRAW_OFFERS, borrower["id"], f"ussd:{call.gateway}", call.key)


async def stage_pin(connection: Any, msisdn: str, pin: str, secret: bytes) -> bool:
    """Keep the first entry of a new PIN for ten minutes; False when it is too easy to guess."""
    if not pins.is_pin(pin) or pins.is_weak(pin):
        return False
    await connection.execute(queries.STAGE_PIN, msisdn, await pins.hashed(pin, secret), STAGED_FOR_S)
    return True


async def register(
    connection: Any, call: Call, name: str, national_id: str, pin: str, secret: bytes, version: str = ""
) -> Joined:
    """Make the number a borrower's when the PIN is the one staged before. version: of the terms that they
    must have agreed to; empty: any.

    Zeros in front of a national id say nothing, and would let one person join twice.
    """
    borrower = await connection.fetchrow(queries.MEET, call.msisdn, call.language)
    if borrower["registered"]:
        return "exists"
    if not await connection.fetchval(queries.HAS_CONSENT, borrower["id"], version):
        raise ConsentMissing(ConsentMissing.__doc__)
    staged = await connection.fetchrow(queries.TAKE_STAGED_PIN, call.msisdn)
    if staged is None or not staged["fresh"] or not await pins.matches(pin, staged["pin_hash"], secret):
        return "mismatch"
    try:
        async with connection.transaction():
            person = names.tidy(name), national_id.lstrip("0"), staged["pin_hash"], call.language
            await connection.execute(queries.REGISTER, borrower["id"], *person)
    except asyncpg.UniqueViolationError:
        return "id_taken"
    return "ok"


async def set_language(connection: Any, call: Call, language: str) -> None:
    """Remember the language to speak. Raises ValueError for one the menus do not have."""
    if language not in LANGUAGES:
        raise ValueError(f"no menus in {language!r}")
    borrower = await connection.fetchrow(queries.MEET, call.msisdn, language)
    await connection.execute(queries.SET_LANGUAGE, borrower["id"], language)
