"""Idempotency-Key: a change that is asked for twice under one key happens once, and is answered alike.

The reply is written in the change's own transaction: both are there, or neither, whenever the process
dies. While a change is under way its key is locked in PostgreSQL; whoever comes meanwhile is told so, and
does not wait. A refusal undoes everything, so it is not kept: the same key may then be used again.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from services.api.problems import CONFLICT, IN_PROGRESS, INVALID, KEY_REUSED

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY = re.compile(r"[!-~]{1,128}")  # what can be seen of ASCII
MOST_REPLY = 1024 * 1024  # bytes; encrypted it is a third longer

LOCK = "select pg_try_advisory_xact_lock($1)"

FIND = """
select request_hash, status, body
from api_reply
where caller = $1
and key = $2
"""

KEEP = """
insert into api_reply (caller, key, request_hash, status, body)
values ($1, $2, $3, $4, $5)
"""

PRUNE = """
delete from api_reply
where (caller, key) in (
    select caller, key
    from api_reply
    where created_at < now() - make_interval(hours => $1)
    order by created_at
    limit $2
)
"""


@dataclass(slots=True, frozen=True)
class Kept:
    """A reply as it was given."""

    status: int
    body: bytes


@dataclass(slots=True, frozen=True)
class Once:
    """A change under a caller's key. request: the digest of what is asked for."""

    caller: str
    key: str
    request: bytes
    secret: bytes

    async def kept(self, connection: Any) -> Kept | None:
        """The reply, when this was done before; None when it is to be done now, inside this transaction.
        Raises IN_PROGRESS and KEY_REUSED."""
        number = hashlib.sha256(f"api reply\n{self.caller}\n{self.key}".encode()).digest()
        if not await connection.fetchval(LOCK, int.from_bytes(number[:8], signed=True)):
            raise IN_PROGRESS.of("A request with this Idempotency-Key is being done.", headers=_SOON)
        row = await connection.fetchrow(FIND, self.caller, self.key)
        if row is None:
            return None
        if not hmac.compare_digest(row["request_hash"], self.request):
            raise KEY_REUSED.of("This Idempotency-Key came with another request before.")
        try:
            return Kept(row["status"], _box(self.secret).decrypt(row["body"]))
        except InvalidToken:  # the service's secret is another one now
            raise CONFLICT.of("This was done. Its answer cannot be read any more.") from None

    async def keep(self, connection: Any, status: int, body: bytes) -> None:
        """Keep the reply, inside the change's transaction."""
        assert len(body) <= MOST_REPLY, f"a change answers with {len(body)} bytes"
        sealed = _box(self.secret).encrypt(body)
        await connection.execute(KEEP, self.caller, self.key, self.request, status, sealed)


def key_of(given: str | None) -> str:
    """The key of a request, or nothing. Raises INVALID."""
    if given is None:
        return ""
    if not KEY.fullmatch(given):
        fault = {"where": f"header.{HEADER}", "what": "must be 1 to 128 visible ASCII characters"}
        raise INVALID.of("The Idempotency-Key is not 1 to 128 visible ASCII characters.", [fault])
    return given


def digest(*parts: bytes) -> bytes:
    """What a request asks for, in 32 bytes."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8) + part)
    return whole.digest()


_SOON = {"Retry-After": "1"}


def _box(secret: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret, b"replies of the api", hashlib.sha256)))
