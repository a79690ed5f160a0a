"""What a borrower may see of their own: the loan, the history, the statement, the wallet.

Values are as menus want them: cents, ISO dates, short words.
"""

from datetime import date, timedelta
from typing import Any

from services import clock
from services.ledger import accounts, journals
from services.loans import books, queries, refunds
from services.loans.eligibility import Standing, judge
from services.loans.servicing import owed_cents
from services.loans.terms import Terms

HISTORY_MOST = 10
STATEMENT_MOST = 5
DAYS_LATE_MOST = 999  # what the menus declare

WORDS = {
    books.DISBURSEMENT: {"en": "Loan", "sw": "Mkopo"},
    books.FEE: {"en": "Fee", "sw": "Ada"},
    books.INTEREST: {"en": "Interest", "sw": "Riba"},
    books.PENALTY: {"en": "Penalty", "sw": "Adhabu"},
    books.ROLLOVER: {"en": "More time", "sw": "Muda zaidi"},
    books.REPAYMENT: {"en": "Paid", "sw": "Malipo"},
    books.MATCHED: {"en": "Paid", "sw": "Malipo"},
    books.UNDONE: {"en": "Taken off", "sw": "Imeondolewa"},
    books.WAIVER: {"en": "Waived", "sw": "Msamaha"},
    refunds.PAID: {"en": "Refund", "sw": "Rejesho"},
}

WALLET = """
select credit_cents, owed_cents
from wallet
where borrower_id = $1
"""

# What people are told, where it is not the state's own name.
TOLD = {"non_performing": "overdue", "recovered": "repaid"}


async def status(connection: Any, msisdn: str, today: date) -> dict[str, Any] | None:
    """The loan that is open or still owed. Before the money arrived: what will be owed, and by when."""
    loan = await connection.fetchrow(queries.CURRENT_LOAN, msisdn)
    if loan is None:
        return None
    due = loan["due_on"] or today + timedelta(days=loan["term_days"])
    outstanding = loan["total_cents"]
    if loan["disbursed_at"] is not None:
        outstanding = sum((await owed_cents(connection, loan["id"])).values())
    return {
        "ref": loan["ref"],
        "amount": loan["principal_cents"],
        "outstanding": outstanding,
        "due": due.isoformat(),
        "days_late": min(max((today - due).days, 0), DAYS_LATE_MOST),
        "status": TOLD.get(loan["state"], loan["state"]),
    }


async def history(connection: Any, msisdn: str) -> list[dict[str, Any]]:
    """The latest loans, newest first, without those that never came to anything."""
    return [
        {
            "ref": row["ref"],
            "amount": row["principal_cents"],
            "date": clock.nairobi_date(row["at"]).isoformat(),
            "status": TOLD.get(row["state"], row["state"]),
        }
        for row in await connection.fetch(queries.HISTORY, msisdn, HISTORY_MOST)
    ]


async def statement(
    connection: Any, msisdn: str, language: str, most: int = STATEMENT_MOST
) -> list[dict[str, Any]]:
    """The latest movements, newest first."""
    rows = await connection.fetch(queries.STATEMENT, msisdn, list(WORDS), most)
    return [
        {
            "date": row["value_on"].isoformat(),
            "kind": WORDS[row["kind"]].get(language, WORDS[row["kind"]]["en"]),
            "amount": row["cents"],
        }
        for row in rows
    ]


async def wallet(connection: Any, terms: Terms, seen: Standing | None, today: date) -> dict[str, Any]:
    """The credit held for them, the limit and the score; zeros for somebody new."""
    if seen is None:
        return {"balance": 0, "limit": 0, "available": 0, "score": 0, "repaid": 0}
    judgement = judge(terms, seen, today)
    credit = accounts.customer_credit(seen.borrower_id)
    return {
        "balance": -await journals.balance_cents(connection, credit),
        "limit": judgement.limit_cents,
        "available": judgement.limit_cents if judgement.verdict == "ok" else 0,
        "score": judgement.assessment.shown,
        "repaid": seen.loans_repaid,
    }
