"""Settings of M-Pesa, from the environment and `.env`: `MPESA_` and the name in capitals.

Beside `ussd dev`, with no consumer key set, they are those of the sandbox on this machine, and M-Pesa's
callbacks go to the web server that `ussd dev` runs. Never in production.
"""

import hashlib
import hmac
import os
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    IPvAnyNetwork,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ussd_engine.errors import SettingsError
from ussd_engine.settings import Settings, settings

OLDER_PATH = "/api/v1/mpesa-callback"
BASES = {"sandbox": "https://sandbox.safaricom.co.ke", "production": "https://api.safaricom.co.ke"}

# Where callbacks come from, as three independent projects list it; no page of the portal does. It is a
# setting for that reason.
SAFARICOM = (
    "196.201.214.200", "196.201.214.206", "196.201.214.207", "196.201.214.208", "196.201.213.114",
    "196.201.213.44", "196.201.212.127", "196.201.212.138", "196.201.212.129", "196.201.212.136",
    "196.201.212.74", "196.201.212.69", "196.201.212.128", "196.201.212.132",
)  # fmt: skip
LOOPBACK = ("127.0.0.0/8", "::1/128")
TOKEN_HEX = 40
REFUSED_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")


def _by_commas(given: Any) -> Any:
    return (
        tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given
    )


def _callback_base(url: str) -> str:
    """The public address of this server. The older setting named a path too."""
    base = url.rstrip("/").removesuffix(OLDER_PATH)
    if base and not base.startswith(("https://", "http://")):
        raise ValueError("a URL that begins with https://")
    return base


def _token(token: SecretStr) -> SecretStr:
    word = token.get_secret_value()
    if word and (len(word) < 20 or not word.isalnum() or any(bad in word.lower() for bad in REFUSED_WORDS)):
        raise ValueError("20 letters and digits or more, as `openssl rand -hex 20` makes them")
    return token


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_by_commas)]


class MpesaSettings(BaseSettings):
    """All that Daraja has to be told, and how patient we are. Amounts are cents, times seconds."""

    model_config = SettingsConfigDict(env_prefix="MPESA_", env_file=".env", extra="ignore")

    environment: Literal["sandbox", "production"] = "sandbox"
    base_url: str = ""  # instead of the environment's
    consumer_key: SecretStr = SecretStr("")
    consumer_secret: SecretStr = SecretStr("")
    passkey: SecretStr = SecretStr("")
    paybill: str = ""
    payout_shortcode: str = ""
    initiator_name: str = ""
    initiator_password: SecretStr = SecretStr("")
    certificate: Path = Path("mpesa.pem")  # Safaricom's, for the initiator's password
    nominated_number: str = ""  # the phone named when pull transactions are registered

    callback_url: Annotated[str, AfterValidator(_callback_base)] = ""
    callback_token: Annotated[SecretStr, AfterValidator(_token)] = SecretStr("")  # empty: from USSD_SECRET
    callback_networks: Networks = tuple(ip_network(address) for address in SAFARICOM)
    max_callback: PositiveInt = 32 * 1024  # bytes
    refuse_unknown_accounts: bool = False  # a payer who mistypes the account is told at once

    connect_timeout_s: PositiveFloat = 5.0
    timeout_s: PositiveFloat = 20.0
    connections: PositiveInt = 20
    failures_to_open: PositiveInt = 5  # of the circuit breaker
    open_s: PositiveFloat = 30.0

    margin_s: PositiveFloat = 30.0  # who asks for longer than any request may take, and this, is gone
    ask_after_s: PositiveFloat = 120.0  # a payout without a result, before a status query; and between two
    ask_most: PositiveInt = 8  # status queries without an answer; then a person looks
    # Result codes of a status query that mean: there is no such payment. No page of the portal names them.
    not_found_codes: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_by_commas)] = ("2032",)
    resend_same_id: bool = False  # ask for an unknown payout again, by its own id, when M-Pesa knows no such
    unsent_after_s: PositiveFloat = 60.0  # a loan without a payout, a prompt that was not asked for
    prompt_ask_after_s: PositiveFloat = 90.0
    prompt_gives_up_s: PositiveFloat = 900.0
    low_float_cents: NonNegativeInt = 1_000_000  # below this, payouts wait
    float_asked_every_s: PositiveFloat = 120.0  # while they wait

    @property
    def url(self) -> str:
        """Daraja's address, without a slash at its end."""
        return (self.base_url or BASES[self.environment]).rstrip("/")

    def token(self, secret: bytes) -> str:
        """The unguessable part of our callbacks' path: as set, or made from the service's secret."""
        word = self.callback_token.get_secret_value()
        return word or hmac.digest(secret, b"callbacks of M-Pesa", hashlib.sha256).hex()[:TOKEN_HEX]

    def require_complete(self) -> None:
        """Raise SettingsError for what is missing before money can move."""
        missing = [
            f"MPESA_{name.upper()}"
            for name in ("consumer_key", "consumer_secret", "passkey", "paybill", "payout_shortcode",
                         "initiator_name", "initiator_password", "callback_url")
            if not _held(getattr(self, name))
        ]  # fmt: skip
        if missing:
            raise SettingsError(f"M-Pesa needs {', '.join(missing)}. See docs/mpesa.md.")


def _held(value: Any) -> str:
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def read(chosen: Settings | None = None) -> MpesaSettings:
    """The settings; the sandbox's beside `ussd dev`. Raises SettingsError."""
    chosen = chosen or settings()
    try:
        found = MpesaSettings()
        if chosen.env == "production":
            _require_safe(found)
        elif not _held(found.consumer_key) and "USSD_DATA" in os.environ:
            found = _beside_dev(chosen, found)
    except ValidationError as error:
        wrong = [_wrong(fault) for fault in error.errors(include_url=False)]
        raise SettingsError("\n".join(wrong)) from None
    return found


@lru_cache
def mpesa() -> MpesaSettings:
    """The process's settings, read once."""
    return read()


def _wrong(fault: Any) -> str:
    rule = fault["ctx"]["error"] if fault["type"] == "value_error" else fault["msg"]
    return f"MPESA_{str(fault['loc'][0]).upper()} must be {str(rule).removeprefix('Input should be ')}."


def _require_safe(found: MpesaSettings) -> None:
    if found.callback_url and not found.callback_url.startswith("https://"):
        raise SettingsError("ENV=production needs an MPESA_CALLBACK_URL that begins with https://.")
    if found.base_url and not found.base_url.startswith("https://"):
        raise SettingsError("ENV=production needs an MPESA_BASE_URL that begins with https://, or none.")


def _beside_dev(chosen: Settings, found: MpesaSettings) -> MpesaSettings:
    from services.sandbox.settings import Place, SandboxSettings, sandbox_url  # noqa: PLC0415 - not when live

    sandbox = SandboxSettings()
    changes = of_sandbox(sandbox.client_values(sandbox_url(), ""), f"http://{chosen.host}:{chosen.port}")
    # What the environment says goes first, apart from whose accounts these are.
    said = {name: getattr(found, name) for name in found.model_fields_set} | changes
    return MpesaSettings(**said, certificate=Place().folder / "certificate.pem")


def of_sandbox(values: dict[str, Any], callback_url: str) -> dict[str, Any]:
    """The settings for a sandbox that says these values of itself, calling back there."""
    names = ("base_url", "consumer_key", "consumer_secret", "passkey", "paybill", "payout_shortcode",
             "initiator_name", "initiator_password")  # fmt: skip
    return {name: values[name] for name in names} | {
        "callback_url": callback_url,
        "callback_networks": tuple(ip_network(each) for each in LOOPBACK),
        "nominated_number": "254700000000",
        "resend_same_id": True,  # it is known to take an id once
        "low_float_cents": 0,
    }
