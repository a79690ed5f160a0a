"""What a loan costs. Integers only; M-Pesa moves whole shillings, so what is charged once is whole shillings.

    principal   the amount asked for, cents dropped
    fee         principal × fee rate, down to the shilling (the fraction is the borrower's)
    excise      fee × excise rate, up to the shilling (the tax collected is never short)
    interest    principal × daily rate, down to the cent, for each night of the term; its excise, up to the
                cent
    total       principal + fee + interest + excise on both
    APR         (total - principal) / principal × 365 / days of the term, simple, in basis points, half up

Example: KES 5,000 for 30 days at 15 % with excise 20 %: fee 750, excise 150, total 5,900. The fee alone
is 182.5 % a year; the APR counts the excise too, because the borrower pays it: 219 %.

Interest is for the nights the principal is owed, so whoever pays back early pays less than this.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from services.loans.products import Product

SHILLING = 100
WHOLE_BP = 10_000
MAX_CENTS = 100_000_000_00


@dataclass(slots=True, frozen=True)
class Quote:
    """A priced loan. due counts from the day the money arrives: this is it, if that is today.

    interest_cents and interest_excise_cents are for the whole term.
    """

    principal_cents: int
    fee_cents: int
    excise_cents: int
    apr_bp: int
    term_days: int
    due: date
    interest_cents: int = 0
    interest_excise_cents: int = 0

    @property
    def charges_cents(self) -> int:
        """Fee and interest."""
        return self.fee_cents + self.interest_cents

    @property
    def tax_cents(self) -> int:
        """The excise on both."""
        return self.excise_cents + self.interest_excise_cents

    @property
    def total_cents(self) -> int:
        """What is paid back, at the end of the term."""
        return self.principal_cents + self.charges_cents + self.tax_cents


def whole_shillings(cents: int) -> int:
    """The amount without its cents. Raises TypeError or ValueError for what is no amount at all."""
    if type(cents) is not int:
        raise TypeError(f"an amount is an int of cents, not {type(cents).__name__}")
    if not 0 <= cents <= MAX_CENTS:
        raise ValueError(f"{cents} cents is no amount")
    return cents - cents % SHILLING


def share(cents: int, rate_bp: int) -> int:
    """That rate of an amount, down to the cent."""
    return cents * rate_bp // WHOLE_BP


def share_up(cents: int, rate_bp: int) -> int:
    """That rate of an amount, up to the cent."""
    return -(-cents * rate_bp // WHOLE_BP)


def fee_of(cents: int, rate_bp: int) -> int:
    """A fee on an amount, down to the shilling."""
    return whole_shillings(share(cents, rate_bp))


def excise_of(cents: int, rate_bp: int) -> int:
    """The excise on a fee, up to the shilling."""
    return -(-cents * rate_bp // (WHOLE_BP * SHILLING)) * SHILLING


def price(product: Product, principal_cents: int, today: date) -> Quote:
    """Price a loan of that many cents, a whole number of shillings above zero."""
    assert principal_cents > 0, principal_cents
    assert principal_cents % SHILLING == 0, principal_cents
    days = product.term_days
    fee_cents = fee_of(principal_cents, product.fee_bp)
    excise_cents = excise_of(fee_cents, _tax_bp(product, "fee"))
    nightly_cents = share(principal_cents, product.daily_bp)
    nightly_excise_cents = share_up(nightly_cents, _tax_bp(product, "interest"))
    cost = fee_cents + excise_cents + (nightly_cents + nightly_excise_cents) * days
    per_year = principal_cents * days
    apr_bp = (2 * cost * 365 * WHOLE_BP + per_year) // (2 * per_year)
    due = today + timedelta(days=days)
    interest = nightly_cents * days, nightly_excise_cents * days
    return Quote(principal_cents, fee_cents, excise_cents, apr_bp, days, due, *interest)


def _tax_bp(product: Product, charge: str) -> int:
    return product.excise_bp if charge in product.taxed else 0
