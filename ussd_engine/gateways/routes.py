"""A gateway's routes on aiohttp: turns, end-of-session notices, and how a request was understood.

Whatever happens, the caller is answered: a sentence on the phone for what is our fault, a 4xx with its
reason for a request that is not the gateway's. Each refusal and each failure is counted and logged
under an id; nothing a phone typed is.
"""

import ipaddress
import itertools
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson
from aiohttp import hdrs, web

from ussd_engine.errors import GatewayError
from ussd_engine.gateways.adapter import Adapter
from ussd_engine.gateways.http import Head, Lean, body_at_hand, read_body
from ussd_engine.menu.messages import DEFAULTS
from ussd_engine.observe.board import Board
from ussd_engine.observe.logs import get_logger, mask
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Reply, SessionEvent, Turn

log = get_logger("ussd.gateways")

FAULT = Reply(DEFAULTS["fault"]["en"], more=False)
BUSY = Reply(DEFAULTS["busy"]["en"], more=False)
_TEXT = "text/plain; charset=utf-8"
_NO_CALLER = "unknown"

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class TurnHandler(Protocol):
    """What answers turns: `ussd_engine.engine.Engine` is one."""

    async def handle(self, turn: Turn) -> Reply:
        """Answer a turn."""

    def note(self, event: SessionEvent) -> None:
        """Take notice of a session's end."""


class Gate:
    """How many turns are being answered, and how many may be. One for all gateways of a process."""

    __slots__ = ("cell", "most")

    def __init__(self, most: int, board: Board) -> None:
        self.most = most
        self.cell = board.in_flight.labels()


class GatewayRoutes:
    """The routes of one gateway."""

    def __init__(
        self, adapter: Adapter, engine: TurnHandler, settings: Settings, board: Board, gate: Gate
    ) -> None:
        self.adapter = adapter
        self.limited = bool(adapter.map.callers)  # not everybody may call
        self.engine = engine
        self._settings = settings
        self._board = board
        self.gate = gate
        self.heads = {more: Head(adapter.answer(Reply("", more))) for more in (True, False)}
        self._proxies = settings.trusted_proxies
        self._more = board.turns.labels(adapter.name, "more")
        self._ended = board.turns.labels(adapter.name, "end")
        self._seconds = board.turn_seconds.labels(adapter.name)
        self.cells = self._more, self._ended, self._seconds
        self._ids = request_ids()

    async def turn(self, request: web.Request) -> web.StreamResponse:
        """Answer a request on the turn's path."""
        try:
            asked = self.adapter.understand(*await self._parts(request))
        except GatewayError as error:
            return self._refuse(request, error)
        except Exception:
            return _lean(self._fault(None))
        if isinstance(asked, SessionEvent):
            return self._note(asked)
        if self.full():
            return _lean(self._busy(asked))
        return _lean(await self._answer(asked))

    async def answer(self, turn: Turn) -> bytes:
        """The whole HTTP answer to a turn, as the fast lane sends it. Raises nothing."""
        head, body = await self._answer(turn)
        return head.before(body)

    def full(self) -> bool:
        """Whether as many turns as may be are being answered: one more is told that we are busy."""
        return bool(self.gate.cell.value >= self.gate.most)

    async def event(self, request: web.Request) -> web.StreamResponse:
        """Take notice of a session's end."""
        try:
            return self._note(self.adapter.notice(*await self._parts(request)))
        except GatewayError as error:
            return self._refuse(request, error)
        except Exception:
            log.exception("notice failed", gateway=self.adapter.name, request_id=next(self._ids))
            return web.Response()  # theirs was well-formed: sending it again would not help

    async def debug(self, request: web.Request) -> web.StreamResponse:
        """Show how a request was understood: no headers, and of what was typed only the lengths."""
        try:
            asked = self.adapter.understand(*await self._parts(request))
        except GatewayError as error:
            found: dict[str, Any] = {"understood": False, "reason": error.reason, "why": str(error)}
            return _json(found | {"gateway": self.adapter.name, "status": error.status}, error.status)
        return _json({"understood": True} | _shown(asked))

    # -- parts ---------------------------------------------------------------------------------

    async def _parts(self, request: web.Request) -> tuple[str, str, str, bytes, Mapping[str, str]]:
        """A request as the adapter wants it."""
        if self.limited:
            self._require_admitted(request)
        body = body_at_hand(request)
        if body is None:
            body = await read_body(request, self._settings.max_body, self._settings.read_timeout_s)
        _, _, query = request.raw_path.partition("?")
        match = request.match_info if "{" in self.adapter.map.turn.path else {}
        return request.method, request.headers.get(hdrs.CONTENT_TYPE, ""), query, body, match

    async def _answer(self, turn: Turn) -> tuple[Head, bytes]:
        started = time.monotonic()
        self.gate.cell.value += 1
        try:
            reply = await self.engine.handle(turn)
            body = self.adapter.body(reply, turn)
        except Exception:
            return self._fault(turn)
        finally:
            self.gate.cell.value -= 1
        (self._more if reply.more else self._ended).inc()
        self._seconds.observe(time.monotonic() - started)
        return self.heads[reply.more], body

    def _note(self, event: SessionEvent) -> web.StreamResponse:
        self._board.events.labels(self.adapter.name, event.status).inc()
        self.engine.note(event)
        return web.Response()

    def _busy(self, turn: Turn) -> tuple[Head, bytes]:
        self._board.turns.labels(self.adapter.name, "busy").inc()
        log.warning("turned away: too many turns at once", most=self.gate.most, msisdn=mask(turn.msisdn))
        return self.heads[False], self.adapter.body(BUSY, turn)

    def _fault(self, turn: Turn | None) -> tuple[Head, bytes]:
        """Our fault, and not one the engine knows: the phone gets a sentence, the log everything."""
        self._board.turns.labels(self.adapter.name, "fault").inc()
        self._board.faults.labels("server").inc()
        log.exception("turn failed", gateway=self.adapter.name, request_id=next(self._ids),
                      session_id=turn and turn.session_id, msisdn=turn and mask(turn.msisdn))  # fmt: skip
        return self.heads[False], self.adapter.body(FAULT, turn)

    def _refuse(self, request: web.Request, error: GatewayError) -> web.StreamResponse:
        request_id = next(self._ids)
        self._board.rejected.labels(self.adapter.name, error.reason).inc()
        log.warning("request refused", gateway=self.adapter.name, reason=error.reason, status=error.status,
                    why=str(error), caller=request.remote or _NO_CALLER, request_id=request_id)  # fmt: skip
        headers = {hdrs.CONTENT_TYPE: _TEXT, "X-Request-Id": request_id}
        if error.status == 405:
            headers[hdrs.ALLOW] = self.adapter.map.turn.method
        response = web.Response(status=error.status, body=f"{error}.\n".encode(), headers=headers)
        if not request.content.is_eof():
            response.force_close()  # what is left of the body is not the next request
        return response

    def _require_admitted(self, request: web.Request) -> None:
        """Raise GatewayError unless the map lets this caller in."""
        caller = caller_of(request, self._proxies)
        if not self.adapter.admits(caller):
            raise GatewayError("this address may not call here", status=403, reason="caller")


def _lean(answer: tuple[Head, bytes]) -> web.StreamResponse:
    return Lean(*answer)  # type: ignore[return-value]


def caller_of(request: web.Request, proxies: Networks) -> str:
    """The address that called: the peer's, or what trusted proxies say they forward for."""
    address = request.remote or _NO_CALLER
    if not proxies:
        return address
    chain = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for earlier in reversed(chain):
        if not _among(address, proxies) or not earlier.strip():
            break
        address = earlier.strip()
    return address


def request_ids() -> Iterator[str]:
    """Ids for log lines and X-Request-Id: unlike in every process, in order in each."""
    prefix = f"{os.getpid():x}-{secrets.token_hex(3)}"
    return (f"{prefix}-{number}" for number in itertools.count(1))


def _among(address: str, networks: Networks) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _shown(asked: Turn | SessionEvent) -> dict[str, Any]:
    shown = {"gateway": asked.gateway, "session_id": asked.session_id, "msisdn": mask(asked.msisdn),
             "service_code": asked.service_code, "network": asked.network}  # fmt: skip
    if isinstance(asked, SessionEvent):
        return shown | {"kind": "over", "status": asked.status}
    joined = asked.family is Family.CUMULATIVE
    inputs = (asked.text.split("*") if joined else [asked.text]) if asked.text else []
    return shown | {
        "kind": "turn",
        "family": asked.family.value,
        "first": asked.first,
        "text_length": len(asked.text),
        "inputs": [{"length": len(typed)} for typed in inputs],
        "screen": asked.screen,
        "deadline_s": asked.deadline_s,
    }


def _json(held: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(held), status=status, content_type="application/json")
