"""The inbox: a callback is stored as it came, then answered, then processed, in a worker, once.

Each is processed in a transaction of its own, which also says what became of it: a crash leaves it as it
was. One that fails is tried again, later and later; after MOST times a person is told. One that speaks of
what we do not know yet (M-Pesa is at times quicker than its own answer) is tried again too.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from services import alerts, failpoints, outbox
from services.mpesa import floats, payment_queries, payouts, queries, repayments, returns, told
from services.mpesa.settings import MpesaSettings

BATCH = 500
MOST = 8
FIRST_AGAIN_S = 2.0
MOST_AGAIN_S = 600.0
FINAL_GOOD = "Completed"
FINAL_BAD = ("Cancelled", "Declined", "Expired", "Failed")

log = structlog.get_logger("umoja.mpesa")


class NotYetError(Exception):
    """This speaks of something that is not known here, perhaps not yet."""


@dataclass(slots=True, frozen=True)
class Callback:
    """One of the inbox."""

    kind: str
    ref: str
    held: Mapping[str, Any]
    settings: MpesaSettings


async def store(connection: Any, kind: str, ref: str, body: bytes) -> bool:
    """Keep a callback, and ask for its processing, inside the caller's transaction. False when the same
    came before."""
    digest = hashlib.sha256(b"\x00".join((kind.encode(), ref.encode(), body))).digest()
    inbox_id = await connection.fetchval(queries.KEEP_CALLBACK, kind, ref, digest, body)
    if inbox_id is None:
        return False
    await outbox.put(connection, f"inbox:{inbox_id}", outbox.MPESA_CALLBACK, {"inbox_id": inbox_id})
    return True


async def process_inbox(pool: Any, settings: MpesaSettings, most: int = BATCH) -> int:
    """Process what is due, at most so many. Gives how many were. Several may do so at once."""
    for done in range(most):
        async with pool.acquire() as connection:
            if not await process_one(connection, settings):
                return done
    return most


async def process_one(connection: Any, settings: MpesaSettings) -> bool:
    """Process one callback that is due; False when none is."""
    async with connection.transaction():
        row = await connection.fetchrow(queries.TAKE_CALLBACK)
        if row is None:
            return False
        failpoints.here("inbox.taken")
        await _process(connection, row, settings)
        failpoints.here("inbox.done")
    failpoints.here("payout.settled")
    return True


async def _process(connection: Any, row: Any, settings: MpesaSettings) -> None:
    try:
        async with connection.transaction():
            held = told.document(bytes(row["body"]))
            made = await KINDS[row["kind"]](connection, Callback(row["kind"], row["ref"], held, settings))
        await connection.execute(queries.END_CALLBACK, row["id"], "done", made[:200])
    except (told.ToldError, KeyError) as error:
        alerts.tell(log, "callback_makes_no_sense", inbox=row["id"], kind=row["kind"], why=str(error))
        await connection.execute(queries.END_CALLBACK, row["id"], "failed", str(error)[:200])
    except NotYetError as error:
        await _later(connection, row, "ignored", str(error))
    except Exception as error:
        log.exception("callback_not_processed", inbox=row["id"], kind=row["kind"])
        await _later(connection, row, "failed", type(error).__name__)


async def _later(connection: Any, row: Any, end: str, why: str) -> None:
    """Again later; or, after so many times, `end`, and a person is told."""
    if row["attempts"] + 1 < MOST:
        wait_s = min(FIRST_AGAIN_S * 3 ** row["attempts"], MOST_AGAIN_S)
        await connection.execute(queries.LATER_CALLBACK, row["id"], wait_s, why[:200])
        return
    alerts.tell(log, f"callback_{end}", inbox=row["id"], kind=row["kind"], why=why)
    await connection.execute(queries.END_CALLBACK, row["id"], end, why[:200])


async def _stk(connection: Any, callback: Callback) -> str:
    said = told.prompted(callback.held)
    number = int(callback.ref) if callback.ref.isdecimal() and len(callback.ref) < 19 else None
    if number is None:
        number = await connection.fetchval(payment_queries.REQUEST_BY_CHECKOUT, said.checkout_id)
    request = None if number is None else await repayments.lock(connection, number)
    if number is None or request is None:
        raise NotYetError("no such prompt")
    known = request["checkout_request_id"]
    if known is not None and known != said.checkout_id:
        alerts.tell(log, "callback_for_another_prompt", request=number)
        return "ignored: another prompt's"
    return await repayments.prompt_ended(connection, number, said)


async def _payout(connection: Any, callback: Callback) -> str:
    said = told.result(callback.held)
    payout = await _payout_of(connection, callback.ref or said.originator_id)
    if payout["originator_id"] != said.originator_id and payout["conversation_id"] != said.conversation_id:
        alerts.tell(log, "result_of_another_payout", payout=payout["id"])
        return "ignored: another payout's"
    if said.code != "0":
        return await payouts.failed(connection, payout["id"], said.code, "result")
    if not _amount_is(said.text("TransactionAmount"), payout["amount_cents"]):
        alerts.tell(log, "payout_amount_differs", payout=payout["id"])
        return "ignored: another amount"
    receipt = told.receipt(said.text("TransactionReceipt") or said.transaction_id)
    at = told.completed_at(said.text("TransactionCompletedDateTime"))
    made = await payouts.succeeded(connection, payout["id"], said.code, receipt, at)
    left = told.funds(said.text("B2CUtilityAccountAvailableFunds"))
    if made == "posted" and left is not None:
        await floats.told(connection, callback.settings, left)
    return made


async def _payout_late(connection: Any, callback: Callback) -> str:
    payout = await _payout_of(connection, callback.ref)
    await payouts.queue_timed_out(connection, payout["id"])
    return "unknown: it waits in M-Pesa's queue"


async def _status(connection: Any, callback: Callback) -> str:
    """What a payout came to, asked for by its originator's id."""
    said = told.result(callback.held)
    payout = await _payout_of(connection, callback.ref)
    if said.code != "0":
        if said.code in callback.settings.not_found_codes:
            await connection.fetchval(queries.NOT_FOUND, payout["id"])
        return f"no answer: {said.code}"
    about = said.text("OriginatorConversationID")
    if about and about != payout["originator_id"]:
        alerts.tell(log, "status_of_another_payout", payout=payout["id"])
        return "ignored: another payout's"
    status = said.text("TransactionStatus")
    if status in FINAL_BAD:
        return await payouts.failed(connection, payout["id"], status, "status")
    if status != FINAL_GOOD:
        return f"not final: {status}"
    if not _amount_is(said.text("Amount"), payout["amount_cents"]):
        alerts.tell(log, "payout_amount_differs", payout=payout["id"])
        return "ignored: another amount"
    at = told.completed_at(said.text("FinalisedTime"))
    return await payouts.succeeded(connection, payout["id"], "0", told.receipt(said.text("ReceiptNo")), at)


async def _balance(connection: Any, callback: Callback) -> str:
    return await floats.balances_told(connection, callback.settings, told.result(callback.held))


async def _reversal(connection: Any, callback: Callback) -> str:
    """What became of money that was to go back. The id in the path is ours."""
    said = told.result(callback.held)
    number = int(callback.ref) if callback.ref.isdecimal() and len(callback.ref) < 19 else 0
    made = await returns.told_result(connection, number, said)
    if made == "unknown":
        raise NotYetError("no such reversal")
    return made


async def _confirmation(connection: Any, callback: Callback) -> str:
    return await repayments.received(connection, told.paid(callback.held))


async def _older(connection: Any, callback: Callback) -> str:
    """Came without the token: nothing is booked by it, and the prompt it speaks of is asked about."""
    if "Body" not in callback.held:
        return "kept"
    said = told.prompted(callback.held)
    number = await connection.fetchval(payment_queries.REQUEST_BY_CHECKOUT, said.checkout_id)
    if number is None:
        return "kept: no such prompt"
    await connection.execute(payment_queries.ASK_PROMPT_SOON, number)
    return "kept: the prompt will be asked about"


async def _kept(connection: Any, callback: Callback) -> str:  # noqa: ARG001
    return "kept"


async def _payout_of(connection: Any, originator_id: str) -> Any:
    payout_id = await connection.fetchval(queries.PAYOUT_BY_ORIGINATOR, originator_id)
    if payout_id is None:
        raise NotYetError("no such payout")
    return await payouts.lock(connection, payout_id)


def _amount_is(said: str, cents: int) -> bool:
    """Whether M-Pesa speaks of the amount that we meant; it need not say one."""
    return not said or told.cents(said) == cents


KINDS: dict[str, Callable[[Any, Callback], Awaitable[str]]] = {
    "stk": _stk,
    "b2c": _payout,
    "b2c_late": _payout_late,
    "status": _status,
    "status_late": _kept,
    "balance": _balance,
    "balance_late": _kept,
    "reversal": _reversal,
    "reversal_late": _kept,
    "confirmation": _confirmation,
    "pull": _kept,
    "older": _older,
}
