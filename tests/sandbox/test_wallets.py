"""The sandbox's money: it moves, and is never made or lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.wallets import CHARGES, FEES, OUTSIDE, UTILITY, Move, NotEnoughError, Wallets, between

ASHA, OMAR = "254712345678", "254722000001"
ACCOUNTS = st.sampled_from([OUTSIDE, UTILITY, CHARGES, FEES, ASHA, OMAR])
MOVES = st.lists(st.tuples(ACCOUNTS, ACCOUNTS, st.integers(1, 10_000)), max_size=40)


def move(*legs: tuple[str, int]) -> Move:
    return Move("R", "test", "2026-11-23T09:00:00+00:00", legs)


def test_a_payout_moves_the_amount_to_the_phone_and_its_charge_to_safaricom() -> None:
    wallets = Wallets()
    wallets.apply(move((OUTSIDE, -100_000), (UTILITY, 100_000)))
    wallets.apply(move((UTILITY, -50_000), (ASHA, 50_000), (CHARGES, -500), (FEES, 500)))
    assert wallets.balances == {OUTSIDE: -100_000, UTILITY: 50_000, ASHA: 50_000, CHARGES: -500, FEES: 500}
    assert wallets.faults() == []


def test_nobody_pays_what_they_do_not_hold_and_nothing_changes() -> None:
    wallets = Wallets()
    wallets.apply(move(*between(OUTSIDE, ASHA, 100)))
    with pytest.raises(NotEnoughError, match=ASHA):
        wallets.apply(move((OMAR, 101), (ASHA, -101)))
    assert wallets.balances == {OUTSIDE: -100, ASHA: 100}
    assert len(wallets.moves) == 1


@pytest.mark.parametrize(
    "legs", [((ASHA, 1),), ((OUTSIDE, -2), (ASHA, 1)), ((OUTSIDE, -1.0), (ASHA, 1.0)), ()]
)
def test_a_move_that_makes_money_is_a_fault_of_ours(legs: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(AssertionError):
        Wallets().apply(move(*legs))


@given(MOVES)
def test_whatever_is_tried_the_sum_stays_zero_and_the_books_agree(tried: list[tuple[str, str, int]]) -> None:
    wallets = Wallets()
    for payer, payee, cents in tried:
        before = dict(wallets.balances)
        try:
            wallets.apply(move(*between(payer, payee, cents)))
        except NotEnoughError:
            assert wallets.balances == before
    assert sum(wallets.balances.values()) == 0
    assert wallets.faults() == []


def test_books_that_were_tampered_with_are_found_out() -> None:
    wallets = Wallets()
    wallets.apply(move(*between(OUTSIDE, ASHA, 100)))
    wallets.balances[ASHA] += 1
    assert wallets.faults() == [
        f"{ASHA}: holds 101, its moves say 100",
        "all accounts together hold 1, not 0",
    ]
