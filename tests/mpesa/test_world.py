"""Borrowers, payouts and repayments at random, with M-Pesa at its worst. One seed is one run.

After it, with every fault over: M-Pesa's wallets are our accounts to the cent, every loan that M-Pesa paid
is booked as paid and no other, nobody was paid twice, and each payment to the paybill is booked once.
"""

import random
from typing import Any

import pytest

from services.ledger import accounts
from services.mpesa import paybill, payouts, repayments, sweeping
from services.mpesa.inbox import process_inbox
from tests.mpesa.conftest import Till
from tests.services.world import Phone

pytestmark = pytest.mark.slow

BORROWERS = 8
EVENTS = 160
FAULTS: tuple[dict[str, Any], ...] = (
    {"do": "drop", "on": "b2c"}, {"do": "drop", "on": "stk"}, {"do": "drop", "on": "c2b"},
    {"do": "duplicate", "on": "b2c"}, {"do": "duplicate", "on": "stk"}, {"do": "duplicate", "on": "c2b"},
    {"do": "delay", "on": "b2c", "seconds": 400}, {"do": "delay", "on": "stk", "seconds": 400},
    {"do": "reorder", "on": "b2c"}, {"do": "text_code", "on": "stk"}, {"do": "text_code", "on": "b2c"},
    {"do": "reset", "on": "b2c"}, {"do": "reset", "on": "b2c", "accepted": False},
    {"do": "reset", "on": "stk"},
    {"do": "refuse", "on": "b2c", "error": "internal", "accepted": True},
    {"do": "refuse", "on": "b2c", "error": "busy"}, {"do": "refuse", "on": "b2c", "error": "bad_request"},
    {"do": "refuse", "on": "b2c", "error": "gateway", "accepted": True},
    {"do": "queue_timeout", "on": "b2c"}, {"do": "queue_timeout", "on": "b2c", "pays": False},
    {"do": "queue_timeout", "on": "b2c", "result": False}, {"do": "result", "on": "b2c", "code": 2040},
    {"do": "contradict", "on": "b2c", "code": 2040, "when": "before"},
    {"do": "contradict", "on": "b2c", "code": 2040, "when": "after"},
    {"do": "contradict", "on": "stk", "code": 1032, "when": "before"}, {"do": "forget_token", "on": "b2c"},
    {"do": "result", "on": "stk", "code": 1032}, {"do": "result", "on": "stk_query", "code": 1032},
    {"do": "drop", "on": "status"}, {"do": "status", "on": "status", "says": "Authorized"},
)  # fmt: skip


class World:
    """Everybody, and what may happen next."""

    def __init__(self, till: Till, seed: int) -> None:
        self.till = till
        self.chance = random.Random(seed)
        self.said: list[str] = []

    async def live(self) -> None:
        for _ in range(BORROWERS):
            phone = await self.till.phone()
            self.till.sandbox.set_balance(phone.msisdn, 20_000_000)
        await paybill.register(self.till.pool, self.till.daraja)
        events = [self.borrow, self.ask_to_pay, self.pay, self.fault, self.fault, self.deliver, self.sweep]
        for _ in range(EVENTS):
            event = self.chance.choice(events)
            self.said.append(f"{event.__name__} {await event(self.chance.choice(self.till.phones))}")

    async def borrow(self, phone: Phone) -> str:
        outcome = await phone.borrow(self.chance.choice((50_000, 120_000, 300_000)))
        if outcome.name == "ok" and self.chance.random() < 0.8:  # else its message is lost
            loan_id = await phone.loan_id(outcome.value["ref"])
            return await payouts.submit(self.till.pool, self.till.daraja, loan_id)
        return outcome.name

    async def ask_to_pay(self, phone: Phone) -> str:
        outcome = await phone.do("repayments.prompt", amount=self.chance.choice((10_000, 70_000, 900_000)))
        if outcome.name != "ok":
            return outcome.name
        number = await self.till.pool.fetchval("select max(id) from payment_request")
        return await repayments.prompt(self.till.pool, self.till.daraja, number)

    async def pay(self, phone: Phone) -> str:
        account = self.chance.choice((phone.msisdn, "0" + phone.msisdn[3:], "nobody"))
        self.till.sandbox.pay(phone.msisdn, self.chance.choice((50, 700, 4_000)), account)
        return account

    async def fault(self, _: Phone) -> str:
        fault = self.chance.choice(FAULTS)
        self.till.sandbox.fault(**fault)
        return str(fault)

    async def deliver(self, _: Phone) -> str:
        await self.till.sandbox.advance(self.chance.choice((1, 30, 200)))
        return str(await process_inbox(self.till.pool, self.till.daraja.settings))

    async def sweep(self, _: Phone) -> str:
        return str(await sweeping.sweep(self.till.pool, self.till.daraja))

    async def end(self) -> None:
        """All faults are over, and time passes."""
        self.till.sandbox.clear_faults()
        await self.till.settle()
        await self.till.pool.execute("update payout set asks = 0, manual_at = null")
        await self.till.sweep(8)
        # The sandbox's clock is hours before ours by now.
        await paybill.pull(self.till.pool, self.till.daraja, until=self.till.sandbox.box.now())
        await self.till.settle()


@pytest.mark.parametrize("seed", range(3))
async def test_after_all_that_the_wallets_are_our_books(
    till: Till, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(till.daraja.settings, "margin_s", -10_000.0)
    world = World(till, seed)
    try:
        await world.live()
        await world.end()
        await assert_right(till)
    except BaseException:
        print("\n".join(world.said[-40:]))
        raise


async def assert_right(till: Till) -> None:
    await till.assert_agreed()
    assert (
        await till.pool.fetch("select state from payout where state not in ('posted', 'voided', 'failed')")
        == []
    )
    paid = {payment.originator_id for payment in till.sandbox.payments(kind="b2c") if payment.succeeded}
    posted = await till.pool.fetch("select originator_id from payout where state = 'posted'")
    assert {row["originator_id"] for row in posted} == paid
    collected = [
        payment
        for kind in ("stk", "c2b")
        for payment in till.sandbox.payments(kind=kind)
        if payment.succeeded
    ]
    receipts = await till.pool.fetch("select key from journal where key like 'receipt:%'")
    assert {row["key"] for row in receipts} == {f"receipt:{payment.receipt}" for payment in collected}
    assert await till.balance(accounts.MPESA_PAYBILL) == sum(payment.cents for payment in collected)
