"""The portal's statement against our books: each transaction has one outcome, and money moves once."""

from typing import Any

import asyncpg
import pytest

from services.ledger import accounts
from services.loans.approvals import ApprovalError
from services.mpesa import paybill, payouts
from services.reconciliation import breaks, report
from services.reconciliation.statement import StatementError
from tests.reconciliation.conftest import Portal, lent_and_rich
from tests.services.world import count


async def test_a_day_on_which_all_is_well_matches_to_the_cent(portal: Portal) -> None:
    till = portal.till
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, 1_000, ref)
    till.sandbox.pay(phone.msisdn, 25, "nobody")
    await till.settle()

    paid = await portal.reconcile()
    assert paid["counts"] == {"matched": 2}
    assert paid["ours"] == paid["theirs"] == {"matched": 102_500}
    assert (paid["opening_cents"], paid["closing_cents"]) == (0, 102_500)
    assert (paid["books_opening_cents"], paid["books_closing_cents"]) == (0, 102_500)
    sent = await portal.reconcile(account="utility")
    assert sent["counts"] == {"matched": 2}  # the payout by its receipt, the owners' money by its amount
    assert sent["closing_cents"] == sent["books_closing_cents"] == 100_000_000 - 500_000
    assert not report.is_open(paid)
    assert not report.is_open(sent)
    assert "  nothing is open" in list(report.text(sent))


async def test_a_dropped_confirmation_is_found_and_credited_once(portal: Portal) -> None:
    till = portal.till
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.fault("drop", on="c2b", times=None)
    till.sandbox.pay(phone.msisdn, 5_900, ref)
    till.sandbox.pay(phone.msisdn, 70, "who knows")
    await till.settle()
    assert await till.state(ref) == "active"

    for _ in range(2):
        found = await portal.reconcile()
        assert (found["counts"], found["booked"], found["open"]) == ({"matched": 2}, 2, 0)
        assert await till.state(ref) == "repaid"
        assert await count(till.pool, "journal where kind = 'repayment'") == 1
        assert await count(till.pool, "suspense_item") == 1
    assert (await count(till.pool, "reconciliation_run"), found["looks"]) == (1, 2)
    made = await till.pool.fetch("select made from reconciliation_item order by made")
    assert [row["made"] for row in made] == ["repayment", "suspense"]

    # Should the confirmation come after all, it is known.
    till.sandbox.clear_faults()
    body = {
        "TransID": till.sandbox.payments(kind="c2b")[0].receipt, "TransTime": "20261123101500",
        "TransAmount": "5900.00", "BillRefNumber": ref, "MSISDN": "2547****001",
    }  # fmt: skip
    await till.post("confirmation", body)
    await till.settle()
    assert await count(till.pool, "journal where kind = 'repayment'") == 1
    await till.assert_agreed()


async def paid_in(portal: Portal, shillings: int = 500) -> tuple[str, str]:
    """A payment that both sides know: its loan and its receipt."""
    till = portal.till
    phone, ref = await lent_and_rich(till)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.pay(phone.msisdn, shillings, ref)
    await till.settle()
    return ref, till.sandbox.payments(kind="c2b")[-1].receipt


def without(text: str, receipt: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(receipt))


async def test_a_row_deleted_from_theirs_is_only_ours_once_it_is_old(portal: Portal) -> None:
    _, receipt = await paid_in(portal)
    await paid_in(portal, 700)
    text = portal.text()
    period = "Time Period:,From 01-01-2026 To 31-12-2029\r\n"

    young = await portal.reconcile(period + without(text, receipt), old=breaks.clock.now() - EPOCH)
    assert young["counts"] == {"matched": 1, "ours_only": 1}
    assert (await portal.waiting(), young["open"]) == ([], 0)

    old = await portal.reconcile(period + without(text, receipt))
    assert (old["id"], old["open"]) == (young["id"], 1)
    (found,) = await portal.waiting()
    assert (found["subject"], found["outcome"], found["ours_cents"]) == (receipt, "ours_only", 50_000)
    assert report.is_open(old)
    assert old["opening_cents"] - old["books_opening_cents"] == 50_000
    assert "  opening balance KES 500.00, our books KES 0.00: they differ by KES 500.00" in report.text(old)

    whole = await portal.reconcile(period + text)
    assert whole["counts"] == {"matched": 2}
    assert await portal.waiting() == []
    closed = await portal.till.pool.fetchrow("select * from reconciliation_break")
    assert (closed["state"], closed["closed_by"], closed["reason"]) == (
        "cleared", "system", f"found by run {whole['id']}",
    )  # fmt: skip


HEADER = "Receipt No.,Completion Time,Paid In,Withdrawn,Balance\n"
EPOCH = breaks.clock.now().replace(year=2020)


async def test_a_line_left_out_in_the_middle_shows_in_the_balances(portal: Portal) -> None:
    await paid_in(portal)
    _, middle = await paid_in(portal, 700)
    await paid_in(portal, 900)
    found = await portal.reconcile(without(portal.text(), middle))
    assert found["missing_cents"] == 70_000
    assert any("not whole: its lines lack KES 700.00" in line for line in report.text(found))


async def test_an_amount_that_differs_waits_for_people_and_is_booked_by_two(portal: Portal) -> None:
    _, receipt = await paid_in(portal)
    text = portal.text().replace("500.00", "450.00")
    found = await portal.reconcile(text)
    assert found["counts"] == {"amount_differs": 1}
    assert (found["ours"], found["theirs"]) == ({"amount_differs": 50_000}, {"amount_differs": 45_000})
    (waiting,) = await portal.waiting()
    assert waiting["subject"] == receipt
    await portal.reconcile(text)
    assert len(await portal.waiting()) == 1

    await portal.book("loss")
    assert await portal.till.balance(accounts.WRITE_OFF_LOSS) == 5_000
    again = await portal.reconcile(text)
    assert (again["counts"], again["closing_cents"]) == ({"matched": 1}, again["books_closing_cents"])


async def test_what_m_pesa_has_more_of_is_the_customers_under_a_receipt_of_its_own(portal: Portal) -> None:
    _, receipt = await paid_in(portal)
    text = portal.text().replace("500.00", "620.00")
    await portal.reconcile(text)
    await portal.book("payment")
    item = await portal.till.pool.fetchrow("select receipt, amount_cents from suspense_item")
    assert tuple(item) == (f"{receipt}/2", 12_000)
    assert (await portal.reconcile(text))["counts"] == {"matched": 1}


async def test_a_row_that_is_there_twice_counts_once_and_a_second_debit_does_not(portal: Portal) -> None:
    _, receipt = await paid_in(portal)
    lines = portal.text().splitlines(keepends=True)
    (row,) = [line for line in lines if line.startswith(receipt)]
    twice = "".join(line * (2 if line == row else 1) for line in lines)
    found = await portal.reconcile(twice)
    assert (found["counts"], found["copies"], found["missing_cents"]) == ({"matched": 1}, 1, 0)

    other = row.replace(",500.00,true", ",1000.00,true")
    assert other != row
    found = await portal.reconcile("".join([*lines[:4], other, *lines[4:]]))
    assert found["counts"] == {"amount_differs": 1}
    assert found["theirs"] == {"amount_differs": 100_000}


async def test_a_payment_of_another_day_than_ours_is_said(portal: Portal) -> None:
    _, receipt = await paid_in(portal)
    text = portal.text()
    (row,) = [line for line in text.splitlines() if line.startswith(receipt)]
    day = row.split(",")[1].split(" ")[0]
    found = await portal.reconcile(text.replace(day, "01-11-2026"))
    assert found["counts"] == {"date_differs": 1}


async def test_a_reversal_at_the_portal_is_found_and_returns_what_was_in_suspense(portal: Portal) -> None:
    till = portal.till
    await till.phone()
    await paybill.register(till.pool, till.daraja)
    payer = till.phones[0].msisdn
    till.sandbox.set_balance(payer, 100_000)
    till.sandbox.pay(payer, 80, "nobody")
    await till.settle()
    receipt = till.sandbox.payments(kind="c2b")[0].receipt
    await till.daraja.reverse("x", receipt, 8_000)
    await till.sandbox.settle()

    found = await portal.reconcile()
    assert found["counts"] == {"matched": 1, "reversed": 1}
    await portal.book("returned")
    assert await till.pool.fetchval("select state from suspense_item") == "returned"
    again = await portal.reconcile()
    assert (again["counts"], again["closing_cents"]) == ({"matched": 2}, 0)
    await till.assert_agreed()


async def test_a_payment_that_m_pesa_took_back_from_a_loan_is_owed_again(portal: Portal) -> None:
    till = portal.till
    phone = await till.phone()
    ref = await till.lent(phone)
    await paybill.register(till.pool, till.daraja)
    till.sandbox.set_balance(phone.msisdn, 1_000_000)
    till.sandbox.pay(phone.msisdn, 5_900, ref)
    await till.settle()
    assert await till.state(ref) == "repaid"
    await till.daraja.reverse("x", till.sandbox.payments(kind="c2b")[0].receipt, 590_000)
    await till.sandbox.settle()

    found = await portal.reconcile()
    assert found["counts"] == {"matched": 1, "reversed": 1}
    await portal.book("returned")

    assert await till.state(ref) == "active"
    assert await till.pool.fetchval("select state from suspense_item") == "returned"
    again = await portal.reconcile()
    assert (again["counts"], again["closing_cents"]) == ({"matched": 2}, 0)
    await till.assert_agreed()


async def test_a_payout_that_only_m_pesa_knows_is_matched_by_two_people(portal: Portal) -> None:
    till = portal.till
    phone = await till.phone()
    till.sandbox.fault("drop", on="b2c", times=None)
    _, loan_id = await till.lend(phone)
    await payouts.submit(till.pool, till.daraja, loan_id)
    await till.settle()

    found = await portal.reconcile(account="utility")
    assert found["counts"] == {"matched": 1, "theirs_only": 1}
    (waiting,) = await portal.waiting()
    async with till.pool.acquire() as connection:
        (candidate,) = await breaks.candidates(connection, waiting["id"])
    with pytest.raises(ApprovalError, match="not booked as payment"):
        await portal.book("payment")
    await portal.book("payout", candidate["id"])

    payout = await till.payout()
    assert (payout["state"], payout["receipt"]) == ("posted", till.sandbox.payments(kind="b2c")[0].receipt)
    assert (await portal.reconcile(account="utility"))["counts"] == {"matched": 2}
    await till.assert_agreed()


async def test_our_own_money_is_booked_by_two_people_and_seen_in_both_accounts(portal: Portal) -> None:
    till = portal.till
    till.sandbox.set_balance("working", 300_000)
    await portal.reconcile()
    await portal.book("funding")
    assert await till.balance(accounts.MPESA_WORKING) == 300_000
    await till.http.post(
        f"{till.sandbox.url}/sandbox/transfer",
        json={"from": "working", "to": "utility", "cents": 100_000},
    )
    assert (await portal.reconcile())["counts"] == {"matched": 1, "theirs_only": 1}
    await portal.book("move")
    for account in ("working", "utility"):
        found = await portal.reconcile(account=account)
        assert (found["open"], found["closing_cents"]) == (0, found["books_closing_cents"])
    await till.assert_agreed()


async def test_charges_that_only_the_statement_knows_are_booked_once(portal: Portal) -> None:
    till = portal.till
    await till.lent(await till.phone())
    taken = till.sandbox.balance("charges")
    assert taken < 0
    for _ in range(2):
        found = await portal.reconcile(account="charges")
        assert (found["charges_cents"], found["closing_cents"]) == (-taken, found["books_closing_cents"])
        assert await till.balance(accounts.MPESA_CHARGES_PAID) == taken
    assert not report.is_open(found)

    # A balance that M-Pesa tells then has nothing new, and what it told first is not booked again.
    await till.lent(await till.phone())
    await till.daraja.balances("float")
    await till.settle()
    assert await till.balance(accounts.MPESA_CHARGES_PAID) == till.sandbox.balance("charges")
    assert (await portal.reconcile(account="charges"))["charges_cents"] == 0
    assert await till.balance(accounts.MPESA_CHARGES) == -till.sandbox.balance("charges")


async def test_charges_between_the_lines_are_taken_from_that_account(portal: Portal) -> None:
    till = portal.till
    _, receipt = await paid_in(portal)
    lines = portal.text().splitlines(keepends=True)
    (row,) = [line for line in lines if line.startswith(receipt)]
    fee = row.replace("Pay Bill Online", "Pay Bill Charge").replace(",500.00,,500.00,", ",,-12.50,487.50,")
    assert fee != row
    for _ in range(2):
        found = await portal.reconcile("".join([*lines[:4], fee, *lines[4:]]))
        assert (found["counts"], found["charges_cents"]) == ({"matched": 1}, 1_250)
        assert (found["closing_cents"], found["books_closing_cents"]) == (48_750, 48_750)
    assert await till.balance(accounts.MPESA_WORKING) == -1_250


async def test_what_one_person_closes_with_a_reason_stays_closed(portal: Portal) -> None:
    await paid_in(portal)
    text = portal.text().replace("500.00", "450.00")
    await portal.reconcile(text)
    (waiting,) = await portal.waiting()
    async with portal.till.pool.acquire() as connection:
        with pytest.raises(ApprovalError, match="say why"):
            await breaks.resolve(connection, waiting["id"], "akinyi", " ")
        assert await breaks.resolve(connection, waiting["id"], "Akinyi", "a typing error at M-Pesa")
        assert not await breaks.resolve(connection, waiting["id"], "baraka", "again")
    assert (await portal.reconcile(text))["open"] == 0
    with pytest.raises(asyncpg.RestrictViolationError, match="stays so"):
        await portal.till.pool.execute(
            "update reconciliation_break set state = 'open', closed_by = null, closed_at = null"
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing at all", "No header"),
        (HEADER, "does not say of which account"),
        (f"Short Code:,999999\nAccount:,Working Account\n{HEADER}", "of 999999, not of"),
        (f"Account:,Working Account\n{HEADER}", "no completed lines"),
    ],
)
async def test_what_is_no_statement_is_refused_and_nothing_is_kept(
    portal: Portal, text: str, says: str
) -> None:
    with pytest.raises(StatementError, match=says):
        await portal.reconcile(text)
    assert await count(portal.till.pool, "reconciliation_run") == 0


async def test_two_at_once_take_turns_by_refusal(portal: Portal) -> None:
    from services.reconciliation import matching

    async with portal.till.pool.acquire() as connection:
        async with matching.tables(connection):
            with pytest.raises(matching.BusyError):
                await portal.reconcile()
        found: Any = await portal.reconcile(account="utility")
        assert found["state"] == "done"
