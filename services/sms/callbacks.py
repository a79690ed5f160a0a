"""Where the gateway tells us what became of messages, and who wants no more of them.

    POST /api/v1/sms/<token>/report     form: id, status, phoneNumber, failureReason, …
    POST /api/v1/sms/<token>/opt-out    form: senderId, phoneNumber

Neither is signed, so the path holds a token. What comes is stored as it is before it is answered, and
processed by a worker. The same report twice is one. Reports come in any order: a later status (by rank)
is kept, an earlier one that comes after it is not.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web

from services import clock, outbox
from services.sms import queries
from services.sms.settings import token
from ussd_engine.errors import GatewayError
from ussd_engine.gateways.http import read_body
from ussd_engine.numbers import msisdn_of
from ussd_engine.settings import Settings

REPORT, OPT_OUT = "report", "opt_out"
KINDS = {"report": REPORT, "opt-out": OPT_OUT}
PATH = "/api/v1/sms/{token}/{kind}"
MOST_BODY, MOST_FIELDS, LONGEST = 8 * 1024, 20, 300  # bytes, fields, characters of each

# A delivery report's status, and how far it is. The last three are final; a phone that has it, has it.
RANKS = {"Sent": 1, "Submitted": 2, "Buffered": 3, "Rejected": 8, "Failed": 8, "Success": 9}
DELIVERED = RANKS["Success"]
FINAL = RANKS["Failed"]
BLACKLISTED = "UserInBlackList"
# A report may be quicker than the answer it is about; and one of a message that is not ours never fits.
AGAIN = timedelta(seconds=30)
KNOWN_WITHIN = timedelta(hours=1)

log = structlog.get_logger("umoja.sms")


@dataclass(slots=True, frozen=True)
class Desk:
    """What the routes work with; the pool is there once the service has started."""

    settings: Settings
    pool: Any


def routes(desk: Callable[[], Desk]) -> list[web.RouteDef]:
    """The route. desk is asked at each request."""

    async def callback(request: web.Request) -> web.StreamResponse:
        return await _take(desk(), request)

    return [web.post(PATH, callback)]


def paths(secret: bytes) -> list[str]:
    """What to enter on the gateway's dashboard, behind the address of this server."""
    return [PATH.format(token=token(secret), kind=kind) for kind in KINDS]


async def _take(desk: Desk, request: web.Request) -> web.Response:
    expected = token(desk.settings.secret.get_secret_value().encode())
    kind = KINDS.get(request.match_info["kind"])
    if not hmac.compare_digest(request.match_info["token"].encode(), expected.encode()) or kind is None:
        log.warning("sms_callback_refused")
        return web.Response(status=404)
    try:
        fields = _form(await read_body(request, MOST_BODY, desk.settings.read_timeout_s))
        key = _key(kind, fields)
    except GatewayError as error:
        return web.Response(status=error.status)
    except ValueError:
        return web.Response(status=400, text="This is no such notice.")
    async with desk.pool.acquire() as connection, connection.transaction():
        await store(connection, kind, key, fields)
    return web.Response(text="OK")


async def store(connection: Any, kind: str, key: str, fields: Mapping[str, str]) -> bool:
    """Keep what came, and ask for its processing, inside the caller's transaction. False when the same
    came before."""
    body = orjson.dumps(fields).decode()
    number = await connection.fetchval(queries.KEEP_CALLBACK, kind, key, body)
    if number is None:
        return False
    await outbox.put(connection, f"sms_callback:{number}", outbox.SMS_CALLBACK, {"callback_id": number})
    return True


async def process(pool: Any, callback_id: int, now: datetime | None = None) -> datetime | None:
    """Process one that was kept. Gives when to come again; None when it is done."""
    now = now or clock.now()
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(queries.LOCK_CALLBACK, callback_id)
        if row is None:
            return None
        fields = orjson.loads(row["body"])
        made = await (_opted_out if row["kind"] == OPT_OUT else _reported)(connection, fields)
        if made is None:
            if now - row["received_at"] < KNOWN_WITHIN:
                return now + AGAIN
            made = "unknown_message"
        await connection.execute(queries.END_CALLBACK, callback_id, made)
    return None


async def _reported(connection: Any, fields: Mapping[str, str]) -> str | None:
    """What a delivery report changed; None when we know no such message, perhaps not yet."""
    sms = await connection.fetchrow(queries.BY_PROVIDER, fields["id"])
    if sms is None:
        return None
    rank, reason = RANKS.get(fields["status"], 0), fields.get("failureReason", "")
    if rank <= sms["report_rank"]:
        return "old"
    if reason == BLACKLISTED:
        await _opted_out(connection, fields, "gateway")
    if rank < FINAL:
        await connection.execute(queries.RANK, sms["id"], rank)
        return "on_its_way"
    state = "delivered" if rank == DELIVERED else "failed"
    await connection.execute(queries.REPORT, sms["id"], state, "" if state == "delivered" else reason, rank)
    return state


async def _opted_out(connection: Any, fields: Mapping[str, str], source: str = "phone") -> str:
    """They want no marketing any more."""
    borrower_id = await connection.fetchval(queries.FIND_BORROWER, msisdn_of(fields["phoneNumber"], "KE"))
    if borrower_id is None:
        return "unknown_number"
    await connection.execute(queries.OPT_OUT, borrower_id, source)
    return "opted_out"


async def opt_in(connection: Any, borrower_id: int) -> bool:
    """They want it again. False when they had not opted out."""
    return await connection.fetchval(queries.OPT_IN, borrower_id) is not None


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form, within bounds. Raises ValueError."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    return {name[:LONGEST]: value[:LONGEST].replace("\x00", "") for name, value in pairs}


def _key(kind: str, fields: Mapping[str, str]) -> str:
    """What makes a callback the same as another. Raises ValueError for one without its fields."""
    if kind == OPT_OUT:
        number = fields.get("phoneNumber", "")
        if msisdn_of(number, "KE") is None:
            raise ValueError("no number")
        day = clock.nairobi_date(clock.now()).isoformat()
        return hashlib.sha256(f"{number} {fields.get('senderId', '')} {day}".encode()).hexdigest()
    if not fields.get("id") or len(fields["id"]) > 100 or fields.get("status") not in RANKS:
        raise ValueError("no report")
    return f"{fields['id']}:{fields['status']}"
