"""Loans that staff ask for: an application for somebody on the phone, a payment, and what is proposed.

An officer applies for a borrower by the rules of the menu, but for the PIN, which nobody tells anybody.
That the borrower agreed to the price is proved as on the phone: the quote is read to them, and its total
said back with the application; another price by then is refused. The borrower is told by SMS at once, the
money goes to their own number and nowhere else, and the officer's name is on the loan.
"""

from typing import Any, cast

from services import clock, published
from services.api.calls import Change, Read
from services.api.changing import lock_borrower, lock_loan, proposal, said
from services.api.loan_models import (
    Application,
    LoanQuote,
    NewLoan,
    Price,
    Prompt,
    Prompted,
    Proposal,
    Proposed,
    ProposedRollover,
    ProposedWaiver,
    QuoteAsked,
    Sending,
)
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, INVALID, NOT_FOUND, SAME_PERSON
from services.borrowers import standing
from services.loans import applying, approvals, eligibility, on_behalf, repaying
from services.loans.approvals import Request
from services.loans.quote import Quote
from services.loans.servicing import owed_cents
from services.mpesa import cancelling
from services.published import SERVICE, Live
from ussd_engine.actions import Call
from ussd_engine.numbers import msisdn_of

routes = Routes("Loans")

CHARGES = ("penalty", "interest", "fee", "excise")
CHANNEL = "staff"
ABOUT_ONE = (NOT_FOUND, CONFLICT, SAME_PERSON)


@routes.get("/loans/quote", may=Permission.LOANS_APPLY, problems=(NOT_FOUND, INVALID))
async def quote_loan(call: Read, query: QuoteAsked) -> LoanQuote:
    """What a loan would cost somebody who is on the phone.

    Read it to them whole, the yearly rate too, before they agree."""
    async with call.pool.acquire() as connection:
        live = await published.live(connection)
        _require_purpose(live, query.purpose)
        row = await connection.fetchrow(standing.FIND, query.borrower_id)
        if row is None:
            raise NOT_FOUND.of(f"There is no borrower {query.borrower_id}.")
        today = clock.nairobi_date(clock.now())
        seen = await eligibility.standing(connection, row["msisdn"], live.terms, today)
    assert seen is not None, "there is a row of them"
    judgement = eligibility.judge(live.terms, seen, today)
    offer: Quote | str = judgement.verdict
    if judgement.verdict == "ok":
        offer = applying.offer(live.terms, judgement, query.amount_cents, query.purpose, today)
    return LoanQuote(
        verdict=cast(Any, "ok" if isinstance(offer, Quote) else offer),
        reasons=[] if judgement.verdict == "ok" else list(judgement.reasons),
        least_cents=live.terms.product.least_cents,
        limit_cents=judgement.limit_cents,
        price=_price(offer) if isinstance(offer, Quote) else None,
    )


@routes.post("/loans", may=Permission.LOANS_APPLY, problems=ABOUT_ONE)
async def apply_for_loan(call: Change, body: NewLoan) -> Application:
    """Apply for somebody who is on the phone and has agreed to the price.

    The same rules as on the phone, and the same checks again; a refusal is kept with its reasons. When the
    price is not `total_cents` any more this is a 409: read the new one out. Above the product's
    `approve_above` somebody else has to approve it: `outcome` is `review`."""
    live = await published.live(call.connection)
    _require_purpose(live, body.purpose)
    borrower = await _borrower(call, body)
    engine_call = _call(call, borrower, live)
    asked = applying.Application(body.amount_cents, body.purpose, body.total_cents, pin="")
    today = clock.nairobi_date(clock.now())
    answer = await applying.apply_for(call.connection, engine_call, live.terms, asked, call.who.name, today)
    if answer.name == "changed":
        raise CONFLICT.of("The price or the limit is another by now. Ask for a quote, and read it out.")
    loan_id = await call.connection.fetchval("select id from loan where ref = $1", answer.ref)
    if loan_id is not None:
        assert answer.quote is not None
        call.audit(f"loan:{answer.ref}", {}, {
            "outcome": answer.name, "borrower_id": borrower["id"], "purpose": body.purpose,
            "principal_cents": answer.quote.principal_cents, "total_cents": answer.quote.total_cents,
        })  # fmt: skip
        await standing.forget_profile(call.connection, borrower["id"], call.key)
        call.forget(f"borrower:{borrower['id']}", f"loan:{loan_id}")
    else:
        call.audit(
            f"borrower:{borrower['id']}", {}, {"outcome": answer.name, "reasons": list(answer.reasons)}
        )
    return Application(
        outcome=cast(Any, answer.name),
        reasons=list(answer.reasons),
        loan_id=loan_id,
        ref=answer.ref or None,
        price=_price(answer.quote) if answer.quote else None,
    )


@routes.post("/loans/repay", may=Permission.LOANS_APPLY, problems=(*ABOUT_ONE, INVALID))
async def ask_to_pay(call: Change, body: Prompt) -> Prompted:
    """Have M-Pesa ask a borrower's own phone for a payment.

    Nothing is booked by this: the payment is, when M-Pesa tells of it. A payment that came otherwise is
    matched in suspense."""
    live = await published.live(call.connection)
    borrower = await lock_borrower(call, body.borrower_id)
    outcome = await repaying.prompt(
        call.connection, _call(call, borrower, live), live.terms.product.repayment, body.amount_cents
    )
    if outcome.name == "no_loan":
        raise CONFLICT.of("They owe nothing.")
    if outcome.name == "too_little":
        least = live.terms.product.repayment.least_cents
        raise INVALID.of(
            f"The least payment is {least} cents.", [{"where": "body.amount_cents", "what": "too little"}]
        )
    value: Any = outcome.value
    call.audit(f"loan:{value['ref']}", {}, {"asked_to_pay_cents": value["amount"]})
    return Prompted(ref=value["ref"], amount_cents=value["amount"], paybill=value["paybill"])


@routes.post("/loans/{loan_id}/disburse", may=Permission.LOANS_DECIDE, problems=ABOUT_ONE)
async def disburse_loan(call: Change, loan_id: str) -> Sending:
    """Send the money of an approved loan now that waits for the float or for a line.

    It is asked for once, however often this is: what M-Pesa may have is never sent again, but asked about.
    A loan that has failed is over; its borrower applies again."""
    loan = await lock_loan(call, loan_id)
    waits = await cancelling.send_again(call.connection, loan, call.key)
    call.audit(f"loan:{loan['ref']}", {}, {"send_again": True, "waits": waits})
    call.forget(f"loan:{loan['id']}")
    return Sending(loan=said(loan), waits=waits)


@routes.post("/loans/{loan_id}/write-off", may=Permission.LOANS_PROPOSE, problems=ABOUT_ONE)
async def propose_write_off(call: Change, loan_id: str, body: Proposed) -> Proposal:
    """Propose to book all that is owed on a late loan as a loss.

    It stays owed: what is paid on it later is recovered."""
    loan = await lock_loan(call, loan_id)
    owed = sum((await owed_cents(call.connection, loan["id"])).values())
    if loan["state"] not in ("overdue", "non_performing"):
        raise CONFLICT.of(f"Loan {loan['ref']} is {loan['state']}: only a late loan can be written off.")
    request = Request(approvals.WRITE_OFF, loan["ref"], owed, body.reason, loan_id=loan["id"])
    return await proposal(call, await approvals.propose(call.connection, request, call.who.name))


@routes.post("/loans/{loan_id}/waive", may=Permission.LOANS_PROPOSE, problems=(*ABOUT_ONE, INVALID))
async def propose_waiver(call: Change, loan_id: str, body: ProposedWaiver) -> Proposal:
    """Propose to let a borrower off some of the charges."""
    loan = await lock_loan(call, loan_id)
    owed = await owed_cents(call.connection, loan["id"])
    charges = sum(owed.get(part, 0) for part in CHARGES)
    if body.amount_cents > charges:
        fault = {"where": "body.amount_cents", "what": f"at most {charges}"}
        raise INVALID.of(f"Loan {loan['ref']} owes {charges} cents of charges.", [fault])
    request = Request(approvals.WAIVER, loan["ref"], body.amount_cents, body.reason, loan_id=loan["id"])
    return await proposal(call, await approvals.propose(call.connection, request, call.who.name))


@routes.post("/loans/{loan_id}/rollover", may=Permission.LOANS_PROPOSE, problems=ABOUT_ONE)
async def propose_rollover(call: Change, loan_id: str, body: ProposedRollover) -> Proposal:
    """Propose more time for a loan, at the fee that its borrower was told."""
    loan = await lock_loan(call, loan_id)
    number = await on_behalf.propose_rollover(
        call.connection, loan, body.fee_cents, call.who.name, body.reason
    )
    return await proposal(call, number)


@routes.post("/loans/{loan_id}/cancel", may=Permission.LOANS_PROPOSE, problems=ABOUT_ONE)
async def propose_cancel(call: Change, loan_id: str, body: Proposed) -> Proposal:
    """Propose to give up a loan whose money was promised and not asked for yet."""
    loan = await lock_loan(call, loan_id)
    return await proposal(call, await cancelling.propose(call.connection, loan, call.who.name, body.reason))


async def _borrower(call: Change, body: NewLoan) -> Any:
    borrower_id = body.borrower_id
    if body.msisdn is not None:
        number = msisdn_of(body.msisdn, "KE")
        row = await call.connection.fetchrow(standing.FIND_BY_MSISDN, number)
        if row is None:
            raise NOT_FOUND.of("Nobody has joined with this number.")
        borrower_id = row["id"]
    assert borrower_id is not None
    return await lock_borrower(call, borrower_id)


def _call(call: Change, borrower: Any, live: Live) -> Call:
    """What a room of the lender wants to know, as if the borrower had pressed."""
    return Call(
        key=call.key,
        msisdn=borrower["msisdn"],
        language=borrower["language"],
        service=SERVICE,
        gateway=CHANNEL,
        network="",
        bundle=live.bundle,
        data=live.terms,
        deadline_s=call.desk.api.request_s,
    )


def _require_purpose(live: Live, purpose: str) -> None:
    known = live.terms.product.purposes
    if purpose not in known:
        raise INVALID.of(
            f"A purpose is one of {', '.join(known)}.", [{"where": "purpose", "what": "not known"}]
        )


def _price(quote: Quote) -> Price:
    return Price(
        principal_cents=quote.principal_cents,
        fee_cents=quote.charges_cents,
        excise_cents=quote.tax_cents,
        total_cents=quote.total_cents,
        apr_bp=quote.apr_bp,
        term_days=quote.term_days,
        due=quote.due,
    )
