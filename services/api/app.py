"""The staff's side put together: every room's operations, as routes of aiohttp.

A new room is a module with `routes = Routes(…)`, named in `rooms`. Under /api/v1 whatever is no route is
answered here too, so that a 404 and a 405 are problems like any other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import asyncpg
from aiohttp import hdrs, web

from services.api import headers, pages
from services.api.cache_changes import KeptCache
from services.api.desk import Desk
from services.api.dispatch import Seen, answered, handler_of
from services.api.limits import Limiter
from services.api.operation import BASE, Operation, Routes
from services.api.problems import NOT_FOUND, WRONG_METHOD
from services.api.settings import read
from services.monitoring.families import ApiFamilies
from ussd_engine.plugin import Runtime

ELSE = BASE + "/{rest}"  # as aiohttp names it; with slashes too


# aiohttp would answer HEAD too.
_EXACTLY: dict[str, dict[str, bool]] = defaultdict(dict, {"GET": {"allow_head": False}})
# A change that hangs keeps its locks no longer than this, and a statement runs no longer.
_ABANDONED_MS = "15000"
_STATEMENT_S = 60.0
_LAST_WORDS_S = 2.0  # for connections that are at work when the process stops


async def open_desk(runtime: Runtime) -> Desk:
    """What the operations work with. The staff have connections of their own, so that no phone waits for
    an export; they are made when they are needed."""
    chosen = read()
    pool = await asyncpg.create_pool(
        runtime.settings.database_url,
        min_size=0,
        max_size=chosen.pg_pool,
        timeout=chosen.pool_wait_s,
        command_timeout=_STATEMENT_S,
        server_settings={"idle_in_transaction_session_timeout": _ABANDONED_MS},
    )
    desk = Desk(runtime.settings, pool, runtime.redis, runtime.bundles, api=chosen)
    desk.kept = KeptCache(runtime.settings)
    counts = desk.kept.cache.counts
    if runtime.board is not None:
        desk.metrics = ApiFamilies(runtime.board, lambda: counts)
    desk.limiter = Limiter(runtime.redis, refused=desk.metrics.limited if desk.metrics is not None else None)
    desk.kept.start()
    desk.cache = desk.kept.cache
    return desk


async def close_desk(desk: Desk) -> None:
    """Let go of everything that `open_desk` took."""
    if desk.kept is not None:
        await desk.kept.stop()
    try:
        await asyncio.wait_for(desk.pool.close(), _LAST_WORDS_S)
    except TimeoutError:
        desk.pool.terminate()


def rooms() -> list[Routes]:
    """Every room, in the order of the documentation."""
    from services.api import (  # noqa: PLC0415 - they import what a command need not
        analytics,
        auth,
        borrowers,
        bulk_list,
        deciding,
        dialogs,
        differences,
        lists,
        loans,
        menus,
        messages,
        payouts,
        reports,
        runtime_settings,
        scoring,
        staff,
        suspense,
    )

    return [
        auth.routes,
        loans.routes,
        deciding.routes,
        *lists.rooms(),
        borrowers.routes,
        dialogs.routes,
        suspense.routes,
        differences.routes,
        payouts.routes,
        bulk_list.routes,
        messages.routes,
        scoring.routes,
        analytics.routes,
        reports.routes,
        menus.routes,
        runtime_settings.routes,
        staff.routes,
    ]


def operations() -> list[Operation]:
    """All that can be asked."""
    found = [operation for room in rooms() for operation in room.operations]
    names = [operation.name for operation in found]
    assert len(names) == len(set(names)), "two operations have one name"
    return found


def routes(desk: Callable[[], Desk]) -> list[web.RouteDef]:
    """The routes. desk is asked at each request. The last takes what no other route does."""
    made = [
        web.RouteDef(operation.method, operation.url, handler_of(desk, operation), _EXACTLY[operation.method])
        for operation in operations()
    ]
    return [*made, *pages.routes(rooms), web.RouteDef(hdrs.METH_ANY, BASE + "/{rest:.*}", _else(desk), {})]


def _else(desk: Callable[[], Desk]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answered(desk(), request, ELSE, _nothing)

    return handle


async def _nothing(seen: Seen) -> web.StreamResponse:
    """Nothing is here, or nothing for this method, or a browser asks whether it may ask."""
    request = seen.request
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != ELSE:
            allowed |= (await resource.resolve(request))[1]
    if not allowed:
        raise NOT_FOUND.of("There is nothing at this address.")
    if request.method == hdrs.METH_OPTIONS and seen.desk.api.cors_origins:
        return preflight_response(seen)
    allow = {"Allow": ", ".join(sorted(allowed))}
    raise WRONG_METHOD.of(f"{request.method} is not for this address.", headers=allow)


def preflight_response(seen: Seen) -> web.Response:
    """The answer to a browser's question."""
    response = web.Response(status=204)
    response.headers.update(headers.common(seen.desk.settings.env))
    response.headers.update(headers.preflight(seen.desk.api, seen.request.headers.get("Origin")))
    response.headers["X-Request-Id"] = seen.request_id
    return response
