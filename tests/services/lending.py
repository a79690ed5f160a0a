"""Products, loans and days for tests of a loan's later life."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services import clock
from services.loans import dayend, servicing
from services.loans.products import Product
from services.loans.terms import Terms
from tests.services.world import Phone

TODAY = clock.nairobi_date(clock.now())


def with_product(terms: Terms, **changes: Any) -> Terms:
    """The terms, with fields of the product on sale as they are written in products.yaml."""
    sold = terms.product
    written = {
        "term": f"{sold.term_days}d", "fee": "15%", "excise": "20%", "least": "500",
        "limit": {"first": "5,000", "most": "50,000", "growth": "200%"},
        "cool_off": {"late": "7d", "wait": "14d"},
        "repayment": {"least": "10", "paybill": "400222", "order": list(sold.repayment.order)},
        "purposes": list(sold.purposes), **changes,
    }  # fmt: skip
    made = Product.model_validate(written)
    products = terms.products.model_copy(update={"products": {terms.products.sell: made}})
    return replace(terms, products=products)


def noon(day: date) -> datetime:
    """Twelve o'clock in Nairobi."""
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


async def lent(phone: Phone, due: date = TODAY, amount: int = 500_000) -> str:
    """A loan whose money came a term before `due`; its reference."""
    outcome = await phone.borrow(amount)
    assert outcome.name == "ok", outcome
    ref: str = outcome.value["ref"]
    await phone.money_arrives(ref, noon(due - timedelta(days=phone.terms.product.term_days)))
    return ref


async def close_until(pool: Any, last: date, terms: Terms | None = None) -> list[date]:
    """Close the days up to and with `last`, as if it were the night after it."""
    async with pool.acquire() as connection:
        return await dayend.catch_up(connection, noon(last + timedelta(days=1)), terms)


async def state(phone: Phone, ref: str) -> str:
    found: str = await phone.pool.fetchval("select state from loan where ref = $1", ref)
    return found


async def owed(phone: Phone, ref: str) -> dict[str, int]:
    """What is owed by part, without what is nothing."""
    loan_id = await phone.loan_id(ref)
    async with phone.pool.acquire() as connection:
        parts = await servicing.owed_cents(connection, loan_id)
    return {part: cents for part, cents in parts.items() if cents}


async def in_transaction(pool: Any, function: Any, *arguments: Any) -> Any:
    async with pool.acquire() as connection, connection.transaction():
        return await function(connection, *arguments)
