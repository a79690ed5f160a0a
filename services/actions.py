"""What the loan menus may `do`. Each action is thin: it parses nothing and decides nothing, it calls a
room and says the outcome. One connection an action, for as long as it runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services import clock
from services.borrowers import people, resetting
from services.loans import applying, eligibility, repaying, rolling, views
from services.loans import statement as statements
from services.loans.eligibility import Judgement
from services.loans.terms import Terms
from services.once import once
from ussd_engine.actions import Call, Digits, Flag, Money, Outcome, Pin, Registry, Text

registry = Registry()


@dataclass(slots=True)
class Lender:
    """What this process works with, from start to stop."""

    pool: Any = None
    secret: bytes = b""


lender = Lender()

HAVE_LOAN = ("ok", "review", "has_loan")  # outcomes of an application after which there is a loan

Effect = Callable[[Any], Awaitable[Outcome]]


async def _once(call: Call, action: str, arguments: Mapping[str, Any], effect: Effect) -> Outcome:
    return await once(lender.pool, lender.secret, call, action, arguments, effect)


@registry.action("borrowers.consent", effect=True)
async def consent(call: Call, version: Text) -> Outcome:
    """They agreed to the terms."""

    async def effect(connection: Any) -> Outcome:
        await people.consent(connection, call, version, call.data.wording.sha256(call.language))
        return Outcome("ok", subscriber={"terms": version})

    return await _once(call, "borrowers.consent", {"version": version}, effect)


@registry.action("borrowers.offers", effect=True)
async def offers(call: Call, wanted: Flag) -> Outcome:
    """Whether we may write to them of offers."""

    async def effect(connection: Any) -> Outcome:
        if wanted:
            terms: Terms = call.data
            words = terms.offers_wording.sha256(call.language)
            await people.want_offers(connection, call, terms.rules.terms or "1", words)
        else:
            await people.refuse_offers(connection, call)
        return Outcome("ok", subscriber={"offers": wanted})

    return await _once(call, "borrowers.offers", {"wanted": wanted}, effect)


@registry.action("borrowers.choose_pin", outcomes=("ok", "weak"), effect=True)
async def choose_pin(call: Call, pin: Pin) -> Outcome:
    """The first entry of a new PIN."""

    async def effect(connection: Any) -> Outcome:
        staged = await people.stage_pin(connection, call.msisdn, pin, lender.secret)
        return Outcome("ok" if staged else "weak")

    return await _once(call, "borrowers.choose_pin", {"pin": pin}, effect)


@registry.action("borrowers.register", outcomes=("ok", "mismatch", "id_taken", "exists"), effect=True)
async def register(call: Call, name: Text, national_id: Digits, pin: Pin) -> Outcome:
    """Join, with the PIN entered a second time."""

    async def effect(connection: Any) -> Outcome:
        version = call.data.rules.terms
        joined = await people.register(connection, call, name, national_id, pin, lender.secret, version)
        if joined not in ("ok", "exists"):
            return Outcome(joined)
        return Outcome(joined, subscriber=await people.profile(connection, call.msisdn))

    arguments = {"name": name, "national_id": national_id, "pin": pin}
    return await _once(call, "borrowers.register", arguments, effect)


@registry.action("borrowers.reset_pin", outcomes=("ok", "mismatch", "wrong_id", "closed"), effect=True)
async def reset_pin(call: Call, national_id: Digits, pin: Pin) -> Outcome:
    """A new PIN for who forgot it, entered a second time, while staff allow it."""

    async def effect(connection: Any) -> Outcome:
        chosen = await resetting.choose(connection, call, national_id, pin, lender.secret)
        return Outcome(chosen, subscriber={"pin_reset": chosen in ("mismatch", "wrong_id")})

    return await _once(call, "borrowers.reset_pin", {"national_id": national_id, "pin": pin}, effect)


@registry.action("borrowers.set_language", effect=True)
async def set_language(call: Call, language: Text) -> Outcome:
    """Speak this language from now on."""

    async def effect(connection: Any) -> Outcome:
        await people.set_language(connection, call, language)
        return Outcome("ok", subscriber={"language": language})

    return await _once(call, "borrowers.set_language", {"language": language}, effect)


async def _judged(connection: Any, call: Call) -> Judgement | None:
    terms: Terms = call.data
    today = clock.nairobi_date(clock.now())
    seen = await eligibility.standing(connection, call.msisdn, terms, today)
    return None if seen is None else eligibility.judge(terms, seen, today)


@registry.action(
    "loans.limit",
    outcomes=("ok", "has_loan", "not_eligible"),
    returns={"min": "money", "max": "money", "available": "money", "score": "integer"},
)
async def limit(call: Call) -> Outcome:
    """How much they may borrow now."""
    async with lender.pool.acquire() as connection:
        judgement = await _judged(connection, call)
    if judgement is None:
        return Outcome("not_eligible")
    value = {
        "min": call.data.product.least_cents,
        "max": judgement.limit_cents,
        "available": judgement.limit_cents if judgement.verdict == "ok" else 0,
        "score": judgement.assessment.shown,
    }
    return Outcome(judgement.verdict, value)


@registry.action(
    "loans.quote",
    outcomes=("ok", "too_much", "too_little", "has_loan", "not_eligible"),
    returns={
        "principal": "money", "fee": "money", "excise": "money", "total": "money",
        "apr": "integer", "due": "date", "days": "integer",
    },
)  # fmt: skip
async def quote(call: Call, amount: Money, purpose: Text) -> Outcome:
    """What a loan of that amount costs."""
    async with lender.pool.acquire() as connection:
        judgement = await _judged(connection, call)
    if judgement is None or judgement.verdict != "ok":
        return Outcome(judgement.verdict if judgement else "not_eligible")
    today = clock.nairobi_date(clock.now())
    offer = applying.offer(call.data, judgement, amount, purpose, today)
    if isinstance(offer, str):
        return Outcome(offer)
    value = {
        "principal": offer.principal_cents,
        "fee": offer.charges_cents,
        "excise": offer.tax_cents,
        "total": offer.total_cents,
        "apr": offer.apr_bp,
        "due": offer.due.isoformat(),
        "days": offer.term_days,
    }
    return Outcome("ok", value)


@registry.action(
    "loans.apply",
    outcomes=("ok", "review", "wrong_pin", "locked", "has_loan", "not_eligible", "changed"),
    returns={
        "ref": "text", "amount": "money", "total": "money", "due": "date", "tries_left": "integer",
    },
    effect=True,
)  # fmt: skip
async def apply(call: Call, amount: Money, purpose: Text, total: Money, pin: Pin) -> Outcome:
    """Take the loan that was quoted."""
    today = clock.nairobi_date(clock.now())

    async def effect(connection: Any) -> Outcome:
        application = applying.Application(amount, purpose, total, pin)
        answer = await applying.apply(connection, call, call.data, application, lender.secret, today)
        made = answer.quote
        value = {
            "ref": answer.ref,
            "amount": made.principal_cents if made else amount,
            "total": made.total_cents if made else total,
            "due": (made.due if made else today).isoformat(),
            "tries_left": answer.tries_left,
        }
        return Outcome(answer.name, value, {"has_loan": True} if answer.name in HAVE_LOAN else None)

    arguments = {"amount": amount, "purpose": purpose, "total": total, "pin": pin}
    return await _once(call, "loans.apply", arguments, effect)


@registry.action(
    "loans.status",
    outcomes=("ok", "none"),
    returns={
        "ref": "text", "amount": "money", "outstanding": "money", "due": "date",
        "days_late": "integer", "status": "text",
    },
)  # fmt: skip
async def status(call: Call) -> Outcome:
    """The loan that is open or still owed."""
    async with lender.pool.acquire() as connection:
        loan = await views.status(connection, call.msisdn, clock.nairobi_date(clock.now()))
    return Outcome("ok", loan) if loan else Outcome("none")


@registry.action(
    "loans.history",
    outcomes=("ok", "none"),
    returns=[{"ref": "text", "amount": "money", "date": "date", "status": "text"}],
)
async def history(call: Call) -> Outcome:
    """The latest loans."""
    async with lender.pool.acquire() as connection:
        loans = await views.history(connection, call.msisdn)
    return Outcome("ok", loans) if loans else Outcome("none")


@registry.action(
    "accounts.statement",
    outcomes=("ok", "none"),
    returns=[{"date": "date", "kind": "text", "amount": "money"}],
)
async def statement(call: Call) -> Outcome:
    """The latest movements of money."""
    async with lender.pool.acquire() as connection:
        entries = await views.statement(connection, call.msisdn, call.language)
    return Outcome("ok", entries) if entries else Outcome("none")


@registry.action(
    "accounts.wallet",
    returns={
        "balance": "money", "limit": "money", "available": "money", "score": "integer", "repaid": "integer",
    },
)  # fmt: skip
async def wallet(call: Call) -> Outcome:
    """Credit, limit and score."""
    today = clock.nairobi_date(clock.now())
    async with lender.pool.acquire() as connection:
        seen = await eligibility.standing(connection, call.msisdn, call.data, today)
        return Outcome("ok", await views.wallet(connection, call.data, seen, today))


@registry.action("accounts.send_statement", outcomes=("ok", "none", "enough"), effect=True)
async def send_statement(call: Call) -> Outcome:
    """The statement by SMS, in short."""

    async def effect(connection: Any) -> Outcome:
        return Outcome(await statements.send(connection, call, call.data.rules.contact.statements_a_day))

    return await _once(call, "accounts.send_statement", {}, effect)


@registry.action(
    "loans.more_time",
    outcomes=("ok", "none"),
    returns={
        "ref": "text",
        "fee": "money",
        "excise": "money",
        "due": "date",
        "days": "integer",
        "apr": "integer",
    },
)
async def more_time(call: Call) -> Outcome:
    """What more time for the open loan would cost."""
    today = clock.nairobi_date(clock.now())
    async with lender.pool.acquire() as connection:
        found = await rolling.look(connection, call.msisdn, today)
    return Outcome("none") if found is None else Outcome("ok", found)


@registry.action(
    "loans.roll_over",
    outcomes=("ok", "wrong_pin", "locked", "changed", "not_offered"),
    returns={"ref": "text", "owed": "money", "due": "date", "tries_left": "integer"},
    effect=True,
)
async def roll_over(call: Call, fee: Money, pin: Pin) -> Outcome:
    """Buy more time for the fee that was shown."""

    async def effect(connection: Any) -> Outcome:
        return await rolling.buy(connection, call, fee, pin, lender.secret)

    return await _once(call, "loans.roll_over", {"fee": fee, "pin": pin}, effect)


@registry.action(
    "repayments.prompt",
    outcomes=("ok", "no_loan", "too_little"),
    returns={"ref": "text", "amount": "money", "paybill": "digits"},
    effect=True,
)
async def prompt(call: Call, amount: Money) -> Outcome:
    """Ask M-Pesa to prompt for a payment."""

    async def effect(connection: Any) -> Outcome:
        return await repaying.prompt(connection, call, call.data.product.repayment, amount)

    return await _once(call, "repayments.prompt", {"amount": amount}, effect)
