"""Where the sandbox beside `ussd dev` is, and what its client is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.sandbox.settings import Place, SandboxSettings, sandbox_url
from ussd_engine.settings import settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("USSD_PORT", "SANDBOX_PORT", "USSD_DATA"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_it_listens_beside_the_web_server_unless_told_otherwise(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("USSD_PORT", "9000")
    environment.setenv("USSD_DATA", "elsewhere")
    assert (sandbox_url(), Place().folder) == ("http://127.0.0.1:9001", Path("elsewhere/sandbox"))
    environment.setenv("SANDBOX_PORT", "7000")
    assert sandbox_url() == "http://127.0.0.1:7000"


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SANDBOX_PASSKEY", "another")
    environment.setenv("SANDBOX_BEHAVIOUR__STK", "ask")
    chosen = SandboxSettings()
    assert (chosen.passkey, chosen.behaviour.stk, chosen.behaviour.paused) == ("another", "ask", False)
    assert chosen.client_values("http://x", "pem")["passkey"] == "another"
