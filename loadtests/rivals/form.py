"""As hello, and it reads the form, which any USSD server must."""

from aiohttp import web

from loadtests.rivals import CONSTANT
from loadtests.rivals.hello import serve


async def listen(port: int, redis_url: str) -> None:  # noqa: ARG001
    """Serve the constant after reading the form."""
    await serve(port, _answer)


async def _answer(request: web.Request) -> web.Response:
    form = await request.post()
    if "sessionId" not in form:
        raise web.HTTPBadRequest
    return web.Response(text=CONSTANT)
