"""A statement shows every movement of a borrower's money, and ends where the wallet is."""

from datetime import date, timedelta

from core_ext.text import size
from services.loans import approvals, statement, views
from services.loans.terms import Terms
from tests.services.lending import TODAY, close_until, lent, owed
from tests.services.world import Phone


async def full(phone: Phone, since: date | None = None, until: date | None = None) -> statement.Statement:
    borrower_id = await phone.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
    async with phone.pool.acquire() as connection:
        return await statement.full(connection, borrower_id, since, until)


async def test_every_movement_with_its_parts_and_what_is_owed_after_it(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + timedelta(days=10))
    await borrower.pay(ref, 100_000, "QAA1111111")
    await borrower.pay(ref, 500_000, "QAA2222222")

    told = await full(borrower)
    assert [(row.kind, row.ref, row.cents, row.balance_cents) for row in told.rows] == [
        ("disbursement", ref, 500_000, 500_000),
        ("fee", ref, 90_000, 590_000),
        ("repayment", ref, -100_000, 490_000),
        ("repayment", ref, -500_000, -10_000),  # paid too much: we hold it for them
    ]
    assert told.rows[1].parts == {"fee": 75_000, "excise": 15_000}
    assert told.rows[3].parts == {"principal": -490_000, "credit": -10_000}
    assert told.after_cents == -10_000


async def test_a_part_of_the_time_begins_with_what_was_owed_before(borrower: Phone) -> None:
    ref = await lent(borrower, TODAY + timedelta(days=10))
    await borrower.pay(ref, 100_000, "QAA1111111")

    told = await full(borrower, since=TODAY)
    assert (told.before_cents, told.after_cents, len(told.rows)) == (590_000, 490_000, 1)
    none = await full(borrower, until=TODAY - timedelta(days=365))
    assert (none.before_cents, none.after_cents, none.rows) == (0, 0, ())


async def test_a_loan_written_off_is_still_owed_on_the_statement_until_it_is_recovered(
    borrower: Phone, terms: Terms
) -> None:
    ref = await lent(borrower, TODAY - timedelta(days=100))
    await close_until(borrower.pool, TODAY - timedelta(days=1))
    debt = sum((await owed(borrower, ref)).values())
    assert await borrower.decide(approvals.WRITE_OFF, ref, debt)
    assert (await full(borrower)).after_cents == debt

    await borrower.pay(ref, debt, "QAA1111111")
    told = await full(borrower)
    assert told.after_cents == 0
    assert sum(row.cents for row in told.rows) == 0
    async with borrower.pool.acquire() as connection:
        wallet = await connection.fetchrow(views.WALLET, 1)
    assert (wallet["owed_cents"], wallet["credit_cents"]) == (0, 0)


async def test_the_short_one_comes_by_sms_so_often_a_day_and_fits(borrower: Phone) -> None:
    assert (await borrower.do("accounts.send_statement")).name == "none"
    ref = await lent(borrower, TODAY + timedelta(days=10))
    for number in range(4):
        await borrower.pay(ref, 12_345, f"QAA111111{number}")

    said = [(await borrower.do("accounts.send_statement")).name for _ in range(3)]
    assert said == ["ok", "ok", "enough"]
    rows = await borrower.pool.fetch("select * from sms where notice = 'statement' order by id")
    assert [row["kind"] for row in rows] == ["money", "money"]
    assert rows[0]["details"].count(" Paid 123.45") == 4


def test_the_short_one_keeps_the_newest_rows_that_fit() -> None:
    entries = [{"date": "2026-11-20", "kind": "Muda zaidi", "amount": 99_999_99}] * 9
    said = statement.short(entries)
    assert size(said)[0] <= statement.SHORT_LETTERS
    assert said.split("; ") == ["20/11 Muda zaidi 99,999.99"] * 5
    assert statement.short([{"date": "2026-01-02", "kind": "Paid", "amount": 5_000}]) == "02/01 Paid 50"
