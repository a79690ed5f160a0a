"""Where M-Pesa calls back: `/api/v1/cb/<token>/<kind>[/<our id>]`, and the older `/api/v1/mpesa-callback`.

Callbacks are not signed. What is believed comes from an address of the list, and knows the token. It is
stored as it came before it is answered, and processed later (inbox.py); so an answer takes one insert.
The older path may carry the token as `?token=`. What comes there without it is kept, and no money is booked
by it: the prompt it speaks of is asked about.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import web

from services import alerts, failpoints
from services.mpesa import inbox, repayments, told
from services.mpesa.settings import OLDER_PATH, MpesaSettings
from ussd_engine.errors import GatewayError
from ussd_engine.gateways.http import read_body
from ussd_engine.gateways.routes import caller_of
from ussd_engine.observe.logs import mask
from ussd_engine.settings import Settings

PATH = "/api/v1/cb/{token}/{kind}"
VALIDATION = "validation"
VALIDATION_S = 4.0  # M-Pesa waits 8; then it takes the payment
STORE_S = 10.0
MOST_REF = 40

ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}
CONFIRMED = {"ResultCode": 0, "ResultDesc": "Success"}
NOT_STORED = {"ResultCode": 1, "ResultDesc": "Try again"}
VALID = {"ResultCode": "0", "ResultDesc": "Accepted"}
WRONG_ACCOUNT = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}
WRONG_AMOUNT = {"ResultCode": "C2B00013", "ResultDesc": "Rejected"}

log = structlog.get_logger("umoja.mpesa")


@dataclass(slots=True, frozen=True)
class Desk:
    """What the routes work with; the pool is there once the service has started."""

    settings: Settings
    mpesa: MpesaSettings
    pool: Any

    @property
    def token(self) -> bytes:
        """What a caller must know."""
        return self.mpesa.token(self.settings.secret.get_secret_value().encode()).encode()


def routes(desk: Callable[[], Desk]) -> list[web.RouteDef]:
    """The routes. desk is asked at each request."""

    async def callback(request: web.Request) -> web.StreamResponse:
        return await _guarded(desk(), request, _callback)

    async def older(request: web.Request) -> web.StreamResponse:
        return await _guarded(desk(), request, _older)

    return [web.post(PATH, callback), web.post(f"{PATH}/{{ref}}", callback), web.post(OLDER_PATH, older)]


async def _guarded(desk: Desk, request: web.Request, take: Any) -> web.StreamResponse:
    """Only for whom the list names. What goes wrong is logged without the path: it holds the token."""
    caller = caller_of(request, desk.settings.trusted_proxies)
    if not _listed(caller, desk.mpesa):
        alerts.tell(log, "callback_from_a_stranger", caller=caller)
        return _answer({"ResultCode": 1, "ResultDesc": "Forbidden"}, 403)
    try:
        body = await read_body(request, desk.mpesa.max_callback, desk.settings.read_timeout_s)
        answer: web.StreamResponse = await take(desk, request, body)
    except GatewayError as error:
        return _answer({"ResultCode": 1, "ResultDesc": str(error)}, error.status)
    except Exception as error:
        log.exception("callback_not_stored", error=type(error).__name__)
        return _answer(NOT_STORED, 503)
    return answer


async def _callback(desk: Desk, request: web.Request, body: bytes) -> web.StreamResponse:
    if not hmac.compare_digest(request.match_info["token"].encode(), desk.token):
        alerts.tell(log, "callback_with_a_wrong_token")
        return _answer({"ResultCode": 1, "ResultDesc": "Not found"}, 404)
    kind, ref = request.match_info["kind"], request.match_info.get("ref", "")
    if kind == VALIDATION:
        return _answer(await _validated(desk, body))
    if kind not in inbox.KINDS or len(ref) > MOST_REF or "\x00" in ref:
        return _answer({"ResultCode": 1, "ResultDesc": "Not found"}, 404)
    await _store(desk, kind, ref, body)
    return _answer(CONFIRMED if kind == "confirmation" else ACCEPTED)


async def _older(desk: Desk, request: web.Request, body: bytes) -> web.StreamResponse:
    token = request.query.get("token", "")
    proven = hmac.compare_digest(token.encode(), desk.token)
    await _store(desk, kind_of(body) if proven else "older", "", body)
    return _answer(ACCEPTED)


def kind_of(body: bytes) -> str:
    """What a callback is, by its shape."""
    try:
        held = told.document(body)
        if "TransID" in held:
            return "confirmation"
        if "Body" in held:
            return "stk"
        values = told.result(held).values
    except told.ToldError:
        return "older"
    if "AccountBalance" in values:
        return "balance"
    return "status" if "TransactionStatus" in values else "b2c"


async def _store(desk: Desk, kind: str, ref: str, body: bytes) -> None:
    failpoints.here("callback.storing")
    async with asyncio.timeout(STORE_S), desk.pool.acquire() as connection, connection.transaction():
        await inbox.store(connection, kind, ref, body)
    failpoints.here("callback.stored")


async def _validated(desk: Desk, body: bytes) -> Mapping[str, str]:
    """Whether to take a payment. When in doubt it is taken: money that came can be sent back."""
    try:
        payment = told.paid(told.document(body))
    except told.ToldError as error:
        return WRONG_AMOUNT if "amount" in str(error) else VALID
    if not desk.mpesa.refuse_unknown_accounts:
        return VALID
    try:
        async with asyncio.timeout(VALIDATION_S), desk.pool.acquire() as connection:
            known = await repayments.whose(connection, payment.account) is not None
    except Exception as error:
        log.warning("validation_skipped", error=type(error).__name__)
        return VALID
    if not known:
        log.info("payment_refused", payer=mask(payment.payer))
    return VALID if known else WRONG_ACCOUNT


def _listed(caller: str, settings: MpesaSettings) -> bool:
    try:
        address = ipaddress.ip_address(caller)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in settings.callback_networks)


def _answer(held: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(held), status=status, content_type="application/json")
