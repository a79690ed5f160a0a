"""Between aiohttp and an operation: a request read strictly, and an answer whatever happens.

request id → who → CSRF → rate limit → permission → path, query, body → performing.run → answer
"""

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web

from services.api import csrf, headers, idempotency, reading
from services.api.calls import NOBODY, Identity, Stream
from services.api.desk import Desk
from services.api.faults import problem_of
from services.api.identity import proven
from services.api.operation import Operation
from services.api.performing import IDS, Asked, Done, admit, run
from services.api.problems import MALFORMED, SLOW, TOO_LARGE, UNKNOWN_CALLER, Kind, Problem
from ussd_engine.errors import GatewayError
from ussd_engine.gateways.http import read_body
from ussd_engine.gateways.routes import caller_of
from ussd_engine.observe import tracing

log = structlog.get_logger("umoja.api")

_ABOUT = ("user_id", "borrower_id", "loan_id")
_ID = re.compile("[0-9A-Za-z]{1,19}", re.ASCII)
PROBLEM = "application/problem+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_BODY_FAULTS: dict[int, Kind] = {408: SLOW, 413: TOO_LARGE}


def handler_of(
    desk: Callable[[], Desk], operation: Operation
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """What aiohttp calls for an operation. desk is asked at each request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answered(desk(), request, operation.url, lambda seen: _asked_by_http(seen, operation))

    return handle


@dataclass(slots=True)
class Seen:
    """A request on its way, and what is found out about it."""

    desk: Desk
    request: web.Request
    request_id: str
    caller: str
    who: Identity = NOBODY


async def answered(
    desk: Desk, request: web.Request, route: str, answer: Callable[[Seen], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a request whatever happens, and log it in one line without what was sent. route: its pattern."""
    started = time.perf_counter()
    offered = request.headers.get("X-Request-Id", "")
    request_id = offered if REQUEST_ID.fullmatch(offered) else next(IDS)
    seen = Seen(desk, request, request_id, address_of(request, desk))
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            with tracing.span(f"{request.method} {route}", "server", request_id=request_id):
                response = await answer(seen)
        except web.HTTPException:
            raise
        except Exception as error:
            response = problem_response(seen, problem_of(error))
        seconds = time.perf_counter() - started
        if desk.metrics is not None:
            desk.metrics.answered(route, request.method, response.status, seconds)
        log.info("request", method=request.method, route=route, status=response.status,
                 ms=round(seconds * 1000, 1), who=seen.who.name, **about(request))  # fmt: skip
    return response


def about(request: web.Request) -> dict[str, str]:
    """Whom a request was about, for its line in the log: the borrower's or the loan's id in its address, and
    nothing else of it."""
    return {
        name: text
        for name, text in request.match_info.items()
        if name in _ABOUT and _ID.fullmatch(text) is not None
    }


def address_of(request: web.Request, desk: Desk) -> str:
    """Where it came from. A proxy that is trusted may pass on what is no address: that is nowhere."""
    caller = caller_of(request, desk.settings.trusted_proxies)
    try:
        return str(ipaddress.ip_address(caller))
    except ValueError:
        return "unknown"


async def _asked_by_http(seen: Seen, operation: Operation) -> web.StreamResponse:
    desk, request = seen.desk, seen.request
    # Whoever logs in is not asked who they are: a stale cookie must not be in their way.
    proof = None if operation.may is None else await proven(desk, request.headers, request.cookies)
    if proof is not None:
        seen.who = proof.identity
        if proof.by_cookie and request.method not in csrf.SAFE:
            assert seen.who.session_id is not None
            csrf.require(
                desk.secret, seen.who.session_id, request.headers.get(csrf.HEADER, ""), request.headers
            )
    taken = await admit(desk, operation, seen.who, seen.caller)
    done = await run(desk, operation, await _read(seen, operation))
    done.headers += taken
    return await _respond(seen, done)


async def _read(seen: Seen, operation: Operation) -> Asked:
    request = seen.request
    query: dict[str, list[str]] = {}
    for name, text in request.query.items():
        query.setdefault(name, []).append(text)
    wanted = reading.format_of(operation, request.headers.get(hdrs.ACCEPT, ""))
    if wanted is not None:
        query.setdefault("format", [wanted])
    path = reading.path_of(operation, request.match_info)
    asked_query = reading.query_of(operation, query)
    key = idempotency.key_of(request.headers.get(idempotency.HEADER)) if operation.changes else ""
    try:
        content = await read_body(
            request, seen.desk.settings.max_rest_body, seen.desk.settings.read_timeout_s
        )
    except GatewayError as error:
        raise _BODY_FAULTS.get(error.status, MALFORMED).of(f"Refused: {error}.") from None
    body = reading.body_of(operation, request.headers.get(hdrs.CONTENT_TYPE, ""), content)
    return Asked(seen.who, seen.request_id, seen.caller, path, asked_query, body, key)


def _headers(seen: Seen, more: Mapping[str, str] | list[tuple[str, str]]) -> list[tuple[str, str]]:
    found = {"X-Request-Id": seen.request_id, **headers.common(seen.desk.settings.env)}
    found |= headers.cors(seen.desk.api, seen.request.headers.get("Origin"))
    return [*found.items(), *(more.items() if isinstance(more, Mapping) else more)]


async def _respond(seen: Seen, done: Done) -> web.StreamResponse:
    if done.stream is not None:
        return await _streamed(seen, done, done.stream)
    response = web.Response(status=done.status, body=done.body or None)
    if done.body:
        response.content_type = reading.JSON
    response.headers.extend(_headers(seen, done.headers))
    return response


async def _streamed(seen: Seen, done: Done, stream: Stream) -> web.StreamResponse:
    """The first bytes are made before the head goes out: what fails before them is a problem. Later, all
    that can be done is to break off, so that nobody takes half of it for the whole."""
    first = await anext(stream.chunks, b"")
    name = re.sub(r"[^A-Za-z0-9._-]", "-", stream.filename)
    response = web.StreamResponse(status=done.status)
    response.headers.extend(_headers(seen, done.headers))
    response.headers["Content-Type"] = stream.content_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.enable_chunked_encoding()
    await response.prepare(seen.request)
    try:
        await response.write(first)
        async for chunk in stream.chunks:
            await response.write(chunk)
        await response.write_eof()
    except Exception as error:
        log.warning("broken_off", error=type(error).__name__, exc_info=error)
        if seen.request.transport is not None:
            seen.request.transport.abort()
    finally:
        close = getattr(stream.chunks, "aclose", None)
        if close is not None:
            await close()
    return response


def problem_response(seen: Seen, problem: Problem) -> web.Response:
    """The problem as RFC 9457 has it."""
    if seen.desk.metrics is not None:
        seen.desk.metrics.problems.labels(problem.kind.name).inc()
    held: dict[str, Any] = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "request_id": seen.request_id,
    }
    if problem.errors:
        held["errors"] = list(problem.errors)
    response = web.Response(status=problem.kind.status, body=orjson.dumps(held), content_type=PROBLEM)
    response.headers.extend(_headers(seen, problem.headers))
    if problem.kind is UNKNOWN_CALLER:
        response.headers["WWW-Authenticate"] = 'Bearer realm="umoja"'
    if not seen.request.content.is_eof():
        response.force_close()  # what is left of the body is not the next request
    return response
