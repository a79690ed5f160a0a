"""A made-up loan as it becomes, and the moves it makes."""

from dataclasses import dataclass

from services.loans.quote import Quote
from services.seeding.desk import Desk, Sold

When = tuple[int, int]  # a day of the calendar and its second
DAY_S = 86_400


@dataclass(slots=True)
class Loan:
    """Days are numbers of the calendar. duplum_on and duplum_room_cents: its cap, once it is late."""

    sold: Sold
    number: int
    ref: str
    purpose: str
    quote: Quote
    applied: When
    state: str = "applied"
    disbursed: When | None = None
    due: int = 0
    closed: When | None = None
    rollovers: int = 0
    duplum_on: int | None = None
    duplum_room_cents: int | None = None

    @property
    def lent_cents(self) -> int:
        """What was lent."""
        return self.quote.principal_cents


def moved(desk: Desk, loan: Loan, move: str, state: str, actor: str, when: When) -> None:
    """The loan makes a move of services/loans/lifecycle.py."""
    desk.rows.loan_event.append(
        f"{loan.number}\t{move}\t{loan.state}\t{state}\t{actor}\t{desk.calendar.at(*when)}"
    )
    loan.state = state
