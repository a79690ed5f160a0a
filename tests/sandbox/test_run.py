"""A long run at random, with everything going wrong that can: the wallets must hold to the cent.

What must hold after each stretch:
1. the wallets are sound: no move makes money, balances are the sum of the moves, nobody is below zero;
2. each account holds what the list of transactions says, reckoned without the moves;
3. every transaction is over, and succeeded only once for its id;
4. the same seed gives the same moves, callbacks and outcomes.
"""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.sandbox import core, credential, server
from services.sandbox.journal import Journal
from services.sandbox.server import Running
from services.sandbox.wallets import CHARGES, FEES, UTILITY, WORKING
from tests.sandbox.client import Shop
from tests.sandbox_fixture import Listener, paused_settings

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OPENING, FLOAT = 500_000, 100_000_000
PHONES = [f"2547000000{number:02d}" for number in range(12)]
STEPS, STRETCH = 200, 40

TROUBLE: list[dict[str, Any]] = [
    {"do": "drop", "probability": 0.1},
    {"do": "duplicate", "copies": 2, "seconds": 5, "probability": 0.1},
    {"do": "reorder", "probability": 0.1},
    {"do": "delay", "seconds": 90, "probability": 0.1},
    {"do": "contradict", "probability": 0.05},
    {"do": "text_code", "probability": 0.2},
    {"do": "refuse", "error": "internal", "accepted": True, "probability": 0.1},
    {"do": "refuse", "error": "spike_arrest", "probability": 0.1},
    {"do": "reset", "probability": 0.05},
    {"do": "result", "on": "stk", "code": 1032, "probability": 0.2},
    {"do": "result", "on": "b2c", "code": 2040, "probability": 0.1},
    {"do": "queue_timeout", "on": "b2c", "probability": 0.1},
    {"do": "queue_timeout", "on": "b2c", "pays": False, "probability": 0.1},
]


async def step(chance: random.Random, sandbox: Running, shop: Shop, number: int) -> None:
    phone, shillings = chance.choice(PHONES), chance.choice([5, 10, 50, 500, 1500, 6000, 240_000])
    match chance.randrange(6):
        case 0 | 1:
            originator = f"PAY-{number if chance.random() < 0.8 else chance.randrange(number + 1)}"
            await shop.pay_out(originator, str(shillings), phone)
        case 2 | 3:
            await shop.push(str(shillings), phone)
        case 4:
            sandbox.pay(phone, shillings, f"U{number}")
        case 5:
            paid = sandbox.payments(kind="c2b")
            receipt = chance.choice(paid).receipt if paid else "NONE"
            body = shop.status_body(
                CommandID="TransactionReversal",
                TransactionID=receipt,
                Amount=str(shillings),
                ReceiverParty=sandbox.settings.paybill,
                RecieverIdentifierType="11",
            )
            await shop.post("/mpesa/reversal/v1/request", body)


def expected(sandbox: Running) -> Counter[str]:
    """What each account holds by the transactions alone."""
    held = Counter({UTILITY: FLOAT, WORKING: 0, CHARGES: 0, FEES: 0})
    held.update(dict.fromkeys(sandbox.world.phones, OPENING))
    for payment in sandbox.payments():
        if not payment.succeeded:
            continue
        gives = -1 if payment.kind in ("stk", "c2b") else 1
        held[payment.msisdn] += gives * payment.cents
        held[UTILITY if payment.kind == "b2c" else WORKING] -= gives * payment.cents
        held[CHARGES] -= payment.fee_cents
        held[FEES] += payment.fee_cents
    return held


async def run(seed: int, keys: credential.Keys, listener: Listener) -> list[Any]:
    """What a run comes to. Addresses of this listener are left out."""
    settings = paused_settings(opening_cents=OPENING).model_copy(update={"seed": seed})
    box = core.make(settings, keys, Journal(None), lambda: MONDAY)
    async with server.listening(box) as url:
        sandbox = Running(box, url)
        shop = await Shop(sandbox, listener).authorise()
        for trouble in TROUBLE:
            sandbox.fault(**{"times": None, **trouble})
        chance = random.Random(seed)
        for number in range(STEPS):
            try:
                await step(chance, sandbox, shop, number)
            except httpx.TransportError:
                assert any(fault.do == "reset" and fault.used for fault in box.faults.all())
            if number % STRETCH == STRETCH - 1:
                assert (await sandbox.settle())["settled"]
                assert box.world.wallets.faults() == []
                held = expected(sandbox)
                assert {account: box.world.wallets.balance(account) for account in held} == dict(held)
        await shop.http.aclose()
    assert {payment.state for payment in sandbox.payments()} == {"done"}
    outcomes = [(callback.kind, callback.due, callback.outcome) for callback in box.world.callbacks.values()]
    return [box.world.wallets.moves, outcomes, [(p.receipt, p.code) for p in sandbox.payments()]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_goes_wrong_no_cent_is_made_or_lost_and_the_seed_repeats_it(
    seed: int, sandbox_keys: credential.Keys, listener: Listener
) -> None:
    first = await run(seed, sandbox_keys, listener)
    assert len(first[0]) > STEPS / 4
    assert await run(seed, sandbox_keys, listener) == first
    assert {outcome for _, _, outcome in first[1]} == {"delivered", "dropped"}
