"""The sweep: whatever waits for something that will not come by itself is taken up again.

It goes by the database alone. So an emptied Redis, a worker killed at any line and callbacks that never
came all end here, within minutes.
"""

from typing import Any

import structlog

from services import alerts, clock
from services.ledger import holds
from services.loans import servicing
from services.mpesa import floats, payment_queries, payouts, queries, repayments
from services.mpesa.client import Daraja
from services.mpesa.inbox import process_inbox
from services.mpesa.outcomes import Unsent

BATCH = 100
NOT_FOUND_TWICE = 2
RECEIPT_COMES_S = 48 * 3600.0  # so long M-Pesa lists a payment
MOST_ATTEMPTS = 5  # calls for one payout, all by one id

AGAIN = """
select id
from payout
where state = 'unknown'
and not_found >= $1
and attempts < $2
and manual_at is null
order by id
limit $3
"""

log = structlog.get_logger("umoja.mpesa")


async def sweep(pool: Any, client: Daraja) -> dict[str, int]:
    """One round. Gives how many of each were taken up."""
    done = {"inbox": await process_inbox(pool, client.settings)}
    done["stuck"] = await give_up_stuck(pool, client)
    done["again"] = await resend(pool, client)
    done["asked"] = await ask_unheard(pool, client)
    done["manual"] = await hand_over(pool, client)
    if await floats.ask(pool, client):
        done["float"] = 1
    done["expired"] = await expire_unbegun(pool)
    done["sent"] = await send_unsent(pool, client)
    done["prompts"] = await sweep_prompts(pool, client)
    return {name: number for name, number in done.items() if number}


async def give_up_stuck(pool: Any, client: Daraja) -> int:
    """Payouts whose caller died while it asked: unknown."""
    chosen = client.settings
    longest_s = chosen.timeout_s * 2 + chosen.connect_timeout_s + chosen.margin_s
    stuck = await pool.fetch(queries.STUCK_SUBMITTING, longest_s, BATCH)
    for row in stuck:
        async with pool.acquire() as connection, connection.transaction():
            payout = await payouts.lock(connection, row["id"])
            if payout["state"] == "submitting":
                await payouts.move(connection, payout, "unknown", "its caller is gone")
    return len(stuck)


async def ask_unheard(pool: Any, client: Daraja) -> int:
    """Ask M-Pesa what became of payouts without a result. The answers are called back. A question that did
    not leave does not count: else an hour without a line would leave all of them to a person."""
    settings = client.settings
    unheard = await pool.fetch(queries.UNHEARD, settings.ask_after_s, settings.ask_most, BATCH)
    for row in unheard:
        if isinstance(await client.payment_status(row["originator_id"]), Unsent):
            await pool.execute(queries.NOT_ASKED, row["id"])
    return len(unheard)


async def resend(pool: Any, client: Daraja) -> int:
    """Ask again, by the same id, for unknown payouts that M-Pesa twice said it knows nothing of.

    Only with `resend_same_id`: that an id is taken once is documented, what else happens is not.
    """
    if not client.settings.resend_same_id:
        return 0
    unknown = await pool.fetch(AGAIN, NOT_FOUND_TWICE, MOST_ATTEMPTS, BATCH)
    for row in unknown:
        await payouts.ask_again(pool, client, row["id"])
    return len(unknown)


async def hand_over(pool: Any, client: Daraja) -> int:
    """Payouts that were asked about often enough go to a person (see manual.py)."""
    settings = client.settings
    handed = await pool.fetch(queries.HAND_OVER, settings.ask_after_s, settings.ask_most)
    for row in handed:
        alerts.tell(log, "payout_needs_a_person", payout=row["id"])
    return len(handed)


async def send_unsent(pool: Any, client: Daraja) -> int:
    """Loans and refunds whose message was lost, and payouts that wait: for the float, or for a line."""
    after_s = client.settings.unsent_after_s
    loans = await pool.fetch(queries.UNSENT_LOANS, after_s, BATCH)
    for row in loans:
        await payouts.submit(pool, client, row["id"])
    refunds = await pool.fetch(queries.UNSENT_REFUNDS, after_s, BATCH)
    for row in refunds:
        await payouts.submit_refund(pool, client, row["id"])
    async with pool.acquire() as connection:
        if await floats.is_paused(connection):
            return len(loans) + len(refunds)
    ready = await pool.fetch(queries.READY_PAYOUTS, 0.0, BATCH)
    for row in ready:
        await payouts.ask(pool, client, row["id"])
    return len(loans) + len(refunds) + len(ready)


async def expire_unbegun(pool: Any) -> int:
    """Loans whose money was promised too long ago and never asked for: given up, and asked for no more."""
    async with pool.acquire() as connection:
        over = await holds.expired(connection, clock.now(), BATCH)
    expired = 0
    for _, loan_id in over:
        async with pool.acquire() as connection, connection.transaction():
            payout_id = await connection.fetchval(queries.PAYOUT_OF_LOAN, loan_id)
            if payout_id is not None:
                payout = await payouts.lock(connection, payout_id)
                if payout["state"] != "ready":
                    continue  # what became of it is M-Pesa's to tell
                await payouts.move(connection, payout, "failed", "waited too long")
            expired += await servicing.payout_expired(connection, loan_id, payouts.ACTOR)
    return expired


async def sweep_prompts(pool: Any, client: Daraja) -> int:
    """Prompts that were not asked for, that were not heard of, that nobody will hear of."""
    settings = client.settings
    unsent = await pool.fetch(
        payment_queries.UNSENT_PROMPTS, settings.unsent_after_s, settings.prompt_gives_up_s, BATCH
    )
    for row in unsent:
        await repayments.prompt(pool, client, row["id"])
    unheard = await pool.fetch(payment_queries.UNHEARD_PROMPTS, settings.prompt_ask_after_s, BATCH)
    for row in unheard:
        outcome = await client.prompt_status(row["checkout_request_id"])
        async with pool.acquire() as connection, connection.transaction():
            await repayments.status_told(connection, row["id"], outcome)
    patience_s = settings.prompt_gives_up_s, max(RECEIPT_COMES_S, settings.prompt_gives_up_s)
    over = await pool.fetch(payment_queries.GIVEN_UP_PROMPTS, *patience_s, BATCH)
    for row in over:
        async with pool.acquire() as connection, connection.transaction():
            await repayments.give_up(connection, row["id"])
    return len(unsent) + len(unheard) + len(over)
