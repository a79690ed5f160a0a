"""What staff do: decide in twos, look at M-Pesa's portal, move the float, pay the tax, send money back."""

from typing import Any

from services.ledger import accounts, treasury
from services.ledger.journals import LedgerError
from services.loans import approvals, undoing
from services.loans.approvals import ApprovalError, Request, SamePersonError
from services.loans.lifecycle import ForbiddenMoveError
from services.mpesa import cancelling, manual, returns
from services.sandbox.records import DONE
from tests.services.lending import in_transaction
from tests.simulation.world import FUNDED, World

REFUSED = (LedgerError, ForbiddenMoveError, ApprovalError)
WHO, OTHER = "akinyi", "baraka"
SCARCE = 300_000


async def decide(world: World) -> str:
    """Somebody decides something that waits; at times it is who proposed it, which is refused."""
    async with world.pool.acquire() as connection:
        waiting = await approvals.waiting(connection)
    if not waiting:
        return "nothing waits"
    chosen = world.chance.choice(waiting)
    if chosen["proposed_by"] == WHO and world.chance.random() < 0.2:
        try:
            await in_transaction(world.pool, approvals.approve, chosen["id"], WHO)
        except SamePersonError:
            return "refused: the same person"
        raise AssertionError("one person did it all")
    return await _decide(world, chosen, yes=world.chance.random() < 0.8)


async def _decide(world: World, chosen: Any, *, yes: bool) -> str:
    """Approve or reject. What can no longer be done is refused, and then rejected."""
    function = approvals.approve if yes else approvals.reject
    try:
        await in_transaction(world.pool, function, chosen["id"], OTHER)
    except REFUSED as error:
        await in_transaction(world.pool, approvals.reject, chosen["id"], OTHER)
        return f"{chosen['kind']}-impossible {chosen['subject']}: {error}"
    return f"{chosen['kind']}-{'approved' if yes else 'rejected'} {chosen['subject']}"


async def propose_waiver(world: World) -> str:
    found = await world.one_of(
        "select id, ref from loan where state in ('active', 'overdue', 'non_performing') order by id"
    )
    if found is None:
        return "no loan"
    amount = world.chance.choice((100, 5_050, 900_000))
    return await propose(world, Request(approvals.WAIVER, found["ref"], amount, "a plea", found["id"]))


async def propose_refund(world: World) -> str:
    found = await world.one_of(
        "select account.borrower_id, -balance_cents as cents from account"
        " join balance on account.id = account_id"
        " where code like 'customer\\_credit:%' and balance_cents < 0 order by account.id"
    )
    if found is None:
        return "no credit"
    cents = found["cents"] if world.chance.random() < 0.8 else max(found["cents"] // 2, 1)
    return await refund(world, found["borrower_id"], cents)


async def refund(world: World, borrower_id: int, cents: int) -> str:
    asked = Request(approvals.REFUND, str(borrower_id), cents, "asked for", borrower_id=borrower_id)
    return await propose(world, asked)


async def propose_match(world: World) -> str:
    item = await world.one_of("select * from suspense_item where state = 'open' order by id")
    loan = await world.one_of("select id, ref from loan where disbursed_at is not null order by id")
    if item is None or loan is None:
        return "nothing to match"
    details = {"receipt": item["receipt"]}
    asked = Request(
        approvals.MANUAL_MATCH, item["receipt"], item["amount_cents"], "a call", loan["id"], details=details
    )
    return await propose(world, asked)


async def propose(world: World, asked: Request) -> str:
    try:
        await in_transaction(world.pool, approvals.propose, asked, WHO)
    except ApprovalError as error:
        return f"refused: {error}"
    return f"proposed {asked.subject} {asked.amount_cents}"


async def look_at_the_portal(world: World) -> str:
    """For a payout that waits for a person: say what M-Pesa's portal shows, and have it confirmed."""
    async with world.pool.acquire() as connection:
        waiting = await manual.queue(connection)
    if not waiting:
        return "nothing waits"
    return await world.survive(_say_what_it_shows(world, world.chance.choice(waiting)))


async def _say_what_it_shows(world: World, payout: dict[str, Any]) -> str:
    shown = world.sandbox.world.payment_of(originator=payout["originator_id"])
    if shown is not None and shown.state != DONE:
        return "not yet known"
    sent = shown is not None and shown.succeeded
    try:
        if shown is not None and sent:
            told: tuple[Any, ...] = manual.propose_sent, payout["id"], shown.receipt, WHO, "the portal"
        else:
            told = manual.propose_not_sent, payout["id"], WHO, "the portal"
        number = await in_transaction(world.pool, *told)
        await in_transaction(world.pool, approvals.approve, number, OTHER)
    except ApprovalError as error:
        return f"refused: {error}"
    return f"{'sent' if sent else 'not-sent'} {payout['ref']}"


async def send_back(world: World) -> str:
    """A payment in suspense is to go back to whoever sent it."""
    item = await world.one_of("select receipt from suspense_item where state = 'open' order by id")
    if item is None:
        return "nothing to send back"
    return await _proposed(world, returns.propose, item["receipt"], WHO, "not ours")


async def undo(world: World) -> str:
    """A payment was booked for the wrong loan, or its payer wants it back."""
    found = await world.one_of(
        "select split_part(key, ':', 2) as receipt from journal"
        " where kind in ('repayment', 'suspense_matched') order by id"
    )
    if found is None:
        return "nothing is booked"
    return await _proposed(world, undoing.propose, found["receipt"], WHO, "not theirs")


async def give_a_loan_up(world: World) -> str:
    """Whose money was promised and not asked for; what M-Pesa may have cannot be given up."""
    loan = await world.one_of("select * from loan where state = 'disbursing' order by id")
    if loan is None:
        return "nothing waits"
    return await _proposed(world, cancelling.propose, loan, WHO, "a call")


async def send_again(world: World) -> str:
    """Somebody in a hurry has a loan's money asked for once more."""
    loan = await world.one_of("select * from loan where state = 'disbursing' order by id")
    if loan is None:
        return "nothing waits"
    return await _proposed(world, cancelling.send_again, loan, f"again{world.number()}")


async def _proposed(world: World, propose: Any, *arguments: Any) -> str:
    try:
        await in_transaction(world.pool, propose, *arguments)
    except ApprovalError as error:
        return f"refused: {error}"
    return "proposed"


async def move_the_float(world: World) -> str:
    """Between the utility and the working account, or from the bank; at times too much of it."""
    utility = world.sandbox.balance("utility")
    how = world.chance.random()
    if how < 0.4 and utility > SCARCE:
        return await _transfer(world, "utility", "working", utility - world.chance.choice((0, SCARCE)))
    working = world.sandbox.balance("working")
    if how < 0.8 and working:
        return await _transfer(world, "working", "utility", working)
    world.sandbox.set_balance("utility", utility + FUNDED)
    key = f"bank{world.number()}"
    await in_transaction(world.pool, treasury.fund, key, FUNDED, accounts.MPESA_UTILITY)
    return "funded"


async def _transfer(world: World, payer: str, payee: str, cents: int) -> str:
    box = world.sandbox.box
    box.record(move=box.move(f"TRANSFER{world.number()}", "Organization Transfer", payer, payee, cents))
    ours = {"utility": accounts.MPESA_UTILITY, "working": accounts.MPESA_WORKING}
    key = f"portal{world.number()}"
    await in_transaction(world.pool, treasury.move, key, ours[payer], ours[payee], cents)
    return f"{payer}-to-{payee} {cents}"


async def pay_tax(world: World) -> str:
    balances = await world.balances()
    owed, held = -balances.get("excise_payable", 0), world.sandbox.balance("working")
    if owed <= 0 or held < owed:
        return "not now"
    world.sandbox.set_balance("working", held - owed)
    await in_transaction(world.pool, treasury.remit_excise, str(world.number()), owed)
    return f"paid {owed}"


async def settle_everything(world: World) -> None:
    """Whatever waits for a person is decided: for the end of a run."""
    if world.sandbox.balance("utility") < FUNDED:
        world.sandbox.set_balance("utility", world.sandbox.balance("utility") + FUNDED)
        key = f"bank{world.number()}"
        await in_transaction(world.pool, treasury.fund, key, FUNDED, accounts.MPESA_UTILITY)
    async with world.pool.acquire() as connection:
        waiting = await approvals.waiting(connection, most=1000)
        payouts = await manual.queue(connection)
        stuck = await connection.fetch("select receipt from reversal where manual_at is not null")
    for payout in payouts:
        world.note("look_at_the_portal", await _say_what_it_shows(world, payout))
    for row in stuck:
        await _proposed(world, returns.propose, row["receipt"], WHO, "once more")
    for chosen in waiting:
        world.note("decide", await _decide(world, chosen, yes=world.chance.random() < 0.8))
