"""Settings, from the environment and `.env`. The names of the compose file keep working.

Production (`ENV=production`) refuses to start with a development secret. Every bound of the engine
has its name here.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    DirectoryPath,
    Field,
    IPvAnyNetwork,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ussd_engine.errors import SettingsError
from ussd_engine.redis_place import Kind, parse

MENUS = Path("menus")
DEVELOPMENT_SECRET = "development-only-not-a-secret"  # noqa: S105


def _by_commas(given: Any) -> Any:
    return (
        tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given
    )


def _one_of(*schemes: str) -> Callable[[str], str]:
    """Takes a URL of one of these schemes, and nothing (which means: not this server)."""
    rule = f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"

    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - it raises when it is no number
        except ValueError:
            raise ValueError(rule) from None
        if url and (parts.scheme not in schemes or "://" not in url):
            raise ValueError(rule)
        return url

    return check


def _redis(url: str) -> str:
    parse(url)
    return url


def _broker(url: str) -> str:
    if url and not url.startswith("redis+socket://") and parse(url).kind is Kind.CLUSTER:
        raise ValueError("one Redis, or the sentinels of one: tasks cannot wait in a cluster")
    return url


def _there(folder: Path) -> Path:
    """The usual folder may be missing: not every command needs one. One that is named may not."""
    if folder != MENUS and not folder.is_dir():
        raise ValueError("a folder that exists")
    return folder


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_by_commas)]
Port = Annotated[int, Field(ge=0, le=65535)]
DatabaseUrl = Annotated[str, AfterValidator(_one_of("postgresql", "postgres"))]
RedisUrl = Annotated[str, AfterValidator(_redis)]
BrokerUrl = Annotated[str, AfterValidator(_broker)]
Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(lambda word: str(word).upper())
]


class Settings(BaseSettings):
    """All settings. Times are seconds, sizes are bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    env: Literal["development", "test", "production"] = "development"
    database_url: DatabaseUrl = "postgresql://localhost/umoja"
    redis_url: RedisUrl = "redis://localhost:6379/0"
    celery_broker_url: BrokerUrl = ""  # empty: redis_url
    memcached_host: str = ""
    memcached_port: Port = 11211
    menus_dir: Annotated[Path, AfterValidator(_there)] = MENUS
    secret: SecretStr = Field(SecretStr(DEVELOPMENT_SECRET), alias="USSD_SECRET")
    log_level: Level = "INFO"
    mask_first: int = Field(4, ge=0, le=6)  # digits of a phone number that logs and lists show …
    mask_last: int = Field(3, ge=0, le=3)  # … at its beginning and at its end

    host: str = Field("127.0.0.1", alias="USSD_HOST")
    port: Port = Field(8000, alias="USSD_PORT")
    pg_pool: PositiveInt = 10
    drain_s: NonNegativeFloat = 10.0
    retire_s: NonNegativeFloat = 30.0  # how long a replaced worker waits for each caller's next request
    pin_workers: bool = False  # each worker on a processor of its own
    max_worker_mb: NonNegativeInt = 0  # of resident memory; a worker above it is replaced. 0: no limit
    read_timeout_s: PositiveFloat = 10.0  # for a request's body to arrive
    gateways_dir: DirectoryPath | None = Field(None, alias="USSD_GATEWAYS_DIR")  # more gateway maps
    trusted_proxies: Networks = Field((), alias="USSD_TRUSTED_PROXIES")  # whose X-Forwarded-For is believed

    max_body: PositiveInt = 8 * 1024  # of a gateway's request
    max_rest_body: PositiveInt = 1024 * 1024  # of any other
    max_inputs_per_turn: PositiveInt = 64
    max_session: PositiveInt = 4096
    recent_sessions: PositiveInt = 100_000
    max_dials_per_minute: NonNegativeInt = 60  # of one phone. 0: no limit
    max_presses_per_minute: NonNegativeInt = 120  # of one phone, in a long session. 0: no limit
    max_waiting_turns: PositiveInt = 10_000
    max_commands_in_flight: PositiveInt = 20_000
    redis_timeout_s: PositiveFloat = 2.0
    profile_ttl_s: PositiveInt = 600
    bundle_poll_s: PositiveFloat = 2.0
    huge_pages: bool = True  # ask Linux for memory in pages of 2 MB

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
    """The process's settings, read once. Raises SettingsError with a line for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "\n".join(_wrong(fault) for fault in error.errors(include_url=False))
        raise SettingsError(wrong) from None


_MUST = {
    "ip_any_network": "networks such as 10.0.0.0/8, separated by commas",
    "path_not_directory": "a folder that exists",
}


def _wrong(fault: Any) -> str:
    """One wrong setting in a sentence. What a URL holds is not repeated: it may be a password."""
    name = str(fault["loc"][0]).upper()
    rule = fault["msg"].removeprefix("Input should be ").partition(", unable")[0]
    if fault["type"] == "value_error":
        return f"{name} must be {fault['ctx']['error']}."
    return f"{name} must be {_MUST.get(fault['type'], rule)}, and is `{fault['input']}`."
