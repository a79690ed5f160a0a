"""The client of Daraja: one token for all, outcomes by type, nothing sent twice, nothing secret logged."""

import asyncio
import base64
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from services import clock
from services.mpesa import client, credential, settings
from services.mpesa.outcomes import Accepted, Refused, Unknown, Unsent
from services.mpesa.settings import MpesaSettings, read
from tests.mpesa.conftest import Till, together
from tests.services.world import SECRET
from ussd_engine.errors import SettingsError
from ussd_engine.observe.logs import setup_logging
from ussd_engine.settings import Settings

PHONE = "254712345678"


def asked(till: Till, kind: str) -> int:
    return len([call for call in till.sandbox.box.calls if call.kind == kind])


async def pay(till: Till, originator: str = "UM0001") -> Any:
    return await till.daraja.pay_out(originator, PHONE, 50_000, "Umoja test")


async def test_many_clients_at_once_ask_for_one_token(till: Till, redis_url: str) -> None:
    async def one(number: int) -> Any:
        async with client.opened(till.daraja.settings, SECRET, redis_url) as mine:
            return await mine.pay_out(f"UM{number:06}", PHONE, 10_000, "Umoja test")

    outcomes = await together(*(one(number) for number in range(12)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert asked(till, "oauth") == 1


@pytest.mark.parametrize("kind", ["string", "number"])
async def test_a_token_is_kept_for_a_minute_less_than_it_is_good_for(till: Till, kind: str) -> None:
    till.sandbox.behave(expires_in=kind)
    await till.daraja.tokens.get()
    assert 3500 < await till.daraja.redis.ttl(till.daraja.tokens.name) <= 3539


async def test_a_token_that_is_void_is_replaced_once_for_all(till: Till) -> None:
    await till.daraja.tokens.get()
    till.sandbox.box.token = "another"
    outcomes = await together(*(pay(till, f"UM{number:06}") for number in range(8)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert asked(till, "oauth") == 2
    assert len(till.sandbox.payments(kind="b2c")) == 8


@pytest.mark.parametrize("error", ["invalid_token", "invalid_token_401"])
async def test_a_token_refused_again_and_again_leaves_nothing_done(till: Till, error: str) -> None:
    till.sandbox.fault("refuse", on="b2c", error=error, times=None)
    assert isinstance(await pay(till), Unsent)
    assert asked(till, "b2c") == 2
    assert till.sandbox.payments(kind="b2c") == []


async def test_without_redis_it_asks_for_a_token_of_its_own(till: Till) -> None:
    async with client.opened(till.daraja.settings, SECRET, "redis://127.0.0.1:1/0") as alone:
        assert isinstance(await alone.pay_out("UM0001", PHONE, 10_000, "Umoja test"), Accepted)
        assert isinstance(await alone.pay_out("UM0002", PHONE, 10_000, "Umoja test"), Accepted)
    assert asked(till, "oauth") == 1


OUTCOMES = [
    ({"do": "refuse", "error": "bad_request"}, Refused),
    ({"do": "refuse", "error": "internal"}, Unknown),
    ({"do": "refuse", "error": "spike_arrest"}, Unknown),
    ({"do": "refuse", "error": "duplicate_id"}, Unknown),
    ({"do": "refuse", "error": "gateway"}, Unknown),
    ({"do": "refuse", "error": "html_200"}, Unknown),
    ({"do": "refuse", "error": "envelope_200"}, Unknown),
    ({"do": "reset"}, Unknown),
    ({"do": "hang", "seconds": 5}, Unknown),
]


@pytest.mark.parametrize(("fault", "kind"), OUTCOMES, ids=str)
async def test_an_answer_is_what_it_is_and_is_not_asked_for_again(
    till: Till, fault: dict[str, Any], kind: type
) -> None:
    till.sandbox.fault(on="b2c", **fault)
    assert type(await pay(till)) is kind
    assert asked(till, "b2c") == 1


async def test_the_breaker_opens_after_failures_and_then_nothing_is_sent(till: Till) -> None:
    till.sandbox.fault("refuse", on="b2c", error="gateway", times=None)
    calm = till.with_(failures_to_open=3, open_s=0.2)
    for number in range(3):
        assert isinstance(await calm.pay_out(f"UM{number:06}", PHONE, 10_000, "Umoja test"), Unknown)
    assert await calm.pay_out("UM000009", PHONE, 10_000, "Umoja test") == Unsent("circuit open")
    assert asked(till, "b2c") == 3
    assert isinstance(await calm.balances("float"), Accepted)  # that one is well
    till.sandbox.clear_faults()
    async with asyncio.timeout(10):
        while isinstance(await calm.pay_out("UM000010", PHONE, 10_000, "Umoja test"), Unsent):
            await asyncio.sleep(0.05)
    assert len(till.sandbox.payments(kind="b2c")) == 1


async def test_every_request_is_as_daraja_wants_it(till: Till) -> None:
    await pay(till)
    await till.settle()
    receipt = till.sandbox.payments(kind="b2c")[0].receipt
    day = timedelta(days=1)
    for outcome in (
        await till.daraja.prompt("1", PHONE, 10_000, "U4K7QXN"),
        await till.daraja.payment_status("UM0001"),
        await till.daraja.balances("float"),
        await till.daraja.register_paybill(),
        await till.daraja.register_pull(),
        await till.daraja.register_pull(),
        await till.daraja.pull(clock.now() - day, clock.now(), 0),
        await till.daraja.reverse("1", receipt, 50_000),
    ):
        assert isinstance(outcome, Accepted), outcome
    await till.settle()


async def test_the_credential_is_what_safaricom_can_open(
    till: Till, sandbox_keys: Any, tmp_path: Path
) -> None:
    chosen = till.daraja.settings
    sealed = credential.sealed("Safaricom123!", chosen.certificate)
    opened = sandbox_keys.private.decrypt(base64.b64decode(sealed), PKCS1v15())
    assert opened == b"Safaricom123!"
    wrong = tmp_path / "wrong.pem"
    for content in (b"", b"nonsense"):
        wrong.write_bytes(content)
        with pytest.raises(SettingsError, match="MPESA_CERTIFICATE"):
            credential.sealed("x", wrong)


async def test_nothing_secret_and_no_whole_number_is_logged(till: Till, capfd: Any) -> None:
    setup_logging(Settings(_env_file=None))
    till.sandbox.fault("refuse", on="b2c", error="internal")
    await pay(till)
    await till.daraja.prompt("1", PHONE, 10_000, "U4K7QXN")
    await till.post("confirmation", {"TransID": "x", "MSISDN": PHONE})
    await till.settle()
    for handler in logging.getLogger().handlers:
        handler.flush()
    said = capfd.readouterr().err
    assert "mpesa_request" in said
    chosen = till.daraja.settings
    token = (await till.daraja.redis.get(till.daraja.tokens.name)).decode()
    for secret in (chosen.consumer_key, chosen.consumer_secret, chosen.passkey, chosen.initiator_password):
        assert secret.get_secret_value() not in said
    for secret_text in (token, till.daraja.token_in_path, PHONE, till.daraja._credential):
        assert secret_text not in said


def test_callback_urls_hold_no_word_that_daraja_refuses() -> None:
    for number in range(50):
        token = MpesaSettings(_env_file=None).token(f"secret {number}".encode())
        url = f"https://umoja.example/api/v1/cb/{token}/confirmation/UM0123456789abcdef00"
        assert not [word for word in settings.REFUSED_WORDS if word in url.lower()]


def test_settings_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Settings(ENV="production", _env_file=None)
    with pytest.raises(SettingsError, match="MPESA_CONSUMER_KEY, MPESA_CONSUMER_SECRET"):
        MpesaSettings(_env_file=None).require_complete()
    monkeypatch.setenv("MPESA_CALLBACK_URL", "http://umoja.example")
    with pytest.raises(SettingsError, match="https://"):
        read(live)
    monkeypatch.setenv("MPESA_CALLBACK_URL", "https://umoja.example/api/v1/mpesa-callback")
    assert read(live).callback_url == "https://umoja.example"
    monkeypatch.setenv("MPESA_CALLBACK_TOKEN", "mpesa-short")
    with pytest.raises(SettingsError, match="MPESA_CALLBACK_TOKEN must be 20 letters"):
        read(live)


def test_beside_ussd_dev_it_is_the_sandbox_and_never_in_production(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("USSD_DATA", str(tmp_path))
    for name in ("MPESA_CONSUMER_KEY", "MPESA_CALLBACK_URL"):
        monkeypatch.delenv(name, raising=False)
    found = read(Settings(USSD_PORT=8123, _env_file=None))
    found.require_complete()
    assert found.callback_url == "http://127.0.0.1:8123"
    assert found.certificate == tmp_path / "sandbox" / "certificate.pem"
    assert read(Settings(ENV="production", _env_file=None)).base_url == ""


def test_every_setting_is_explained(repository: Path) -> None:
    explained = (repository / "docs" / "mpesa.md").read_text()
    missing = [name for name in MpesaSettings.model_fields if f"`MPESA_{name.upper()}`" not in explained]
    assert missing == []
