"""Products: what may be lent, at which price, read from `products.yaml` of a menu folder.

People write shillings, percents and days (`5,000`, `15%`, `30d`); a Product holds cents, basis points
and days. A change makes a new bundle, and touches no loan already made.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from services.documents import Document

Part = Literal["fee", "excise", "principal"]


def _reader(pattern: str, example: str, scale: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        match = re.fullmatch(pattern, value) if isinstance(value, str) and len(value) <= 15 else None
        if match is None:
            raise ValueError(f"write it like {example}")
        return int(Decimal(match[1].replace(",", "")) * scale)

    return parse


_SHILLINGS = _reader(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)", "5,000 (whole shillings)", 100)
_PERCENT = _reader(r"([0-9]+(?:\.[0-9]{1,2})?)%", "15% or 7.25%", 100)
_DAYS = _reader(r"([0-9]+)d", "30d", 1)

Shillings = Annotated[int, BeforeValidator(_SHILLINGS), Field(le=100_000_000_00)]
Percent = Annotated[int, BeforeValidator(_PERCENT), Field(le=1_000_000)]
Days = Annotated[int, BeforeValidator(_DAYS), Field(le=3650)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Limit(_Strict):
    """How much one borrower may owe, beside what the scorecard says."""

    first_cents: Shillings = Field(alias="first")
    most_cents: Shillings = Field(alias="most")
    growth_bp: Percent = Field(alias="growth", ge=10_000)

    def cap_cents(self, largest_repaid_cents: int) -> int:
        """The most that the loans repaid so far have earned: a step up from the largest of them."""
        grown = largest_repaid_cents * self.growth_bp // 10_000
        return min(self.most_cents, max(self.first_cents, grown))


class CoolOff(_Strict):
    """Whoever paid back this much too late waits before the next loan."""

    late_days: Days = Field(alias="late")
    wait_days: Days = Field(alias="wait")


class Repayment(_Strict):
    """How a loan is paid back. order: which part of the debt a payment settles first."""

    least_cents: Shillings = Field(alias="least", gt=0)
    paybill: str = Field(pattern=r"^[0-9]{5,7}$")
    order: tuple[Part, ...]

    @model_validator(mode="after")
    def whole_debt(self) -> "Repayment":
        """Every part of the debt is in the order once."""
        if sorted(self.order) != ["excise", "fee", "principal"]:
            raise ValueError("order names each of fee, excise and principal once")
        return self


class Product(_Strict):
    """One product."""

    term_days: Days = Field(alias="term", gt=0)
    fee_bp: Percent = Field(alias="fee")
    excise_bp: Percent = Field(alias="excise")
    least_cents: Shillings = Field(alias="least", gt=0)
    limit: Limit
    cool_off: CoolOff
    repayment: Repayment
    purposes: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def amounts_in_order(self) -> "Product":
        """The least loan is within the first limit, and that within the most."""
        if not self.least_cents <= self.limit.first_cents <= self.limit.most_cents:
            raise ValueError("least must not be more than limit.first, nor that more than limit.most")
        return self


class Products(_Strict):
    """All products by name, and the one the menus sell."""

    version: str = Field(min_length=1, max_length=40)
    sell: str
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
    if document.problems:
        return None
    try:
        return Products.model_validate(document.value)
    except ValidationError as error:
        for fault in error.errors():
            message = fault["msg"].removeprefix("Value error, ")
            place = ".".join(str(part) for part in fault["loc"])
            document.problem(tuple(fault["loc"]), f"{place}: {message}" if place else message)
        return None
