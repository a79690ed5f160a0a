"""The server: one aiohttp application over a Sandbox, and `Running`, the same inside a test.

`make_app` starts the agenda with the application and takes up what a crash left open: payments that
were accepted are carried out, prompts are shown again, callbacks not yet posted are posted.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from services.clock import now as real_now
from services.sandbox import b2c, c2b, control, core, credential, daraja, reversal, sms, stk
from services.sandbox.core import Sandbox
from services.sandbox.journal import Journal
from services.sandbox.records import OPEN, Payment
from services.sandbox.settings import HOST, SandboxSettings

MAX_BODY = 256 * 1024
CONNECTIONS = 100
STOP_S = 1.0

PLANS: dict[str, Callable[[Sandbox, Payment], None]] = {
    "stk": stk.show,
    "b2c": b2c.plan,
    "c2b": c2b.plan,
    "reversal": reversal.plan,
}


def make_app(box: Sandbox) -> web.Application:
    """Daraja, Africa's Talking and the control API, over this sandbox."""
    app = web.Application(client_max_size=MAX_BODY)
    app.add_routes(daraja.routes(box))
    app.add_routes(sms.routes(box))
    app.add_routes(control.Control(box).routes())

    async def living(_app: web.Application) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=CONNECTIONS)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as box.client:
            take_up(box)
            box.agenda.start()
            yield
            box.closing.set()
            await box.agenda.stop()
        box.journal.close()

    async def closing(_app: web.Application) -> None:
        box.closing.set()  # before connections are waited for: let go of the clients that hang

    app.cleanup_ctx.append(living)
    app.on_shutdown.append(closing)
    return app


def take_up(box: Sandbox) -> None:
    """Go on with what the journal says was not done."""
    for payment in list(box.world.payments.values()):
        if payment.state == OPEN:
            PLANS[payment.kind](box, payment)
    for callback in list(box.world.callbacks.values()):
        box.schedule(callback)


def make(settings: SandboxSettings, folder: Path | None, now: Callable[[], datetime] = real_now) -> Sandbox:
    """A sandbox with its journal and keys in a folder; without one it forgets all at its end."""
    journal = Journal(folder / "journal.jsonl" if folder else None)
    keys = credential.kept_in(folder) if folder else credential.make()
    return core.make(settings, keys, journal, now)


async def serve(box: Sandbox, port: int) -> None:
    """Answer on loopback until SIGINT or SIGTERM."""
    async with listening(box, port) as url:
        print(f"Sandbox at {url} (its own API: {url}/sandbox)", flush=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()


@asynccontextmanager
async def listening(box: Sandbox, port: int = 0) -> AsyncIterator[str]:
    """The sandbox on a port of loopback, any free one for 0. Gives its URL."""
    runner = web.AppRunner(make_app(box), access_log=None, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Running:
    """A listening sandbox, at hand for a test in the same process."""

    def __init__(self, box: Sandbox, url: str) -> None:
        self.box = box
        self.url = url

    @property
    def settings(self) -> SandboxSettings:
        """Credentials and shortcodes."""
        return self.box.settings

    @property
    def world(self) -> Any:
        """Everything it knows."""
        return self.box.world

    @property
    def certificate_pem(self) -> str:
        """What the initiator's password is encrypted to."""
        return self.box.keys.certificate_pem

    def client_values(self) -> dict[str, Any]:
        """All that a client has to be told."""
        return self.settings.client_values(self.url, self.certificate_pem)

    async def settle(self, timeout_s: float = 10.0) -> dict[str, Any]:
        """Do all that is scheduled."""
        return await self.box.settle(timeout_s)

    async def advance(self, seconds: float) -> dict[str, Any]:
        """Let time pass."""
        return await self.box.advance(seconds)

    def behave(self, **changes: Any) -> None:
        """Change settings, as PATCH /sandbox/settings does."""
        control.change(self.box, changes)

    def fault(self, do: str, **fields: Any) -> int:
        """Turn a knob. Returns its number."""
        return self.box.faults.add({"do": do, **fields}).number

    def clear_faults(self) -> None:
        """Turn all knobs back."""
        self.box.faults.clear()

    def balance(self, account: str) -> int:
        """Cents in utility, working or charges, or of a phone."""
        return self.box.world.wallets.balance(account)

    def set_balance(self, account: str, cents: int) -> None:
        """Give an account a balance."""
        if account[:1].isdigit():
            self.box.phone(account)
        control.set_balance(self.box, account, cents)

    def pay(self, msisdn: str, shillings: int, account: str = "") -> Payment:
        """A phone pays the paybill."""
        return c2b.pay(self.box, msisdn, shillings * 100, account, self.settings.paybill)

    def answer(self, checkout: str, word: str) -> Payment:
        """The person with the phone answers a prompt."""
        payment = self.box.world.payments[self.box.world.by_conversation[checkout]]
        return stk.answer(self.box, payment, word)

    def payments(self, **wanted: Any) -> list[Payment]:
        """Transactions with these values."""
        return [
            payment
            for payment in self.box.world.payments.values()
            if all(getattr(payment, name) == value for name, value in wanted.items())
        ]
