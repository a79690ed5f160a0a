"""The day rows, counted again: by one run over everything, and by Python out of journals and loans."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from services import clock
from services.analytics import rollup

TABLES = (
    "loan_day", "money_day", "collection_day", "wait_day", "standing", "standing_loan", "active_borrower",
    "active_day", "message_day",
)  # fmt: skip
LATE = {"par1_cents": 0, "par30_cents": 30, "par60_cents": 60, "par90_cents": 90}

Rows = dict[str, list[tuple[Any, ...]]]


async def kept(connection: Any) -> Rows:
    """Every row there is, but for sums that are nothing."""
    found = {}
    for table in TABLES:
        rows = [dict(row) for row in await connection.fetch(f"select * from {table}")]
        for row in rows:
            if table == "wait_day":
                row.update({name: round(row[name], 3) for name in ("p50_s", "p90_s", "p99_s")})
        numbers = ("cents", "owed_cents", "paid_cents", "borrowers")
        found[table] = sorted(
            tuple(row.values())
            for row in rows
            if any(row.get(name) for name in numbers) or not set(numbers) & set(row)
        )
    return found


async def counted_at_once(connection: Any) -> Rows:
    """The rows, were all of it counted in one run now. Leaves everything as it was."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for table in TABLES:
            await connection.execute(f"delete from {table}")
        await connection.execute("update rollup set upto = '0'")
        assert await rollup.catch_up(connection)
        return await kept(connection)
    finally:
        await transaction.rollback()


async def scanned(connection: Any, today: date) -> dict[str, Any]:
    """The main figures, by Python, out of every loan, journal and posting."""
    loans = {row["id"]: row for row in await connection.fetch("select * from loan")}
    postings = await connection.fetch(
        "select journal.*, account.code, account.kind as account_kind, account.loan_id as of_loan,"
        " posting.amount_cents from posting join journal on journal.id = journal_id"
        " join account on account.id = account_id"
    )
    owed: Counter[tuple[int, str]] = Counter()
    moved: dict[int, date] = {}
    found: Counter[str] = Counter()
    for row in postings:
        if row["of_loan"] is not None and row["account_kind"] == "asset":
            part = "principal" if row["code"].startswith("loan_principal") else "charges"
            owed[row["of_loan"], part] += row["amount_cents"]
            if row["kind"] in ("repayment", "suspense_matched", "credit_used"):
                found["paid"] -= row["amount_cents"]
                loan = loans[row["of_loan"]]
                first_due = clock.nairobi_date(loan["disbursed_at"]) + timedelta(days=loan["term_days"])
                if row["value_on"] <= first_due:
                    found["paid_in_time"] -= row["amount_cents"]
        if row["code"] == "recovery_income":
            found["recovered"] -= row["amount_cents"]
        if row["kind"] in ("disbursement", "repayment", "suspense_matched") and row["borrower_id"]:
            moved[row["borrower_id"]] = max(moved.get(row["borrower_id"], date.min), row["value_on"])
    for number, loan in loans.items():
        total = owed[number, "principal"] + owed[number, "charges"]
        if total <= 0 or loan["due_on"] is None:
            continue
        found["loans"] += 1
        found["principal_cents"] += owed[number, "principal"]
        found["charges_cents"] += owed[number, "charges"]
        for name, days in LATE.items():
            if (today - loan["due_on"]).days > days:
                found[name] += owed[number, "principal"]
    for days in (30, 90):
        found[f"within_{days}"] = sum(today - last < timedelta(days=days) for last in moved.values())
    return {name: number for name, number in found.items() if number}
