"""`ussd ledger verify`: silent about right books, and each way to break them is found and named.

The books are broken past every guard (as a superuser can), one row at a time.
"""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ledger import suspense
from services.ledger.checks import CHECKS
from services.loans import approvals, servicing
from services.loans.terms import Terms
from tests.services import large_ledger
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon, with_product
from tests.services.world import Phone, assert_books_right

DAY = timedelta(days=1)

# A break, the check that finds it, and the row it names.
BREAKS = {
    "conservation": ("update posting set amount_cents = amount_cents + 1 where id = 1", "all postings"),
    "journal": (
        "update posting set amount_cents = amount_cents + 1 where id = 1;"
        "update posting set amount_cents = amount_cents - 1 where id = 3",
        "hold:",
    ),
    "balance": (
        "update balance set debits_cents = debits_cents + 1, credits_cents = credits_cents + 1"
        " where account_id = (select id from account where code = 'fee_income')",
        "fee_income",
    ),
    "memo": (
        "update account set kind = 'memo' where code = 'fee_income'", "memo accounts",
    ),
    "holds": (
        "update hold set state = 'pending', posted_cents = null, settled_by = null, settled_at = null"
        " where id = (select min(id) from hold where state = 'posted')",
        "loans_in_disbursement",
    ),
    "float": ("update hold set amount_cents = amount_cents + 1", "mpesa_utility_pending"),
    "credit": (
        "update balance set debits_cents = credits_cents + 1 where account_id in"
        " (select id from account where code like 'customer_credit:%')",
        "customer_credit:",
    ),
    "suspense": ("update suspense_item set amount_cents = amount_cents + 1", "suspense_unmatched"),
    "receipt": ("update suspense_item set receipt = 'OTHER'", "receipt:LOST"),
    "payout": (
        "drop index journal_one_disbursement; update journal set kind = 'disbursement' where kind = 'fee'",
        "",
    ),
    "open hold": (
        "update hold set loan_id = (select max(id) from loan where state <> 'disbursing')"
        " where state = 'pending'",
        "",
    ),
    "whose": (
        "update journal set loan_id = (select max(id) from loan) where key like 'receipt:%' and loan_id ="
        " (select min(id) from loan)",
        "loan_",
    ),
    "schedule": ("update loan set fee_cents = fee_cents - 100, total_cents = total_cents - 100", "loan_fee:"),
    "state": ("update loan set state = 'repaid' where state = 'overdue'", "(repaid)"),
    "in duplum": ("update loan set duplum_room_cents = 1 where duplum_on is not null", ""),
    "penalty": ("update loan set terms = terms || '{\"penalty_most_bp\": 1}'", ""),
    "two people": (
        "alter table approval drop constraint approval_two_people;"
        "update approval set decided_by = proposed_by where kind = 'write_off' and state = 'approved'",
        "",
    ),
    "business days": ("delete from business_day where day = (select max(day) - 1 from business_day)", ""),
    "claim": ("update late_payout set begun_at = now()", "payout_claim:"),
    "refunds": ("update refund set amount_cents = amount_cents + 100", "refunds_payable"),
}  # fmt: skip


def run(url: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "ledger", "verify"],
        env={"DATABASE_URL": url, "PATH": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def everything(pool: Any, terms: Terms) -> None:
    """Loans in every state, a receipt in suspense, a refund on its way, a payout that waits."""
    phones = [
        await Phone(pool, with_product(terms, late={"penalty": "5%", "most": "5%"})).join() for _ in range(6)
    ]
    repaid, overdue, lost, waits, promised, credited = phones
    ref = await lent(repaid, TODAY + DAY)
    await repaid.pay(ref, 590_000, "R1", noon(TODAY - DAY))
    await lent(overdue, TODAY - 10 * DAY)
    ref = await lent(lost, TODAY - 10 * DAY)
    await close_until(pool, TODAY - DAY)
    await lost.decide(approvals.WRITE_OFF, ref, 620_000)
    first = (await waits.borrow()).value["ref"]
    await in_transaction(pool, servicing.payout_failed, await waits.loan_id(first), "test")
    await lent(waits, TODAY + DAY)
    late = (await waits.loan_id(first), noon(TODAY), None, "test")
    assert await in_transaction(pool, servicing.paid_out_late, *late) == "waiting"
    await promised.borrow()
    ref = await lent(credited, TODAY + DAY)
    await credited.pay(ref, 690_000, "R2")
    owner = await pool.fetchval("select id from borrower where msisdn = $1", credited.msisdn)
    request = approvals.Request(approvals.REFUND, "x", 50_000, "asked", borrower_id=owner)
    number = await in_transaction(pool, approvals.propose, request, "akinyi")
    await in_transaction(pool, approvals.approve, number, "baraka")
    await in_transaction(pool, suspense.receive, "LOST", 1_000, "digest", "?", noon(TODAY))


async def test_right_books_pass_every_check(pg_url: str, pool: Any, terms: Terms) -> None:
    await everything(pool, terms)
    await assert_books_right(pool)

    code, said, wrong = await asyncio.to_thread(run, pg_url)

    assert (code, wrong) == (0, "")
    assert said.endswith("The books are right.\n")
    assert [line.split("s  ")[1].split(":")[0] for line in said.splitlines()[:-1]] == [
        check.name for check in CHECKS
    ]


async def test_each_way_to_break_the_books_is_found(pg_url: str, pool: Any, terms: Terms) -> None:
    assert set(BREAKS) == {check.name for check in CHECKS}
    await everything(pool, terms)
    for name, (attack, subject) in BREAKS.items():
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(attack)
            found = await _found(connection, name)
            await transaction.rollback()
        assert found, f"{name} was not found"
        assert subject in found[0], (name, found)
    await assert_books_right(pool)


async def _found(connection: Any, name: str) -> list[str]:
    (check,) = [each for each in CHECKS if each.name == name]
    return [row["subject"] for row in await connection.fetch(check.sql)]


async def test_it_stops_at_the_first_break_and_says_which_row(pg_url: str, borrower: Phone) -> None:
    await lent(borrower)
    await borrower.pool.execute("alter table balance disable trigger balance_follows_postings")
    await borrower.pool.execute(
        "update balance set debits_cents = debits_cents + 1"
        " where account_id = (select id from account where code like 'loan_principal:%')"
    )
    ref = await borrower.pool.fetchval("select ref from loan")

    code, said, wrong = await asyncio.to_thread(run, pg_url)

    assert code == 1
    assert "The books are right" not in said
    assert wrong == (
        f"ussd: balance: loan_principal:{ref} has KES 5,000.01 and its postings say KES 5,000.00."
        " It must hold that every balance is the sum of its account's postings.\n"
    )


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/none", "postgresql:///none?host=/nowhere"])
def test_a_database_that_does_not_answer_is_one_sentence(url: str) -> None:
    code, said, wrong = run(url)

    assert (code, said) == (1, "")
    assert wrong.startswith("ussd: PostgreSQL does not answer at DATABASE_URL")
    assert "Traceback" not in wrong


def test_a_database_without_a_ledger_is_one_sentence(empty_pg_url: str) -> None:
    assert run(empty_pg_url)[::2] == (1, "ussd: The database lacks tables of the ledger. Run: ussd migrate\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_memory_does_not_grow_with_the_ledger(pg_url: str) -> None:
    """300,000 postings here; ten million with `python -m tests.services.large_ledger 10_000_000`."""
    code, said, _, empty_kb = await asyncio.to_thread(large_ledger.verify, pg_url)
    assert code == 0, said
    assert await large_ledger.fill(pg_url, 300_000) > 299_000

    code, said, _, large_kb = await asyncio.to_thread(large_ledger.verify, pg_url)

    assert code == 0, said
    assert large_kb - empty_kb < 20 * 1024
