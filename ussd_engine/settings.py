"""Settings, from the environment and `.env`. The names of the compose file keep working.

Production (`ENV=production`) refuses to start with a development secret. Every bound of the engine
has its name here.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ussd_engine.errors import SettingsError

DEVELOPMENT_SECRET = "development-only-not-a-secret"  # noqa: S105


def _by_commas(given: Any) -> Any:
    return (
        tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given
    )


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_by_commas)]


class Settings(BaseSettings):
    """All settings. Times are seconds, sizes are bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    env: Literal["development", "test", "production"] = "development"
    database_url: str = "postgresql://localhost/umoja"
    redis_url: str = "redis://localhost:6379/0"
    celery_broker_url: str = ""  # empty: redis_url
    memcached_host: str = ""
    memcached_port: int = 11211
    menus_dir: Path = Path("menus")
    secret: SecretStr = Field(SecretStr(DEVELOPMENT_SECRET), alias="USSD_SECRET")
    log_level: str = "INFO"

    host: str = Field("127.0.0.1", alias="USSD_HOST")
    port: int = Field(8000, alias="USSD_PORT")
    pg_pool: int = 10
    drain_s: float = 10.0
    read_timeout_s: float = 10.0  # for a request's body to arrive
    gateways_dir: Path | None = Field(None, alias="USSD_GATEWAYS_DIR")  # more gateway maps
    trusted_proxies: Networks = Field((), alias="USSD_TRUSTED_PROXIES")  # whose X-Forwarded-For is believed

    max_body: int = 8 * 1024  # of a gateway's request
    max_rest_body: int = 1024 * 1024  # of any other
    max_inputs_per_turn: int = 64
    max_session: int = 4096
    recent_sessions: int = 100_000
    max_waiting_turns: int = 10_000
    max_commands_in_flight: int = 20_000
    redis_timeout_s: float = 2.0
    profile_ttl_s: int = 600
    bundle_poll_s: float = 2.0

    # Named by the starting document; used by the money and SMS parts.
    mpesa_consumer_key: SecretStr = SecretStr("")
    mpesa_consumer_secret: SecretStr = SecretStr("")
    mpesa_passkey: SecretStr = SecretStr("")
    mpesa_callback_url: str = ""
    at_api_key: SecretStr = SecretStr("")
    at_username: str = "sandbox"

    def require_safe(self) -> None:
        """Raise SettingsError when this is production and a secret is missing or the development one."""
        if self.env != "production":
            return
        value = self.secret.get_secret_value()
        if value == DEVELOPMENT_SECRET or len(value) < 32:
            raise SettingsError(
                "ENV=production needs USSD_SECRET of at least 32 characters. "
                "Make one with: openssl rand -hex 32"
            )


@lru_cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
