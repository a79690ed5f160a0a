"""What a loan costs, to the shilling. Integers only; M-Pesa moves whole shillings, so do we.

    principal   the amount asked for, cents dropped
    fee         principal × fee rate, down to the shilling (the fraction is the borrower's)
    excise      fee × excise rate, up to the shilling (the tax collected is never short)
    total       principal + fee + excise
    APR         (fee + excise) / principal × 365 / days of the term, simple, in basis points, half up

Example: KES 5,000 for 30 days at 15 % with excise 20 %: fee 750, excise 150, total 5,900. The fee alone
is 182.5 % a year; the APR counts the excise too, because the borrower pays it: 219 %.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from services.loans.products import Product

SHILLING = 100
WHOLE_BP = 10_000
MAX_CENTS = 100_000_000_00


@dataclass(slots=True, frozen=True)
class Quote:
    """A priced loan. due counts from the day the money arrives: this is it, if that is today."""

    principal_cents: int
    fee_cents: int
    excise_cents: int
    apr_bp: int
    term_days: int
    due: date

    @property
    def total_cents(self) -> int:
        """What is paid back."""
        return self.principal_cents + self.fee_cents + self.excise_cents


def whole_shillings(cents: int) -> int:
    """The amount without its cents. Raises TypeError or ValueError for what is no amount at all."""
    if type(cents) is not int:
        raise TypeError(f"an amount is an int of cents, not {type(cents).__name__}")
    if not 0 <= cents <= MAX_CENTS:
        raise ValueError(f"{cents} cents is no amount")
    return cents - cents % SHILLING


def price(product: Product, principal_cents: int, today: date) -> Quote:
    """Price a loan of that many cents, a whole number of shillings above zero."""
    assert principal_cents > 0, principal_cents
    assert principal_cents % SHILLING == 0, principal_cents
    fee_cents = whole_shillings(principal_cents * product.fee_bp // WHOLE_BP)
    excise_cents = -(-fee_cents * product.excise_bp // (WHOLE_BP * SHILLING)) * SHILLING
    yearly = (fee_cents + excise_cents) * 365 * WHOLE_BP
    per_year = principal_cents * product.term_days
    apr_bp = (2 * yearly + per_year) // (2 * per_year)
    due = today + timedelta(days=product.term_days)
    return Quote(principal_cents, fee_cents, excise_cents, apr_bp, product.term_days, due)
