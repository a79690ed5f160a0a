"""An operation done: the rate limit, the permission, the handler, its transaction, what is kept of it.

A change runs in one transaction with the audit's rows and, under an Idempotency-Key, its reply. When
PostgreSQL has chosen it as a deadlock's victim it is run once more. HTTP (dispatch.py) and the pages of
this process come in here.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from services import failpoints
from services.api import audit, idempotency, reading
from services.api.calls import NOBODY, Change, Identity, Read, Stream
from services.api.desk import Desk
from services.api.faults import RACES, problem_of
from services.api.operation import Limit, Operation
from services.api.permissions import Permission
from services.api.problems import FORBIDDEN, NEW_PASSWORD, TOO_MANY, UNKNOWN_CALLER, Problem
from ussd_engine.gateways.routes import request_ids

IDS = request_ids()


@dataclass(slots=True, frozen=True)
class Asked:
    """A request that was read: what a handler needs of it, and the key it is kept under."""

    who: Identity
    request_id: str
    caller: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: BaseModel | None = None
    body: BaseModel | None = None
    key: str = ""  # Idempotency-Key


@dataclass(slots=True)
class Done:
    """What came of it. `body` is the answer as JSON; `stream` is there instead for an export."""

    status: int
    answer: BaseModel | None
    body: bytes = b""
    stream: Stream | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    replayed: bool = False


async def perform(  # noqa: PLR0913 - the parts of a request
    desk: Desk,
    operation: Operation,
    who: Identity,
    *,
    caller: str,
    request_id: str = "",
    path: Mapping[str, Any] | None = None,
    query: BaseModel | Mapping[str, Any] | None = None,
    body: BaseModel | Mapping[str, Any] | None = None,
    key: str = "",
    limit: Limit | None = None,
) -> Done:
    """Do for a page what the API does: the same limits, permissions, audit and replies. The page has proved
    who asks and, for a change, where from (identity.proven, csrf.require). limit: the class that is counted,
    when it is not the operation's own. Raises Problem."""
    try:
        taken = await admit(desk, operation, who, caller, limit)
        asked = Asked(
            who,
            request_id or next(IDS),
            caller,
            path or {},
            reading.given(operation.query, query),
            reading.given(operation.body, body),
            idempotency.key_of(key or None),
        )
        done = await run(desk, operation, asked)
    except Problem:
        raise
    except Exception as error:
        raise problem_of(error) from error
    done.headers += taken
    return done


async def run(desk: Desk, operation: Operation, asked: Asked) -> Done:
    """Run the handler of a request that is admitted and read."""
    async with asyncio.timeout(desk.api.request_s):
        if not operation.changes:
            call = Read(desk, asked.who, asked.request_id, asked.caller)
            return _done(operation, call, await operation.handler(call, **_arguments(operation, asked)))
        try:
            return await _change(desk, operation, asked)
        except RACES:
            return await _change(desk, operation, asked)


async def _change(desk: Desk, operation: Operation, asked: Asked) -> Done:
    """In one transaction: the effect, the rows of the audit, the reply."""
    once = _once(desk, operation, asked)
    async with desk.acquire() as connection:
        async with connection.transaction():
            if once is not None and (kept := await once.kept(connection)) is not None:
                return _again(operation, kept)
            call = Change(desk, asked.who, asked.request_id, asked.caller, connection, _effect_key(once))
            done = _done(operation, call, await operation.handler(call, **_arguments(operation, asked)))
            await _write_audit(operation, asked, call)
            if once is not None and done.stream is None:
                await once.keep(connection, done.status, done.body)
            failpoints.here("api.changed")
        failpoints.here("api.committed")
        if desk.kept is not None:
            await desk.kept.catch_up(connection)
    if call.stale and desk.cache is not None:
        await desk.cache.forget(*call.stale)
    return done


def _once(desk: Desk, operation: Operation, asked: Asked) -> idempotency.Once | None:
    if not asked.key or operation.method == "GET" or asked.who is NOBODY:
        return None
    said = [held.model_dump_json(exclude_unset=True) if held else "" for held in (asked.query, asked.body)]
    parts = [
        operation.method,
        operation.path,
        *(f"{name}={value}" for name, value in asked.path.items()),
        *said,
    ]
    request = idempotency.digest(*(part.encode() for part in parts))
    return idempotency.Once(asked.who.ref, asked.key, request, desk.secret)


def _effect_key(once: idempotency.Once | None) -> str:
    """Unique for this request, or for all that come under its key; 36 characters."""
    parts = (once.caller, once.key) if once is not None else ("", secrets.token_hex(16))
    return "api:" + idempotency.digest(*(part.encode() for part in parts)).hex()[:32]


async def _write_audit(operation: Operation, asked: Asked, call: Change) -> None:
    where = "/".join(str(value) for value in asked.path.values())
    rows = call.audited or [audit.Audited(where or operation.path.strip("/"), {}, {})]
    by = audit.By(asked.who.name, asked.who.kind, operation.name, asked.caller, asked.request_id)
    await audit.write(call.connection, by, rows)


def _arguments(operation: Operation, asked: Asked) -> dict[str, Any]:
    found = dict(asked.path)
    if operation.query is not None:
        found["query"] = asked.query
    if operation.body is not None:
        found["body"] = asked.body
    return found


def _done(operation: Operation, call: Read, value: Any) -> Done:
    if isinstance(value, Stream):
        return Done(operation.status, None, stream=value, headers=call.headers)
    assert value is None or isinstance(value, BaseModel), f"{operation.name} answers with a {type(value)}"
    body = b"" if value is None else value.__pydantic_serializer__.to_json(value, by_alias=True)
    return Done(204 if value is None else operation.status, value, body, headers=call.headers)


def _again(operation: Operation, kept: idempotency.Kept) -> Done:
    answer = operation.answer.model_validate_json(kept.body) if operation.answer and kept.body else None
    return Done(kept.status, answer, kept.body, headers=[(idempotency.REPLAYED, "true")], replayed=True)


async def admit(
    desk: Desk, operation: Operation, who: Identity, caller: str, limit: Limit | None = None
) -> list[tuple[str, str]]:
    """Raise Problem unless they may ask this now; headers of the rate limit. Of nobody the address counts."""
    taken: list[tuple[str, str]] = []
    if desk.limiter is not None:
        told = await desk.limiter.take(
            limit or operation.limit, f"address:{caller}" if who is NOBODY else who.ref
        )
        taken = list(told.headers.items())
        if told.retry_after_s is not None:
            wait = {"Retry-After": str(max(1, round(told.retry_after_s)))}
            raise TOO_MANY.of("Too many requests. Wait a moment.", headers=dict(taken) | wait)
    if operation.may is None:
        return taken
    if who is NOBODY:
        raise UNKNOWN_CALLER.of("Send an access token or an API key.", headers=dict(taken))
    if who.new_password and operation.may is not Permission.OWN:
        raise NEW_PASSWORD.of("Somebody else set your password. Change it first.", headers=dict(taken))
    if not who.may(operation.may):
        raise FORBIDDEN.of(f"This needs the permission {operation.may}.", headers=dict(taken))
    return taken
