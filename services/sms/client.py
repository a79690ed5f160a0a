"""Africa's Talking's SMS API: one message to one number, and what came of it.

    POST /version1/messaging   header apiKey; form: username, to, message, from, bulkSMSMode=1

The answer is HTTP 201 and says for each recipient what became of it; a wrong sender is a 201 without
recipients. There is no idempotency key: whatever may have arrived must not be sent again. So an outcome is
one of three, and only `Refused` is certain that nothing was sent.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

import httpx
import orjson

from services.sms.settings import SmsSettings
from ussd_engine.observe import tracing

PATH = "/version1/messaging"
ACCEPTED = frozenset({100, 101, 102})
OPTED_OUT = 406
# Per-recipient codes after which another try may do: risk hold, no balance, their faults.
PASSING = frozenset({401, 405, 500, 501, 502})
# No byte of the request left us.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
MOST_ANSWER = 64 * 1024  # characters

_COST = re.compile(r"KES ([0-9]+(?:\.[0-9]+)?)")


@dataclass(slots=True, frozen=True)
class Accepted:
    """The gateway took it. cost_cents is rounded up to the cent."""

    provider_id: str
    code: int
    cost_cents: int


@dataclass(slots=True, frozen=True)
class Refused:
    """Nothing was sent. again: it may be taken another time. code: the gateway's or HTTP's, 0 for none."""

    code: int
    reason: str
    again: bool


@dataclass(slots=True, frozen=True)
class Unknown:
    """It may have been sent. It must not be sent again."""

    reason: str


Outcome = Accepted | Refused | Unknown


class AfricasTalking:
    """The gateway, over an HTTP client that is shared and kept."""

    def __init__(self, http: httpx.AsyncClient, settings: SmsSettings) -> None:
        self._http = http
        self._settings = settings

    async def send(self, msisdn: str, text: str) -> Outcome:
        """Send a text to a number, once. Raises nothing that the gateway or the network does."""
        chosen = self._settings
        form = {"username": chosen.username, "to": f"+{msisdn}", "message": text, "bulkSMSMode": "1"}
        if chosen.sender_id:
            form["from"] = chosen.sender_id
        headers = {"apiKey": chosen.api_key.get_secret_value(), "Accept": "application/json"}
        patience = httpx.Timeout(chosen.timeout_s, connect=chosen.connect_timeout_s)
        try:
            with tracing.span("sms send", "client"):
                response = await self._http.post(
                    chosen.url + PATH, data=form, headers=headers, timeout=patience
                )
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            return Refused(0, type(error).__name__, again=True)  # no byte left us
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        return outcome_of(response.status_code, response.text[:MOST_ANSWER])


def outcome_of(status: int, body: str) -> Outcome:
    """What an HTTP answer means."""
    if status in (401, 403, 429):
        return Refused(status, f"HTTP {status}", again=True)
    if 400 <= status < 500:
        return Refused(status, f"HTTP {status}", again=False)
    if not 200 <= status < 300:
        return Unknown(f"HTTP {status}")
    try:
        data = orjson.loads(body)["SMSMessageData"]
        recipients = data["Recipients"]
        if not recipients:
            return Refused(0, str(data["Message"])[:80], again=False)
        return _of_recipient(recipients[0])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return Unknown(f"HTTP {status} that makes no sense")


def _of_recipient(told: dict[str, Any]) -> Outcome:
    code, status = int(told["statusCode"]), str(told.get("status", ""))[:80]
    if code not in ACCEPTED:
        return Refused(code, status, again=code in PASSING)
    provider_id = str(told["messageId"])
    if not provider_id or provider_id == "None":
        return Unknown("accepted without an id")
    return Accepted(provider_id[:100], code, cost_cents(str(told.get("cost", ""))))


def cost_cents(text: str) -> int:
    """`KES 0.8000` as cents, rounded up; what is not of that form costs 0."""
    found = _COST.fullmatch(text.strip())
    if found is None:
        return 0
    return int((Decimal(found[1]) * 100).to_integral_value(ROUND_CEILING))
