"""aiohttp answering a constant: one route, no middleware, no access log. The form is not read."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from loadtests.rivals import CONSTANT, PATH


async def listen(port: int, redis_url: str) -> None:  # noqa: ARG001
    """Serve the constant."""
    await serve(port, _answer)


async def serve(port: int, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
    """Serve one handler at the gateway's path."""
    app = web.Application()
    app.router.add_post(PATH, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()


async def _answer(request: web.Request) -> web.Response:  # noqa: ARG001
    return web.Response(text=CONSTANT)
