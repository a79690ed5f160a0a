"""What is usually written first: aiohttp, the form, and redis-py: GET a JSON session, SET it again.

It runs no menu and compares no revision, so it is less than a USSD server.
"""

from typing import Any

import orjson
import redis.asyncio
from aiohttp import web

from loadtests.rivals import CONSTANT
from loadtests.rivals.hello import serve

TTL_S = 180


async def listen(port: int, redis_url: str) -> None:
    """Serve the constant after GET and SET of a session in Redis."""
    store = redis.asyncio.Redis.from_url(redis_url, max_connections=1024)

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        key = f"naive:{form['sessionId']!s}"
        stored = await store.get(key)
        session: dict[str, Any] = (
            orjson.loads(stored) if stored else {"msisdn": form["phoneNumber"], "turn": 0}
        )
        session["turn"] += 1
        session["text"] = form["text"]
        await store.set(key, orjson.dumps(session), ex=TTL_S)
        return web.Response(text=CONSTANT)

    await serve(port, answer)
