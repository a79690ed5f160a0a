"""Daraja, as a client: one method a request, and an Outcome for each. Nothing here is sent a second time,
but for a request that was refused because of its token: that one was not looked at.

What is logged is the request's name, its outcome and how long it took: no field of it, no secret.
"""

import base64
import logging
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import httpx
import structlog
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from services import clock
from services.mpesa import credential
from services.mpesa.outcomes import INVALID_TOKEN, Accepted, Outcome, Refused, Unknown, Unsent
from services.mpesa.settings import MpesaSettings
from services.mpesa.token import Tokens
from ussd_engine.observe import tracing
from ussd_engine.redis_clients import client as redis_client

# It logs every URL at INFO, and ours for callbacks hold the token.
logging.getLogger("httpx").setLevel(logging.WARNING)

log = structlog.get_logger("umoja.mpesa")

Body = dict[str, Any]

PAY_BILL = "CustomerPayBillOnline"
ORGANISATION = "4"  # an identifier's type: a shortcode
BY_SHORTCODE = "11"
GOOD = ("0",)
PULLED = ("1000", "1001")  # 1001: nothing there; and, when registering: registered before

# A breaker lives longer than a client: a task makes its own client each time.
_breakers: dict[str, AsyncCircuitBreakerFactory] = {}


class _Trouble(Exception):
    """Tells the breaker that the other side is not well."""


@dataclass(slots=True)
class Daraja:
    """One client for one event loop. `async with opened(…) as daraja`."""

    settings: MpesaSettings
    http: httpx.AsyncClient
    token_in_path: str  # of our callbacks
    tokens: Tokens = field(init=False)
    redis: Any = None
    _credential: str = ""

    def __post_init__(self) -> None:
        key = self.settings.consumer_key.get_secret_value()
        self.tokens = Tokens(self.redis, key, self._fetch_token)

    # -- what moves money ----------------------------------------------------------------------

    async def pay_out(self, originator_id: str, msisdn: str, amount_cents: int, remarks: str) -> Outcome:
        """B2C v3. Whole shillings. An originator's id is taken once: use one for one payout, for ever."""
        body = {
            "OriginatorConversationID": originator_id,
            "InitiatorName": self.settings.initiator_name,
            "SecurityCredential": self.sealed(),
            "CommandID": "BusinessPayment",
            "Amount": str(_shillings(amount_cents)),
            "PartyA": self.settings.payout_shortcode,
            "PartyB": msisdn,
            "Remarks": remarks,
            "QueueTimeOutURL": self.callback("b2c_late", originator_id),
            "ResultURL": self.callback("b2c", originator_id),
            "Occassion": remarks,
        }
        return await self._post("b2c", "/mpesa/b2c/v3/paymentrequest", body)

    async def prompt(self, ref: str, msisdn: str, amount_cents: int, account: str) -> Outcome:
        """STK push: ask a phone to pay the paybill. `ref` is ours, for the callback's path."""
        stamp = _stamp(clock.now())
        body = {
            "BusinessShortCode": self.settings.paybill,
            "Password": self._password(stamp),
            "Timestamp": stamp,
            "TransactionType": PAY_BILL,
            "Amount": str(_shillings(amount_cents)),
            "PartyA": msisdn,
            "PartyB": self.settings.paybill,
            "PhoneNumber": msisdn,
            "CallBackURL": self.callback("stk", ref),
            "AccountReference": account[:12],
            "TransactionDesc": "Loan payment",
        }
        return await self._post("stk", "/mpesa/stkpush/v1/processrequest", body)

    async def reverse(self, ref: str, receipt: str, amount_cents: int) -> Outcome:
        """Send back a payment to the paybill."""
        body = self._asking("TransactionReversal", "reversal", ref) | {
            "TransactionID": receipt,
            "Amount": str(_shillings(amount_cents)),
            "ReceiverParty": self.settings.paybill,
            "RecieverIdentifierType": BY_SHORTCODE,  # sic
        }
        return await self._post("reversal", "/mpesa/reversal/v1/request", body)

    # -- what only asks ------------------------------------------------------------------------

    async def prompt_status(self, checkout_id: str) -> Outcome:
        """What became of a prompt. It brings no receipt: no money is booked by it."""
        stamp = _stamp(clock.now())
        body = {
            "BusinessShortCode": self.settings.paybill,
            "Password": self._password(stamp),
            "Timestamp": stamp,
            "CheckoutRequestID": checkout_id,
        }
        return await self._post("stk_status", "/mpesa/stkpushquery/v1/query", body)

    async def payment_status(self, originator_id: str) -> Outcome:
        """Ask what became of a payout; the answer is called back, under the same id in the path."""
        body = self._asking("TransactionStatusQuery", "status", originator_id) | {
            "TransactionID": "",
            "OriginalConversationID": originator_id,
            "PartyA": self.settings.payout_shortcode,
            "IdentifierType": ORGANISATION,
            "Occasion": originator_id,
        }
        return await self._post("status", "/mpesa/transactionstatus/v1/query", body)

    async def balances(self, ref: str) -> Outcome:
        """Ask what our accounts hold; the answer is called back."""
        body = self._asking("AccountBalance", "balance", ref) | {
            "PartyA": self.settings.payout_shortcode,
            "IdentifierType": ORGANISATION,
        }
        return await self._post("balance", "/mpesa/accountbalance/v1/query", body)

    async def register_paybill(self) -> Outcome:
        """Say where payments to the paybill are told (C2B v2)."""
        body = {
            "ShortCode": self.settings.paybill,
            "ResponseType": "Completed",  # when we do not answer in time, the payment is taken
            "ConfirmationURL": self.callback("confirmation"),
            "ValidationURL": self.callback("validation"),
        }
        return await self._post("c2b_register", "/mpesa/c2b/v2/registerurl", body)

    async def register_pull(self) -> Outcome:
        """Say that we will ask for the paybill's transactions."""
        body = {
            "ShortCode": self.settings.paybill,
            "RequestType": "Pull",
            "NominatedNumber": self.settings.nominated_number,
            "CallBackURL": self.callback("pull"),
        }
        return await self._post("pull_register", "/pulltransactions/v1/register", body, PULLED)

    async def pull(self, since: datetime, until: datetime, offset: int) -> Outcome:
        """The paybill's transactions between two moments of the last 48 hours, a page from that row on."""
        body = {
            "ShortCode": self.settings.paybill,
            "StartDate": _moment(since),
            "EndDate": _moment(until),
            "OffSetValue": str(offset),
        }
        return await self._post("pull", "/pulltransactions/v1/query", body, PULLED)

    def callback(self, kind: str, ref: str = "") -> str:
        """Our own address for what Daraja will tell."""
        path = f"{self.settings.callback_url}/api/v1/cb/{self.token_in_path}/{kind}"
        return f"{path}/{ref}" if ref else path

    # -- parts ---------------------------------------------------------------------------------

    def _asking(self, command: str, kind: str, ref: str) -> Body:
        return {
            "Initiator": self.settings.initiator_name,
            "SecurityCredential": self.sealed(),
            "CommandID": command,
            "ResultURL": self.callback(kind, ref),
            "QueueTimeOutURL": self.callback(f"{kind}_late", ref),
            "Remarks": "OK",
        }

    def sealed(self) -> str:
        """The security credential, made once. Raises SettingsError: so ask for it before you note that a call
        is about to be made, or one that never left would count as one whose answer is unknown."""
        if not self._credential:
            password = self.settings.initiator_password.get_secret_value()
            self._credential = credential.sealed(password, self.settings.certificate)
        return self._credential

    def _password(self, stamp: str) -> str:
        """The shortcode, the passkey and the very same timestamp."""
        plain = f"{self.settings.paybill}{self.settings.passkey.get_secret_value()}{stamp}"
        return base64.b64encode(plain.encode()).decode()

    async def _post(self, name: str, path: str, body: Body, good: tuple[str, ...] = GOOD) -> Outcome:
        began = time.monotonic()
        with tracing.span(f"daraja {name}", "client"):
            outcome = await self._guarded(name, path, body, good)
        log.info(
            "mpesa_request",
            name=name,
            outcome=type(outcome).__name__,
            code=getattr(outcome, "code", ""),
            why=getattr(outcome, "why", ""),
            seconds=round(time.monotonic() - began, 3),
        )
        return outcome

    async def _guarded(self, name: str, path: str, body: Body, good: tuple[str, ...]) -> Outcome:
        """Behind the breaker: when it is open nothing is sent, so nothing was done."""
        outcome: Outcome = Unsent("circuit open")
        try:
            async with await self._breaker(name):
                outcome = await self._authorised(path, body, good)
                if isinstance(outcome, Unknown | Unsent) and not getattr(outcome, "code", ""):
                    raise _Trouble
        except (_Trouble, OpenedState):
            pass
        return outcome

    async def _breaker(self, name: str) -> Any:
        """One a kind of request: that queries fail says little about payouts."""
        found = _breakers.get(self.settings.url)
        if found is None:
            found = _breakers[self.settings.url] = AsyncCircuitBreakerFactory()
        limits = self.settings.failures_to_open, self.settings.open_s
        return await found.get_breaker(name, *limits)

    async def _authorised(self, path: str, body: Body, good: tuple[str, ...]) -> Outcome:
        """With a token; with a fresh one once more, if it was the token that was refused."""
        refused = ""
        for _ in range(2):
            try:
                token = await self.tokens.get(refused)
            except (httpx.HTTPError, TimeoutError, ValueError) as error:
                return Unsent(f"no token: {type(error).__name__}")
            outcome = await self._send(path, body, token, good)
            if not (isinstance(outcome, Refused) and outcome.code in INVALID_TOKEN):
                return outcome
            refused = token
        return Unsent("the token is refused, and so is a new one")

    async def _send(self, path: str, body: Body, token: str, good: tuple[str, ...]) -> Outcome:
        try:
            answer = await self.http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Unsent(type(error).__name__)  # no connection, so not a byte left
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        return understood(answer, good)

    async def _fetch_token(self) -> tuple[str, float]:
        """Raises httpx.HTTPError, or ValueError for an answer without a token."""
        key, secret = (
            held.get_secret_value() for held in (self.settings.consumer_key, self.settings.consumer_secret)
        )
        query = {"grant_type": "client_credentials"}
        answer = await self.http.get("/oauth/v1/generate", params=query, auth=(key, secret))
        answer.raise_for_status()
        held = _json(answer)
        token = held.get("access_token")
        if not isinstance(token, str) or not token:
            raise ValueError("an answer without a token")
        return token, float(held.get("expires_in") or 0)  # a number, or text


def understood(answer: httpx.Response, good: tuple[str, ...]) -> Outcome:
    """Daraja's answer. Success is a 200 with a code of `good`; an error with 200 is no success."""
    held = _json(answer)
    code = str(held.get("errorCode") or "")
    if answer.status_code == 200 and not code:
        said = str(held.get("ResponseCode", held.get("ResponseStatus", "")))
        return Accepted(held) if said in good else Unknown(f"answer {said or 'without a code'}")
    if 400 <= answer.status_code < 500 and code:
        return Refused(code, str(held.get("errorMessage") or "")[:200])
    return Unknown(f"HTTP {answer.status_code}", code)


@lru_cache
def _tls() -> ssl.SSLContext:
    """Whom we trust, read once: that takes 20 ms of a core, and each task has a client of its own. A
    connection that was kept open could be closed as we ask for a payout, and then we would not know."""
    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def opened(settings: MpesaSettings, secret: bytes, redis_url: str) -> AsyncIterator[Daraja]:
    """A client, closed afterwards. secret: the service's."""
    redis = redis_client(redis_url)
    timeout = httpx.Timeout(settings.timeout_s, connect=settings.connect_timeout_s)
    limits = httpx.Limits(
        max_connections=settings.connections, max_keepalive_connections=settings.connections
    )
    try:
        async with httpx.AsyncClient(
            base_url=settings.url,
            verify=_tls(),
            timeout=timeout,
            limits=limits,
            follow_redirects=False,
            trust_env=False,
        ) as http:
            yield Daraja(settings, http, settings.token(secret), redis=redis)
    finally:
        await redis.aclose()


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        held = answer.json()
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _shillings(cents: int) -> int:
    assert cents > 0, cents
    assert cents % 100 == 0, cents
    return cents // 100


def _stamp(at: datetime) -> str:
    """A moment as M-Pesa writes it, by East Africa's time."""
    return f"{at.astimezone(clock.NAIROBI):%Y%m%d%H%M%S}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(clock.NAIROBI):%Y-%m-%d %H:%M:%S}"
