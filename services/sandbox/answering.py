"""How a request is answered, and the faults that strike it on its way in and out.

An API is a plain function of the sandbox and the request's fields. It checks, records, schedules what
follows, and returns the answer; or it raises RefusalError, and nothing was done. What the network then
makes of the answer is decided here.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from services.sandbox import numbers
from services.sandbox.core import Sandbox
from services.sandbox.faults import REQUEST, Fault
from services.sandbox.records import Call
from services.sandbox.refusals import NAMED, Refusal, RefusalError

SECRET_FIELDS = frozenset({"Password", "SecurityCredential"})
PHONE_FIELDS = ("PhoneNumber", "PartyB", "Msisdn", "PartyA", "to")
LOOK_S = 0.1

Body = dict[str, Any]
Api = Callable[[Sandbox, Body], Body]
Tell = Callable[[Refusal], web.Response]


def envelope(refusal: Refusal) -> web.Response:
    """An error as Daraja tells it."""
    if refusal.page:
        return web.Response(status=refusal.status, text=refusal.page, content_type="text/html")
    body = {
        "requestId": f"{secrets.token_hex(2)}-{secrets.randbelow(10**8):08d}-1",
        "errorCode": refusal.code,
        "errorMessage": refusal.message,
    }
    return as_json(body, refusal.status)


def as_json(body: Any, status: int = 200) -> web.Response:
    """A JSON answer. Without a charset: Africa's Talking's client compares the content type as a whole."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


async def answer(
    box: Sandbox,
    request: web.Request,
    kind: str,
    api: Api,
    body: Any,
    *,
    status: int = 200,
    tell: Tell = envelope,
) -> web.Response:
    """Carry the request out, unless a fault comes before; then answer it, unless a fault comes between."""
    fault = box.faults.take(REQUEST, kind, phone_in(body))
    if fault is not None and not fault.fields["accepted"]:
        response = _spoiled(fault, tell)
    else:
        try:
            response = as_json(api(box, body), status)
        except RefusalError as error:
            response, fault = tell(error.refusal), None
        if fault is not None and fault.do == "refuse":
            response = _spoiled(fault, tell)
    _note(box, request, kind, body, response)
    if fault is not None and fault.do == "hang":
        await _hang(box, request, fault.fields["seconds"])
    if fault is not None and fault.do == "reset" and request.transport is not None:
        request.transport.abort()
    return response


def phone_in(body: Any) -> str:
    """Whose request it is, for the faults of one phone."""
    if not isinstance(body, dict):
        return ""
    said = (str(body.get(name, "")).lstrip("+") for name in PHONE_FIELDS)
    return next((value for value in said if value.startswith("254")), "")


def _spoiled(fault: Fault, tell: Tell) -> web.Response:
    """The answer of a fault; of one that cuts or holds the connection, an error nobody may see."""
    return tell(NAMED[fault.fields.get("error", "internal")])


def _note(box: Sandbox, request: web.Request, kind: str, body: Any, response: web.Response) -> None:
    shown = {
        name: "[left out]" if name in SECRET_FIELDS else value
        for name, value in (body.items() if isinstance(body, dict) else ())
    }
    told: dict[str, Any] = {}
    if response.content_type == "application/json" and isinstance(response.body, bytes):
        told = orjson.loads(response.body)
        if "access_token" in told:
            told["access_token"] = "[left out]"  # noqa: S105
    at = numbers.compact(box.now())
    box.calls.append(Call(at, kind, request.path, response.status, shown, told))


async def _hang(box: Sandbox, request: web.Request, seconds: float) -> None:
    """Say nothing for so many seconds of the world's time, until the client has gone, or we stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0 and not box.closing.is_set():
        if request.transport is None or request.transport.is_closing():
            return
        try:
            await asyncio.wait_for(box.closing.wait(), min(left, LOOK_S))
        except TimeoutError:
            continue
