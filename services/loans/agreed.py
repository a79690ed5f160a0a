"""What was agreed on a loan: the rules of its product as they were when it was priced.

It is kept with the loan (`loan.terms`) and never changes, so that a new products.yaml touches no loan
already made. A field that a loan's terms do not have takes its default: loans older than that field have
no such charge. Rates are basis points, times are days, money is cents.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.loans.products import Product


class Agreed(BaseModel):
    """The terms of one loan."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str = ""
    daily_bp: int = 0
    excise_bp: int = 0
    taxed: tuple[str, ...] = ()
    grace_days: int = 0
    penalty_bp: int = 0
    penalty_every: Literal["once", "day"] = "once"
    penalty_most_bp: int = 0
    non_performing_days: int = 90
    write_off_days: int = 180
    in_duplum_days: int = 1
    rollover_fee_bp: int = 0
    rollover_days: int = 0
    rollover_within_days: int = 0
    rollovers_most: int = 0
    rollover_by: Literal["borrower", "itself"] = "borrower"
    order: tuple[str, ...] = ("penalty", "interest", "fee", "excise", "principal")
    order_non_performing: tuple[str, ...] = ("principal", "penalty", "interest", "fee", "excise")
    approval_above_cents: int | None = None  # the database reads this one too

    def tax_bp(self, charge: str) -> int:
        """The excise on a charge: `fee`, `interest` or `penalty`."""
        return self.excise_bp if charge in self.taxed else 0


def agree(product: Product, version: str) -> Agreed:
    """The terms of a loan made now."""
    late, rollover = product.late, product.rollover
    return Agreed(
        version=version,
        daily_bp=product.daily_bp,
        excise_bp=product.excise_bp,
        taxed=product.taxed,
        grace_days=late.grace_days,
        penalty_bp=late.penalty_bp,
        penalty_every=late.every,
        penalty_most_bp=late.most_bp,
        non_performing_days=late.non_performing_days,
        write_off_days=late.write_off_days,
        in_duplum_days=late.in_duplum_days,
        rollover_fee_bp=rollover.fee_bp if rollover else 0,
        rollover_days=rollover.term_days if rollover else 0,
        rollover_within_days=rollover.within_days if rollover else 0,
        rollovers_most=rollover.most if rollover else 0,
        rollover_by=rollover.by if rollover else "borrower",
        order=product.repayment.order,
        order_non_performing=product.repayment.order_non_performing,
        approval_above_cents=product.approve_above_cents,
    )


def of(loan: Any) -> Agreed:
    """The terms of a loan's row."""
    return Agreed.model_validate_json(loan["terms"])
