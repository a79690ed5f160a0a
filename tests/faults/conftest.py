"""The lender beside the sandbox, as in tests/mpesa, and processes that are killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.failpoints import VARIABLE
from services.mpesa import sweeping
from tests.mpesa.conftest import Till, pool, terms, till  # noqa: F401 - fixtures
from tests.services.world import SECRET

Kill = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(autouse=True)
def nobody_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that is killed is known to be gone at once, and not only when no request lasts so long."""
    monkeypatch.setattr(sweeping, "MARGIN_S", -10_000.0)


@pytest.fixture
def start(till: Till, pg_url: str, redis_url: str) -> Kill:  # noqa: F811
    """Start a child with a failpoint."""

    async def started(failpoint: str, what: str, number: int = 0, **more: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.child", what, str(number),
            env={**os.environ, **environment(till, pg_url, redis_url), VARIABLE: failpoint, **more},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    return started


@pytest.fixture
def kill(start: Kill) -> Kill:
    """Start a child and see it killed where it was told."""

    async def killed(failpoint: str, what: str, number: int = 0, **more: str) -> Any:
        child = await start(failpoint, what, number, **more)
        await child.communicate()
        assert child.returncode == -signal.SIGKILL, f"{what} did not come to {failpoint}"
        return child

    return killed


def environment(till: Till, pg_url: str, redis_url: str) -> dict[str, str]:  # noqa: F811
    """The settings of the till's own client."""
    chosen = till.daraja.settings
    names = ("base_url", "paybill", "payout_shortcode", "initiator_name", "callback_url", "certificate")
    secrets = ("consumer_key", "consumer_secret", "passkey", "initiator_password")
    told = {name: str(getattr(chosen, name)) for name in names}
    told |= {name: getattr(chosen, name).get_secret_value() for name in secrets}
    told["callback_networks"] = "127.0.0.0/8"
    return {
        **{f"MPESA_{name.upper()}": value for name, value in told.items()},
        "USSD_SECRET": SECRET.decode(),
        "DATABASE_URL": pg_url,
        "REDIS_URL": redis_url,
        "ENV": "test",
    }
