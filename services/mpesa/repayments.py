"""Repayments: a prompt on the borrower's phone, and whatever is paid to the paybill.

A payment is booked by its receipt, once, whichever way it is told first: by the prompt's callback, by the
paybill's confirmation, or by pulling the list. Whose it is, the account number says: a loan's reference or
a borrower's phone number. Money that nobody is known for waits in suspense; none is dropped.

A prompt moves no money by itself. One whose answer was lost is not sent again: the phone may show it.
"""

import hashlib
import re
from typing import Any

import structlog

from services import alerts, failpoints
from services.ledger import suspense
from services.loans import queries as loan_queries
from services.loans import servicing
from services.loans.quote import whole_shillings
from services.mpesa import payment_queries
from services.mpesa.client import Daraja
from services.mpesa.outcomes import IN_PROCESS, Accepted, Outcome, Refused, Unsent
from services.mpesa.told import Paid, Prompted, msisdn
from services.sms import notices
from ussd_engine.observe.logs import mask

ACTOR = "mpesa"
REF = re.compile(r"U[23456789ABCDEFGHJKMNPQRTWXYZ]{6}")
# How a prompt ended, in words that a notice can say. What is not here is `failed`.
OUTCOMES = {
    "1": "no_money",
    "17": "repeated",
    "1019": "expired",
    "1032": "cancelled",
    "1037": "unreachable",
    "2001": "wrong_pin",
}
SETTLED = ("paid", "failed")

log = structlog.get_logger("umoja.mpesa")


async def prompt(pool: Any, client: Daraja, payment_request_id: int) -> str:
    """Show the prompt of a payment request. Call it as often as you like: it asks once.

    Gives the request's state after it; `none` when there is no such request. One that could not be shown for
    a quarter of an hour is given up, and one for more than is owed by now is not shown.
    """
    async with pool.acquire() as connection, connection.transaction():
        request = await lock(connection, payment_request_id)
        if request is None:
            return "none"
        if request["state"] != "queued":
            return str(request["state"])
        stale_s = client.settings.prompt_gives_up_s
        if await connection.fetchval(payment_queries.IS_STALE, payment_request_id, stale_s):
            return await _fail(connection, request, "unheard")
        owed_cents = sum((await servicing.owed_cents(connection, request["loan_id"])).values())
        if whole_shillings(owed_cents + 99) < request["amount_cents"]:  # paid another way meanwhile
            return await _fail(connection, request, "not_owed", tell=False)
        await connection.execute(payment_queries.MOVE_REQUEST, payment_request_id, "prompting", "")
    failpoints.here("prompt.prompting")
    outcome = await client.prompt(
        str(payment_request_id), request["msisdn"], request["amount_cents"], request["ref"]
    )
    failpoints.here("prompt.asked")
    async with pool.acquire() as connection, connection.transaction():
        state = await _answered(connection, await lock(connection, payment_request_id), outcome)
    failpoints.here("prompt.answered")
    return state


async def _answered(connection: Any, request: Any, outcome: Outcome) -> str:
    if isinstance(outcome, Accepted):
        ids = outcome.text("CheckoutRequestID")[:100], outcome.text("MerchantRequestID")[:100]
        await connection.execute(payment_queries.KEEP_CHECKOUT, request["id"], *ids)
    if request["state"] != "prompting":  # the callback was quicker
        return str(request["state"])
    if isinstance(outcome, Refused):
        return await _fail(connection, request, "refused")
    if isinstance(outcome, Unsent):
        return await _back(connection, request)
    # Accepted, or unknown: the phone may show it, and its callback finds us by the path.
    await connection.execute(payment_queries.MOVE_REQUEST, request["id"], "prompted", "")
    return "prompted"


async def _back(connection: Any, request: Any) -> str:
    """It never left: it may be asked for again."""
    await connection.execute(payment_queries.MOVE_REQUEST, request["id"], "queued", "")
    return "queued"


async def prompt_ended(connection: Any, request_id: int, told: Prompted) -> str:
    """A prompt's callback, inside the caller's transaction. Gives what was made of it."""
    request = await lock(connection, request_id)
    if told.code != "0":
        if request["state"] in SETTLED:
            return "known"
        await connection.execute(
            payment_queries.KEEP_CHECKOUT, request_id, told.checkout_id, told.merchant_id
        )
        await _fail(connection, request, OUTCOMES.get(told.code, "failed"))
        return f"not paid: {told.code}"
    if told.cents != request["amount_cents"]:
        alerts.tell(log, "prompt_amount_differs", request=request_id)
    assert told.at is not None
    payment = Paid(told.receipt, told.cents, request["ref"], told.msisdn, told.at)
    booked = await _book(connection, request["loan_id"], request["borrower_id"], payment)
    if request["state"] != "paid":
        await connection.execute(
            payment_queries.KEEP_CHECKOUT, request_id, told.checkout_id, told.merchant_id
        )
        await connection.execute(payment_queries.MOVE_REQUEST, request_id, "paid", "")
        await connection.execute(payment_queries.KEEP_REQUEST_RECEIPT, request_id, told.receipt)
    return "paid" if booked else "known"


async def received(connection: Any, payment: Paid) -> str:
    """A payment to the paybill, inside the caller's transaction: for a loan, or into suspense."""
    found = await whose(connection, payment.account)
    if found is not None:
        if not await _book(connection, found["id"], found["borrower_id"], payment):
            return "known"
        await connection.execute(payment_queries.RECEIPT_FOUND, found["id"], payment.cents, payment.receipt)
        return "repayment"
    payer = await _payer(connection, payment)
    booked = await suspense.receive(
        connection, payment.receipt, payment.cents, payer, _shown(payment.account), payment.at
    )
    if booked:
        log.warning("payment_in_suspense", cents=payment.cents)
        await notices.payment_kept(connection, msisdn(payment.payer), payment.receipt, payment.cents)
    return "suspense" if booked else "known"


async def whose(connection: Any, account: str) -> Any | None:
    """The loan that an account number means: its reference, or the borrower's phone number."""
    typed = re.sub(r"[\s\-./#]", "", account).upper()
    if REF.fullmatch(typed):
        return await connection.fetchrow(payment_queries.LOAN_BY_REF, typed)
    number = msisdn(typed)
    return await connection.fetchrow(payment_queries.LOAN_BY_MSISDN, number) if number else None


async def status_told(connection: Any, request_id: int, outcome: Outcome) -> str:
    """The answer to an STK query. It never changes a success, and books nothing: it has no receipt."""
    request = await lock(connection, request_id)
    if request["state"] in SETTLED:
        return "known"
    if not isinstance(outcome, Accepted):
        return "open" if getattr(outcome, "code", "") == IN_PROCESS else "unknown"
    code = outcome.text("ResultCode")
    if code == "0":
        return await _said_paid(connection, request)
    if code not in OUTCOMES:
        return "unknown"  # a query is known to say that a payment failed which did not
    await _fail(connection, request, OUTCOMES[code])
    return "failed"


async def _said_paid(connection: Any, request: Any) -> str:
    """It was paid: its receipt was booked before, or is waited for."""
    whose, since = (request["borrower_id"], request["loan_id"]), request["prompted_at"]
    receipt = await connection.fetchval(payment_queries.BOOKED_SINCE, *whose, since, request["amount_cents"])
    if receipt is None:
        await connection.execute(payment_queries.SAID_PAID, request["id"])
        return "paid, without a receipt"
    await connection.execute(payment_queries.MOVE_REQUEST, request["id"], "paid", "")
    await connection.execute(payment_queries.KEEP_REQUEST_RECEIPT, request["id"], receipt)
    return "paid, and booked before"


async def give_up(connection: Any, request_id: int) -> None:
    """Nobody will hear of this prompt any more. Should it be paid after all, that is booked.

    One that was said to be paid, and is in no list of payments, is for a person to look at: its borrower is
    told nothing.
    """
    request = await lock(connection, request_id)
    if request["state"] in SETTLED:
        return
    if request["said_paid"]:
        alerts.tell(log, "prompt_paid_without_receipt", request=request_id)
        await connection.execute(payment_queries.MOVE_REQUEST, request_id, "failed", "unheard")
        return
    await _fail(connection, request, "unheard")


async def lock(connection: Any, request_id: int) -> Any:
    """The request, with its borrower and loan locked before it; None when there is none."""
    owner = await connection.fetchrow(payment_queries.WHOSE_REQUEST, request_id)
    if owner is None:
        return None
    await connection.fetchval(loan_queries.LOCK_BORROWER_BY_ID, owner["borrower_id"])
    await connection.fetchrow(loan_queries.LOCK_LOAN, owner["loan_id"])
    return await connection.fetchrow(payment_queries.LOCK_REQUEST, request_id)


async def _book(connection: Any, loan_id: int, borrower_id: int, payment: Paid) -> bool:
    """Book a payment for a loan. False when its receipt was booked before."""
    await connection.fetchval(loan_queries.LOCK_BORROWER_BY_ID, borrower_id)
    failpoints.here("repayment.booking")
    booked = await servicing.paid_back(
        connection, loan_id, payment.cents, payment.receipt, payment.at, None, ACTOR
    )
    failpoints.here("repayment.booked")
    return booked


async def _fail(connection: Any, request: Any, outcome: str, *, tell: bool = True) -> str:
    await connection.execute(payment_queries.MOVE_REQUEST, request["id"], "failed", outcome)
    if not tell:
        return "failed"
    loan = await connection.fetchrow(loan_queries.LOCK_LOAN, request["loan_id"])
    await notices.prompt_failed(connection, loan, request["id"], request["amount_cents"])
    return "failed"


async def _payer(connection: Any, payment: Paid) -> str:
    """Who paid, as it may be kept: a borrower's number, or a digest of what M-Pesa says of the phone."""
    number = msisdn(payment.payer)
    if number:
        borrower_id = await connection.fetchval(payment_queries.BORROWER_BY_MSISDN, number)
        if borrower_id is not None:
            return f"borrower:{borrower_id}"
    return hashlib.sha256((number or payment.payer).encode()).hexdigest()


def _shown(account: str) -> str:
    """What the payer typed, as it may be kept and shown: a phone number masked."""
    number = msisdn(account)
    return mask(number) if number else account
