"""Daraja's HTTP side: OAuth, tokens and paths."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import web

from services.sandbox import b2c, c2b, pull, queries, reversal, stk
from services.sandbox.answering import Api, Body, answer, envelope, phone_in
from services.sandbox.core import Sandbox
from services.sandbox.refusals import (
    BAD_PAYLOAD,
    INVALID_AUTH,
    INVALID_GRANT,
    INVALID_TOKEN,
    METHOD,
    NOT_FOUND,
    RefusalError,
)

TOKEN_LIFE_S = 3599
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

APIS: tuple[tuple[str, str, Api], ...] = (
    ("/mpesa/stkpush/v1/processrequest", "stk", stk.push),
    ("/mpesa/stkpushquery/v1/query", "stk_query", stk.query),
    ("/mpesa/b2c/v1/paymentrequest", "b2c", b2c.pay_v1),
    ("/mpesa/b2c/v3/paymentrequest", "b2c", b2c.pay_v3),
    ("/mpesa/c2b/v1/registerurl", "c2b_register", c2b.register_v1),
    ("/mpesa/c2b/v2/registerurl", "c2b_register", c2b.register_v2),
    ("/mpesa/c2b/v1/simulate", "c2b", c2b.simulate),
    ("/mpesa/c2b/v2/simulate", "c2b", c2b.simulate),
    ("/mpesa/transactionstatus/v1/query", "status", queries.status),
    ("/mpesa/accountbalance/v1/query", "balance", queries.balance),
    ("/mpesa/reversal/v1/request", "reversal", reversal.reverse),
    ("/pulltransactions/v1/register", "pull", pull.register),
    ("/pulltransactions/v1/query", "pull", pull.query),
)
PATHS = frozenset(path for path, _, _ in APIS)


def routes(box: Sandbox) -> list[web.RouteDef]:
    """Every path of Daraja that the sandbox answers; another gets Daraja's own 404 or 405."""
    return [
        web.get("/oauth/v1/generate", _oauth(box)),
        *(web.post(path, _api(box, kind, api)) for path, kind, api in APIS),
        web.route("*", "/{rest:(?:oauth|mpesa|pulltransactions)/.*}", _nothing_here),
    ]


def forget_token(box: Sandbox) -> None:
    """The token that was given out opens nothing any more."""
    box.token, box.token_expires = "", None


def _oauth(box: Sandbox) -> Handler:
    async def generate(request: web.Request) -> web.StreamResponse:
        def give(box: Sandbox, body: Body) -> Body:
            if not _basic_is_right(box, request.headers.get("Authorization", "")):
                raise RefusalError(INVALID_AUTH)
            if body.get("grant_type") != "client_credentials":
                raise RefusalError(INVALID_GRANT)
            box.token = secrets.token_urlsafe(21)  # the one before it is void from now on
            box.token_expires = box.now() + timedelta(seconds=TOKEN_LIFE_S)
            number = box.behaviour.expires_in == "number"
            return {"access_token": box.token, "expires_in": TOKEN_LIFE_S if number else str(TOKEN_LIFE_S)}

        return await answer(box, request, "oauth", give, dict(request.query))

    return generate


def _basic_is_right(box: Sandbox, header: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    right = f"{box.settings.consumer_key}:{box.settings.consumer_secret}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(given, right)


def _api(box: Sandbox, kind: str, api: Api) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body: Any = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            body = None

        def let_in(box: Sandbox, body: Any) -> Body:
            if box.faults.take(("forget_token",), kind, phone_in(body)):
                forget_token(box)
            _check_token(box, request)
            if not isinstance(body, dict):
                raise RefusalError(BAD_PAYLOAD)
            return api(box, body)

        return await answer(box, request, kind, let_in, body)

    return handle


def _check_token(box: Sandbox, request: web.Request) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    fresh = box.token_expires is not None and box.now() < box.token_expires
    right = scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), box.token.encode())
    if not (fresh and right):
        raise RefusalError(INVALID_TOKEN)


async def _nothing_here(request: web.Request) -> web.StreamResponse:
    return envelope(METHOD if request.path in PATHS else NOT_FOUND)
