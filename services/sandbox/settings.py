"""The sandbox's settings: what a client has to know to be let in, and how long things take.

From the environment, with `SANDBOX_` before the name, or from `PATCH /sandbox/settings` while it runs.
Seconds are of the sandbox's own clock, which `advance` moves.
"""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from ussd_engine.settings import Settings, settings

HOST = "127.0.0.1"


def _callback(url: str) -> str:
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("a URL that begins with http:// or https://, or nothing")
    return url


Url = Annotated[str, AfterValidator(_callback)]


class Behaviour(BaseModel):
    """What may change while the sandbox runs."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    expires_in: Literal["string", "number"] = "string"  # the portal shows a number, many captures a string
    stk: Literal["auto", "ask"] = "auto"  # the phone accepts by itself, or waits to be told
    stk_answer_s: NonNegativeFloat = 2.0
    stk_timeout_s: NonNegativeFloat = 60.0
    stk_repeat_s: NonNegativeFloat = 120.0  # ResultCode 17: same amount and customer within 2 minutes
    work_s: NonNegativeFloat = 0.5  # from accepting a payout or a query to carrying it out
    callback_s: NonNegativeFloat = 0.2  # from carrying it out to telling
    report_s: NonNegativeFloat = 0.5  # from accepting an SMS to its delivery report
    opening_cents: NonNegativeInt = 500_000  # what a phone holds when it is first heard of
    tariff: Literal["bulk", "none"] = "bulk"
    sms_report_url: Url = ""
    sms_optout_url: Url = ""
    sms_incoming_url: Url = ""
    sms_cost_cents: NonNegativeInt = 80  # for each part and recipient
    c2b_validation: bool = True  # external validation is switched on for the paybill
    stk_confirms_c2b: bool = False  # an STK payment is also confirmed as a C2B one, with the same receipt
    refuse_words: bool = True  # callback URLs with a word that Daraja refuses
    paused: bool = False  # nothing happens by itself, only by settle and advance


class SandboxSettings(BaseSettings):
    """Who the organisation is, how it proves it, and how the sandbox behaves."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", env_nested_delimiter="__", extra="ignore")

    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105 - opens nothing but this sandbox
    passkey: str = "sandbox-passkey"
    paybill: str = "174379"
    payout_shortcode: str = "600997"
    organisation: str = "UMOJA LOANS"
    initiator_name: str = "testapi"
    initiator_password: str = "sandbox-initiator-1"  # noqa: S105
    at_username: str = "sandbox"
    at_api_key: str = "sandbox-at-key"
    at_sender_ids: tuple[str, ...] = ("UMOJA",)
    utility_cents: NonNegativeInt = 100_000_000
    working_cents: NonNegativeInt = 0
    sms_balance_cents: NonNegativeInt = 1_000_000
    seed: int = 1  # of every probability and every made-up number
    behaviour: Behaviour = Field(default_factory=Behaviour)

    @property
    def shortcodes(self) -> tuple[str, str]:
        """Either may be named in any request: many organisations have one for both."""
        return self.paybill, self.payout_shortcode

    def client_values(self, base_url: str, certificate_pem: str) -> dict[str, Any]:
        """All that a client of this sandbox has to be told."""
        return {
            "base_url": base_url,
            "consumer_key": self.consumer_key,
            "consumer_secret": self.consumer_secret,
            "passkey": self.passkey,
            "paybill": self.paybill,
            "payout_shortcode": self.payout_shortcode,
            "initiator_name": self.initiator_name,
            "initiator_password": self.initiator_password,
            "certificate_pem": certificate_pem,
            "at_username": self.at_username,
            "at_api_key": self.at_api_key,
            "at_sender_ids": list(self.at_sender_ids),
        }


class Place(BaseSettings):
    """Where a sandbox beside `ussd dev` listens and keeps its files."""

    model_config = SettingsConfigDict(extra="ignore")

    sandbox_port: int = 0  # 0: the web server's port and one
    ussd_data: Path = Path(".ussd")

    def port(self, chosen: Settings | None = None) -> int:
        """The port to listen on."""
        return self.sandbox_port or (chosen or settings()).port + 1

    @property
    def folder(self) -> Path:
        """Journal, key and certificate."""
        return self.ussd_data / "sandbox"


def sandbox_url() -> str:
    """Where the sandbox of this machine answers."""
    return f"http://{HOST}:{Place().port()}"
