"""Passwords of the staff: argon2id, in threads, a few at a time.

A check costs some 30 ms and 19 MiB. So at most `passwords_at_once` are under way: a crowd at the login
waits, and takes neither the memory nor the processor from the phones.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.api.settings import ApiSettings

SHORTEST, LONGEST = 12, 200
# What those try first who guess. A longer list belongs to the one who guesses; the lock-out is the guard.
WEAK = frozenset({
    "password1234", "123456789012", "qwertyuiop12", "administrator", "umojaumoja12", "letmeinletme",
    "passwordpassword", "111111111111", "000000000000", "abcdefghijkl",
})  # fmt: skip


class Passwords:
    """Makes and checks hashes with the settings' costs."""

    def __init__(self, settings: ApiSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes, memory_cost=settings.argon2_kib, parallelism=1
        )
        self._free = asyncio.Semaphore(settings.passwords_at_once)
        self._nobodys = self._hasher.hash(secrets.token_hex(16))

    async def hashed(self, password: str) -> str:
        """What to keep of it."""
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether this is the password. None, for somebody we do not know, takes the same time."""
        async with self._free:
            return await asyncio.to_thread(self._verify, kept or self._nobodys, password) and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was made with other costs than those of now."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def fault(password: str, email: str) -> str:
    """Why this may not be somebody's password; empty when it may."""
    lower, name = password.lower(), email.partition("@")[0]
    if len(password) < SHORTEST:
        return f"A password has {SHORTEST} characters or more."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    if lower in WEAK or len(set(lower)) < 5 or (len(name) > 3 and name in lower):
        return "This is too easy to guess: no name, no row of the same letters, nothing from a list."
    return ""


def made_up() -> str:
    """A password to hand over once: 80 bits, easy to read out."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
