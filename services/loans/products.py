"""Products: what may be lent, at which price, read from `products.yaml` of a menu folder.

People write shillings, percents and days (`5,000`, `15%`, `30d`); a Product holds cents, basis points
and days. A change makes a new bundle, and touches no loan already made: see services/loans/agreed.py.
The descriptions are what an editor shows; `python -m services.loans.schema` writes them to menus/schema.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from services.documents import Document, fitted
from services.ledger.accounts import PARTS

Part = Literal["principal", "fee", "interest", "excise", "penalty"]
Charge = Literal["fee", "interest", "penalty"]


def _reader(pattern: str, example: str, scale: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        match = re.fullmatch(pattern, value) if isinstance(value, str) and len(value) <= 15 else None
        if match is None:
            raise ValueError(f"write it like {example}")
        return int(Decimal(match[1].replace(",", "")) * scale)

    return parse


_WHOLE = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_RATE = r"([0-9]+(?:\.[0-9]{1,2})?)%"
_TIME = r"([0-9]+)d"


def _written(pattern: str, *, bare_number: bool = False) -> WithJsonSchema:
    """How an editor is to take it: as it is written, not as cents."""
    return WithJsonSchema(
        {"type": ["string", "integer"] if bare_number else "string", "pattern": f"^{pattern}$"}
    )


Shillings = Annotated[
    int,
    BeforeValidator(_reader(_WHOLE, "5,000 (whole shillings)", 100)),
    Field(le=100_000_000_00),
    _written(_WHOLE, bare_number=True),
]
Percent = Annotated[
    int, BeforeValidator(_reader(_RATE, "15% or 7.25%", 100)), Field(le=1_000_000), _written(_RATE)
]
Days = Annotated[int, BeforeValidator(_reader(_TIME, "30d", 1)), Field(le=3650), _written(_TIME)]
Times = Annotated[
    int, BeforeValidator(_reader(r"([0-9]+)", "3", 1)), Field(le=1000), _written("[0-9]+", bare_number=True)
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Step(_Strict):
    """A step of the ladder: who paid back that many loans in time may owe so much."""

    repaid: Times = Field(description="Loans paid back in time.")
    most_cents: Shillings = Field(alias="most", description="The most they may then borrow.")


class Limit(_Strict):
    """How much one borrower may owe, beside what the scorecard says."""

    first_cents: Shillings = Field(alias="first", description="Before any loan is paid back.")
    most_cents: Shillings = Field(alias="most", description="The most anybody may borrow.")
    growth_bp: Percent = Field(
        alias="growth", ge=10_000, description="Of the largest loan paid back: 200% doubles it."
    )
    ladder: tuple[Step, ...] = Field((), description="Steps by the number of loans paid back in time.")

    @model_validator(mode="after")
    def climbs(self) -> "Limit":
        """Each step of the ladder is further and higher than the one before."""
        for lower, upper in zip(self.ladder, self.ladder[1:], strict=False):
            if upper.repaid <= lower.repaid or upper.most_cents < lower.most_cents:
                raise ValueError("ladder: each step needs more loans repaid, and must not lend less")
        return self

    def cap_cents(self, largest_repaid_cents: int, repaid_in_time: int = 0) -> int:
        """The most that the loans repaid so far have earned: by the largest of them, and by the ladder."""
        grown = largest_repaid_cents * self.growth_bp // 10_000
        earned = min(self.most_cents, max(self.first_cents, grown))
        if not self.ladder:
            return earned
        steps = [step.most_cents for step in self.ladder if step.repaid <= repaid_in_time]
        return min(earned, max([self.first_cents, *steps]))


class CoolOff(_Strict):
    """Whoever paid back this much too late waits before the next loan."""

    late_days: Days = Field(alias="late", description="Paid back more than so many days late …")
    wait_days: Days = Field(alias="wait", description="… means no other loan for so many days.")


class Late(_Strict):
    """What happens to a loan that is not paid back in time. Days count from the due date."""

    grace_days: Days = Field(0, alias="grace", description="Days late without a penalty.")
    penalty_bp: Percent = Field(0, alias="penalty", description="Of the principal still owed.")
    every: Literal["once", "day"] = Field("once", description="Charged once, or each day late.")
    most_bp: Percent = Field(
        0, alias="most", description="All penalties together, of the amount lent. Needed with a penalty."
    )
    non_performing_days: Days = Field(90, alias="non_performing", gt=0, description="Then non-performing.")
    write_off_days: Days = Field(180, alias="write_off", gt=0, description="Then proposed for write-off.")
    in_duplum_days: Days = Field(
        1,
        alias="in_duplum",
        gt=0,
        description="From this day late, what is charged never passes the principal owed on it.",
    )

    @model_validator(mode="after")
    def in_order(self) -> "Late":
        """A penalty has a cap, and what is worse comes later."""
        if self.penalty_bp > 0 and self.most_bp == 0:
            raise ValueError("a penalty needs `most`, such as 20%")
        if not self.in_duplum_days <= self.non_performing_days <= self.write_off_days:
            raise ValueError("in_duplum must not come after non_performing, nor that after write_off")
        return self


class Rollover(_Strict):
    """More time for a price, when the borrower asks or by itself on the due date."""

    fee_bp: Percent = Field(alias="fee", description="Of the principal still owed.")
    term_days: Days = Field(alias="term", gt=0, description="How much more time.")
    within_days: Days = Field(0, alias="within", description="So near the due date one may ask.")
    most: Times = Field(1, ge=1, le=12, description="How often for one loan.")
    by: Literal["borrower", "itself"] = Field("borrower", description="Who begins it.")


class Repayment(_Strict):
    """How a loan is paid back. order: which part of the debt a payment settles first."""

    least_cents: Shillings = Field(alias="least", gt=0, description="The smallest payment asked for.")
    paybill: str = Field(
        pattern=r"^[0-9]{5,7}$",
        description='Shown where MPESA_PAYBILL is not set. In quotes: "400222".',
    )
    order: tuple[Part, ...] = Field(description="Which part of the debt a payment settles first.")
    non_performing: tuple[Part, ...] | None = Field(
        None, description="The same for a non-performing loan. Without it: principal first."
    )

    @model_validator(mode="after")
    def whole_debt(self) -> "Repayment":
        """Every part of the debt is in each order once."""
        for name in ("order", "non_performing"):
            chosen = getattr(self, name)
            if chosen is not None and sorted(chosen) != sorted(PARTS):
                raise ValueError(f"{name} names each of {', '.join(PARTS[:-1])} and {PARTS[-1]} once")
        return self

    @property
    def order_non_performing(self) -> tuple[Part, ...]:
        """The order for a non-performing loan: principal first unless said otherwise."""
        rest = tuple(part for part in self.order if part != "principal")
        return self.non_performing or ("principal", *rest)


class Product(_Strict):
    """One product."""

    term_days: Days = Field(alias="term", gt=0, description="From the day the money arrives.")
    fee_bp: Percent = Field(0, alias="fee", description="One facilitation fee, of the amount lent.")
    daily_bp: Percent = Field(
        0, alias="daily", le=1_000, description="Interest a day, of the principal owed, until the due date."
    )
    excise_bp: Percent = Field(alias="excise", description="Excise duty, of what is taxed.")
    taxed: tuple[Charge, ...] = Field(("fee", "interest", "penalty"), description="What excise is due on.")
    least_cents: Shillings = Field(alias="least", gt=0, description="The smallest loan.")
    limit: Limit
    cool_off: CoolOff
    late: Late = Late()
    rollover: Rollover | None = None
    approve_above_cents: Shillings | None = Field(
        None, alias="approve_above", description="A person approves loans above this."
    )
    repayment: Repayment
    purposes: tuple[str, ...] = Field(min_length=1, description="The words the menus use.")

    @model_validator(mode="after")
    def amounts_in_order(self) -> "Product":
        """The least loan is within the first limit, and that within the most."""
        if not self.least_cents <= self.limit.first_cents <= self.limit.most_cents:
            raise ValueError("least must not be more than limit.first, nor that more than limit.most")
        return self


class Products(_Strict):
    """All products by name, and the one the menus sell."""

    version: str = Field(min_length=1, max_length=40, description="Kept with each loan, for people.")
    sell: str = Field(description="The product the menus sell.")
    products: dict[str, Product] = Field(min_length=1)

    @model_validator(mode="after")
    def sells_one_there_is(self) -> "Products":
        """The product on sale exists."""
        if self.sell not in self.products:
            raise ValueError(f"sell: there is no product {self.sell}")
        return self

    @property
    def on_sale(self) -> Product:
        """The product the menus sell."""
        return self.products[self.sell]


def parse(document: Document) -> Products | None:
    """The products of a parsed file; None when it has problems, which are then in the document."""
    return fitted(document, Products)
