"""The days of a loan between its money and its end: a heap of what will happen, taken one by one.

A person pays early, late, in parts, too much, under a wrong reference, or never. Half pay late and one in
eight not at all: that is what surveys of Kenyan borrowers find. What a late loan is charged is asked of
services/loans/accruals.py, at the end of the day as services/loans/dayend.py would.
"""

import heapq
from datetime import timedelta
from typing import Any

from services.ledger import suspense
from services.loans import accruals, books
from services.loans.accruals import Charge
from services.loans.quote import excise_of, fee_of
from services.seeding.book import Book, write_journal
from services.seeding.desk import Desk
from services.seeding.letters import propose, tell
from services.seeding.loan import Loan, When, moved
from services.seeding.people import Person
from services.seeding.rows import NULL

ACTOR = "dayend"
MIDNIGHT_S = 900  # when a business day is closed, on the next one
_LATE = (  # share of those who pay, days past due of their last payment: from, to
    (0.46, -14, 0),
    (0.56, 0, 0),
    (0.82, 1, 7),
    (0.93, 8, 30),
    (1.01, 31, 120),
)


class Term:
    """One loan's time."""

    def __init__(self, desk: Desk, person: Person, loan: Loan, book: Book) -> None:
        self._desk, self._person, self._loan, self._book = desk, person, loan, book
        self._heap: list[tuple[int, int, str, Any]] = []
        self._chance = desk.chance.random

    def run(self) -> None:
        """Everything up to today."""
        self._plan()
        today = self._desk.calendar.today
        while self._heap:
            day, second, what, more = heapq.heappop(self._heap)
            if day > today or (day == today and second > MIDNIGHT_S + 10):
                break
            if self._loan.closed is None or what == "match":
                self._happen(what, (day, second), more)
        self._book.until(today - 1)

    # -- what will happen ----------------------------------------------------------------------

    def _plan(self) -> None:
        """How this person pays this loan, and what the ends of days do if they do not."""
        loan, arrived = self._loan, self._loan.disbursed
        assert arrived is not None
        if not self._book.debt.owed or not sum(self._book.debt.owed.values()):
            self._over(arrived)
            return
        careless = 0.16 - 0.10 * self._person.care
        if self._chance() < careless:
            last = loan.due + 400
            if self._chance() < 0.35:
                self._pays(arrived[0] + 5 + int(self._chance() * 60), 0.1 + 0.3 * self._chance())
        else:
            last = self._pays_up(arrived[0])
        if last > loan.due:
            self._late_days(loan.due)

    def _pays_up(self, arrived: int) -> int:
        """Somebody who pays: the day of the last payment."""
        loan, rolled = self._loan, self._chance() * (1.25 - 0.4 * self._person.care)
        earliest, latest = next(((low, high) for share, low, high in _LATE if rolled < share), (31, 120))
        last = max(loan.due + earliest + int(self._chance() * (latest - earliest + 1)), arrived + 1)
        terms = loan.sold.terms
        if last > loan.due + 5 and terms.rollovers_most and self._chance() < 0.05:
            self._push(loan.due - 1, 30_000 + int(self._chance() * 30_000), "roll_over", None)
        parts = 1 if self._chance() < 0.72 else 2 if self._chance() < 0.7 else 3
        for part in range(1, parts):
            self._pays(arrived + 1 + (last - arrived - 1) * part // parts, 1 / (parts - part + 1.4))
        self._pays(last, 1.0)
        return last

    def _pays(self, day: int, share: float) -> None:
        self._push(day, 21_600 + int(self._chance() * 57_600), "pay", share)

    def _late_days(self, due: int) -> None:
        terms, book = self._loan.sold.terms, self._book
        book.due_on(due)
        self._push(due + 1, MIDNIGHT_S, "fall_due", due)
        self._push(due + 2 + terms.grace_days, MIDNIGHT_S - 10, "penalty", due)
        self._push(due + terms.non_performing_days, MIDNIGHT_S + 2, "stop_performing", due)
        self._push(due + terms.write_off_days, MIDNIGHT_S + 4, "propose", due)
        self._push(due + 3, 32_400, "remind", due)

    def _push(self, day: int, second: int, what: str, more: Any) -> None:
        heapq.heappush(self._heap, (day, second, what, more))

    # -- what happens --------------------------------------------------------------------------

    def _happen(self, what: str, when: When, more: Any) -> None:
        loan = self._loan
        if isinstance(more, int) and more != loan.due:
            return  # of a due date that has moved
        if what == "pay":
            self._pay(when, more)
        elif what == "match":
            self._match(when, more)
        elif what == "fall_due":
            self._fall_due(when)
        elif what == "penalty":
            self._penalty(when)
        elif what == "stop_performing":
            moved(self._desk, loan, what, "non_performing", ACTOR, when)
        elif what == "propose":
            self._propose_write_off(when)
        elif what == "write_off":
            self._write_off(when)
        elif what == "roll_over":
            self._roll_over(when)
        else:
            self._remind(when)

    def _pay(self, when: When, share: float) -> None:
        """A payment of that share of what is owed, or of all of it."""
        desk, loan, book = self._desk, self._loan, self._book
        if when[0] >= desk.calendar.today:
            return
        owed = sum(book.debt.owed.values())
        rolled = self._chance()
        if share < 1:
            cents = max(int(owed * share) // 5_000 * 5_000, loan.sold.product.repayment.least_cents)
        else:
            cents = -(-owed // 100) * 100
            if rolled < 0.03:  # rounded up by whoever paid
                cents = (cents // 10_000 + 1) * 10_000
        cents = max(cents, 100)
        if 0.03 < rolled < 0.034 and when[0] < loan.due + 60:
            self._strays(when, cents)
            return
        if book.debt.owed.get("penalty") and rolled > 0.97:
            self._waive(when, book.debt.owed["penalty"])
        self._receive(when, cents, desk.receipt())

    def _receive(self, when: When, cents: int, receipt: str) -> None:
        desk, loan, book = self._desk, self._loan, self._book
        if loan.state == "written_off":
            left = book.debt.owed[books.WRITTEN_OFF]
            book.recovered(when, receipt, min(cents, left))
            if cents >= left:
                moved(desk, loan, "recover", "recovered", "mpesa", when)
                loan.closed = when
            return
        if self._chance() < 0.55:
            self._asked(when, cents, receipt)
        shares = books.allocate(cents, book.debt.owed, self._order())
        source = desk.shared["mpesa_paybill"]
        book.settled(when, suspense.receipt_key(receipt), books.REPAYMENT, source, shares)
        self._settled(when, cents, receipt, shares.get(books.CREDIT, 0))

    def _settled(self, when: When, cents: int, receipt: str, credit_cents: int) -> None:
        """A payment was booked: they are told, and the loan may be over."""
        desk, loan = self._desk, self._loan
        left = sum(self._book.debt.owed.values())
        details: dict[str, Any] = {"ref": loan.ref, "amount": cents, "receipt": receipt}
        notice = "payment" if left else "loan_overpaid" if credit_cents else "loan_repaid"
        if left:
            details |= {"owed": left, "due": desk.calendar.iso[loan.due]}
        elif credit_cents:
            details |= {"credit": credit_cents}
        tell(desk, self._person, when, f"payment:{receipt}", notice, loan.number, **details)
        if not left and loan.closed is None:
            self._over(when)

    def _over(self, when: When) -> None:
        loan, person = self._loan, self._person
        moved(self._desk, loan, "repay", "repaid", "mpesa", when)
        loan.closed = when
        late = when[0] - loan.due
        person.repaid += 1
        person.in_time += late <= loan.sold.product.cool_off.late_days
        person.largest_cents = max(person.largest_cents, loan.lent_cents)
        person.recent_late = [*person.recent_late[-5:], late]

    def _order(self) -> list[str]:
        terms = self._loan.sold.terms
        own = terms.order_non_performing if self._loan.state == "non_performing" else terms.order
        return [*own, books.WRITTEN_OFF]

    def _asked(self, when: When, cents: int, receipt: str) -> None:
        """It was asked for by a prompt; now and then one that came to nothing was before it."""
        desk, loan = self._desk, self._loan
        day, second = when
        tries = [("paid", "", receipt, second)]
        if self._chance() < 0.08:
            tries.insert(0, ("failed", "cancelled", NULL, second - 300))
        for state, outcome, known, moment in tries:
            number = desk.ids.request.take(day)
            desk.dials.add((day, moment - 20), self._person.language, "repay")
            began, ended = desk.calendar.at(day, moment - 20), desk.calendar.at(day, moment)
            desk.rows.payment_request.append(
                f"{number}\t{loan.number}\t{self._person.number}\t{cents}\t{state}\tseed:{number}:repay\t"
                f"ws_CO_seed_{number:x}\t{began}\t{outcome}\t{known}\t{began}\t{ended}"
            )

    def _strays(self, when: When, cents: int) -> None:
        """It came under a reference nobody knows, and is matched by two people days later."""
        desk, receipt = self._desk, self._desk.receipt()
        legs = [(desk.shared["mpesa_paybill"], cents), (desk.shared["suspense_unmatched"], -cents)]
        none = f"{NULL}\t{NULL}"
        booked = write_journal(desk, when, suspense.receipt_key(receipt), suspense.RECEIVED, legs, none)
        day = when[0] + 1 + int(self._chance() * 4)
        if day >= desk.calendar.today:
            keep_item(desk, when, receipt, cents, booked, self._loan.ref[:4])
        else:
            self._push(day, 36_000 + int(self._chance() * 20_000), "match", (receipt, cents, when, booked))

    def _match(self, when: When, item: tuple[str, int, When, int]) -> None:
        desk, loan, book = self._desk, self._loan, self._book
        receipt, cents, came, booked = item
        propose(desk, "manual_match", receipt, f"{loan.number}\t{NULL}", cents, (when[0], 30_000), when,
                reason="they sent us the receipt", details={"receipt": receipt})  # fmt: skip
        shares = books.allocate(cents, book.debt.owed, self._order())
        source = desk.shared["suspense_unmatched"]
        number = book.settled(when, f"match:{receipt}", books.MATCHED, source, shares)
        keep_item(desk, came, receipt, cents, booked, loan.ref[:4], ("matched", number, when))
        self._settled(when, cents, receipt, shares.get(books.CREDIT, 0))

    def _waive(self, when: When, cents: int) -> None:
        loan, earlier = self._loan, (when[0], when[1] - 600)
        number = propose(self._desk, "waiver", loan.ref, f"{loan.number}\t{NULL}", cents,
                         (when[0], when[1] - 3_600), earlier, reason="was in hospital")  # fmt: skip
        shares = {"penalty": cents}
        waived = self._desk.shared["charges_waived"]
        self._book.settled(earlier, f"waiver:{number}", books.WAIVER, waived, shares)

    def _fall_due(self, when: When) -> None:
        """Late from today on: its cap is set."""
        loan, debt = self._loan, self._book.debt
        loan.duplum_on, loan.duplum_room_cents = when[0], accruals.room_now(debt)
        debt.charged_cents = 0
        moved(self._desk, loan, "fall_due", "overdue", ACTOR, when)

    def _penalty(self, when: When) -> None:
        loan, dates = self._loan, self._desk.calendar.dates
        row = {
            "ref": loan.ref, "principal_cents": loan.lent_cents, "due_on": dates[loan.due],
            "duplum_on": loan.duplum_on, "duplum_room_cents": loan.duplum_room_cents,
        }  # fmt: skip
        day = when[0] - 1
        charge = accruals.of_day(
            row, loan.sold.terms, self._book.debt, dates[loan.due] + timedelta(day - loan.due)
        )
        if charge is not None:
            self._book.charged(when, charge, day)

    def _roll_over(self, when: When) -> None:
        loan, book, terms = self._loan, self._book, self._loan.sold.terms
        fee = fee_of(book.debt.principal_cents, terms.rollover_fee_bp)
        charge = Charge(books.ROLLOVER, f"rollover:{loan.ref}:1", fee, excise_of(fee, terms.tax_bp("fee")))
        book.charged(when, charge)
        loan.rollovers, loan.due = 1, loan.due + terms.rollover_days
        moved(self._desk, loan, "roll_over", "active", "borrower", when)
        self._desk.dials.add(when, self._person.language, "more_time")
        self._late_days(loan.due)

    def _propose_write_off(self, when: When) -> None:
        desk, loan = self._desk, self._loan
        day = when[0] + 1 + int(self._chance() * 12)
        decided = (day, 40_000) if day < desk.calendar.today else None
        late = desk.calendar.today - loan.due if decided is None else when[0] - loan.due
        owed = sum(self._book.debt.owed.values())
        propose(desk, "write_off", loan.ref, f"{loan.number}\t{NULL}", owed, when, decided,
                by=ACTOR, reason=f"{late} days past due")  # fmt: skip
        if decided is not None:
            self._push(*decided, "write_off", None)

    def _write_off(self, when: When) -> None:
        loan = self._loan
        self._book.written_off(when)
        moved(self._desk, loan, "write_off", "written_off", "chebet@umoja.example", when)
        self._person.defaults += 1
        if self._chance() < 0.12:
            self._pays(when[0] + 5 + int(self._chance() * 90), 1.0 if self._chance() < 0.6 else 0.3)

    def _remind(self, when: When) -> None:
        desk, loan = self._desk, self._loan
        if loan.state != "overdue":
            return
        due = desk.calendar.iso[loan.due]
        tell(desk, self._person, when, f"reminder:{loan.ref}:{due}:3", "overdue", loan.number, ref=loan.ref,
             owed=sum(self._book.debt.owed.values()), due=due, days=3)  # fmt: skip


def keep_item(
    desk: Desk,
    came: When,
    receipt: str,
    cents: int,
    booked: int,
    account_ref: str,
    ended: tuple[str, int, When] | None = None,
) -> None:
    """An item in suspense. ended: its state, the journal that settled it, and when."""
    number = desk.ids.suspense.take(came[0])
    state, settled, at = (
        ("open", NULL, NULL) if ended is None else (ended[0], ended[1], desk.calendar.at(*ended[2]))
    )
    desk.rows.suspense_item.append(
        f"{number}\t{receipt}\t{cents}\tseed{number:x}\t{account_ref}\t{desk.calendar.at(*came)}\t{booked}\t"
        f"{state}\t{settled}\t{at}"
    )
