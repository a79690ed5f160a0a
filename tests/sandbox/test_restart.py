"""kill -9 of the sandbox: wallets, accepted payments and callbacks that were not posted are still there."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from loadtests.bench.processes import free_port
from services.sandbox import core, credential, server
from services.sandbox.journal import Journal
from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop
from tests.sandbox_fixture import paused_settings

OPENING, FLOAT = 500_000, 100_000_000


class Process:
    """`ussd sandbox` in a process of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "Process":
        arguments = ["sandbox", "--port", str(self.port), "--data", str(self.data)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ussd_engine.cli", *arguments],
            env={**os.environ, "SANDBOX_BEHAVIOUR__PAUSED": "true", "ENV": "test"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith(f"Sandbox at {self.url}"), first
        return self

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}", trust_env=False).json()

    def post(self, path: str, body: Any) -> Any:
        return httpx.post(f"{self.url}{path}", json=body, trust_env=False).json()


@pytest.fixture
def process(tmp_path: Path) -> Any:
    running = Process(tmp_path).start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.end(signal.SIGKILL)


class Remote:
    """What `Shop` needs of a sandbox in another process."""

    def __init__(self, process: Process) -> None:
        self.url = process.url
        self._process = process

    def client_values(self) -> dict[str, Any]:
        values: dict[str, Any] = self._process.get("/sandbox/credentials")
        return values


async def test_after_kill_9_wallets_ids_and_unfinished_payments_are_known(
    process: Process, listener: Any
) -> None:
    shop = await Shop(Remote(process), listener).authorise()  # type: ignore[arg-type]
    await shop.pay_out("PAY-1", "500")
    await shop.http.post("/sandbox/settle", json={})
    await shop.pay_out("PAY-2", "700", OTHER)
    await shop.push("100")
    before = process.get("/sandbox/wallets")
    certificate = process.get("/sandbox/credentials")["certificate_pem"]
    assert process.end(signal.SIGKILL) == -signal.SIGKILL
    process.start()
    assert process.get("/sandbox/wallets") == before
    assert process.get("/sandbox/credentials")["certificate_pem"] == certificate
    await shop.authorise()
    assert (await shop.pay_out("PAY-2", "700", OTHER)).json()["errorCode"] == "500.002.1001"
    assert (await shop.pay_out("PAY-1", "500")).json()["errorCode"] == "500.002.1001"
    settled = (await shop.http.post("/sandbox/settle", json={})).json()
    assert settled == {"settled": True, "delivered": 2, "given_up": 0, "prompts": 0}
    wallets = process.get("/sandbox/wallets")
    phones = {msisdn: phone["cents"] for msisdn, phone in wallets["phones"].items()}
    assert phones == {PHONE: OPENING + 50_000 - 10_000, OTHER: OPENING + 70_000}
    assert (wallets["utility"], wallets["working"], wallets["sound"]) == (FLOAT - 120_000, 10_000, True)
    told = [body["Result"]["OriginatorConversationID"] for body in listener.bodies("/cb/b2c")]
    assert told == ["PAY-1", "PAY-2"]
    await shop.http.aclose()


def test_it_ends_in_order_and_a_second_one_is_refused_the_journal(process: Process) -> None:
    other = [sys.executable, "-m", "ussd_engine.cli", "sandbox", "--port", str(free_port())]
    second = subprocess.run(
        [*other, "--data", str(process.data)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert "Another sandbox writes" in second.stderr
    assert process.end(signal.SIGTERM) == 0


def test_production_and_a_wrong_setting_are_one_sentence(tmp_path: Path) -> None:
    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ussd_engine.cli", "sandbox", "--data", str(tmp_path)]
        env = {**os.environ, **environment}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)

    production = run(ENV="production", USSD_SECRET="s" * 40)
    assert production.returncode == 1
    assert "does not run with ENV=production" in production.stderr
    wrong = run(SANDBOX_BEHAVIOUR__STK="maybe")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "SANDBOX_BEHAVIOUR__STK" in wrong.stderr
    assert not (tmp_path / "sandbox").exists()


@pytest_asyncio.fixture
async def kept(tmp_path: Path, sandbox_keys: credential.Keys) -> AsyncIterator[Any]:
    """Sandboxes over one journal, one after another."""

    @contextlib.asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[Running]:
        journal = Journal(tmp_path / "journal.jsonl")
        box = core.make(paused_settings(**changes), sandbox_keys, journal)
        async with server.listening(box) as url:
            yield Running(box, url)

    yield run


async def test_everything_read_back_from_the_journal_is_the_same(kept: Any, listener: Any) -> None:
    async with kept(stk="ask") as sandbox:
        shop = await Shop(sandbox, listener).authorise()
        urls = {"ConfirmationURL": listener.url("/cb/paid"), "ValidationURL": listener.url("/cb/check")}
        register = {"ShortCode": sandbox.settings.paybill, "ResponseType": "Completed", **urls}
        await shop.post("/mpesa/c2b/v2/registerurl", register)
        await shop.pay_out("PAY-1")
        sandbox.pay(PHONE, 300, "U4K7QXN")
        await shop.http.post("/sandbox/sms/optout", json={"msisdn": OTHER})
        form = {"username": sandbox.settings.at_username, "to": f"+{PHONE}", "message": "Hello"}
        headers = {"apiKey": sandbox.settings.at_api_key}
        await shop.http.post("/version1/messaging", data=form, headers=headers)
        await sandbox.settle()
        await shop.push("100")
        first = sandbox.world
        await shop.http.aclose()
    async with kept(stk="ask") as sandbox:
        again = sandbox.world
        for name in ("payments", "callbacks", "phones", "messages", "urls", "opted_out"):
            assert getattr(again, name) == getattr(first, name), name
        assert again.wallets.balances == first.wallets.balances
        assert again.wallets.moves == first.wallets.moves
        assert [payment.cents for payment in sandbox.box.open_prompts()] == [10_000]
        receipts = [payment.receipt for payment in again.payments.values()]
        assert sandbox.pay(PHONE, 5).receipt not in receipts


async def test_a_callback_planned_before_the_crash_is_posted_after_it(kept: Any, listener: Any) -> None:
    async with kept() as sandbox:
        shop = await Shop(sandbox, listener).authorise()
        sandbox.fault("delay", on="b2c", seconds=600)
        await shop.pay_out("PAY-1")
        await sandbox.advance(10)
        assert (listener.got, sandbox.balance(PHONE)) == ([], OPENING + 50_000)
        await shop.http.aclose()
    async with kept() as sandbox:
        await sandbox.settle()
        assert len(listener.bodies("/cb/b2c")) == 1
        assert sandbox.balance(PHONE) == OPENING + 50_000
    async with kept() as sandbox:
        await sandbox.settle()
        assert len(listener.bodies("/cb/b2c")) == 1
