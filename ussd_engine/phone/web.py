"""The web phone: one page at /phone, its files, and the stream of its session's events.

For development only: `server` adds these routes when ENV is not production. The page is plain HTML,
CSS and JavaScript modules from `static/`, with no build step and nothing from another host; its
Content-Security-Policy allows its own files and nothing else. It posts to the gateway's route as
Africa's Talking does, so there is no second way into the engine.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
from aiohttp import web

from ussd_engine.phone.events import BoardFull, Event, EventBoard, Subscription
from ussd_engine.phone.gateway import Directory, ServiceCode
from ussd_engine.phone.reloads import reload_route

STATIC = Path(__file__).with_name("static")
CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}
HEARTBEAT_S = 15.0

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes(events: EventBoard, services: Callable[[], Sequence[ServiceCode]]) -> list[web.RouteDef]:
    """The routes of the web phone. services() is asked at each request, so a reload is seen.

    The server calls `events.close()` in its on_shutdown, else open pages hold up its stop.
    """

    async def page(_request: web.Request) -> web.Response:
        return _file("phone.html")

    async def static(request: web.Request) -> web.Response:
        return _file(request.match_info["name"])

    async def directory(_request: web.Request) -> web.Response:
        body = Directory(services=tuple(services())).as_json()
        return web.Response(body=orjson.dumps(body), content_type="application/json", headers=_HEADERS)

    async def stream(request: web.Request) -> web.StreamResponse:
        return await _stream(request, events)

    return [
        web.get("/phone", page),
        web.get("/phone/static/{name}", static),
        web.get("/phone/services", directory),
        web.get("/phone/events", stream),
        reload_route(events),
    ]


def _file(name: str) -> web.Response:
    path = STATIC / name
    if path.parent != STATIC or path.suffix not in CONTENT_TYPES or not path.is_file():
        raise web.HTTPNotFound
    return web.Response(
        text=path.read_text("utf-8"),
        content_type=CONTENT_TYPES[path.suffix],
        charset="utf-8",
        headers=_HEADERS,
    )


async def _stream(request: web.Request, events: EventBoard) -> web.StreamResponse:
    """Server-Sent Events of one number, from the last one the browser has."""
    msisdn = request.query.get("msisdn", "")
    if not 7 <= sum(character.isdigit() for character in msisdn) <= 15:
        raise web.HTTPBadRequest(text="msisdn is missing or no phone number, as in ?msisdn=%2B254711000001")
    seen = request.headers.get("Last-Event-ID", "")
    try:
        subscription = events.subscribe(msisdn, after=int(seen) if seen.isdecimal() else 0)
    except BoardFull as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from error
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
    with subscription, contextlib.suppress(ConnectionResetError):  # raised by a write to a closed page
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        while (message := await _next_message(subscription)) is not None:
            await response.write(message)
    return response


async def _next_message(subscription: Subscription) -> bytes | None:
    """The next event's bytes; a comment when none comes, to notice closed pages; None at the end."""
    try:
        event = await asyncio.wait_for(subscription.next(), HEARTBEAT_S)
    except TimeoutError:
        return b": still here\n\n"
    return None if event is None else _message(event)


def _message(event: Event) -> bytes:
    data = {"kind": event.kind, "at": event.at, "fields": event.fields}
    body = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
    return b"id: %d\ndata: %s\n\n" % (event.number, body)
