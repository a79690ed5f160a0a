"""One loan, from the application until it is over or today.

    apply ─ decision ─ (a person looks) ─ hold ─ payout ─ money arrives ─ the days of its term ─ its end

The days of its term are a heap of what will happen: payments as this person pays, and what the end of a
business day does to a loan that is late (services/loans/dayend.py). Days are numbers of the calendar.
"""

from services.loans import books
from services.loans.accruals import Charge
from services.loans.refs import loan_ref
from services.scoring.score import Assessment
from services.seeding.book import Book, credit_account
from services.seeding.desk import Desk
from services.seeding.letters import propose, tell
from services.seeding.loan import DAY_S, Loan, When, moved
from services.seeding.people import Person
from services.seeding.rows import NULL
from services.seeding.term import Term

BUNDLE = "seeded"


def lend(desk: Desk, person: Person, applied: When, judged: Assessment, limit_cents: int) -> Loan:
    """Somebody applies on that day for some of their limit. All rows of the loan are written."""
    day, _ = applied
    sold = desk.product(day)
    number = desk.ids.loan.take(day)
    least = sold.product.least_cents
    wanted = int(limit_cents * (0.35 + 0.65 * desk.chance.random() ** 0.5))
    cents = max(wanted - wanted % 10_000, least)
    purposes = sold.product.purposes
    purpose = purposes[int(desk.chance.random() ** 1.5 * len(purposes))]
    loan = Loan(sold, number, loan_ref(number), purpose, sold.quote(min(cents, limit_cents)), applied)
    decide(desk, person, applied, judged, "ok", limit_cents, number)
    book = Book(desk, person, number, loan.ref, desk.portfolios[sold.name])
    sent = _looked_at(desk, person, loan)
    if sent is not None:
        _pay_out(desk, person, loan, book, sent)
    book.close()
    _write(desk, person, loan)
    return loan


def decide(
    desk: Desk,
    person: Person,
    when: When,
    judged: Assessment,
    outcome: str,
    limit_cents: int,
    loan_id: int | None,
) -> None:
    """What the scorecard said to an application."""
    number = desk.ids.decision.take(when[0])
    inputs, points = desk.shown(judged)
    key = f"seed:{loan_id}:apply" if loan_id else f"seed:decision:{number}"
    desk.rows.decision.append(
        f"{number}\t{person.number}\t{loan_id or NULL}\t{key}\t{judged.scorecard}\t{inputs}\t{points}\t"
        f"{judged.score}\t{outcome}\t{limit_cents}\t{{{','.join(judged.reasons)}}}\t{desk.calendar.at(*when)}"
    )


def _looked_at(desk: Desk, person: Person, loan: Loan) -> When | None:
    """When the money is sent for; None when a person says no, or has not looked yet."""
    above = loan.sold.terms.approval_above_cents
    cents = loan.quote.principal_cents
    if above is None or cents <= above:
        desk.dials.add(loan.applied, person.language, "apply")
        return loan.applied
    desk.dials.add(loan.applied, person.language, "review")
    day, second = loan.applied[0] + 1, 28_800 + int(desk.chance.random() * 28_800)
    decided = (day, second) if day < desk.calendar.today else None
    approved = desk.chance.random() < 0.88
    propose(desk, "loan", loan.ref, f"{loan.number}\t{NULL}", cents, loan.applied, decided,
            by=f"borrower:{person.number}", reason="above what is approved by itself",
            state="approved" if approved else "rejected")  # fmt: skip
    if decided is None:
        return None
    if approved:
        return decided
    moved(desk, loan, "reject", "rejected", "baraka@umoja.example", decided)
    tell(desk, person, decided, f"not_lent:{loan.ref}", "not_lent", loan.number, ref=loan.ref, amount=cents)
    loan.closed = decided
    return None


def _pay_out(desk: Desk, person: Person, loan: Loan, book: Book, sent: When) -> None:
    """The money is promised and asked for; it arrives, does not, or is on its way still."""
    cents, rolled = loan.quote.principal_cents, desk.chance.random()
    day, second = sent
    moved(desk, loan, "approve", "approved", "scorecard", sent)
    moved(desk, loan, "send", "disbursing", "scorecard", sent)
    placed = book.hold(sent, cents)
    arrived = day, min(second + 20 + int(rolled * 40), DAY_S - 1)
    underway = day == desk.calendar.today - 1 and second > 64_000 and rolled < 0.2
    failed = not underway and rolled > 0.985
    state = "submitted" if underway else "voided" if failed else "posted"
    _payout(desk, person, loan, sent, arrived, state)
    if underway:
        _hold(desk, loan, "pending", (placed, None), (sent, None))
        return
    ended = book.release(arrived, cents, state)
    _hold(desk, loan, state, (placed, ended), (sent, arrived))
    if failed:
        moved(desk, loan, "fail", "failed", "mpesa", arrived)
        tell(desk, person, arrived, f"payout_failed:{loan.ref}", "payout_failed", loan.number,
             ref=loan.ref, amount=cents)  # fmt: skip
        loan.closed = arrived
        return
    _begin(desk, person, loan, book, arrived)
    Term(desk, person, loan, book).run()


def _begin(desk: Desk, person: Person, loan: Loan, book: Book, arrived: When) -> None:
    """The money is there: the term begins, the fee is earned, credit is used."""
    loan.disbursed = arrived
    loan.due = arrived[0] + loan.quote.term_days
    book.due_on(loan.due)
    moved(desk, loan, "pay_out", "active", "mpesa", arrived)
    book.paid_out(arrived, loan.quote.principal_cents)
    fee = Charge(books.FEE, f"fee:{loan.ref}", loan.quote.fee_cents, loan.quote.excise_cents)
    book.charged(arrived, fee)
    used = min(person.credit_cents, sum(book.debt.owed.values()))
    if used:
        shares = books.allocate(used, book.debt.owed, loan.sold.terms.order)
        person.credit_cents -= used
        account = credit_account(desk, person, arrived)
        book.settled(arrived, f"credit:{loan.ref}", books.CREDIT_USED, account, shares)
    tell(desk, person, arrived, f"money_sent:{loan.ref}", "money_sent", loan.number, ref=loan.ref,
         amount=loan.quote.principal_cents, owed=sum(book.debt.owed.values()),
         due=desk.calendar.iso[loan.due])  # fmt: skip


def _payout(desk: Desk, person: Person, loan: Loan, sent: When, arrived: When, state: str) -> None:
    number = desk.ids.payout.take(sent[0])
    receipt = desk.receipt() if state == "posted" else NULL
    code = {"posted": "0", "voided": "2040", "submitted": NULL}[state]
    asked, ended = desk.calendar.at(*sent), desk.calendar.at(*arrived)
    desk.rows.payout.append(
        f"{number}\t{loan.number}\t{NULL}\t{person.number}\t{loan.quote.principal_cents}\tSEED{loan.number:010x}\t"
        f"{state}\t1\tAG_seed_{loan.number:x}\t{code}\t{receipt}\t{NULL}\t{asked}\t{ended}"
    )
    events = desk.rows.payout_event
    events.append(f"{number}\tasking\tready\tsubmitting\t\t{asked}")
    events.append(f"{number}\tanswered\tsubmitting\tsubmitted\taccepted\t{asked}")
    if state != "submitted":
        what = "paid" if state == "posted" else "not paid"
        detail = receipt if state == "posted" else "2040 the phone cannot receive it"
        events.append(f"{number}\t{what}\tsubmitted\t{state}\t{detail}\t{ended}")


def _hold(
    desk: Desk, loan: Loan, state: str, journals: tuple[int, int | None], at: tuple[When, When | None]
) -> None:
    placed_at, settled_at = at
    placed, settled = journals
    cents = loan.quote.principal_cents
    desk.rows.hold.append(
        f"{loan.ref}\t{loan.number}\t{cents}\t{state}\t{placed}\t{settled or NULL}\t"
        f"{cents if state == 'posted' else NULL}\t{desk.calendar.at(*placed_at)}\t"
        f"{desk.calendar.at(*settled_at) if settled_at else NULL}\t"
        f"{desk.calendar.at(placed_at[0] + 1, placed_at[1])}"
    )


def _write(desk: Desk, person: Person, loan: Loan) -> None:
    calendar, quote = desk.calendar, loan.quote
    late = loan.state in ("active", "overdue", "non_performing") and loan.due < calendar.today
    due = calendar.iso[loan.due] if loan.disbursed else NULL
    desk.rows.loan.append(
        f"{loan.number}\t{loan.ref}\t{person.number}\t{loan.sold.name}\t{loan.purpose}\t{loan.state}\t"
        f"{quote.principal_cents}\t{quote.fee_cents}\t{quote.excise_cents}\t{quote.total_cents}\t{quote.apr_bp}\t"
        f"{quote.term_days}\t{BUNDLE}\t{loan.sold.terms_json}\tseed:{loan.number}:apply\t"
        f"{calendar.at(*loan.applied)}\t{calendar.at(*loan.disbursed) if loan.disbursed else NULL}\t{due}\t"
        f"{calendar.at(*loan.closed) if loan.closed else NULL}\t{loan.rollovers}\t"
        f"{calendar.iso[calendar.today - 1] if late else NULL}\t"
        f"{NULL if loan.duplum_on is None else calendar.iso[loan.duplum_on]}\t"
        f"{NULL if loan.duplum_room_cents is None else loan.duplum_room_cents}"
    )
