"""Settings of reports, from the environment and `.env`: `REPORTS_` and the name in capitals."""

from functools import lru_cache

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class ReportSettings(BaseSettings):
    """Whose reports they are, and how much is kept."""

    model_config = SettingsConfigDict(env_prefix="REPORTS_", env_file=".env", extra="ignore")

    lender: str = "Umoja Loans"
    most_kept_bytes: PositiveInt = 20 * 1024 * 1024  # of a file; the table takes no more


@lru_cache
def reports() -> ReportSettings:
    """The process's settings, read once."""
    return ReportSettings()
