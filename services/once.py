"""Doing a thing once: the answer to a press is kept under the press's key, in the effect's transaction.

The first caller of a key inserts its row and does the work. A second one, at the same time or a week
later, waits for that transaction by PostgreSQL's own unique index, then reads the answer. If the first
dies before commit, both row and effect are gone, and the second does the work.

The request's hash is keyed with the service's secret, because a PIN is part of the request.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from services import failpoints
from ussd_engine.actions import Call, Outcome

CLAIM = """
insert into action_result (key, action, request_hash, checkpoint)
values ($1, $2, $3, $4)
on conflict (key) do nothing
returning key
"""

READ = """
select action, request_hash, outcome
from action_result
where key = $1
"""

RECORD = """
update action_result
set outcome = $2
where key = $1
"""

# The next key after every one that begins with the prefix: ';' follows ':' in the "C" collation. A
# checkpoint that was forgotten (services/tasks/upkeep.py) is no place to go on from.
OF_SESSION = """
select checkpoint, outcome
from action_result
where key >= $1 || ':'
and key < $1 || ';'
and checkpoint <> '{}'
order by created_at desc
limit 50
"""


class KeyReused(Exception):
    """The idempotency key was used before, for another request. Nothing was done."""


def request_hash(secret: bytes, call: Call, action: str, arguments: Mapping[str, Any]) -> bytes:
    """What must be equal when a key comes again."""
    request = [action, call.service, call.msisdn, sorted(arguments.items())]
    return hmac.digest(secret, b"request:" + orjson.dumps(request), hashlib.sha256)


async def once(
    pool: Any,
    secret: bytes,
    call: Call,
    action: str,
    arguments: Mapping[str, Any],
    effect: Callable[[Any], Awaitable[Outcome]],
) -> Outcome:
    """Run `effect(connection)` in a transaction that also keeps its outcome; or give the kept one."""
    digest = request_hash(secret, call, action, arguments)
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(CLAIM, call.key, action, digest, _json(call.checkpoint)) is None:
            return _kept(await connection.fetchrow(READ, call.key), action, digest)
        outcome = await effect(connection)
        await connection.execute(RECORD, call.key, _dump(outcome))
        failpoints.here("effect.written")
    failpoints.here("effect.kept")
    return outcome


async def effects_of(pool: Any, gateway: str, session_id: str) -> list[tuple[Mapping[str, Any], Outcome]]:
    """A session's effects, newest first: the engine's checkpoint and the outcome of each."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(OF_SESSION, f"{gateway}:{session_id}")
    return [(orjson.loads(row["checkpoint"]), _outcome(row["outcome"])) for row in rows]


def _kept(row: Any, action: str, digest: bytes) -> Outcome:
    if row["action"] != action or not hmac.compare_digest(row["request_hash"], digest):
        raise KeyReused(f"{action} came under the key of another request")
    return _outcome(row["outcome"])


def _outcome(kept: str) -> Outcome:
    return Outcome(**orjson.loads(kept))


def _dump(outcome: Outcome) -> str:
    subscriber = None if outcome.subscriber is None else dict(outcome.subscriber)
    return _json({"name": outcome.name, "value": outcome.value, "subscriber": subscriber})


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
