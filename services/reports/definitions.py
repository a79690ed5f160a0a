"""Every report there is. A figure's meaning, and the accounts it sums, are in docs/reports.md."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import astuple
from typing import Any

from services.crb import furnished
from services.reports import money_queries, queries
from services.reports.model import Column, Report, Values

DAY_OR_MONTH = ("day", "month")


def _text(name: str, title: str) -> Column:
    return Column(name, title, "text")


def _cents(name: str, title: str, *, total: bool = True) -> Column:
    return Column(name, title, "cents", total)


def _count(name: str, title: str, *, total: bool = True) -> Column:
    return Column(name, title, "count", total)


PORTFOLIO = Report(
    name="portfolio",
    title="Portfolio",
    about="What is owed at the end of a day, by product, state and days past due; PAR.",
    asks="as_of",
    arguments=("as_of",),
    columns=(
        _text("product", "Product"),
        _text("state", "State"),
        _text("days_past_due", "Days past due"),
        _count("loans", "Loans"),
        _count("borrowers", "Borrowers"),
        _cents("principal", "Principal"),
        _cents("fee", "Fee"),
        _cents("interest", "Interest"),
        _cents("excise", "Excise"),
        _cents("penalty", "Penalty"),
        _cents("outstanding", "Outstanding"),
        _cents("written_off", "Written off, still owed"),
    ),
    sql=queries.PORTFOLIO,
    facts=(
        ("par1_cents", "Principal at risk: a day late or more", "cents"),
        ("par1", "PAR 1", "share"),
        ("par30", "PAR 30", "share"),
        ("par60", "PAR 60", "share"),
        ("par90", "PAR 90", "share"),
        ("ledger_cents", "Outstanding by the trial balance", "cents"),
    ),
    facts_sql=queries.PORTFOLIO_FACTS,
    facts_of=("as_of",),
    signed=True,
)

AGEING = Report(
    name="ageing",
    title="Ageing",
    about="Every loan that something is owed on at the end of a day, by days past due.",
    asks="as_of",
    arguments=("as_of",),
    columns=(
        _text("ref", "Loan"),
        _text("borrower", "Borrower"),
        _text("product", "Product"),
        _text("state", "State"),
        Column("disbursed_on", "Disbursed", "date"),
        Column("due_on", "Due", "date"),
        _count("days_past_due", "Days past due", total=False),
        _cents("not_due", "Not due"),
        _cents("to_30", "1-30"),
        _cents("to_60", "31-60"),
        _cents("to_90", "61-90"),
        _cents("over_90", "Over 90"),
        _cents("outstanding", "Outstanding"),
    ),
    sql=queries.AGEING,
)

INCOME = Report(
    name="income",
    title="Income",
    about="What was earned and lost, by day or month.",
    asks="period",
    arguments=("since", "until", "by"),
    by=DAY_OR_MONTH,
    columns=(
        Column("day", "From", "date"),
        _cents("fee", "Fees"),
        _cents("interest", "Interest"),
        _cents("penalty", "Penalties"),
        _cents("recovered", "Recovered"),
        _cents("waived", "Waived"),
        _cents("lost", "Written off"),
        _cents("mpesa_charges", "M-Pesa's charges"),
        _cents("net", "Net"),
    ),
    sql=money_queries.INCOME,
    signed=True,
)

DISBURSEMENT = Report(
    name="disbursement",
    title="Disbursement",
    about="Loans whose money went out, by day or month, and product.",
    asks="period",
    arguments=("since", "until", "by"),
    by=DAY_OR_MONTH,
    columns=(
        Column("day", "From", "date"),
        _text("product", "Product"),
        _count("loans", "Loans"),
        _count("borrowers", "Borrowers", total=False),
        _count("first_loans", "First loans"),
        _cents("disbursed", "Disbursed"),
        _cents("smallest", "Smallest", total=False),
        _cents("largest", "Largest", total=False),
    ),
    sql=queries.DISBURSEMENT,
    signed=True,
)

COLLECTION = Report(
    name="collection",
    title="Collection",
    about="What came in for the loans that fell due on each day, or in each month: on time, and until now.",
    asks="period",
    arguments=("since", "until", "as_of", "by"),
    by=DAY_OR_MONTH,
    columns=(
        Column("due", "Due from", "date"),
        _text("product", "Product"),
        _count("loans", "Loans"),
        _count("borrowers", "Borrowers", total=False),
        _cents("principal", "Principal"),
        _cents("due_by_then", "Due"),
        _cents("on_time", "Paid on time"),
        Column("on_time_rate", "On time", "share", total=True, of=("on_time", "due_by_then")),
        _cents("charged", "Charged until now"),
        _cents("within_30", "Paid within 30 days"),
        _cents("collected", "Paid until now"),
        Column("collection_rate", "Collection rate", "share", total=True, of=("collected", "charged")),
        _cents("waived", "Waived"),
        _cents("written_off", "Written off"),
        _cents("outstanding", "Outstanding"),
    ),
    sql=queries.COLLECTION,
    signed=True,
)

EXCISE = Report(
    name="excise",
    title="Excise duty",
    about="Excise duty raised and paid, by kind of transaction: for the month's return.",
    asks="period",
    arguments=("since", "until"),
    columns=(
        _text("kind", "Transaction"),
        _count("number", "Number"),
        _cents("base", "Charges it is on"),
        _cents("excise", "Excise"),
        _cents("paid", "Paid to the authority"),
    ),
    sql=money_queries.EXCISE,
    facts=(
        ("opening_cents", "Payable before the period", "cents"),
        ("closing_cents", "Payable at its end", "cents"),
    ),
    facts_sql=money_queries.EXCISE_FACTS,
    facts_of=("since", "until"),
    signed=True,
)

REGULATOR = Report(
    name="regulator",
    title="Return of a digital credit provider",
    about="Number and value of loans, borrowers, non-performing loans, charges: for a quarter.",
    asks="period",
    arguments=("since", "until"),
    columns=(
        _text("measure", "Measure"),
        _count("number", "Number", total=False),
        _cents("amount", "Amount", total=False),
        Column("share", "Share", "share"),
    ),
    sql=queries.REGULATOR,
    signed=True,
)

FLOAT = Report(
    name="float",
    title="Float",
    about="Our accounts at M-Pesa, day by day: our books, and what M-Pesa told.",
    asks="period",
    arguments=("since", "until"),
    columns=(
        Column("day", "Day", "date"),
        _text("account", "Account"),
        _cents("opening", "Opening", total=False),
        _cents("in", "In"),
        _cents("out", "Out"),
        _cents("closing", "Closing", total=False),
        _cents("told", "M-Pesa told", total=False),
        Column("told_at", "At", "time"),
        _cents("differs", "Beyond our books then", total=False),
    ),
    sql=money_queries.FLOAT,
    facts=(
        ("promised_cents", "Promised to loans", "cents"),
        ("refunds_cents", "Refunds on their way", "cents"),
        ("free_cents", "Float that may still be promised", "cents"),
        ("suspense_cents", "In suspense", "cents"),
    ),
    facts_sql=money_queries.FLOAT_FACTS,
    facts_of=("until",),
    signed=True,
)

RECONCILIATION = Report(
    name="reconciliation",
    title="Reconciliation",
    about="Runs that compared our books with M-Pesa's, and what is open.",
    asks="period",
    arguments=("since", "until"),
    columns=(
        _count("run", "Run", total=False),
        _text("source", "Source"),
        _text("account", "Account"),
        Column("from", "From", "time"),
        Column("to", "To", "time"),
        _count("lines", "Lines"),
        _count("matched", "Matched"),
        _count("ours_only", "Ours only"),
        _count("theirs_only", "Theirs only"),
        _count("amount_differs", "Amount differs"),
        _count("date_differs", "Date differs"),
        _count("reversed", "Reversed"),
        _count("booked", "Booked"),
        _cents("charges", "Charges booked"),
        _cents("closing", "Closing, M-Pesa", total=False),
        _cents("books_closing", "Closing, ours", total=False),
        _cents("differs", "Differs", total=False),
        _text("state", "State"),
    ),
    sql=money_queries.RECONCILIATION,
    facts=(
        ("ours_only", "Open: only in our books", "count"),
        ("theirs_only", "Open: only at M-Pesa", "count"),
        ("differ", "Open: they differ", "count"),
        ("cents", "Open: M-Pesa has beyond our books", "cents"),
    ),
    facts_sql=money_queries.RECONCILIATION_FACTS,
    facts_of=("until",),
    signed=True,
)

TRIAL_BALANCE = Report(
    name="trial_balance",
    title="Trial balance",
    about="All accounts at the end of a day. Memo accounts stand beside the books.",
    asks="as_of",
    arguments=("as_of",),
    columns=(
        _text("account", "Account"),
        _text("kind", "Kind"),
        _count("accounts", "Accounts"),
        _cents("debit", "Debit"),
        _cents("credit", "Credit"),
    ),
    sql=money_queries.TRIAL_BALANCE,
    signed=True,
)


async def _furnished(connection: Any, arguments: Mapping[str, Any]) -> AsyncIterator[Values]:
    async for row in furnished.rows(connection, arguments["as_of"]):
        yield astuple(row)


CRB = Report(
    name="crb",
    title="Credit reference bureau",
    about="What the bureau is told of a day: loans that are listed, and those that are corrected.",
    asks="as_of",
    arguments=("as_of",),
    columns=(
        _text("what", "What"),
        _text("name", "Name"),
        _text("national_id", "National id"),
        _text("msisdn", "Phone"),
        _text("ref", "Loan"),
        _text("product", "Product"),
        _cents("principal", "Principal"),
        Column("disbursed_on", "Disbursed", "date"),
        Column("due_on", "Due", "date"),
        _text("state", "State"),
        Column("noticed_on", "Notice", "date"),
        Column("listed_on", "Listed", "date"),
        _cents("listed", "Amount listed"),
        _count("days_past_due", "Days past due", total=False),
        _cents("owed", "Owed"),
        Column("corrected_on", "Corrected", "date"),
    ),
    source=_furnished,
    private=True,
)

REPORTS = (
    PORTFOLIO, AGEING, INCOME, DISBURSEMENT, COLLECTION, EXCISE, CRB, REGULATOR, FLOAT, RECONCILIATION,
    TRIAL_BALANCE,
)  # fmt: skip
