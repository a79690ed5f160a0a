"""Applying for a loan: one transaction from the borrower's lock to the outbox row.

Locks are taken in one order everywhere: borrower, loan, accounts. Under the borrower's lock everything
the quote said is looked at again; the PIN comes last, so that nobody learns about a PIN without a loan
to take. Then loan, decision, hold and outbox row are written, and commit or vanish together. A loan above
its product's threshold has no hold yet: it is proposed to people, and one of them approves it.

Staff may apply for somebody who is on the phone (`apply_for`): everything is the same but the PIN, which
nobody tells anybody. Instead the officer reads out the quote and says its total back, as a menu does; their
name is on the loan, the borrower is told by SMS at once, and the money goes to the borrower's own number.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import orjson

from services.borrowers import pins
from services.loans import agreed, approvals, own, queries, servicing
from services.loans.eligibility import Judgement, judge, standing
from services.loans.quote import Quote, price, whole_shillings
from services.loans.refs import loan_ref
from services.loans.terms import Terms
from services.sms import notices
from ussd_engine.actions import Call

Name = Literal["ok", "review", "wrong_pin", "locked", "has_loan", "not_eligible", "changed"]
ACTOR = "scorecard"


@dataclass(slots=True, frozen=True)
class Application:
    """What the borrower agreed to. total_cents is what the quote on their screen said."""

    amount_cents: int
    purpose: str
    total_cents: int
    pin: str


@dataclass(slots=True, frozen=True)
class Answer:
    """What came of it. ref and quote are set when the loan was made: `ok`, or `review` by a person."""

    name: Name
    ref: str = ""
    quote: Quote | None = None
    tries_left: int = pins.TRIES
    reasons: tuple[str, ...] = ()  # why not, in the codes of the scorecard and of eligibility.py


def offer(terms: Terms, judgement: Judgement, amount_cents: int, purpose: str, today: date) -> Quote | str:
    """The price of an amount within the limit; else `too_much` or `too_little`."""
    if purpose not in terms.product.purposes:
        raise ValueError(f"products.yaml has no purpose {purpose!r}")
    principal_cents = whole_shillings(amount_cents)
    if principal_cents > judgement.limit_cents:
        return "too_much"
    if principal_cents < terms.product.least_cents:
        return "too_little"
    return price(terms.product, principal_cents, today)


async def apply(
    connection: Any, call: Call, terms: Terms, application: Application, secret: bytes, today: date
) -> Answer:
    """Make the loan, inside the caller's transaction."""
    found = await _looked_at(connection, call, terms, application, today)
    if isinstance(found, Answer):
        return found
    attempt = await pins.attempt(connection, found.borrower_id, application.pin, secret)
    if attempt.verdict in (pins.Verdict.WRONG, pins.Verdict.LOCKED):
        locked = attempt.verdict is pins.Verdict.LOCKED
        return Answer("locked" if locked else "wrong_pin", tries_left=0 if locked else attempt.tries_left)
    return await _take(connection, call, terms, found, ACTOR, f"borrower:{found.borrower_id}")


async def apply_for(
    connection: Any, call: Call, terms: Terms, application: Application, officer: str, today: date
) -> Answer:
    """Make the loan for somebody who asked an officer for it, inside the caller's transaction. The
    application's PIN is empty. Raises OwnError when the officer is the borrower."""
    found = await _looked_at(connection, call, terms, application, today)
    if isinstance(found, Answer):
        return found
    await own.refuse(connection, officer, found.borrower_id)
    answer = await _take(connection, call, terms, found, officer, officer)
    await notices.applied_for(connection, found.borrower_id, answer.ref, found.quote)
    return answer


@dataclass(slots=True, frozen=True)
class _Found:
    """Somebody who may have the loan they ask for, at the price they know."""

    borrower_id: int
    purpose: str
    quote: Quote
    judgement: Judgement


async def _looked_at(
    connection: Any, call: Call, terms: Terms, application: Application, today: date
) -> _Found | Answer:
    """Lock the borrower and look at everything again; the answer when it ends here."""
    borrower_id = await connection.fetchval(queries.LOCK_BORROWER, call.msisdn)
    seen = await standing(connection, call.msisdn, terms, today)
    if borrower_id is None or seen is None:
        return Answer("not_eligible")
    judgement = judge(terms, seen, today)
    if judgement.verdict != "ok":
        await _write_decision(connection, call, borrower_id, None, judgement)
        return Answer(judgement.verdict, reasons=judgement.reasons)
    quote = offer(terms, judgement, application.amount_cents, application.purpose, today)
    if isinstance(quote, str) or quote.total_cents != application.total_cents:
        return Answer("changed")
    return _Found(borrower_id, application.purpose, quote, judgement)


async def _take(
    connection: Any, call: Call, terms: Terms, found: _Found, actor: str, proposer: str
) -> Answer:
    """The loan is theirs: send its money, or have a person look first. actor: who approves a loan that
    nobody has to look at."""
    quote = found.quote
    number, ref = await _write(connection, call, terms, found.borrower_id, found.purpose, quote)
    await _write_decision(connection, call, found.borrower_id, number, found.judgement)
    above_cents = terms.product.approve_above_cents
    if above_cents is not None and quote.principal_cents > above_cents:
        asked = approvals.Request(
            approvals.LOAN, ref, quote.principal_cents, "above what is approved by itself", loan_id=number
        )
        await approvals.propose(connection, asked, proposer)
        return Answer("review", ref, quote)
    await servicing.send(connection, number, ref, quote.principal_cents, actor)
    return Answer("ok", ref, quote)


async def _write(
    connection: Any, call: Call, terms: Terms, borrower_id: int, purpose: str, quote: Quote
) -> tuple[int, str]:
    """The loan's row; its number and reference."""
    number: int = await connection.fetchval(queries.NEXT_LOAN_NUMBER)
    ref = loan_ref(number)
    await connection.execute(
        queries.WRITE_LOAN,
        number,
        ref,
        borrower_id,
        terms.products.sell,
        purpose,
        quote.principal_cents,
        quote.fee_cents,
        quote.excise_cents,
        quote.interest_cents,
        quote.interest_excise_cents,
        quote.total_cents,
        quote.apr_bp,
        quote.term_days,
        call.bundle,
        agreed.agree(terms.product, terms.products.version).model_dump_json(),
        call.key,
    )
    return number, ref


async def _write_decision(
    connection: Any, call: Call, borrower_id: int, loan_id: int | None, judgement: Judgement
) -> None:
    assessment = judgement.assessment
    await connection.execute(
        queries.WRITE_DECISION,
        borrower_id,
        loan_id,
        call.key,
        assessment.scorecard,
        orjson.dumps(assessment.inputs).decode(),
        orjson.dumps(dict(assessment.points)).decode(),
        assessment.score,
        judgement.verdict,
        judgement.limit_cents,
        list(judgement.reasons),
    )
    await connection.execute(queries.KEEP_SCORE, borrower_id, assessment.shown, judgement.limit_cents)
