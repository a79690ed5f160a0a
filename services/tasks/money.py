"""Jobs that talk to M-Pesa. What each does is in services/mpesa; here it gets a client, and its turn."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from celery import shared_task

from services import clock
from services.mpesa import client, floats, paybill, payouts, repayments, returns, settings, sweeping
from services.mpesa.client import Daraja
from services.mpesa.inbox import process_inbox
from services.tasks.running import Tools, consume, run

AGAIN = timedelta(seconds=30)  # a payout that waits, a prompt that did not leave
RECENT = timedelta(hours=2)

Result = TypeVar("Result")


@shared_task(name="services.tasks.money.disburse")  # type: ignore[untyped-decorator]
def disburse(row: int, loan_id: int, ref: str) -> None:  # noqa: ARG001
    """Pay out a loan."""

    async def work(tools: Tools) -> datetime | None:
        async def submitted(daraja: Daraja) -> datetime | None:
            return _left(await payouts.submit(tools.pool, daraja, loan_id), "ready")

        return await _with(tools, submitted)

    consume(row, work)


@shared_task(name="services.tasks.money.refund")  # type: ignore[untyped-decorator]
def refund(row: int, refund_id: int) -> None:
    """Pay out a refund."""

    async def work(tools: Tools) -> datetime | None:
        async def submitted(daraja: Daraja) -> datetime | None:
            return _left(await payouts.submit_refund(tools.pool, daraja, refund_id), "ready")

        return await _with(tools, submitted)

    consume(row, work)


@shared_task(name="services.tasks.money.prompt")  # type: ignore[untyped-decorator]
def prompt(row: int, payment_request_id: int) -> None:
    """Show a prompt."""

    async def work(tools: Tools) -> datetime | None:
        async def shown(daraja: Daraja) -> datetime | None:
            return _left(await repayments.prompt(tools.pool, daraja, payment_request_id), "queued")

        return await _with(tools, shown)

    consume(row, work)


@shared_task(name="services.tasks.money.send_back")  # type: ignore[untyped-decorator]
def send_back(row: int, reversal_id: int) -> None:
    """Reverse a payment that nobody is known for."""

    async def work(tools: Tools) -> datetime | None:
        return await _with(tools, lambda daraja: returns.ask(tools.pool, daraja, reversal_id))

    consume(row, work)


@shared_task(name="services.tasks.money.inbox")  # type: ignore[untyped-decorator]
def inbox(row: int, inbox_id: int) -> None:  # noqa: ARG001
    """Process callbacks: the one that woke us, and whatever else is due. One that is not ripe yet comes
    again with the sweep."""

    async def work(tools: Tools) -> datetime | None:
        await process_inbox(tools.pool, settings.mpesa())
        return None

    consume(row, work)


@shared_task(name="services.tasks.money.sweep")  # type: ignore[untyped-decorator]
def sweep() -> dict[str, int]:
    """Take up whatever waits for something that will not come, and see that our URLs are registered."""

    async def work(tools: Tools) -> dict[str, int]:
        async def swept(daraja: Daraja) -> dict[str, int]:
            done = await sweeping.sweep(tools.pool, daraja)
            done["registered"] = len(await paybill.register(tools.pool, daraja))
            return done

        return await _with(tools, swept) if _set_up() else {}

    return run(work)


@shared_task(name="services.tasks.money.balance")  # type: ignore[untyped-decorator]
def balance() -> bool:
    """Ask for our balances, to be compared with the books."""

    async def work(tools: Tools) -> bool:
        return _set_up() and await _with(tools, lambda daraja: floats.ask(tools.pool, daraja, always=True))

    return run(work)


@shared_task(name="services.tasks.money.pull")  # type: ignore[untyped-decorator]
def pull() -> dict[str, int]:
    """Payments of the last two hours that we were not told of."""
    return _pulled(RECENT)


@shared_task(name="services.tasks.money.pull_all")  # type: ignore[untyped-decorator]
def pull_all() -> dict[str, int]:
    """Payments of all the time that M-Pesa keeps, once a day."""
    return _pulled(paybill.LONGEST)


def _pulled(back: timedelta) -> dict[str, int]:
    async def work(tools: Tools) -> dict[str, int]:
        pulled = {}
        if _set_up():
            pulled = await _with(tools, lambda daraja: paybill.pull(tools.pool, daraja, back))
        return pulled

    return run(work)


def _left(state: str, waiting: str) -> datetime | None:
    """When to come again: soon while it waits, else never."""
    return clock.now() + AGAIN if state == waiting else None


def _set_up() -> bool:
    """Whether there is an M-Pesa to talk to: a server may be tried without one. Half of one is an error."""
    return bool(settings.mpesa().consumer_key.get_secret_value())


async def _with(tools: Tools, work: Callable[[Daraja], Awaitable[Result]]) -> Result:
    """Do it with a client. Raises SettingsError when M-Pesa is not set up."""
    chosen = settings.mpesa()
    chosen.require_complete()
    secret = tools.settings.secret.get_secret_value().encode()
    async with client.opened(chosen, secret, tools.settings.redis_url) as daraja:
        return await work(daraja)
