"""kill -9 at each step of an application, a payout and a repayment: of the web server, the relay and the
worker, which run as in production. A supervisor starts again what died, and that is all the help there is.
"""

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.failpoints import NAMES, VARIABLE
from tests.faults.town import Town
from tests.services.world import Phone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BOOKING = ("callback.storing", "callback.stored", "inbox.taken", "inbox.done", "payout.settled")
SMS = ("sms.sending", "sms.sent")
CASES = {
    "application": ("effect.written", "effect.kept"),
    "payout": (
        "relay.published", "payout.ready", "payout.submitting", "payout.asked", "payout.answered",
        "task.worked", "payout.settling", *BOOKING, *SMS,
    ),
    "failed payout": ("payout.settling", "inbox.done"),
    "repayment": (
        "relay.published", "prompt.prompting", "prompt.asked", "prompt.answered", "task.worked",
        "repayment.booking", "repayment.booked", *BOOKING, *SMS,
    ),
}  # fmt: skip


async def application(town: Town, step: str) -> None:
    """The gateway sends the press again; a borrower who is told to dial again later does."""
    phone = await town.somebody()
    town.arm(step)
    refs: list[str] = []
    for dialog in range(3):
        phone.session = f"{phone.session}{dialog}"
        screen = await town.dial(phone)
        refs = await town.loans_of(phone)
        if refs:
            break
    await town.killed()
    assert len(refs) == 1, screen
    await town.is_paid_out(refs[0])


async def payout(town: Town, step: str) -> None:
    phone = await town.somebody()
    town.arm(step)
    ref = await town.lend(phone)
    await town.killed()
    await dead_senders(town, step)
    await town.is_paid_out(ref)
    await told(town, phone, f"money_sent:{ref}", step)


async def failed_payout(town: Town, step: str) -> None:
    phone = await town.somebody()
    town.sandbox.fault("result", on="b2c", code=2040, msisdn=phone.msisdn)
    town.arm(step)
    ref = await town.lend(phone)
    await town.killed()
    await town.until(lambda: town.state_is(ref, "failed"))
    await town.at_rest()
    await told(town, phone, f"payout_failed:{ref}", step)
    await town.is_paid_out(await town.lend(phone))  # they may ask again


async def repayment(town: Town, step: str) -> None:
    phone, ref = await town.debtor()
    town.arm(step)
    await town.ask_to_pay(phone)
    await town.killed()
    await dead_senders(town, step)
    if step == "prompt.prompting":  # nothing was shown, and nobody pays twice for what may have been
        await town.until(
            lambda: town.pool.fetchval(
                "select outcome = 'unheard' from payment_request join loan on loan.id = loan_id"
                " where ref = $1",
                ref,
            )
        )
        await town.ask_to_pay(phone)
    await town.is_repaid(phone, ref)
    (key,) = [
        row["key"]
        for row in await town.pool.fetch(
            "select key from sms join loan on loan.id = loan_id where ref = $1 and notice = 'loan_repaid'",
            ref,
        )
    ]
    await told(town, phone, key, step)


FLOWS: dict[str, Callable[[Town, str], Awaitable[None]]] = {
    "application": application, "payout": payout, "failed payout": failed_payout, "repayment": repayment,
}  # fmt: skip


@pytest.mark.parametrize(("flow", "step"), [(flow, step) for flow, steps in CASES.items() for step in steps])
async def test_killed_there_it_ends_right_with_nobodys_help(town: Town, flow: str, step: str) -> None:
    await FLOWS[flow](town, step)


def test_every_failpoint_of_money_has_a_case() -> None:
    of_money = {name for name in NAMES if not name.startswith("api.")}
    assert set(itertools.chain(*CASES.values())) == of_money


async def dead_senders(town: Town, step: str) -> None:
    """Who sent a message when it died is waited for, for five minutes: they pass."""
    if step in SMS:
        await town.until(
            lambda: town.pool.fetchval("select exists (select 1 from sms where state = 'sending')")
        )
        await town.minutes_pass()


async def told(town: Town, phone: Phone, key: str, step: str) -> None:
    """The borrower was told once; when the sender died, at most once, and never again."""
    row = await town.pool.fetchrow("select state, words from sms where key = $1", key)
    messages = town.sandbox.world.messages.values()
    times = len([each for each in messages if (each.msisdn, each.text) == (phone.msisdn, row["words"])])
    expected = {"sms.sending": ("unknown", 0), "sms.sent": ("unknown", 1)}.get(step, ("accepted", 1))
    assert (row["state"], times) == expected


# -- what everything stands on ---------------------------------------------------------------------


async def test_redis_emptied_again_and_again_costs_no_money(town: Town) -> None:
    async def empty() -> None:
        for _ in range(6):
            await asyncio.sleep(0.15)
            town.empty_redis()

    await in_the_middle(town, empty)


async def test_postgresql_restarted_at_once_costs_no_money(town: Town) -> None:
    async def restart() -> None:
        town.restart_postgresql()
        await town.until(lambda: town.pool.fetchval("select true"))

    await in_the_middle(town, restart)


@pytest.mark.parametrize("name", ["worker", "web", "relay"])
async def test_a_whole_process_killed_at_any_moment_costs_no_money(town: Town, name: str) -> None:
    async def kill() -> None:
        town.kill(name)

    await in_the_middle(town, kill)


async def in_the_middle(town: Town, breaking: Callable[[], Awaitable[None]]) -> None:
    """Some borrow and some pay back while it breaks; in the end all have borrowed, or paid back, once."""
    debtors = [await town.debtor() for _ in range(3)]
    for phone, _ in debtors:
        await town.ask_to_pay(phone)
    newcomers = [await town.somebody() for _ in range(3)]
    new_refs = [await town.lend(phone) for phone in newcomers]
    await town.begun([*new_refs, *[ref for _, ref in debtors]])
    await breaking()
    for phone, ref in debtors:
        await paid_or_asked_again(town, phone, ref)
    for ref in new_refs:
        await town.is_paid_out(ref)


async def paid_or_asked_again(town: Town, phone: Phone, ref: str) -> None:
    """A prompt that nobody heard of is asked for again by its borrower, as people do."""

    async def over() -> Any:
        return await town.pool.fetchval(
            "select loan.state = 'repaid' or not exists ("
            " select 1 from payment_request where loan_id = loan.id"
            " and payment_request.state in ('queued', 'prompting', 'prompted')) from loan where ref = $1",
            ref,
        )

    await town.until(over)
    if not await town.state_is(ref, "repaid"):
        await town.ask_to_pay(phone)
    await town.is_repaid(phone, ref)


async def test_production_does_not_start_with_a_failpoint(tmp_path: Any) -> None:
    for told_of in ("payout.ready", str(tmp_path / "failpoint")):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from services import failpoints; failpoints.require_none()",
            env={"ENV": "production", VARIABLE: told_of}, stderr=asyncio.subprocess.PIPE, cwd=None,
        )  # fmt: skip
        _, words = await child.communicate()
        assert child.returncode == 1
        assert b"Production does not run with one." in words
