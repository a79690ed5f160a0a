"""Asking to pay: the amount becomes a payment request and an outbox row. The prompt itself is M-Pesa's."""

from typing import Any

from services import outbox
from services.loans import lifecycle, queries
from services.loans.products import Repayment
from services.loans.quote import whole_shillings
from services.loans.servicing import owed_cents
from services.mpesa.settings import mpesa
from ussd_engine.actions import Call, Outcome

PROMPT_SHOWN_S = 60  # M-Pesa takes its prompt back after about a minute


async def prompt(connection: Any, call: Call, rules: Repayment, amount_cents: int) -> Outcome:
    """Ask for a payment, inside the caller's transaction. Never for more than is owed, and not again while
    the phone shows the same prompt: somebody who dials twice would pay twice.
    """
    loan = await connection.fetchrow(queries.CURRENT_LOAN, call.msisdn)
    if loan is not None:
        loan = await connection.fetchrow(queries.LOCK_LOAN, loan["id"])
    if loan is None or loan["state"] not in lifecycle.PAYABLE:
        return Outcome("no_loan")
    owed = whole_shillings(sum((await owed_cents(connection, loan["id"])).values()) + 99)
    if owed == 0:
        return Outcome("no_loan")
    amount = min(whole_shillings(amount_cents), owed)
    if amount < min(rules.least_cents, owed):
        return Outcome("too_little")
    if not await connection.fetchval(queries.PROMPTED_ALREADY, loan["id"], amount, PROMPT_SHOWN_S):
        request_id = await connection.fetchval(
            queries.WRITE_PAYMENT_REQUEST, loan["id"], loan["borrower_id"], amount, call.key
        )
        payload = {"payment_request_id": request_id}
        await outbox.put(connection, f"prompt:{request_id}", outbox.PROMPT, payload)
    return Outcome("ok", {"ref": loan["ref"], "amount": amount, "paybill": paybill(rules)})


def paybill(rules: Repayment) -> str:
    """Where to pay: what M-Pesa knows us by, MPESA_PAYBILL; beside `ussd dev`, the sandbox's paybill. What
    products.yaml says is shown only where there is no M-Pesa at all."""
    return mpesa().paybill or rules.paybill
