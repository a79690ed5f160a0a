"""What the operations of one process work with, from its start to its stop."""

from dataclasses import dataclass, field
from typing import Any

from services.api.passwords import Passwords
from services.api.settings import ApiSettings, api
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
    metrics: Any = None  # services.monitoring.families.ApiFamilies
    kept: Any = None  # services.api.cache_changes.KeptCache: what tells the cache of changes
    api: ApiSettings = field(default_factory=api)
    passwords: Passwords = field(init=False)

    def __post_init__(self) -> None:
        self.passwords = Passwords(self.api)

    def acquire(self) -> Any:
        """A connection, as an async context. Raises TimeoutError when none is free for `pool_wait_s`."""
        return self.pool.acquire(timeout=self.api.pool_wait_s)

    @property
    def secret(self) -> bytes:
        """The service's secret, from which keys for single purposes are made."""
        return self.settings.secret.get_secret_value().encode()
