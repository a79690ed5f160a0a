"""What happens, by chance: borrowers and their phones, bad luck, workers, and days that pass.

Each event is a function of the world that gives what came of it in a few words. What staff do is in
staff.py. An exception that an event does not expect ends the run: it is a fault of the lender.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from services import outbox
from services.loans import dayend
from services.loans.refs import loan_ref
from services.mpesa import floats, paybill, payouts, sweeping
from services.mpesa.inbox import process_inbox
from services.sms import reminders
from tests.services.world import PIN, Phone
from tests.simulation import staff, timepiece
from tests.simulation.luck import CRASHES, FAULTS
from tests.simulation.world import World

Event = Callable[[World], Awaitable[str]]

ASKED_FOR = (50_000, 120_000, 250_000, 390_000, 400_000, 500_000, 800_000, 1_500_000)
NIGHTLY_PULLS = 6
ROUNDS = 60

# -- borrowers -------------------------------------------------------------------------------------


async def borrow(world: World) -> str:
    phone, amount = world.anybody(), world.chance.choice(ASKED_FOR)
    how = world.chance.random()
    if how < 0.05:
        return (await phone.borrow(amount, pin="9753")).name
    if how < 0.25:
        quote = await phone.do("loans.quote", amount=amount, purpose="business")
        total = (quote.value or {}).get("total", 1)
        said = {"amount": amount, "purpose": "business", "total": total, "pin": PIN}
        return await (_at_once if how < 0.15 else _again)(world, phone, said)
    return (await phone.borrow(amount)).name


async def _again(world: World, phone: Phone, said: dict[str, Any]) -> str:
    """The gateway sends the press once more."""
    key = f"africastalking:again{world.number()}:1:loans.apply"
    first, second = await phone.do("loans.apply", key, **said), await phone.do("loans.apply", key, **said)
    assert first == second, (first, second)
    return first.name


async def _at_once(_: World, phone: Phone, said: dict[str, Any]) -> str:
    """Two dialogs of one phone end in the same moment."""
    outcomes = await asyncio.gather(phone.do("loans.apply", **said), phone.do("loans.apply", **said))
    names = sorted(outcome.name for outcome in outcomes)
    assert names == ["changed"] * 2 or not {"ok", "review"}.issuperset(names), names
    return "at once: " + " ".join(names)


async def ask_to_pay(world: World) -> str:
    phone = await world.debtor()
    amount = world.chance.choice((900, 10_000, 70_050, 250_000, 90_000_000))
    return (await phone.do("repayments.prompt", amount=amount)).name


async def pay_the_paybill(world: World) -> str:
    payer = await world.debtor()
    owner = payer if world.chance.random() < 0.85 else await world.debtor()
    found = await world.pool.fetchval(
        "select ref from loan join borrower on borrower.id = borrower_id where msisdn = $1"
        " order by loan.id desc limit 1",
        owner.msisdn,
    )
    ref = found or loan_ref(1)
    digits = owner.msisdn[3:]
    account = world.chance.choice((
        ref, ref, ref.lower(), f" {ref[:3]}-{ref[3:]}", owner.msisdn, f"0{digits}",
        f"+254 {digits[:3]} {digits[3:]}", "nobody", ref[:-1], "", "U2222222",
    ))  # fmt: skip
    shillings = world.chance.choice((1, 10, 99, 700, 1_500, 3_000, 6_000, 20_000, 60_000))
    world.sandbox.pay(payer.msisdn, shillings, account)
    return f"{shillings} by {payer.msisdn} for {account!r}"


async def ask_for_time(world: World) -> str:
    phone = await world.debtor()
    offered = await phone.do("loans.more_time")
    if offered.name != "ok":
        return offered.name
    return (await phone.do("loans.roll_over", fee=offered.value["fee"], pin=PIN)).name


async def dial(world: World) -> str:
    """Whoever owes, or whose money is on its way, is offered nothing."""
    phone = await world.debtor()
    outcome = await phone.do("loans.limit")
    owes = await world.pool.fetchval(
        "select exists (select 1 from loan join borrower on borrower.id = borrower_id"
        " where msisdn = $1 and (is_open or state = 'written_off'))",
        phone.msisdn,
    )
    assert not (owes and outcome.name == "ok"), phone.msisdn
    return outcome.name


# -- bad luck --------------------------------------------------------------------------------------


async def fault(world: World) -> str:
    chosen = world.chance.choice(FAULTS)
    world.sandbox.fault(**chosen)
    return f"{chosen['do']}/{chosen['on']} {chosen}"


async def crash(world: World) -> str:
    """The next process that comes to that line is killed."""
    world.crash_at = world.chance.choice(CRASHES)
    return world.crash_at


async def redis_is_emptied(world: World) -> str:
    await world.daraja.redis.flushdb()
    lost = len(world.broker)
    world.broker.clear()
    return f"lost {lost}"


async def timed_out(world: World) -> str:
    """M-Pesa takes a payout and says nothing, for longer than anybody waits."""
    found = await world.one_of("select id, ref from loan where state = 'disbursing' order by id")
    if found is None:
        return "nobody waits"
    world.sandbox.fault("hang", on="b2c", seconds=60.0, accepted=world.chance.random() < 0.8)
    state = await world.survive(payouts.submit(world.pool, world.impatient, found["id"]))
    world.sandbox.box.faults.clear(world.sandbox.box.faults.all()[-1].number)
    return f"{state} {found['ref']}"


async def told_again(world: World) -> str:
    """A callback comes once more, a little differently written."""
    told = [each for each in world.sandbox.world.callbacks.values() if "/api/v1/cb/" in each.url]
    if not told:
        return "nothing was told"
    found = world.chance.choice(told[-300:])
    answer = await world.http.post(found.url, json={**found.body, "Again": world.number()})
    return f"{answer.status_code} {found.kind}"


async def forged(world: World) -> str:
    """Callbacks of what there never was, and of what is no money."""
    stk = {"MerchantRequestID": "m", "CheckoutRequestID": f"ws_{world.number()}", "ResultCode": 0}
    result = {"ResultCode": 0, "OriginatorConversationID": "UMnobody", "ConversationID": "AG_1",
              "TransactionID": f"FORGED{world.number():04d}"}  # fmt: skip
    amount = world.chance.choice(("nan", "inf", "-5", "0.001", "1e12"))
    paid = {"TransID": f"FORGED{world.number():04d}", "TransTime": "20260401120000", "BillRefNumber": "x",
            "MSISDN": 254700000000, "TransAmount": amount}  # fmt: skip
    kind, body = world.chance.choice((
        ("stk", {"Body": {"stkCallback": stk}}), ("b2c/UMnobody", {"Result": result}),
        ("status/UMnobody", {"Result": result}), ("confirmation", paid), ("stk", [1, 2]),
    ))  # fmt: skip
    answer = await world.http.post(world.daraja.callback(kind), json=body)
    wrong = await world.http.post(world.daraja.callback(kind).replace("/cb/", "/cb/x"), json=body)
    assert wrong.status_code == 404
    return f"{answer.status_code} {kind}"


# -- the processes ---------------------------------------------------------------------------------


async def work(world: World) -> str:
    """The relay hands on what is due, and workers take some of it, in any order, some of it twice."""
    said = [await world.survive(world.relay())]
    for _ in range(world.chance.randrange(1, 25)):
        if not world.broker:
            break
        job = world.broker.pop(world.chance.randrange(len(world.broker)))
        how = world.chance.random()
        if how < 0.06 and _is_calm(world, job[1]):
            await asyncio.gather(world.consume(*job), world.consume(*job))
            said.append(f"{job[1]} twice")  # what the second one found is nobody's to say
        elif how < 0.07:
            said.append("lost")
        else:
            said.append(await world.survive(world.consume(*job)))
    return " ".join(["done", *said])


def _is_calm(world: World, topic: str) -> bool:
    """Whether two at once come to the same, whoever is first: else a seed would not be one run."""
    pending = {each.on for each in world.sandbox.box.faults.all() if each.used < (each.times or 1)}
    asked = {outbox.DISBURSE: "b2c", outbox.REFUND: "b2c", outbox.PROMPT: "stk", outbox.SMS: "sms"}
    return topic in asked and not world.crash_at and not pending & {"oauth", asked[topic]}


async def inbox(world: World) -> str:
    return await world.survive(process_inbox(world.pool, world.daraja.settings))


async def sweep(world: World) -> str:
    return await world.survive(sweeping.sweep(world.pool, world.daraja))


async def pull(world: World) -> str:
    return await world.survive(paybill.pull(world.pool, world.daraja))


async def ask_for_balances(world: World) -> str:
    return str(await floats.ask(world.pool, world.daraja, always=True))


async def wait(world: World) -> str:
    seconds = world.chance.choice((120.0, 600.0, 3_600.0))
    await world.later(seconds)
    return f"{seconds:.0f} s"


async def night(world: World) -> str:
    """The day ends. Once in a while nobody closes it, or tells anybody what is due."""
    await world.later(timepiece.until_nairobi(world.now(), 0, 5))
    closed: list[Any] = []
    if world.chance.random() < 0.85:
        closed = await close_days(world)
    await pull_all(world)
    await world.later(timepiece.until_nairobi(world.now(), 9, 5))
    asked = 0
    if world.chance.random() < 0.9:
        asked = await reminders.remind(world.pool, world.texts, timepiece.day_of(world.now()))
    await world.survive(sweeping.sweep(world.pool, world.daraja))
    return f"closed {len(closed)} days, {asked} reminders"


async def close_days(world: World) -> list[Any]:
    async with world.pool.acquire() as connection:
        return await dayend.catch_up(connection, world.now(), world.terms)


async def pull_all(world: World) -> None:
    """As the nightly job and those of every quarter of an hour: one of them is answered."""
    for _ in range(NIGHTLY_PULLS):
        pulled = await world.survive(paybill.pull(world.pool, world.daraja))
        if pulled.startswith("{") and "unanswered" not in pulled:
            return
    raise AssertionError("nobody answered six pulls in a row")


EVENTS: tuple[tuple[Event, int], ...] = (
    (borrow, 150), (ask_to_pay, 110), (pay_the_paybill, 120), (ask_for_time, 25), (dial, 25),
    (fault, 90), (crash, 30), (redis_is_emptied, 3), (timed_out, 6), (told_again, 25), (forged, 8),
    (work, 200), (inbox, 40), (sweep, 50), (pull, 15), (ask_for_balances, 10), (wait, 40), (night, 26),
    (staff.decide, 60), (staff.propose_waiver, 8), (staff.propose_refund, 12), (staff.propose_match, 15),
    (staff.look_at_the_portal, 15),
    (staff.send_back, 12), (staff.undo, 8), (staff.give_a_loan_up, 4), (staff.send_again, 4),
    (staff.move_the_float, 10), (staff.pay_tax, 2),
)  # fmt: skip


async def live(world: World, events: int, check: Callable[[World], Awaitable[None]], every: int) -> None:
    """That many events, with a little time between them, and a look at everything now and then."""
    happenings, weights = zip(*EVENTS, strict=True)
    for number in range(1, events + 1):
        (event,) = world.chance.choices(happenings, weights)
        world.note(event.__name__, await event(world))
        await world.later(world.chance.randrange(45))
        if number % every == 0:
            await check(world)


async def come_to_rest(world: World) -> None:
    """No more faults; time passes until nothing is on its way. People decide what waits for them."""
    world.struck |= {(fault.do, fault.on) for fault in world.sandbox.box.faults.all() if fault.used}
    world.sandbox.clear_faults()
    world.crash_at = ""
    for _ in range(ROUNDS):
        await world.later(3_600)
        await work_off(world)
        await sweeping.sweep(world.pool, world.daraja)
        await floats.ask(world.pool, world.daraja, always=True)
        await staff.settle_everything(world)
        await paybill.pull(world.pool, world.daraja)
        await world.sandbox.settle()
        await work_off(world)
        waits = await still_waits(world)
        if not waits:
            return
    raise AssertionError(f"this never ends: {waits}")


async def work_off(world: World) -> None:
    """All that is due is done."""
    while await world.relay() or world.broker:
        while world.broker:
            await world.consume(*world.broker.pop(0))
    await process_inbox(world.pool, world.daraja.settings)


async def still_waits(world: World) -> list[str]:
    """What is on its way: with us, or at M-Pesa."""
    rows = await world.pool.fetch(
        """
        select 'outbox ' || key as what from outbox where done_at is null
        union all select 'callback ' || kind || ' ' || note from mpesa_inbox where state = 'new'
        union all select 'payout ' || state || ' of ' || coalesce(loan_id, -refund_id) from payout
            where state not in ('posted', 'voided', 'failed')
        union all select 'loan ' || ref from loan where state in ('applied', 'disbursing')
        union all select 'refund ' || id from refund where state = 'approved'
        union all select 'return ' || state from reversal where state not in ('done', 'failed')
        union all select 'prompt ' || id from payment_request
            where state in ('queued', 'prompting', 'prompted')
        union all select 'float ' || reason from mpesa_float where paused_at is not null
        """
    )
    return [row["what"] for row in rows]
