"""Settings of Africa's Talking's SMS, from the environment and `.env`: `AT_` and the name in capitals.

Beside `ussd dev`, with no key set, they are those of the sandbox on this machine. Never in production.
"""

import hashlib
import hmac
import os

from pydantic import PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ussd_engine.errors import SettingsError
from ussd_engine.settings import Settings, settings

LIVE = "https://api.africastalking.com"
SANDBOX = "https://api.sandbox.africastalking.com"
SANDBOX_USER = "sandbox"  # Africa's Talking's own name for it
TOKEN_HEX = 40


class SmsSettings(BaseSettings):
    """What the gateway has to be told. Times are seconds."""

    model_config = SettingsConfigDict(env_prefix="AT_", env_file=".env", extra="ignore")

    username: str = SANDBOX_USER
    api_key: SecretStr = SecretStr("")
    sender_id: str = ""  # the name that phones show; empty: the gateway's shared one
    base_url: str = ""  # empty: the gateway's own, by the username
    connect_timeout_s: PositiveFloat = 5.0
    timeout_s: PositiveFloat = 20.0

    @property
    def url(self) -> str:
        """Where the gateway is, without a slash at its end."""
        own = SANDBOX if self.username == SANDBOX_USER else LIVE
        return (self.base_url or own).rstrip("/")


def read(chosen: Settings | None = None) -> SmsSettings:
    """The settings; the sandbox's beside `ussd dev`. Raises SettingsError when there is no key."""
    chosen = chosen or settings()
    found = SmsSettings()
    beside_dev = chosen.env != "production" and "USSD_DATA" in os.environ
    if not found.api_key.get_secret_value():
        if not beside_dev:
            raise SettingsError("SMS needs AT_USERNAME and AT_API_KEY. See docs/sms.md.")
        found = _of_sandbox(found)
    if chosen.env == "production" and not found.url.startswith("https://"):
        raise SettingsError("ENV=production needs an AT_BASE_URL that begins with https://, or none.")
    return found


def _of_sandbox(found: SmsSettings) -> SmsSettings:
    from services.sandbox.settings import SandboxSettings, sandbox_url  # noqa: PLC0415 - not when live

    sandbox = SandboxSettings()
    changes = {
        "username": sandbox.at_username,
        "api_key": SecretStr(sandbox.at_api_key),
        "base_url": sandbox_url(),
    }
    return found.model_copy(update=changes)


def token(secret: bytes) -> str:
    """The unguessable part of our callbacks' path, made from the service's secret."""
    return hmac.digest(secret, b"callbacks of SMS", hashlib.sha256).hex()[:TOKEN_HEX]
