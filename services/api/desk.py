"""What the operations of one process work with, from its start to its stop."""

from dataclasses import dataclass
from typing import Any

from ussd_engine.settings import Settings


@dataclass(slots=True)
class Desk:
    """The process's own: settings, the pool of PostgreSQL, Redis, the menu versions, the cache."""

    settings: Settings
    pool: Any
    redis: Any = None  # ussd_engine.redis_store.Store
    bundles: Any = None  # ussd_engine.bundles.Bundles
    cache: Any = None  # services.api.cache.Cache
    limiter: Any = None  # services.api.limits.Limiter
