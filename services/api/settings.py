"""Settings of the staff's side, from the environment and `.env`: `API_` and the name in capitals."""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ussd_engine.errors import SettingsError


def _by_commas(given: Any) -> Any:
    return (
        tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given
    )


def _origins(given: tuple[str, ...]) -> tuple[str, ...]:
    for origin in given:
        scheme, _, rest = origin.partition("://")
        if scheme not in ("http", "https") or not rest or "/" in rest or "*" in rest:
            raise ValueError("origins such as https://staff.example.org, separated by commas")
    return given


class ApiSettings(BaseSettings):
    """Who is let in, for how long, and how patient we are. Times are seconds unless the name says else."""

    model_config = SettingsConfigDict(env_prefix="API_", env_file=".env", extra="ignore")

    access_token_s: PositiveFloat = 15 * 60.0
    refresh_token_s: PositiveFloat = 12 * 3600.0  # not used for so long, a login is over
    login_s: PositiveFloat = 24 * 3600.0  # and after so long anyway
    cookie_idle_s: PositiveFloat = 30 * 60.0  # the admin page, left alone

    person_tries: PositiveInt = 5  # wrong passwords in a row before the first wait
    address_tries: PositiveInt = 30  # the same, from one address, for whomever
    first_wait_s: PositiveFloat = 30.0  # doubled with each further wrong one
    longest_wait_s: PositiveFloat = 15 * 60.0

    argon2_kib: PositiveInt = 19 * 1024  # as OWASP's cheat sheet of password storage has it
    argon2_passes: PositiveInt = 2
    passwords_at_once: PositiveInt = 2  # checked in threads at the same time; others wait

    pg_pool: PositiveInt = 8  # connections to PostgreSQL of a process, beside those of the phones
    pool_wait_s: PositiveFloat = 5.0  # for a connection to PostgreSQL
    request_s: PositiveFloat = 30.0  # for an answer; an export may go on after it began
    keep_replies_h: PositiveInt = 48  # under an Idempotency-Key
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_by_commas), AfterValidator(_origins)
    ] = ()


@lru_cache
def api() -> ApiSettings:
    """The process's settings, read once. Raises SettingsError with a line for each wrong one."""
    return read()


def read() -> ApiSettings:
    """The settings as they are now. Raises SettingsError."""
    try:
        return ApiSettings()
    except ValidationError as error:
        raise SettingsError("\n".join(_wrong(fault) for fault in error.errors(include_url=False))) from None


def _wrong(fault: Any) -> str:
    rule = fault["ctx"]["error"] if fault["type"] == "value_error" else fault["msg"]
    return f"API_{str(fault['loc'][0]).upper()} must be {str(rule).removeprefix('Input should be ')}."
