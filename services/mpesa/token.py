"""The access token: one for all processes, because asking for one makes the one before it void.

It lives in Redis. Whoever finds none, or only the one that was just refused, takes a lock, asks, and
stores it for less time than it is good for; the others wait for it. Without Redis a process asks for its
own: processes then disturb each other, each refused request refreshes once, and work goes on.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import RedisError

EARLY_S = 60  # a token is not used in its last minute
LEAST_S = 5
LOCK_S = 30
WAIT_S = 15.0
POLL_S = 0.05

RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
    return redis.call('del', KEYS[1])
end
return 0
"""

log = structlog.get_logger("umoja.mpesa")

# Asks for a new token; gives it and how many seconds it is good for. Raises when there is none.
Fetch = Callable[[], Awaitable[tuple[str, float]]]


@dataclass(slots=True)
class Tokens:
    """The token of one consumer key."""

    redis: Any
    consumer_key: str
    fetch: Fetch
    _own: str = ""
    _own_until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """The key in Redis; the consumer key itself is a secret."""
        return f"mpesa:token:{hashlib.sha256(self.consumer_key.encode()).hexdigest()[:16]}"

    async def get(self, refused: str = "") -> str:
        """A token that is good, other than the one that was just refused."""
        async with self._lock:
            try:
                return await self._shared(refused)
            except (RedisError, OSError) as error:
                log.warning("mpesa_token_not_shared", error=type(error).__name__)
                return await self._alone(refused)

    async def _shared(self, refused: str) -> str:
        mine = secrets.token_hex(8)
        lock = f"{self.name}:lock"
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            token = _text(await self.redis.get(self.name))
            if token and token != refused:
                return token
            if await self.redis.set(lock, mine, nx=True, ex=LOCK_S):
                try:
                    token = _text(await self.redis.get(self.name))
                    if token and token != refused:  # somebody was quicker, between the two lines above
                        return token
                    token, good_s = await self.fetch()
                    await self.redis.set(self.name, token, ex=max(int(good_s) - EARLY_S, LEAST_S))
                    return token
                finally:
                    await self.redis.eval(RELEASE, 1, lock, mine)
            await asyncio.sleep(POLL_S)
        raise TimeoutError("nobody got a token in time")

    async def _alone(self, refused: str) -> str:
        if not self._own or self._own == refused or time.monotonic() > self._own_until:
            self._own, good_s = await self.fetch()
            self._own_until = time.monotonic() + max(good_s - EARLY_S, LEAST_S)
        return self._own


def _text(found: bytes | str | None) -> str:
    return found.decode() if isinstance(found, bytes) else found or ""
