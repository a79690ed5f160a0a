"""What `core_ext.plain` is handed: the engine's side of turns that need no coroutine."""

import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from core_ext.menu import Menu
from core_ext.pipeline import Pipeline
from core_ext.plain import Plain
from core_ext.visits import Audience
from ussd_engine.bundles import Bundle
from ussd_engine.engine import Engine
from ussd_engine.errors import StoreError
from ussd_engine.gateways.routes import GatewayRoutes
from ussd_engine.observe.logs import get_logger
from ussd_engine.sessions import PROCESS, SAVE_SHA

log = get_logger("ussd.plain")

Again = Callable[[bytes, float], Coroutine[Any, Any, bytes]]


def plain_turns(engine: Engine, routes: GatewayRoutes, again: Again) -> Plain | None:
    """The plain turns of a gateway; None when its map, or somebody who watches, needs the engine each time.

    again(body, started): the coroutine of a turn that was not plain after all, begun at that time of the
    monotonic clock.
    """
    spoken = routes.adapter.plain()
    if spoken is None or engine.watched:
        return None
    form, answers = spoken
    return Plain(
        routes.adapter.name,
        form,
        engine.sessions.keyed,
        SAVE_SHA,
        answers,
        _Hooks(engine, routes, again),
        engine.settings.max_session,
        f"{PROCESS}-{next(_PLAINS)}.",
    )


_PLAINS = itertools.count()


class _Hooks:
    def __init__(self, engine: Engine, routes: GatewayRoutes, again: Again) -> None:
        self._store = engine.store
        self.compares = engine.sessions.compares
        self.single = None if engine.store.single is None else engine.store.single.pipeline
        self._lost = engine.lost
        self._gateway = routes.adapter.name
        self._board = engine.board
        self.live = engine.bundles.by_code
        self.known = engine.bundles.known
        self.now = time.time
        self.clock = time.monotonic
        self.again = again
        self.under_way, self.most = routes.gate.cell, routes.gate.most
        self.more, self.ended, self.seconds = routes.cells
        self._heads = routes.heads
        self._network = routes.adapter.network

    def line(self, msisdn: str) -> Pipeline | None:
        """Where commands about a subscriber go just now; None: nowhere."""
        try:
            return self._store.link_for(f"ussd:{{{msisdn}}}").pipeline
        except StoreError:
            return None

    def menu(self, bundle: Bundle, code: str) -> Menu:
        """A bundle as plain turns need it."""
        starts = self._board.session_starts.labels(bundle.service)
        return Menu(bundle, code, starts, self._board.session_ends.labels(bundle.service, "end"))

    def audience(self, bundle: Bundle, network: str) -> Audience:
        """Where visits to a bundle are counted. network: as the gateway writes it."""
        return self._board.funnel.audience(bundle.service, bundle.name, self._network(network))

    def heads(self, second: int) -> tuple[bytes, bytes]:
        """How an answer that goes on, and the last one, begin at that second since the epoch."""
        return self._heads[True].start(second), self._heads[False].start(second)

    def began(self, session_id: str, msisdn: str) -> None:
        """A session's first request was answered."""
        self._lost.remember(self._gateway, session_id, msisdn, 0)

    def broke(self, error: BaseException) -> None:
        """A turn of the engine's raised, which none does."""
        log.error("turn failed", exc_info=error)
