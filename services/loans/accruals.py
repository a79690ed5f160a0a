"""What a loan is charged as days pass: interest, penalties, and the caps on both. Pure, but for `debts_on`.

    interest   for each night before the due date: principal owed × daily rate, down to the cent
    penalty    once, or for each day late, after the grace days: principal owed × rate. A one-off penalty
               is whole shillings, a daily one cents. All of them together: at most `most` of the amount lent
    excise     on each, if the product taxes it, up to the cent (a one-off: to the shilling)

In duplum: on the day a loan has been late for so long (`in_duplum`, 1 day by the Kenyan definition of
non-performing), what may still be charged is set once and for all:

    room = principal owed - charges owed, at least 0

From then on the charges added, excise counted, never pass the room. So principal and charges together
never grow beyond twice the principal of that day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from services.loans import books, queries
from services.loans.agreed import Agreed
from services.loans.quote import WHOLE_BP, excise_of, fee_of, share, share_up


@dataclass(slots=True)
class Debt:
    """A loan at the end of a day. charged_cents: what it was charged since its cap was set."""

    owed: dict[str, int] = field(default_factory=dict)
    penalties_cents: int = 0
    charged_cents: int = 0

    @property
    def principal_cents(self) -> int:
        """What is owed of the money lent."""
        return self.owed.get("principal", 0)

    @property
    def charges_cents(self) -> int:
        """What is owed beside it."""
        return sum(self.owed.values()) - self.principal_cents

    def add(self, charge: "Charge") -> None:
        """The charge is owed as well."""
        part, _ = books.CHARGES[charge.kind]
        self.owed[part] = self.owed.get(part, 0) + charge.cents
        self.owed["excise"] = self.owed.get("excise", 0) + charge.excise_cents


@dataclass(slots=True, frozen=True)
class Charge:
    """One charge and its excise, under the key it is booked with."""

    kind: str
    key: str
    cents: int
    excise_cents: int


async def debts_on(connection: Any, loan_ids: Sequence[int], day: date) -> Mapping[int, Debt]:
    """The loans at the end of that day, read from the ledger; what counts for later days is left out."""
    debts = {loan_id: Debt() for loan_id in loan_ids}
    for row in await connection.fetch(queries.DEBTS_ON, loan_ids, day):
        part = row["account"].removeprefix("loan_")
        debt = debts[row["loan_id"]]
        debt.owed[part] = row["owed_cents"]
        if part != "principal":
            debt.charged_cents += row["charged_cents"]
        if part == "penalty":
            debt.penalties_cents = row["debits_cents"]
    return debts


def of_day(loan: Any, terms: Agreed, debt: Debt, day: date) -> Charge | None:
    """What that business day adds: interest before the due date, a penalty after it, else nothing."""
    if debt.principal_cents <= 0:
        return None
    if day < loan["due_on"]:
        cents = share(debt.principal_cents, terms.daily_bp)
        wanted = Charge(books.INTEREST, f"interest:{loan['ref']}:{day}", cents, 0)
        return _within(wanted, terms.tax_bp("interest"), room(loan, debt))
    if day > loan["due_on"] + timedelta(days=terms.grace_days):
        return _penalty(loan, terms, debt, day)
    return None


def room(loan: Any, debt: Debt) -> int | None:
    """What the loan may still be charged, excise counted; None while nothing caps it."""
    if loan["duplum_on"] is None:
        return None
    return max(int(loan["duplum_room_cents"]) - debt.charged_cents, 0)


def room_now(debt: Debt) -> int:
    """The room of a loan whose cap is set now."""
    return max(debt.principal_cents - debt.charges_cents, 0)


async def cap(connection: Any, loan: Any, terms: Agreed, debt: Debt, begins: date) -> int | None:
    """Set the cap of a loan that is late enough on the day that begins. Gives the room, if it was set."""
    late_days = (begins - loan["due_on"]).days
    if loan["duplum_on"] is not None or late_days < terms.in_duplum_days:
        return None
    left = room_now(debt)
    await connection.execute(queries.FREEZE_CHARGES, loan["id"], begins, left)
    return left


def _penalty(loan: Any, terms: Agreed, debt: Debt, day: date) -> Charge | None:
    """A one-off is keyed by the due date it follows, so that it comes once for each."""
    most = share(loan["principal_cents"], terms.penalty_most_bp) - debt.penalties_cents
    tax_bp = terms.tax_bp("penalty")
    if terms.penalty_every == "day":
        cents = min(share(debt.principal_cents, terms.penalty_bp), most)
        return _within(
            Charge(books.PENALTY, f"penalty:{loan['ref']}:{day}", cents, 0), tax_bp, room(loan, debt)
        )
    if day != loan["due_on"] + timedelta(days=terms.grace_days + 1):
        return None
    cents = min(fee_of(debt.principal_cents, terms.penalty_bp), most)
    once = Charge(books.PENALTY, f"penalty:{loan['ref']}:{loan['due_on']}:once", cents, 0)
    return _within(once, tax_bp, room(loan, debt), whole=True)


def _within(wanted: Charge, tax_bp: int, left: int | None, *, whole: bool = False) -> Charge | None:
    """The charge with its excise, cut so that both fit in what is left; None when nothing does."""
    cents = wanted.cents
    if cents <= 0:
        return None
    excise = excise_of(cents, tax_bp) if whole else share_up(cents, tax_bp)
    if left is not None and cents + excise > left:
        cents = left * WHOLE_BP // (WHOLE_BP + tax_bp)
        excise = share_up(cents, tax_bp)
    return Charge(wanted.kind, wanted.key, cents, excise) if cents > 0 else None
