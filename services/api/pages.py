"""The API's documentation: /openapi.json, Swagger UI at /docs, ReDoc at /redoc, /problems, and their files.

Everything comes from here: /assets holds what services/api/static has, `vendor` as its packages have it
(VENDOR.toml there says which). Nothing on these pages may load from, or send to, another host.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.metadata import version
from pathlib import Path

import orjson
from aiohttp import hdrs, web

from services.api.openapi import document
from services.api.operation import Routes
from services.api.problems import KINDS, Kind

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
SMALL = 1_000  # bytes; below this, compressing gains nothing

# ReDoc's styled-components fills <style> elements that begin empty: the digest of nothing. Its scroll bars
# bring one of fixed words: their digest, of this version of ReDoc.
_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' {style}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src {worker}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
POLICIES = {
    "docs/swagger.html": _POLICY.format(style="", worker="'none'"),
    "docs/redoc.html": _POLICY.format(style=_STYLES, worker="blob:"),  # its search index
}
PLAIN = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for again each time; mostly answered 304
}

# ReDoc's one picture from its makers' host. Without it ReDoc shows nothing in its place.
_ELSEWHERE = {"vendor/redoc.standalone.js": (b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"data:,")}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, frozen=True)
class Held:
    """A file as it is sent."""

    content: bytes
    packed: bytes  # with gzip; empty when that is no smaller
    content_type: str
    etag: str


def routes(rooms: Callable[[], Sequence[Routes]]) -> list[web.RouteDef]:
    """The routes. rooms are asked when the document is asked for first."""
    library = Library(rooms)
    return [
        web.get("/openapi.json", library.document),
        web.get("/docs", library.page("docs/swagger.html")),
        web.get("/redoc", library.page("docs/redoc.html")),
        web.get("/assets/{folder}/{name}", library.asset),
        web.get("/problems", _all_problems),
        web.get("/problems/{name}", _problem),
    ]


class Library:
    """What was read, made and compressed stays: it is a few megabytes."""

    def __init__(self, rooms: Callable[[], Sequence[Routes]]) -> None:
        self._rooms = rooms
        self._held: dict[str, Held] = {}
        self._making = asyncio.Lock()

    async def document(self, request: web.Request) -> web.StreamResponse:
        """The OpenAPI document."""
        return _sent(request, await self._hold("openapi.json", self._document), PLAIN)

    def page(self, name: str) -> Handler:
        """One of the two pages."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return _sent(request, await self._hold(name, lambda: _file(name)), POLICIES[name])

        return handle

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """A file that a page loads."""
        name = f"{request.match_info['folder']}/{request.match_info['name']}"
        path = STATIC / name
        if path.parent.parent != STATIC or path.suffix not in (".css", ".js", ".svg") or not path.is_file():
            raise web.HTTPNotFound
        return _sent(request, await self._hold(name, lambda: _file(name)), PLAIN)

    async def _hold(self, name: str, make: Callable[[], Held]) -> Held:
        async with self._making:
            if name not in self._held:
                self._held[name] = await asyncio.to_thread(make)  # compressing takes a while
        return self._held[name]

    def _document(self) -> Held:
        written = document(self._rooms(), version("umoja-ussd"))
        return _held(orjson.dumps(written), TYPES[".json"])


def _file(name: str) -> Held:
    content = (STATIC / name).read_bytes()
    if name in _ELSEWHERE:
        content = content.replace(*_ELSEWHERE[name])
    return _held(content, TYPES[Path(name).suffix])


def _held(content: bytes, content_type: str) -> Held:
    packed = gzip.compress(content, 6, mtime=0) if len(content) >= SMALL else b""
    return Held(content, packed, content_type, f'"{sha256(content).hexdigest()[:32]}"')


def _sent(request: web.Request, held: Held, policy: str) -> web.Response:
    headers = {**_HEADERS, "Content-Security-Policy": policy, "ETag": held.etag, "Vary": "Accept-Encoding"}
    seen = [etag.strip().removeprefix("W/") for etag in request.headers.get("If-None-Match", "").split(",")]
    if held.etag in seen or seen == ["*"]:
        return web.Response(status=304, headers=headers)
    packs = bool(held.packed) and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    if packs:
        headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=held.packed if packs else held.content,
        content_type=held.content_type,
        charset="utf-8" if held.content_type.startswith("text/") else None,
        headers=headers,
    )


# ---- what the types of problems mean


async def _all_problems(request: web.Request) -> web.StreamResponse:
    said = "".join(_said(kind) for kind in KINDS)
    return _html(request, "Problems", f"<p>Every <code>type</code> of the API's problems.</p><dl>{said}</dl>")


async def _problem(request: web.Request) -> web.StreamResponse:
    for kind in KINDS:
        if kind.name == request.match_info["name"]:
            return _html(
                request, kind.title, f'<dl>{_said(kind)}</dl><p><a href="/problems">All problems</a></p>'
            )
    raise web.HTTPNotFound


def _said(kind: Kind) -> str:
    return (
        f'<dt id="{kind.name}"><code>{kind.type}</code>, status {kind.status}: {escape(kind.title)}</dt>'
        f"<dd>{escape(kind.meaning)}</dd>"
    )


def _html(request: web.Request, title: str, body: str) -> web.Response:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/docs/plain.css"></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    policy = PLAIN.replace("style-src 'self';", "style-src 'self'; img-src data:;")
    return _sent(request, _held(page.encode(), TYPES[".html"]), policy)
