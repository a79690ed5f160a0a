"""The listening socket: the fast lane in front of aiohttp, for one gateway whose requests are plain forms.

The lane answers the plain form of the hot route; everything else on a connection, and every connection
that ever asked for something else, is aiohttp's. With `--no-lane` aiohttp gets them all; the answers are
the same bytes. How long and how much either waits for: docs/running.md, "Connections".
"""

import asyncio
import socket
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from aiohttp import web

from core_ext.lane import Lane, Route
from ussd_engine.engine import Engine
from ussd_engine.errors import GatewayError
from ussd_engine.gateways.routes import GatewayRoutes
from ussd_engine.plain_turns import plain_turns
from ussd_engine.settings import Settings
from ussd_engine.turn import Turn

_TICK_S = 5.0
_POLL_S = 0.01
_BACKLOG = 4096


class Front:
    """A listening socket whose connections begin in the lane."""

    def __init__(
        self, runner: web.AppRunner, routes: GatewayRoutes, settings: Settings, quiet_s: float
    ) -> None:
        """quiet_s: how long a connection may lie idle."""
        self._settings = settings
        self._quiet_ticks = int(quiet_s / _TICK_S)
        self._routes = routes
        assert runner.server is not None
        turn = routes.adapter.map.turn
        self._route = Route(
            turn.path, settings.max_body, self._respond, runner.server, caller=turn.fields.msisdn.name or ""
        )
        if isinstance(routes.engine, Engine):
            self._route.plain = plain_turns(routes.engine, routes, self._again)
        self._servers: list[asyncio.Server] = []
        self._ticking: asyncio.TimerHandle

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Listen: on these sockets, or on the settings' port. Raises OSError when that is taken."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        places: list[dict[str, Any]] = [{"sock": held} for held in sockets]
        for where in places or [{"host": settings.host, "port": settings.port}]:
            self._servers.append(await loop.create_server(self._lane, **where, backlog=_BACKLOG))
        self._ticking = loop.call_later(_TICK_S, self._tick)

    def _lane(self) -> Any:
        return Lane(self._route)

    @property
    def port(self) -> int:
        """The port that was taken."""
        number: int = self._servers[0].sockets[0].getsockname()[1]
        return number

    @property
    def connections(self) -> int:
        """How many connections are in the lane."""
        return len(self._route.lanes)

    def retire(self) -> None:
        """Take no more connections; the next request on each goes to aiohttp, which closes it politely."""
        self._close()
        self._route.plain = None
        self._route.respond = _leave_it

    def _close(self) -> None:
        for server in self._servers:
            server.close()

    async def stop(self) -> None:
        """Take no more connections, finish the turns under way (at most `drain_s` of them), close."""
        self._ticking.cancel()
        self._close()
        deadline = time.monotonic() + self._settings.drain_s
        while self._route.lanes and time.monotonic() < deadline:
            for lane in list(self._route.lanes):
                lane.leave()
            await asyncio.sleep(_POLL_S)

    def _respond(self, body: bytes) -> Coroutine[Any, Any, bytes] | None:
        """The coroutine of one turn; None for anything that aiohttp's handler had better answer."""
        try:
            asked = self._routes.adapter.understand("POST", "application/x-www-form-urlencoded", "", body)
        except GatewayError:
            return None
        except Exception:  # nothing known raises here; the handler answers it with a sentence
            return None
        if not isinstance(asked, Turn) or self._routes.full():
            return None
        return self._routes.answer(asked)

    def _again(self, body: bytes, started: float) -> Coroutine[Any, Any, bytes]:
        """The whole of a turn that was begun at that time and left: it has what is left of its time."""
        asked = self._routes.adapter.understand("POST", "application/x-www-form-urlencoded", "", body)
        assert isinstance(asked, Turn)
        waited = time.monotonic() - started
        return self._routes.answer(asked._replace(deadline_s=asked.deadline_s - waited))

    def _tick(self) -> None:
        for lane in list(self._route.lanes):
            lane.tick(self._quiet_ticks)
        self._ticking = asyncio.get_running_loop().call_later(_TICK_S, self._tick)


def _leave_it(_body: bytes) -> None:
    """What a retired lane answers: nothing, let aiohttp do it."""


def fits_lane(routes: GatewayRoutes) -> bool:
    """Whether a gateway's requests can be plain: forms posted to one fixed path, by any caller."""
    turn = routes.adapter.map.turn
    return turn.method == "POST" and "form" in turn.encoding and "{" not in turn.path and not routes.limited
