"""PINs: which are too weak, how they are kept, how a guess is counted.

A PIN has 10,000 values, so no hash alone protects it: it is HMAC-ed with the service's secret first,
and argon2 runs over that. What stops guessing is the count, which PostgreSQL keeps: three wrong ones,
over any sessions and gateways, lock the PIN for 15 minutes.
"""

import asyncio
import enum
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from services.borrowers import queries

LENGTH = 4
TRIES = 3
LOCKED_FOR_S = 15 * 60

# 8 MiB and two passes: about 10 ms a check. The pepper, not this, guards the 10,000 values.
_HASHER = PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1)
_ROUND = "01234567890123456789"


class Verdict(enum.Enum):
    """What an attempt came to."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(slots=True, frozen=True)
class Attempt:
    """A verdict and how many tries are left before the lock."""

    verdict: Verdict
    tries_left: int


def is_pin(pin: str) -> bool:
    """Four ASCII digits."""
    return len(pin) == LENGTH and pin.isascii() and pin.isdigit()


def is_weak(pin: str) -> bool:
    """0000, 1212, 1122, and runs up or down such as 1234, 9012, 4321."""
    pairs = (pin[:2] == pin[2:]) or (pin[0] == pin[1] and pin[2] == pin[3])
    return pairs or pin in _ROUND or pin in _ROUND[::-1]


async def hashed(pin: str, secret: bytes) -> str:
    """What to keep of the PIN."""
    return await asyncio.to_thread(_HASHER.hash, _peppered(pin, secret))


async def matches(pin: str, pin_hash: str, secret: bytes) -> bool:
    """Whether this is the PIN that was kept."""
    return await asyncio.to_thread(_verify, pin_hash, _peppered(pin, secret))


async def attempt(connection: Any, borrower_id: int, pin: str, secret: bytes) -> Attempt:
    """Check a registered borrower's PIN and count it, inside the caller's transaction.

    The try is counted before it is checked, and the row stays locked until the caller commits: a
    hundred guesses at once are checked one after the other, and three of them are checked at all.
    """
    row = await connection.fetchrow(queries.COUNT_PIN_TRY, borrower_id)
    if row is None:
        return Attempt(Verdict.LOCKED, 0)
    if await matches(pin, row["pin_hash"], secret):
        await connection.execute(queries.FORGET_PIN_TRIES, borrower_id)
        return Attempt(Verdict.RIGHT, TRIES)
    if row["pin_failures"] < TRIES:
        return Attempt(Verdict.WRONG, TRIES - row["pin_failures"])
    await connection.execute(queries.LOCK_PIN, borrower_id, LOCKED_FOR_S)
    return Attempt(Verdict.LOCKED, 0)


def _peppered(pin: str, secret: bytes) -> bytes:
    return hmac.digest(secret, b"pin:" + pin.encode(), hashlib.sha256)


def _verify(pin_hash: str, peppered: bytes) -> bool:
    try:
        return _HASHER.verify(pin_hash, peppered)
    except VerifyMismatchError:
        return False
