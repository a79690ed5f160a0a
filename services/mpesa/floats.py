"""The float: what the utility account holds. When it is low, payouts wait, and a person is alerted; when
there is enough again they go on by themselves.

M-Pesa tells it with each payout and when it is asked. Payouts wait below `low_float_cents` (staff may set
another), and after one that M-Pesa refused for want of money. They also wait when a person says so; then
they go on when a person says so, whatever the float.

What is asked for on a day is counted, and staff may bound it: the rest waits for the next day.
"""

from typing import Any

import structlog

from services import alerts, clock, runtime_settings
from services.ledger import accounts, charges, journals
from services.mpesa import queries
from services.mpesa.client import Daraja
from services.mpesa.settings import MpesaSettings
from services.mpesa.told import Told, balances

NO_FLOAT = "1"  # ResultCode of a payout: the utility account does not cover it
UTILITY, WORKING, CHARGES = "Utility Account", "Working Account", "Charges Paid Account"
BOOKS = {
    UTILITY: ("utility", (accounts.MPESA_UTILITY,)),
    WORKING: ("working", (accounts.MPESA_WORKING, accounts.MPESA_PAYBILL)),
    CHARGES: ("charges", (accounts.MPESA_CHARGES_PAID,)),
}

MOST_REASON = 80  # the table's

log = structlog.get_logger("umoja.mpesa")


async def is_paused(connection: Any) -> bool:
    """Whether payouts wait."""
    return (await connection.fetchrow(queries.FLOAT))["paused_at"] is not None


async def pause(connection: Any, reason: str) -> None:
    """Payouts wait from now on. Tell a person, once."""
    if await connection.fetchval(queries.PAUSE, reason) is not None:
        alerts.tell(log, "payouts_paused", reason=reason)


async def hold(connection: Any, who: str, reason: str) -> bool:
    """A person makes payouts wait. False when one did so before."""
    held = await connection.fetchval(queries.HOLD_FLOAT, f"{who}: {reason}"[:MOST_REASON], who)
    if held is not None:
        log.warning("payouts_held", who=who)
    return held is not None


async def release(connection: Any) -> bool:
    """A person lets payouts go on. False when none waited. Should the float be too low, it will be told,
    and they wait again."""
    return await connection.fetchval(queries.RELEASE_FLOAT) is not None


async def covers(connection: Any, amount_cents: int) -> bool:
    """Whether a payout may be asked for now. One that the float, as far as it is known, does not cover
    is not sent to fail: payouts wait."""
    known = await connection.fetchrow(queries.FLOAT)
    if known["paused_at"] is not None:
        return False
    if known["utility_cents"] is not None and known["utility_cents"] < amount_cents:
        await pause(connection, "the float does not cover the next payout")
        return False
    return await _within_day(connection, amount_cents)


async def never_left(connection: Any, amount_cents: int) -> None:
    """A payout that was counted certainly was not asked for."""
    await connection.execute(queries.UNCOUNT_DAY, clock.nairobi_date(clock.now()), amount_cents)


async def _within_day(connection: Any, amount_cents: int) -> bool:
    """Count it for today, unless that would be more than staff allow for a day. The day's row is locked
    until the caller commits, so that two at once are not both the last."""
    most_cents = await runtime_settings.read(connection, runtime_settings.DAILY_CAP)
    today = clock.nairobi_date(clock.now())
    await connection.execute(queries.OPEN_DAY, today)
    if await connection.fetchval(queries.COUNT_DAY, today, amount_cents, most_cents) is not None:
        return True
    log.warning("payout_waits_for_tomorrow", cents=amount_cents)
    return False


async def told(connection: Any, settings: MpesaSettings, utility_cents: int) -> None:
    """M-Pesa said what the utility account holds. Payouts that wait go on when it covers the largest of
    them, and the last one that it did not cover."""
    await connection.execute(queries.FLOAT_TOLD, utility_cents)
    low_cents = await runtime_settings.read(connection, runtime_settings.LOW_FLOAT)
    if utility_cents < (settings.low_float_cents if low_cents is None else low_cents):
        await pause(connection, "the float is low")
        return
    enough = utility_cents >= await connection.fetchval(queries.WANTED)
    if enough and await connection.fetchval(queries.RESUME) is not None:
        log.warning("payouts_resumed", utility_cents=utility_cents)


async def ask(pool: Any, client: Daraja, *, always: bool = False) -> bool:
    """Ask M-Pesa for our balances, if payouts wait and it was not asked just now. `always`: also else."""
    async with pool.acquire() as connection:
        every_s = client.settings.float_asked_every_s
        due = await connection.fetchval(queries.FLOAT_DUE, 0.0 if always else every_s, always)
    if due is None:
        return False
    await client.balances("float")
    return True


async def balances_told(connection: Any, settings: MpesaSettings, told_: Told) -> str:
    """A balance result: keep it beside our books, and book the charges M-Pesa took since the last one."""
    if told_.code != "0":
        return f"balance refused: {told_.code}"
    found = balances(told_.text("AccountBalance"))
    if UTILITY not in found:
        return "no utility account in it"
    await told(connection, settings, found[UTILITY])  # first: it locks the float, so one result at a time
    key = told_.conversation_id or told_.originator_id
    for name, (account, ours) in BOOKS.items():
        if name in found:
            books = sum([await journals.balance_cents(connection, each) for each in ours])
            await connection.execute(queries.KEEP_BALANCE, key, account, found[name], books)
    if CHARGES in found:
        booked = await journals.balance_cents(connection, accounts.MPESA_CHARGES_PAID)
        if found[CHARGES] < booked:
            await charges.mpesa_charge(connection, key, booked - found[CHARGES])
    return "balances"
