"""The session record in Redis: load, compare-and-set, expire.

A record is JSON, so that `redis-cli get 'ussd:{2547…}:*384*89598#'` reads it. Its first key is `rev`,
new with every save; a save names the rev it was loaded with, and Redis refuses it when another came
first. The subscriber's profile lies beside it under the same hash tag, so one command loads both.

The text a gateway sends holds PINs, so a record keeps only how much of it was used and a keyed digest.
"""

import asyncio
import hashlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from core_ext.siphash import Keyed
from ussd_engine.errors import StoreError
from ussd_engine.redis_link import ReplyError, fail
from ussd_engine.redis_store import Caller

_SAVE = b"""
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[4] then redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[5]) end
return 1
"""
SAVE_SHA = hashlib.sha1(_SAVE, usedforsecurity=False).hexdigest()

PROCESS = os.urandom(4).hex()
_REVISIONS = itertools.count()
_PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)  # before each new try
_LEAST_S = 0.5  # what Redis has for an answer, also when the time is up
NOW = 0.0  # a deadline that is past
T = TypeVar("T")


@dataclass(slots=True)
class Claim:
    """A turn that is being worked on: which text, and until when (epoch milliseconds)."""

    consumed: int
    digest: str
    until_ms: int


@dataclass(slots=True)
class Session:
    """One phone's session with one service code.

    dialog is what core_ext.dialog.Dialog.dump() gave. consumed and digest say which of the gateway's
    text has been used. reply and more are the last answer, given again to a retry. turn 0 is a session
    that was claimed but has not answered yet. started and seen are epoch milliseconds.
    """

    gateway: str
    session_id: str
    bundle: str
    dialog: dict[str, Any]
    consumed: int = 0
    digest: str = ""
    reply: str = ""
    more: bool = True
    turn: int = 0
    started: int = 0
    seen: int = 0
    claim: Claim | None = None
    rev: str = field(default="", compare=False)


class Sessions:
    """Sessions and profiles of one Redis."""

    def __init__(self, link: Caller, secret: str, largest: int = 4096) -> None:
        """secret keys `digest`, which tells whether two texts of a gateway are equal, and nothing else.
        largest: bytes of a session."""
        self._link = link
        self._largest = largest
        key = hashlib.blake2b(secret.encode(), digest_size=16, person=b"ussd-text").digest()
        self.keyed = Keyed(key)
        self.digest = self.keyed.digest
        self.compares = True  # whether SET does, as far as is known

    async def learn(self) -> None:
        """Ask whether SET compares here (Valkey 8.1, Redis 8.4 and later), so that no turn of the start
        is refused. Who cannot be asked now will refuse then."""
        try:  # there is no such key, so nothing is set
            await self._link.call("SET", "ussd:{compares}", "", "IFEQ", "-", "PX", 1)
        except ReplyError as error:
            self.compares = "syntax error" not in str(error)  # and not: it is full, say
        except StoreError:
            pass

    async def load(
        self, msisdn: str, code: str, service: str, deadline: float = NOW
    ) -> tuple[Session | None, dict[str, Any] | None]:
        """The session, and the profile this service knows; None for what is not there.

        deadline: until when (time.monotonic) Redis is waited for, and a lost connection tried again; once
        when it is past. Raises StoreError.
        """
        keys = f"ussd:{{{msisdn}}}:{code}", f"ussd:{{{msisdn}}}:profile:{service}"
        try:
            session, profile = await self._ask(deadline, "MGET", *keys)
        except ReplyError:
            raise
        except StoreError:  # the connection was lost under it
            session, profile = await _insist(deadline, lambda: self._ask(deadline, "MGET", *keys))
        return (
            _read(session) if session is not None else None,
            orjson.loads(profile) if profile is not None else None,
        )

    async def save(
        self,
        msisdn: str,
        code: str,
        service: str,
        session: Session,
        ttl_s: int,
        profile: dict[str, Any] | None = None,
        profile_ttl_s: int = 600,
        deadline: float = NOW,
    ) -> bool:
        """Store the session in place of the revision it was loaded as (none: there must be none).

        True when it was stored, and `session.rev` is the new one; False when another came first.
        profile is stored with it when given. deadline: as for `load`. Raises StoreError, and ValueError
        past `largest` bytes.
        """
        rev = f"{PROCESS}{next(_REVISIONS):x}"
        value = _write(session, rev)
        if len(value) > self._largest:
            raise ValueError(f"the session takes {len(value)} bytes; the most is {self._largest}")
        expected = f'{{"rev":"{session.rev}"' if session.rev else ""
        key, profile_key = f"ussd:{{{msisdn}}}:{code}", f"ussd:{{{msisdn}}}:profile:{service}"
        alone: tuple[str | bytes | int, ...] = (1, key, expected, value, ttl_s * 1000)
        kept = (orjson.dumps(profile), profile_ttl_s) if profile is not None else ()
        arguments = (2, key, profile_key, *alone[2:], *kept) if kept else alone

        try:
            stored = await self._eval(deadline, arguments)
        except ReplyError as error:
            if not (kept and str(error).startswith("TRYAGAIN")):
                raise
            # A cluster moves this subscriber just now, and its two keys lie on two nodes: one by one, then.
            stored = await _insist(deadline, lambda: self._save_again(deadline, alone, key, rev))
            if stored:
                await self._ask(deadline, "SET", profile_key, kept[0], "EX", kept[1])
        except StoreError:
            stored = await _insist(deadline, lambda: self._save_again(deadline, arguments, key, rev))
        if stored:
            session.rev = rev
        return bool(stored)

    async def forget_profile(self, msisdn: str, service: str) -> None:
        """The profile has changed and could not be stored: it is to be asked for again."""
        await self._link.call("DEL", f"ussd:{{{msisdn}}}:profile:{service}")

    async def _eval(self, deadline: float, arguments: tuple[str | bytes | int, ...]) -> Any:
        try:
            return await self._ask(deadline, "EVALSHA", SAVE_SHA, *arguments)
        except ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            return await self._ask(deadline, "EVAL", _SAVE, *arguments)

    async def _save_again(
        self, deadline: float, arguments: tuple[str | bytes | int, ...], key: str, rev: str
    ) -> bool:
        """After a lost connection, maybe after it had happened: then ours is what is there."""
        return bool(await self._eval(deadline, arguments) or await self._has(deadline, key, rev))

    async def _has(self, deadline: float, key: str | bytes | int, rev: str) -> bool:
        begins = f'{{"rev":"{rev}"'.encode()
        found: bytes = await self._ask(deadline, "GETRANGE", key, 0, len(begins) - 1)
        return found == begins

    async def _ask(self, deadline: float, *command: str | bytes | int) -> Any:
        return await answer_by(deadline, self._link.call(*command))


async def answer_by(deadline: float, asked: "asyncio.Future[Any]") -> Any:
    """Redis' answer by the deadline (time.monotonic), and within half a second when that is past.

    Raises StoreError: a phone is to have its sentence in time, however long Redis takes. (A turn of the
    lane is no task, so asyncio.timeout cannot be used.)
    """
    left = max(_LEAST_S, deadline - time.monotonic())
    timer = asyncio.get_running_loop().call_later(left, fail, asked, "Redis did not answer in time")
    try:
        return await asked
    finally:
        timer.cancel()


async def _insist(deadline: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """Do again what may be done twice: at least once, then until the deadline. Raises StoreError."""
    for pause in _PAUSES_S:
        if pause:
            await asyncio.sleep(pause)
        try:
            return await attempt()
        except ReplyError:
            raise
        except StoreError as error:
            why = error
        if time.monotonic() > deadline:
            break
    raise why


def _write(session: Session, rev: str) -> bytes:
    record: dict[str, Any] = {
        "rev": rev,
        "gateway": session.gateway,
        "id": session.session_id,
        "bundle": session.bundle,
        "turn": session.turn,
        "consumed": session.consumed,
        "digest": session.digest,
        "started": session.started,
        "seen": session.seen,
        "more": session.more,
        "reply": session.reply,
        "dialog": session.dialog,
    }
    if session.claim is not None:
        record["claim"] = session.claim
    return orjson.dumps(record)


def _read(value: bytes) -> Session:
    record = orjson.loads(value)
    claim = record.get("claim")
    return Session(
        record["gateway"],
        record["id"],
        record["bundle"],
        record["dialog"],
        record["consumed"],
        record["digest"],
        record["reply"],
        record["more"],
        record["turn"],
        record["started"],
        record["seen"],
        Claim(**claim) if claim else None,
        record["rev"],
    )
