"""The page's own files: one style sheet, one script."""

from functools import cache
from hashlib import sha256

from aiohttp import web

from services.admin.site import HERE

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _held(name: str) -> tuple[bytes, str] | None:
    path = HERE / "static" / name
    if path.parent != HERE / "static" or path.suffix not in _TYPES or not path.is_file():
        return None
    content = path.read_bytes()
    return content, f'"{sha256(content).hexdigest()[:32]}"'


async def serve(request: web.Request) -> web.StreamResponse:
    """A file; a browser asks again each time, and mostly hears that nothing changed."""
    name = request.match_info["name"]
    held = _held(name)
    if held is None:
        raise web.HTTPNotFound
    content, etag = held
    headers = {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    kind = _TYPES[name[name.rindex(".") :]]
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)
