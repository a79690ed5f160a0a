"""A wrong setting is told in one sentence that names it, and never repeats a password."""

import subprocess
import sys
from pathlib import Path

import pytest

from ussd_engine.errors import SettingsError
from ussd_engine.settings import settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("USSD_PORT", "abc", "USSD_PORT must be a valid integer, and is `abc`."),
        ("USSD_PORT", "70000", "USSD_PORT must be less than or equal to 65535, and is `70000`."),
        ("ENV", "prod", "ENV must be 'development', 'test' or 'production', and is `prod`."),
        ("PG_POOL", "0", "PG_POOL must be greater than 0, and is `0`."),
        ("DRAIN_S", "soon", "DRAIN_S must be a valid number, and is `soon`."),
        ("LOG_LEVEL", "loud",
         "LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL', and is `LOUD`."),
        ("USSD_GATEWAYS_DIR", "/not/there",
         "USSD_GATEWAYS_DIR must be a folder that exists, and is `/not/there`."),
        ("MENUS_DIR", "/not/there", "MENUS_DIR must be a folder that exists."),
        ("USSD_TRUSTED_PROXIES", "10.0.0.0/8,lb",
         "USSD_TRUSTED_PROXIES must be networks such as 10.0.0.0/8, separated by commas, and is `lb`."),
        ("DATABASE_URL", "mysql://me:secretword@db/umoja",
         "DATABASE_URL must be a URL that begins with postgresql:// or postgres://."),
        ("REDIS_URL", "localhost:6379",
         "REDIS_URL must be a URL that begins with redis:// or rediss:// or unix:// or redis+sentinel:// or"
         " rediss+sentinel:// or redis+cluster:// or rediss+cluster://."),
        ("REDIS_URL", "redis://:secretword@localhost:port/0",
         "REDIS_URL must be a URL whose port is a number."),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_it_must_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        settings.__wrapped__()
    assert str(raised.value) == said


def test_the_command_line_tells_it_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "serve"],
        env={"USSD_PORT": "abc", "PG_POOL": "-1", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ussd: USSD_PORT must be a valid integer, and is `abc`.\n"
        "PG_POOL must be greater than 0, and is `-1`.\n"
    )
