"""What must hold. At every moment, while callbacks are lost and payouts hang:

1. Every invariant of `ussd ledger verify`.
2. M-Pesa's wallets are our accounts to the cent, but for payments that M-Pesa made and that we have not
   heard of: each of them is named, and nothing else differs.
3. What we booked as paid out, M-Pesa paid, once, in that amount; what we booked as received, M-Pesa received.
4. Every loan owes what the documents say (oracle.py).
5. A notice about money is with a phone once at most.

At rest, when nothing is on its way, nothing is left to name: the wallets are our accounts. Besides:

6. Who was lent money got it once, and who was told that it failed got none.
7. Every payment to the paybill is booked once, every message and row of the outbox has come to its end.
8. M-Pesa's charges are booked.
"""

from collections import Counter
from typing import Any

from services.ledger import invariants as books
from tests.simulation import oracle
from tests.simulation.world import World

MONEY_SMS = """
select
    borrower.msisdn,
    sms.words,
    count(*) as asked,
    count(*) filter (where sms.state = 'accepted') as accepted
from sms
join borrower on borrower.id = sms.borrower_id
where sms.words is not null
and sms.kind = 'money'
group by borrower.msisdn, sms.words
"""

PAYOUTS = """
select payout.originator_id, payout.amount_cents, payout.state, borrower.msisdn
from payout
join borrower on borrower.id = payout.borrower_id
"""

# Each loan by what its borrower should have got, and been told.
LENT = """
select
    loan.ref,
    loan.state,
    loan.principal_cents,
    borrower.msisdn,
    loan.disbursed_at is not null or late_payout.loan_id is not null as sent,
    loan.disbursed_at is not null as begun,
    (select count(*) from sms where sms.key = 'money_sent:' || loan.ref) as told_sent,
    (select count(*) from sms where sms.key = 'payout_failed:' || loan.ref) as told_failed
from loan
join borrower on borrower.id = loan.borrower_id
left join late_payout on late_payout.loan_id = loan.id
order by loan.id
"""

UNENDED = """
select 'sms ' || id as what from sms where state in ('queued', 'sending')
union all
select 'outbox ' || key from outbox where done_at is null
union all
select 'callback ' || id || ' ' || kind || ' ' || note from mpesa_inbox where state = 'new'
union all
select 'callback ' || id || ' ' || kind || ' ' || note from mpesa_inbox where state = 'failed' and note not in
    ('no amount', 'no amount that can be paid', 'no Body', 'no stkCallback', 'no receipt', 'no the body')
"""


async def check(world: World) -> None:
    """What must hold at every moment. Raises AssertionError."""
    async with world.pool.acquire() as connection:
        assert await books.breaks(connection) == []
    unheard_out, unheard_in = await _unheard_payouts(world), await _unheard_receipts(world)
    ours = Counter(await world.balances())
    assert world.sandbox.balance("utility") == ours["mpesa_utility"] - sum(unheard_out.values()), unheard_out
    unheard_back = await _unheard_returns(world)
    paybill = ours["mpesa_paybill"] + ours["mpesa_working"] + sum(unheard_in.values())
    differs = (unheard_in, unheard_back)
    assert world.sandbox.balance("working") == paybill - sum(unheard_back.values()), differs
    assert world.sandbox.balance("charges") <= ours["mpesa_charges_paid"]
    await _sms_once(world)
    await oracle.check(world.pool, world.terms)


async def check_at_rest(world: World) -> None:
    """And what must hold when nothing is on its way."""
    await check(world)
    assert await _unheard_payouts(world) == {}
    assert await _unheard_receipts(world) == {}
    assert await _unheard_returns(world) == {}
    assert world.sandbox.balance("charges") == (await world.balances()).get("mpesa_charges_paid", 0)
    await _everybody_has_theirs(world)
    unended = [row["what"] for row in await world.pool.fetch(UNENDED)]
    assert unended == [], unended


async def _unheard_payouts(world: World) -> dict[str, int]:
    """What M-Pesa paid and we have not booked, by our id. Whatever we booked, M-Pesa paid."""
    paid = {each.originator_id: each for each in world.sandbox.payments(kind="b2c") if each.succeeded}
    ours = {row["originator_id"]: row for row in await world.pool.fetch(PAYOUTS)}
    assert paid.keys() <= ours.keys(), "M-Pesa paid what nobody asked for"
    for originator_id, row in ours.items():
        if row["state"] == "posted":
            made = paid[originator_id]
            assert (made.cents, made.msisdn) == (row["amount_cents"], row["msisdn"]), originator_id
    return {key: made.cents for key, made in paid.items() if ours[key]["state"] != "posted"}


async def _unheard_receipts(world: World) -> dict[str, int]:
    """What was paid to us and is not booked, by receipt. Whatever is booked was paid, in that amount."""
    received = {
        each.receipt: each.cents
        for kind in ("stk", "c2b")
        for each in world.sandbox.payments(kind=kind)
        if each.succeeded
    }
    rows = await world.pool.fetch(
        "select substr(key, 9) as receipt, sum(amount_cents)::bigint as cents from journal"
        " join posting on posting.journal_id = journal.id"
        " where key like 'receipt:%' and amount_cents > 0 group by key"
    )
    booked = {row["receipt"]: row["cents"] for row in rows}
    assert {receipt: received.get(receipt) for receipt in booked} == booked
    return {receipt: cents for receipt, cents in received.items() if receipt not in booked}


async def _unheard_returns(world: World) -> dict[str, int]:
    """What M-Pesa sent back and we have not booked, by receipt. Whatever we booked, M-Pesa sent back."""
    sent = {each.linked: each.cents for each in world.sandbox.payments(kind="reversal") if each.succeeded}
    rows = await world.pool.fetch("select receipt, amount_cents from suspense_item where state = 'returned'")
    booked = {row["receipt"]: row["amount_cents"] for row in rows}
    assert {receipt: sent.get(receipt) for receipt in booked} == booked
    return {receipt: cents for receipt, cents in sent.items() if receipt not in booked}


async def _sms_once(world: World) -> None:
    """No phone shows a notice about money more often than it was asked for, nor lacks an accepted one."""
    shown = Counter(
        (each.msisdn, each.text) for each in world.sandbox.world.messages.values() if each.code < 200
    )
    for row in await world.pool.fetch(MONEY_SMS):
        times = shown[row["msisdn"], row["words"]]
        assert row["accepted"] <= times <= row["asked"], (row["words"], times, row["asked"])


async def _everybody_has_theirs(world: World) -> None:
    """What M-Pesa paid is what was lent and refunded: by phone and amount, so that no id of ours counts."""
    owed_to: Counter[tuple[str, int]] = Counter()
    for row in await world.pool.fetch(LENT):
        ref = row["ref"]
        assert row["state"] not in ("approved", "disbursing"), ref
        owed_to[row["msisdn"], row["principal_cents"]] += row["sent"]
        assert row["told_sent"] == row["begun"], f"{ref}: told of {row['told_sent']} arrivals"
        gave_up = row["state"] == "failed" or row["told_failed"]
        assert row["told_failed"] == bool(gave_up), f"{ref} failed, and nobody was told"
    refunds = await world.pool.fetch(
        "select msisdn, amount_cents from payout join borrower on borrower.id = payout.borrower_id"
        " where refund_id is not null and payout.state = 'posted'"
    )
    owed_to.update((row["msisdn"], row["amount_cents"]) for row in refunds)
    paid = Counter((each.msisdn, each.cents) for each in world.sandbox.payments(kind="b2c") if each.succeeded)
    assert +owed_to == paid


def summary(world: World) -> dict[str, Any]:
    """How often what came to pass, for people."""
    return dict(sorted(world.seen.items()))
