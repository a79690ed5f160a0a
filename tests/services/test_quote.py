from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loans.products import Product
from services.loans.quote import MAX_CENTS, price, whole_shillings
from tests.services import world

TODAY = date(2026, 11, 23)
PRODUCT = world.terms().product
shillings = st.integers(1, 100_000).map(lambda whole: whole * 100)


def product(fee: str, excise: str, term: str = "30d", **more: Any) -> Product:
    fields = {
        "term": term, "fee": fee, "excise": excise, "least": "500",
        "limit": {"first": "5,000", "most": "50,000", "growth": "200%"},
        "cool_off": {"late": "7d", "wait": "14d"},
        "repayment": {
            "least": "10", "paybill": "400222",
            "order": ["penalty", "interest", "fee", "excise", "principal"],
        },
        "purposes": ["business"], **more,
    }  # fmt: skip
    return Product.model_validate(fields)


def test_five_thousand_shillings_cost_what_the_document_says() -> None:
    quote = price(PRODUCT, 500_000, TODAY)

    assert (quote.fee_cents, quote.excise_cents, quote.total_cents) == (75_000, 15_000, 590_000)
    assert quote.apr_bp == 21_900  # 18 % of the principal for 30 days, the excise counted
    assert quote.due == date(2026, 12, 23)


def test_without_excise_the_rate_is_the_one_of_the_starting_document() -> None:
    assert price(product("15%", "0%"), 500_000, TODAY).apr_bp == 18_250


@pytest.mark.parametrize(
    ("principal", "fee", "excise"),
    [
        (50_000, 7_500, 1_500),
        (50_100, 7_500, 1_500),  # 75.15 goes down, 15.00 stays
        (53_300, 7_900, 1_600),  # 79.95 goes down, 15.80 goes up
    ],
)
def test_fee_goes_down_and_excise_up_to_the_shilling(principal: int, fee: int, excise: int) -> None:
    quote = price(PRODUCT, principal, TODAY)

    assert (quote.fee_cents, quote.excise_cents) == (fee, excise)


@given(shillings, st.integers(0, 5_000), st.integers(0, 3_000), st.integers(1, 365))
def test_a_quote_is_whole_shillings_that_add_up(
    principal: int, fee_bp: int, excise_bp: int, days: int
) -> None:
    quote = price(product(f"{fee_bp / 100:.2f}%", f"{excise_bp / 100:.2f}%", f"{days}d"), principal, TODAY)

    parts = (quote.principal_cents, quote.fee_cents, quote.excise_cents)
    assert quote.total_cents == sum(parts)
    assert all(type(cents) is int and cents >= 0 and cents % 100 == 0 for cents in parts)
    exact_fee = principal * fee_bp
    assert 0 <= exact_fee - quote.fee_cents * 10_000 < 100 * 10_000
    exact_excise = quote.fee_cents * excise_bp
    assert 0 <= quote.excise_cents * 10_000 - exact_excise < 100 * 10_000
    # The rate is the cost for a year over the principal, to the nearest basis point.
    cost_for_a_year = (quote.fee_cents + quote.excise_cents) * 365 * 10_000
    assert abs(quote.apr_bp * principal * days - cost_for_a_year) * 2 <= principal * days


def test_interest_by_the_day_is_priced_for_the_whole_term() -> None:
    quote = price(product("0%", "20%", daily="0.5%"), 500_000, TODAY)

    assert (quote.fee_cents, quote.excise_cents) == (0, 0)
    assert (quote.interest_cents, quote.interest_excise_cents) == (75_000, 15_000)  # 25 and 5 a night
    assert (quote.total_cents, quote.apr_bp) == (590_000, 21_900)


def test_what_is_not_taxed_bears_no_excise() -> None:
    quote = price(product("15%", "20%", daily="0.5%", taxed=["interest"]), 500_000, TODAY)

    assert (quote.excise_cents, quote.interest_excise_cents) == (0, 15_000)


@given(shillings, st.integers(0, 1_000), st.integers(0, 3_000), st.integers(1, 365))
def test_interest_is_never_more_than_the_rate_and_its_excise_never_less(
    principal: int, daily_bp: int, excise_bp: int, days: int
) -> None:
    sold = product("0%", f"{excise_bp / 100:.2f}%", f"{days}d", daily=f"{daily_bp / 100:.2f}%")
    quote = price(sold, principal, TODAY)

    assert 0 <= principal * daily_bp * days - quote.interest_cents * 10_000 < 10_000 * days
    assert 0 <= quote.interest_excise_cents * 10_000 - quote.interest_cents * excise_bp < 10_000 * days


@given(shillings, shillings)
def test_a_larger_loan_never_costs_less(one: int, other: int) -> None:
    small, large = sorted((one, other))

    assert price(PRODUCT, small, TODAY).total_cents <= price(PRODUCT, large, TODAY).total_cents


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 500.0, 1e9, "500", None, True])
def test_only_an_int_is_an_amount(amount: object) -> None:
    with pytest.raises(TypeError, match="int of cents"):
        whole_shillings(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [-1, -50_000, MAX_CENTS + 1, 10**18])
def test_an_amount_is_within_bounds(amount: int) -> None:
    with pytest.raises(ValueError, match="no amount"):
        whole_shillings(amount)


def test_cents_are_dropped() -> None:
    assert whole_shillings(50_099) == 50_000
