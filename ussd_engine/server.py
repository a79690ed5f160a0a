"""The server: the gateways' routes, the services' own, health, readiness, metrics, the phone page.

`serve` runs one process until it is told to stop, alone or in a place among several (see place.py). A stop
takes no new connections, finishes the turns in flight (at most `drain_s` of them), then closes. A process
that has a successor retires before that: each of its callers gets one more answer, with `Connection: close`.

A turn in its plain form is answered by the fast lane (see front.py). What the lane leaves to aiohttp goes
past its router and middlewares: `take_short_cut` puts a dictionary of exact paths in front. Each of these
routes is in the router too. So lane and short cut change the cost of an answer and nothing else.
"""

import asyncio
import gc
import signal
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

import orjson
from aiohttp import web

from ussd_engine import huge_pages
from ussd_engine.engine import Engine, open_engine
from ussd_engine.front import Front, fits_lane
from ussd_engine.gateways import Adapter, GatewayMap, load_maps
from ussd_engine.gateways.http import UnreadableLog
from ussd_engine.gateways.routes import Gate, GatewayRoutes, TurnHandler, request_ids
from ussd_engine.observe import Board, get_logger, setup_logging, tracing
from ussd_engine.observe.board import CONTENT_TYPE as METRICS_TYPE
from ussd_engine.observe.recorder import Recorder
from ussd_engine.observe.workers import SharedMetrics
from ussd_engine.phone.events import EventBoard
from ussd_engine.phone.gateway import ServiceCode
from ussd_engine.phone.web import routes as phone_routes
from ussd_engine.place import BACKLOG, Place
from ussd_engine.plugin import Service
from ussd_engine.settings import Settings

log = get_logger("ussd.server")

KEEPALIVE_S = 300.0  # longer than the idle time of the usual load balancers, or they would meet a closed door
POLL_S = 0.01
LAST_WORDS_S = 0.2  # after drain_s, to cut what has not ended
# A turn leaves nothing in cycles; Python's own 700 walk the turns under way every few of them (2 us a turn).
GC_THRESHOLDS = (10_000, 20, 50)
DEPENDENCIES = ("redis", "postgresql", "bundle")
PROBLEM = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SHORT_CUTS: web.AppKey[dict[str, Handler]] = web.AppKey("short_cuts")
GATEWAYS: web.AppKey[list[GatewayRoutes]] = web.AppKey("gateways")
GATE: web.AppKey[Gate] = web.AppKey("gate")
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping")
RETIRED: web.AppKey[asyncio.Event] = web.AppKey("retired")


class ServedEngine(TurnHandler, Protocol):
    """What the server asks of the engine beside turns."""

    async def ready(self) -> dict[str, str]:
        """What is wrong, by dependency; empty when it can serve."""

    def limping(self) -> dict[str, str]:
        """What is away in part, by dependency; it can serve all the same."""


class Phone:
    """The development phone's page: its events, and the codes that can be dialled."""

    def __init__(self, events: EventBoard, codes: Callable[[], Sequence[ServiceCode]]) -> None:
        self.events = events
        self.codes = codes


def make_app(
    settings: Settings,
    engine: ServedEngine,
    board: Board,
    *,
    maps: Iterable[GatewayMap] | None = None,
    services: Iterable[Service] = (),
    phone: Phone | None = None,
) -> web.Application:
    """The application. maps: the gateways to serve, instead of those in the maps' folders."""
    app = web.Application(middlewares=[_problems], client_max_size=settings.max_rest_body)
    app[SHORT_CUTS] = {}
    app[GATEWAYS] = []
    app[STOPPING] = asyncio.Event()
    app[RETIRED] = asyncio.Event()
    gate = app[GATE] = Gate(settings.max_waiting_turns, board)
    for found in load_maps(settings.gateways_dir).values() if maps is None else maps:
        routes = GatewayRoutes(Adapter(found, settings.max_body), engine, settings, board, gate)
        _add_gateway(app, routes, development=settings.env != "production")
    plugged = list(services)
    app.add_routes([
        web.get("/health", _health),
        web.get("/ready", _readiness(engine, plugged)),
        web.get("/metrics", _metrics(board)),
    ])  # fmt: skip
    for service in plugged:
        app.add_routes(service.routes())
    if phone is not None:
        app.add_routes(phone_routes(phone.events, phone.codes))
        app.on_shutdown.append(_closing(phone.events))
    return app


class Running:
    """A server that listens. `await stop()` finishes the turns in flight."""

    def __init__(self, app: web.Application, settings: Settings, board: Board) -> None:
        self._app = app
        self._settings = settings
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=UnreadableLog(board),
            keepalive_timeout=KEEPALIVE_S,
            shutdown_timeout=settings.drain_s,
        )
        self._front: Front | None = None
        self.port = settings.port

    async def start(self, sockets: Sequence[socket.socket] = (), *, lane: bool = True) -> None:
        """Prepare and listen."""
        await self.prepare()
        await self.listen(sockets, lane=lane)

    async def prepare(self) -> None:
        """Do everything but listen."""
        await self._runner.setup()
        take_short_cut(self._runner, self._app[SHORT_CUTS], self._app[RETIRED])

    async def listen(self, sockets: Sequence[socket.socket] = (), *, lane: bool = True) -> None:
        """Listen: on these sockets, or on the settings' port. Raises OSError when that is taken."""
        plain = next((routes for routes in self._app[GATEWAYS] if lane and fits_lane(routes)), None)
        try:
            if plain is None:
                await self._listen(sockets)
            else:
                self._front = Front(self._runner, plain, self._settings, KEEPALIVE_S)
                await self._front.start(sockets)
                self.port = self._front.port
        except BaseException:
            await self._runner.cleanup()
            raise

    async def retire(self, hurry: asyncio.Event) -> None:
        """Take no more connections, and wait until each has had its last answer.

        Ends after `retire_s`, or in a hurry, with connections left that had nothing to ask: stop it then.
        """
        self._app[RETIRED].set()
        for site in self._runner.sites:
            await site.stop()
        if self._front is not None:
            self._front.retire()
        deadline = time.monotonic() + self._settings.retire_s
        while time.monotonic() < deadline and not hurry.is_set():
            await asyncio.sleep(POLL_S)  # also: what was accepted a moment ago gets its protocol
            if not self._connections():
                break

    def _connections(self) -> int:
        assert self._runner.server is not None
        return len(self._runner.server.connections) + (self._front.connections if self._front else 0)

    async def stop(self) -> None:
        """Take no more connections, finish the turns in flight (at most `drain_s` of them), close."""
        self._app[STOPPING].set()
        deadline = time.monotonic() + self._settings.drain_s
        # At once, and no longer: aiohttp gives a handler that hangs the same time again to hear of it.
        ending = [asyncio.create_task(self._runner.cleanup())]
        if self._front is not None:
            ending.append(asyncio.create_task(self._front.stop()))
        done, late = await asyncio.wait(ending, timeout=self._settings.drain_s + LAST_WORDS_S)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        # A turn outlives its connection: its answer is stored for the retry.
        while self._app[GATE].cell.value and time.monotonic() < deadline:  # noqa: ASYNC110 (bounded)
            await asyncio.sleep(POLL_S)

    async def _listen(self, sockets: Sequence[socket.socket]) -> None:
        host, port = self._settings.host, self._settings.port
        sites: list[web.BaseSite] = [web.SockSite(self._runner, held, backlog=BACKLOG) for held in sockets]
        for site in sites or [web.TCPSite(self._runner, host, port, backlog=BACKLOG)]:
            await site.start()
        self.port = self._runner.addresses[0][1]


def take_short_cut(runner: web.AppRunner, handlers: dict[str, Handler], retired: asyncio.Event) -> None:
    """Answer these exact paths before aiohttp's router is asked."""
    server: Any = runner.server
    through_router = server.request_handler

    def dispatch(request: web.Request) -> Awaitable[web.StreamResponse]:
        handler = handlers.get(request.raw_path, through_router)
        return _last(handler, request) if retired.is_set() else handler(request)

    server.request_handler = dispatch


async def _last(handler: Handler, request: web.Request) -> web.StreamResponse:
    """The last answer on a connection, which says so."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.force_close()
        raise
    response.force_close()
    return response


async def serve(
    settings: Settings,
    *,
    place: Place | None = None,
    stop: asyncio.Event | None = None,
    lane: bool = True,
    started: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve until `stop` is set, or SIGTERM or SIGINT comes when there is no `stop`.

    place: where to listen and whom to tell, for one of several. lane: without it aiohttp answers the turns
    too; slower, and the same bytes. started: called with the port once it listens.

    Raises SettingsError, StoreError, MenuError or BundleError when it cannot start.
    """
    settings.require_safe()
    setup_logging(settings)
    tracing.start("web")
    retire = _on_signals(signal.SIGHUP) if place is not None else asyncio.Event()
    stop = stop or _on_signals(signal.SIGTERM, signal.SIGINT)
    board = Board()
    events = EventBoard() if settings.env != "production" else None
    engine = await open_engine(settings, board, watch=events.publish if events else None)
    try:
        phone = Phone(events, _codes(engine)) if events is not None else None
        services = [bundle.plugin for bundle in engine.bundles.live().values()]
        app = make_app(settings, engine, board, services=services, phone=phone)
        running = Running(app, settings, board)
        await running.prepare()
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not walk it again
        if settings.huge_pages:
            huge_pages.ask()
        gc.set_threshold(*GC_THRESHOLDS)
        shared = recorder = None
        if place is None or await place.until_go(await engine.ready()):
            shared = SharedMetrics(board, place) if place is not None else None
            recorder = _record(engine, board)
            await running.listen(place.sockets if place is not None else (), lane=lane)
            log.info("serving", host=settings.host, port=running.port)
            started(running.port)
            await _until_told(running, stop, retire)
        await _finish(running, board)
        if recorder is not None:
            await recorder.stop()
        if shared is not None:
            shared.stop()
    finally:
        await engine.close()
        await asyncio.to_thread(tracing.stop)


async def _until_told(running: Running, stop: asyncio.Event, retire: asyncio.Event) -> None:
    """Serve until a stop, or until a successor serves and our callers have had their last answers."""
    told = [asyncio.create_task(event.wait()) for event in (stop, retire)]
    await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
    for task in told:
        task.cancel()
    if not stop.is_set():
        await running.retire(stop)


def _record(engine: Engine, board: Board) -> Recorder | None:
    """Begin to bring what is counted to PostgreSQL, where there is one."""
    if engine.bundles.pool is None:
        return None
    recorder = Recorder(board, engine.bundles.pool, engine.store, uuid.uuid4().hex)
    recorder.start()
    return recorder


def _codes(engine: Engine) -> Callable[[], list[ServiceCode]]:
    """What can be dialled, asked anew each time: a publication may change it."""

    def codes() -> list[ServiceCode]:
        live = engine.bundles.live().values()
        return [ServiceCode(code, bundle.service) for bundle in live for code in bundle.codes]

    return codes


async def _finish(running: Running, board: Board) -> None:
    started = time.monotonic()
    in_flight = board.in_flight.value()
    await running.stop()
    log.info("stopped", in_flight=in_flight, left=board.in_flight.value(),
             seconds=round(time.monotonic() - started, 3))  # fmt: skip


def _on_signals(*numbers: signal.Signals) -> asyncio.Event:
    came = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, came.set)
    return came


def _add_gateway(app: web.Application, routes: GatewayRoutes, *, development: bool) -> None:
    app[GATEWAYS].append(routes)
    turn, event = routes.adapter.map.turn, routes.adapter.map.event
    app.router.add_route("*", turn.path, routes.turn)
    if "{" not in turn.path:
        app[SHORT_CUTS][turn.path] = routes.turn
    if event is not None:
        app.router.add_route("*", event.path, routes.event)
    if development:
        app.router.add_route("*", f"{turn.path}-debug", routes.debug)


async def _health(_request: web.Request) -> web.StreamResponse:
    return _json({"status": "live"})


def _readiness(engine: ServedEngine, services: Sequence[Service]) -> Handler:
    async def ready(request: web.Request) -> web.StreamResponse:
        problems = await engine.ready()
        parts: dict[str, str] = {}
        for service in services:
            health = await service.health()
            problems = problems | dict(health.problems)
            parts |= health.parts
        if request.app[STOPPING].is_set():
            problems = problems | {"server": "stopping"}
        found = dict.fromkeys(DEPENDENCIES, "ok") | parts | engine.limping() | problems
        return _json({"ready": not problems} | found, 503 if problems else 200)

    return ready


def _metrics(board: Board) -> Handler:
    async def metrics(_request: web.Request) -> web.StreamResponse:
        for prepare in board.before_page:
            await prepare()
        return web.Response(body=board.page(), headers={"Content-Type": METRICS_TYPE})

    return metrics


def _closing(events: EventBoard) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        events.close()

    return close


_IDS = request_ids()


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what goes wrong outside the gateways' routes as RFC 9457 problems, without a traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == PROBLEM:
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _problem(error.status, error.reason, _detail(error, request), allow)
    except Exception:
        request_id = next(_IDS)
        log.exception("request failed", method=request.method, path=request.path, request_id=request_id)
        detail = f"Something went wrong on our side. Ask about it with the id {request_id}."
        return _problem(500, "Internal Server Error", detail, {"X-Request-Id": request_id})


def _detail(error: web.HTTPException, request: web.Request) -> str:
    if error.status == 404:
        return f"There is nothing at {request.path}."
    if error.status == 405:
        return f"{request.method} is not for {request.path}."
    return error.text or error.reason


def _problem(status: int, title: str, detail: str, headers: dict[str, str]) -> web.StreamResponse:
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return web.Response(status=status, body=body, content_type=PROBLEM, headers=headers)


def _json(held: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(held), status=status, content_type="application/json")
