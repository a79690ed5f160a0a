"""How often somebody may ask: a rate for each class of operations (services/api/operation.Limit).

A rate of 10/minute gives ten at once and then one each six seconds (GCRA): the one thing to keep is the
moment at which all that was taken has come back. Redis keeps it, under one key for a class and somebody,
by its own clock, so any number of processes count together. `{…}` in the key is for a cluster.

Without Redis each process counts by itself at the same rates: with n processes somebody may ask n times as
often meanwhile, and nobody may ask without limit. What is local begins with nothing taken.
"""

import asyncio
import hashlib
import math
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from pydantic import BeforeValidator, PlainSerializer, PositiveFloat, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis.exceptions import NoScriptError, RedisError

from services.api.operation import Limit
from ussd_engine.errors import SettingsError
from ussd_engine.observe.cells import Counts

UNITS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
AWAY_S = 1.0  # after Redis failed, before it is asked again
LOCAL_MOST = 20_000  # of whom a process keeps count itself; the one it did not see longest is forgotten

log = structlog.get_logger("umoja.api")

# Takes one. Answers: taken or not, how many are left; microseconds until one more is free, until all are.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local back = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local room = now + step * most - back
if room < step then
    return {0, 0, step - room, back - now}
end
back = back + step
redis.call('SET', KEYS[1], string.format('%.0f', back), 'PX', math.ceil((back - now) / 1000))
return {1, math.floor((room - step) / step), 0, back - now}
"""
TAKE_SHA = hashlib.sha1(TAKE.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True, frozen=True)
class Rate:
    """So many in a window of so many seconds."""

    most: int
    window_s: int

    @property
    def step_us(self) -> int:
        """Microseconds after which one more is free."""
        return max(1, self.window_s * 1_000_000 // self.most)

    def __str__(self) -> str:
        unit = next((name for name, seconds in UNITS_S.items() if seconds == self.window_s), "")
        return f"{self.most}/{unit}"


def rate(written: Any) -> Rate:
    """A rate from `10/minute`. Raises ValueError."""
    if isinstance(written, Rate):
        return written
    found = re.fullmatch(r"([1-9][0-9]{0,6})/(second|minute|hour|day)", str(written).strip().lower())
    if found is None:
        raise ValueError("a rate such as 10/minute, with second, minute, hour or day")
    return Rate(int(found[1]), UNITS_S[found[2]])


_Rate = Annotated[Rate, NoDecode, BeforeValidator(rate), PlainSerializer(str)]


class LimitSettings(BaseSettings):
    """`API_LIMIT_` and the class in capitals."""

    model_config = SettingsConfigDict(env_prefix="API_LIMIT_", env_file=".env", extra="ignore")

    read: _Rate = Rate(300, 60)
    list: _Rate = Rate(10, 60)
    export: _Rate = Rate(6, 60)
    change: _Rate = Rate(60, 60)
    login: _Rate = Rate(10, 60)
    page: _Rate = Rate(600, 60)
    redis_timeout_s: PositiveFloat = 0.25


def read_limits() -> LimitSettings:
    """The settings as they are now. Raises SettingsError."""
    try:
        return LimitSettings()
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise SettingsError("\n".join(f"API_LIMIT_{str(fault['loc'][0]).upper()} must be "
                                      f"{fault.get('ctx', {}).get('error', fault['msg'])}."
                                      for fault in faults)) from None  # fmt: skip


@dataclass(slots=True, frozen=True)
class Taken:
    """Whether this request is within the rate, and what its answer says of it."""

    allowed: bool
    retry_after_s: int | None  # None when it is allowed
    headers: dict[str, str]


class Limiter:
    """Counts requests. redis: redis-py's client, or None to count in this process only."""

    def __init__(
        self, redis: Any = None, limits: LimitSettings | None = None, refused: Counts | None = None
    ) -> None:
        """refused: counts refusals, by class."""
        self._redis = redis
        self._refused = refused
        self._limits = limits or read_limits()
        self._local = _Local()
        self._away_until = 0.0

    def rate(self, limit: Limit) -> Rate:
        """The rate of a class."""
        found: Rate = getattr(self._limits, limit.value)
        return found

    async def take(self, limit: Limit, who: str) -> Taken:
        """Count one request. who: `person:7`, `key:3`, or the address it came from."""
        chosen = self.rate(limit)
        key = f"rl:{{{limit.value}:{who}}}"
        counted = await self._counted(key, chosen)
        taken = _taken(limit, chosen, counted if counted is not None else self._local.take(key, chosen))
        if not taken.allowed and self._refused is not None:
            self._refused.labels(limit.value).inc()
        return taken

    async def _counted(self, key: str, chosen: Rate) -> list[int] | None:
        """What Redis says; None when it is away."""
        if self._redis is None or time.monotonic() < self._away_until:
            return None
        try:
            return await asyncio.wait_for(self._ask(key, chosen), self._limits.redis_timeout_s)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_S
            log.warning("limits_are_local", error=type(error).__name__, again_s=AWAY_S)
            return None

    async def _ask(self, key: str, chosen: Rate) -> list[int]:
        found: list[int]
        try:
            found = await self._redis.evalsha(TAKE_SHA, 1, key, chosen.step_us, chosen.most)
        except NoScriptError:
            found = await self._redis.eval(TAKE, 1, key, chosen.step_us, chosen.most)
        return found


class _Local:
    """The same count in this process."""

    def __init__(self) -> None:
        self._back_us: OrderedDict[str, int] = OrderedDict()

    def take(self, key: str, chosen: Rate) -> list[int]:
        now = time.monotonic_ns() // 1000
        back = max(self._back_us.pop(key, now), now)
        room = now + chosen.step_us * chosen.most - back
        allowed = room >= chosen.step_us
        self._back_us[key] = back = back + chosen.step_us if allowed else back
        if len(self._back_us) > LOCAL_MOST:
            self._back_us.popitem(last=False)
        if not allowed:
            return [0, 0, chosen.step_us - room, back - now]
        return [1, room // chosen.step_us - 1, 0, back - now]


def _taken(limit: Limit, chosen: Rate, counted: list[int]) -> Taken:
    """The headers are those of the IETF's draft "RateLimit header fields for HTTP": q in w seconds is
    the policy, r of them are left, and after t seconds all are free again."""
    allowed, left, wait_us, full_us = counted
    headers = {
        "RateLimit-Policy": f'"{limit.value}";q={chosen.most};w={chosen.window_s}',
        "RateLimit": f'"{limit.value}";r={left};t={math.ceil(full_us / 1e6)}',
    }
    if allowed:
        return Taken(True, None, headers)
    retry_after_s = max(1, math.ceil(wait_us / 1e6))
    return Taken(False, retry_after_s, headers | {"Retry-After": str(retry_after_s)})
