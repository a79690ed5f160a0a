from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loans import lifecycle, servicing
from services.loans.lifecycle import MOVES, STATES, ForbiddenMoveError, after
from services.loans.refs import LETTERS, SPACE, loan_ref
from tests.services.lending import TODAY, in_transaction, noon
from tests.services.world import Phone

ALLOWED = {(source, move): target for source, move, target in MOVES}


@given(st.sampled_from(STATES), st.sampled_from([move for _, move, _ in MOVES]))
def test_a_loan_makes_the_moves_of_the_table_and_no_other(state: str, move: str) -> None:
    if (state, move) in ALLOWED:
        assert after(state, move) == ALLOWED[state, move]
    else:
        with pytest.raises(ForbiddenMoveError):
            after(state, move)


def test_one_machine_serves_all_loans() -> None:
    assert lifecycle._MACHINE.models == []


async def test_the_database_holds_the_same_moves(pool: Any) -> None:
    rows = await pool.fetch("select from_state, move, to_state from loan_move")

    assert {tuple(row) for row in rows} == set(MOVES)


async def test_the_database_knows_the_same_states_and_which_are_open(pool: Any) -> None:
    states = await pool.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'loan_state_known'"
    )
    opened = await pool.fetchval(
        "select generation_expression from information_schema.columns"
        " where table_name = 'loan' and column_name = 'is_open'"
    )

    assert {state for state in STATES if f"'{state}'" in states} == set(STATES)
    assert {state for state in STATES if f"'{state}'" in opened} == set(lifecycle.OPEN)


async def test_the_database_refuses_a_forbidden_move(borrower: Phone) -> None:
    ref = (await borrower.borrow()).value["ref"]

    with pytest.raises(asyncpg.CheckViolationError, match="disbursing may not become repaid"):
        await borrower.pool.execute("update loan set state = 'repaid' where ref = $1", ref)


@pytest.mark.parametrize(
    "change",
    ["principal_cents = principal_cents + 100, total_cents = total_cents + 100", "apr_bp = 0",
     "bundle = 'other'", "borrower_id = borrower_id + 1"],
)  # fmt: skip
async def test_the_database_refuses_to_change_the_terms_of_a_loan(borrower: Phone, change: str) -> None:
    ref = (await borrower.borrow()).value["ref"]

    with pytest.raises(asyncpg.RestrictViolationError, match="its terms do not change"):
        await borrower.pool.execute(f"update loan set {change} where ref = $1", ref)


async def test_a_loan_and_its_events_are_never_deleted(borrower: Phone) -> None:
    await borrower.borrow()

    for table in ("loan", "loan_event", "decision", "consent", "loan_move"):
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await borrower.pool.execute(f"delete from {table}")


async def test_two_movers_at_once_move_a_loan_once(borrower: Phone) -> None:
    loan_id = await borrower.loan_id((await borrower.borrow()).value["ref"])
    async with borrower.pool.acquire() as connection, connection.transaction():
        await lifecycle.make(connection, loan_id, "disbursing", "fail", "test")

    async with borrower.pool.acquire() as connection:
        with pytest.raises(ForbiddenMoveError, match="no longer disbursing"):
            await lifecycle.make(connection, loan_id, "disbursing", "fail", "test")


async def test_a_loan_keeps_the_story_of_its_moves(borrower: Phone) -> None:
    outcome = await borrower.borrow()
    ref = outcome.value["ref"]
    await borrower.money_arrives(ref)
    await borrower.pay(ref, outcome.value["total"], "RCPT1")

    story = await borrower.pool.fetch("select move, to_state from loan_event order by id")

    assert [tuple(row) for row in story] == [
        ("approve", "approved"), ("send", "disbursing"), ("pay_out", "active"), ("repay", "repaid"),
    ]  # fmt: skip


@given(st.sets(st.integers(1, SPACE - 1), min_size=2, max_size=50))
def test_references_are_short_and_never_collide(numbers: set[int]) -> None:
    refs = {loan_ref(number) for number in numbers}

    assert len(refs) == len(numbers)
    assert all(len(ref) == 1 + LETTERS and ref.isalnum() and ref.isupper() for ref in refs)


async def test_a_loan_that_began_after_all_is_paid_back_when_the_money_came(borrower: Phone) -> None:
    """It had ended by then, as failed: that day says nothing of how late it was paid back."""
    outcome = await borrower.borrow()
    ref, loan_id = outcome.value["ref"], await borrower.loan_id(outcome.value["ref"])
    await in_transaction(borrower.pool, servicing.payout_failed, loan_id, "test")
    arrived = noon(TODAY - timedelta(days=60))
    await in_transaction(borrower.pool, servicing.paid_out_late, loan_id, arrived, None, "test")
    assert await borrower.pool.fetchval("select closed_at from loan where ref = $1", ref) is None

    await borrower.pay(ref, 590_000, "QKA1B2C3D4", noon(TODAY - timedelta(days=1)))

    closed = await borrower.pool.fetchval("select closed_at from loan where ref = $1", ref)
    assert closed == noon(TODAY - timedelta(days=1))
