"""News of reloaded menus, from the process that watches the folders to the pages of the web phone.

The watcher is not the server: it posts here, as JSON, which a page of another site can't do to a
server on this machine (browsers ask first, and get no leave). Pages show it as the event `reload`.
"""

from typing import Annotated

import httpx
import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ussd_engine.phone.events import EVERYBODY, EventBoard

PATH = "/phone/reloads"
MOST_TEXT = 6000  # bytes of findings as JSON: the body has to stay below the server's bound, 8 KB
TIMEOUT_S = 2.0


class Reload(BaseModel):
    """A menu folder was saved. findings: why it was not published, as `ussd check` prints them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ok: bool
    bundle: Annotated[str, Field(max_length=100)] = ""
    findings: Annotated[list[Annotated[str, Field(max_length=MOST_TEXT)]], Field(max_length=100)] = []


async def tell_phones(url: str, reload: Reload) -> None:
    """Post the news to the development server. One that is away, or has no phone page, misses it."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            await client.post(f"{url}{PATH}", json=reload.model_dump())
    except httpx.HTTPError:
        return


def findings_of(message: str) -> list[str]:
    """The findings of a MenuError, as many as may be posted."""
    findings: list[str] = []
    room = MOST_TEXT
    for finding in message.split("\n\n"):
        room -= len(orjson.dumps(finding)) + 1
        if room < 0:
            return [*findings, "There are more: run ussd check"]
        findings.append(finding)
    return findings


def reload_route(events: EventBoard) -> web.RouteDef:
    """Where the watcher posts."""

    async def reloaded(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="Post JSON.")
        try:
            reload = Reload.model_validate_json(await request.read())
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        events.publish(EVERYBODY, "reload", **reload.model_dump())
        return web.Response(status=204)

    return web.post(PATH, reloaded)
