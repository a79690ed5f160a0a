"""Every figure of every report, worked out by hand from the loans of conftest.py."""

from typing import Any

import pytest

from services.ledger import accounts
from services.loans import rollover
from services.loans.terms import Terms
from services.reports import Parameters, ReportError, run
from tests.reports.lender import BEGINNING, DAY, FUNDED, Lender
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon, with_product
from tests.services.world import Phone


def facts(ran: Any) -> dict[str, int]:
    return {fact.name: fact.value for fact in ran.facts}


def line(state: str, bucket: str, *figures: int) -> dict[str, Any]:
    names = (
        "loans", "borrowers", "principal", "fee", "interest", "excise", "penalty", "outstanding",
        "written_off",
    )  # fmt: skip
    return {
        "product": "umoja30",
        "state": state,
        "days_past_due": bucket,
        **dict(zip(names, figures, strict=True)),
    }


async def test_the_portfolio_by_state_and_days_past_due(lender: Lender) -> None:
    rows, ran = await lender.read("portfolio", as_of=TODAY)
    assert rows == [
        line("active", "not due", 1, 1, 500_000, 75_000, 0, 15_000, 0, 590_000, 0),
        line("overdue", "1-30", 1, 1, 360_000, 0, 0, 3_600, 18_000, 381_600, 0),
        line("overdue", "31-60", 1, 1, 200_000, 30_000, 0, 8_000, 10_000, 248_000, 0),
        line("non_performing", "over 90", 1, 1, 100_000, 15_000, 0, 4_000, 5_000, 124_000, 0),
        line("written_off", "", 1, 1, 0, 0, 0, 0, 0, 0, 136_000),
    ]
    assert ran.totals["principal"] == 1_160_000
    assert ran.totals["outstanding"] == 1_343_600
    assert facts(ran) == {
        "par1_cents": 660_000,
        "par1": 5_690,  # 660,000 of 1,160,000
        "par30": 2_586,
        "par60": 862,
        "par90": 862,
        "ledger_cents": 1_343_600,
    }


async def test_the_portfolio_of_an_earlier_day_is_as_it_was_then(lender: Lender) -> None:
    """Sixteen days ago B was not due, G was not written off, and F owed all."""
    rows, ran = await lender.read("portfolio", as_of=TODAY - 16 * DAY)
    assert rows == [
        line("active", "not due", 3, 3, 1_160_000, 120_000, 0, 24_000, 0, 1_304_000, 0),
        line("overdue", "1-30", 1, 1, 200_000, 30_000, 0, 8_000, 10_000, 248_000, 0),
        line("overdue", "61-90", 1, 1, 100_000, 15_000, 0, 4_000, 5_000, 124_000, 0),
        line("non_performing", "over 90", 1, 1, 150_000, 22_500, 0, 6_000, 7_500, 186_000, 0),
    ]
    assert facts(ran)["ledger_cents"] == ran.totals["outstanding"] == 1_862_000


async def test_what_the_day_kept_of_the_portfolio_is_what_the_report_says(lender: Lender) -> None:
    kept = await lender.pool.fetch("select * from portfolio_day where day > $1 order by day", TODAY - 9 * DAY)
    assert len(kept) == 8
    for day in kept:
        rows, ran = await lender.read("portfolio", as_of=day["day"])
        assert sum(row["loans"] for row in rows) == day["loans"]
        assert ran.totals["principal"] == day["principal_cents"]
        assert ran.totals["outstanding"] == day["principal_cents"] + day["charges_cents"]
        assert facts(ran)["par1_cents"] == day["par1_cents"]


async def test_the_ageing_of_each_loan(lender: Lender) -> None:
    rows, ran = await lender.read("ageing", as_of=TODAY)
    buckets = ("not_due", "to_30", "to_60", "to_90", "over_90")
    assert [(row["ref"], row["days_past_due"], *(row[name] for name in buckets)) for row in rows] == [
        (lender.refs["E"], 100, 0, 0, 0, 0, 124_000),
        (lender.refs["C"], 40, 0, 0, 248_000, 0, 0),
        (lender.refs["B"], 15, 0, 381_600, 0, 0, 0),
        (lender.refs["A"], 0, 590_000, 0, 0, 0, 0),
    ]
    assert rows[0]["due_on"] == TODAY - 100 * DAY
    assert rows[0]["disbursed_on"] == TODAY - 130 * DAY
    assert all("***" in row["borrower"] for row in rows)
    assert ran.totals["outstanding"] == 1_343_600


async def test_the_income_by_month_and_day(lender: Lender) -> None:
    rows, ran = await lender.whole("income", by="month")
    assert ran.totals == {
        "fee": 247_500,
        "interest": 0,
        "penalty": 40_500,
        "recovered": 50_000,
        "waived": 0,
        "lost": 186_000,
        "mpesa_charges": 0,
        "net": 152_000,
    }
    assert all(row["day"].day == 1 for row in rows)
    days, ran_by_day = await lender.whole("income")
    assert ran_by_day.totals == ran.totals
    (of_f,) = [row for row in days if row["day"] == TODAY - 35 * DAY]
    assert (of_f["fee"], of_f["net"]) == (45_000, 45_000)
    (today,) = [row for row in days if row["day"] == TODAY]
    assert (today["recovered"], today["lost"], today["net"]) == (50_000, 186_000, -136_000)


async def test_the_disbursement(lender: Lender) -> None:
    rows, ran = await lender.whole("disbursement")
    assert ran.totals == {"loans": 6, "first_loans": 6, "disbursed": 1_650_000}
    assert {row["day"]: row["disbursed"] for row in rows} == {
        TODAY - 20 * DAY: 500_000, TODAY - 45 * DAY: 400_000, TODAY - 70 * DAY: 200_000,
        TODAY - 130 * DAY: 100_000, TODAY - 35 * DAY: 300_000, TODAY - 230 * DAY: 150_000,
    }  # fmt: skip


async def test_the_collection_of_each_cohort(lender: Lender) -> None:
    rows, ran = await lender.whole("collection")
    found = {row["due"]: row for row in rows}
    assert len(found) == 5  # A is not due yet
    b, f, g = (found[TODAY - days * DAY] for days in (15, 5, 200))
    assert b == {
        "due": TODAY - 15 * DAY, "product": "umoja30", "loans": 1, "borrowers": 1, "principal": 400_000,
        "due_by_then": 472_000, "on_time": 112_000, "on_time_rate": 2_373, "charged": 493_600,
        "within_30": 112_000, "collected": 112_000, "collection_rate": 2_269, "waived": 0,
        "written_off": 0, "outstanding": 381_600,
    }  # fmt: skip
    assert (f["on_time_rate"], f["collection_rate"], f["outstanding"]) == (10_000, 10_000, 0)
    assert (g["charged"], g["collected"], g["written_off"], g["outstanding"]) == (186_000, 0, 186_000, 0)
    totals = ran.totals
    assert totals["charged"] == 493_600 + 248_000 + 124_000 + 354_000 + 186_000
    assert totals["collected"] == 466_000
    assert totals["collection_rate"] == 3_315  # 466,000 of 1,405,600
    assert totals["outstanding"] == 1_343_600 - 590_000

    earlier, _ = await lender.whole("collection", as_of=TODAY - 10 * DAY)
    (f_then,) = [row for row in earlier if row["due"] == TODAY - 5 * DAY]
    assert (f_then["collected"], f_then["outstanding"]) == (0, 354_000)


async def test_the_excise_of_the_return(lender: Lender) -> None:
    rows, ran = await lender.whole("excise")
    assert [tuple(row.values()) for row in rows] == [
        ("excise_remitted", 1, 0, 0, 10_000),
        ("fee", 6, 247_500, 49_500, 0),
        ("penalty", 4, 40_500, 8_100, 0),
    ]
    assert facts(ran) == {"opening_cents": 0, "closing_cents": 47_600}
    assert facts(ran)["closing_cents"] == ran.totals["excise"] - ran.totals["paid"]
    _, later = await lender.read("excise", since=TODAY, until=TODAY)
    assert facts(later) == {"opening_cents": 57_600, "closing_cents": 47_600}


async def test_the_regulators_return(lender: Lender) -> None:
    rows, _ = await lender.whole("regulator")
    assert [tuple(row.values()) for row in rows] == [
        ("Borrowers registered at the end", 6, None, None),
        ("Borrowers registered in the period", 6, None, None),
        ("Loans given", 6, 1_650_000, None),
        ("Borrowers who were given a loan", 6, None, None),
        ("of these, for the first time", 6, None, 10_000),
        ("Annual percentage rate, weighted by principal", None, None, 21_900),
        ("Fees, interest and penalties charged", None, 288_000, None),
        ("Excise duty on them", None, 57_600, None),
        ("Payments received for loans", 2, 466_000, None),
        ("Loans outstanding at the end", 4, 1_343_600, None),
        ("Borrowers who owe at the end", 4, None, None),
        ("Non-performing: a day past due or more", 3, 753_600, 5_609),
        ("of these, more than 90 days", 1, 124_000, 923),
        ("Loans written off", 1, 186_000, None),
        ("Recovered of loans written off", 1, 50_000, None),
    ]


async def test_the_float_by_account_and_what_m_pesa_told(lender: Lender) -> None:
    await lender.pool.execute(
        "insert into mpesa_balance (told, account, cents, books_cents)"
        " values ('x', 'utility', 498350001, $1)",
        FUNDED - 1_650_000,
    )
    rows, ran = await lender.read("float", since=TODAY - DAY, until=TODAY)
    assert [(row["day"], row["account"]) for row in rows] == [
        (day, account) for day in (TODAY - DAY, TODAY) for account in ("charges", "utility", "working")
    ]
    utility, working = rows[4], rows[5]
    assert (utility["opening"], utility["in"], utility["out"], utility["closing"]) == (
        -1_650_000, FUNDED, 0, FUNDED - 1_650_000,
    )  # fmt: skip
    assert (utility["told"], utility["differs"]) == (498_350_001, 1)
    assert (working["opening"], working["in"], working["out"], working["closing"]) == (
        466_000, 50_000, 10_000, 506_000,
    )  # fmt: skip
    assert facts(ran) == {
        "promised_cents": 0, "refunds_cents": 0, "suspense_cents": 0, "free_cents": FUNDED - 1_650_000,
    }  # fmt: skip


async def test_the_trial_balance_balances_and_the_portfolio_is_in_it(lender: Lender) -> None:
    rows, ran = await lender.read("trial_balance", as_of=TODAY)
    assert ran.totals["debit"] == ran.totals["credit"]
    held = {row["account"]: row["debit"] - row["credit"] for row in rows}
    assert (
        sum(cents for name, cents in held.items() if name in {f"loan_{part}" for part in accounts.PARTS})
        == 1_343_600
    )
    assert (held["fee_income"], held["excise_payable"], held["write_off_loss"]) == (
        -247_500,
        -47_600,
        186_000,
    )
    assert held["loan_written_off"] == -held["written_off_contra"] == 136_000
    kinds = {row["account"]: row["kind"] for row in rows}
    assert sum(cents for name, cents in held.items() if kinds[name] != "memo") == 0


async def test_a_rollover_counts_from_its_day_on_and_not_before(pool: Any, terms: Terms) -> None:
    more_time = {"fee": "5%", "term": "15d", "within": "7d", "most": "2"}
    phone = await Phone(pool, with_product(terms, rollover=more_time)).join()
    ref = await lent(phone, TODAY - 20 * DAY)
    loan_id, lender = await phone.loan_id(ref), Lender(pool)
    for day in (22, 3):  # before it is due: 15 days more from then; and late: 15 days more from that day
        await close_until(pool, TODAY - (day + 1) * DAY)
        async with pool.acquire() as connection:
            offered = await rollover.look(connection, loan_id, TODAY - day * DAY)
        assert offered is not None
        wish = loan_id, noon(TODAY - day * DAY), offered.fee_cents, "test"
        assert await in_transaction(pool, rollover.roll_over, *wish) == "ok"
    await close_until(pool, TODAY - DAY)

    seen = {}
    for day in (23, 22, 4, 3, 1):
        ((row,), _) = await lender.read("ageing", as_of=TODAY - day * DAY)
        seen[day] = ((row["due_on"] - TODAY).days, row["days_past_due"])
    assert seen == {23: (-20, 0), 22: (-5, 0), 4: (-5, 1), 3: (12, 0), 1: (12, 0)}
    assert await pool.fetchval("select due_on from loan") == TODAY + 12 * DAY


async def test_reconciliation_has_its_runs_and_what_is_open(lender: Lender) -> None:
    await lender.pool.execute(
        """
        with run as (
            insert into reconciliation_run (source, account, identity, state, counts, lines, made_by,
                closing_cents, books_closing_cents, ended_at)
            values ('statement', 'utility', sha256('x'), 'done', '{"matched": 3, "ours_only": 1}', 4, 'test',
                100, 90, now())
            returning id
        )
        insert into reconciliation_break (account, subject, kind, outcome, ours_cents, first_run, last_run)
        select 'utility', 'LOST', 'payout', 'ours_only', -500, id, id
        from run
        """
    )
    rows, ran = await lender.read("reconciliation", since=TODAY, until=TODAY)
    (row,) = rows
    assert (row["matched"], row["ours_only"], row["differs"], row["state"]) == (3, 1, 10, "done")
    assert facts(ran) == {"ours_only": 1, "theirs_only": 0, "differ": 0, "cents": 500}


@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        ("nothing", {}, "There is no report 'nothing'"),
        ("portfolio", {"since": TODAY}, "is of one day"),
        ("portfolio", {"as_of": TODAY + DAY}, "has not come yet"),
        ("income", {"as_of": TODAY}, "is of a period"),
        ("income", {"since": TODAY, "until": TODAY - DAY}, "begins before it ends"),
        ("income", {"since": BEGINNING - 365 * DAY, "until": TODAY}, "a year at most"),
        ("income", {"by": "hour"}, "by day or month"),
        ("excise", {"by": "day"}, "It is not grouped"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused_in_a_sentence(
    pool: Any, name: str, asked: dict[str, Any], says: str
) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(ReportError, match=says):
            async with run(connection, name, Parameters(**asked)):
                pass
