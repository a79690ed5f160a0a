"""Borrowers, one after the other: they join, borrow, wait, borrow again. Then what belongs to nobody."""

from services.ledger import suspense
from services.loans import refunds
from services.seeding import letters
from services.seeding.book import credit_account, write_balance, write_journal
from services.seeding.calendar import AHEAD
from services.seeding.desk import Desk, Judge
from services.seeding.lending import decide, lend
from services.seeding.loan import Loan, When
from services.seeding.people import NATIONAL_ID_FROM, Person, meet
from services.seeding.rows import NULL
from services.seeding.term import keep_item

CLOSED = ("repaid", "recovered", "failed", "rejected")
NEVER_JOINED = 0.05
BLACKLISTED = 0.002
TO_NEXT = 0.94  # who borrows again after paying back
MEAN_PAUSE_DAYS = 22
MONTH = 30


class Lives:
    """Makes borrowers in order of joining."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._judge = Judge(desk.sold)
        self.loans = 0

    def make(self, number: int) -> None:
        """One borrower and all they ever did."""
        desk, plan = self._desk, self._desk.plan
        joined = int(plan.days * (number / (plan.borrowers + 1)) ** 1.05)
        person = meet(number, joined, desk.chance.random)
        when = joined, 25_200 + int(desk.chance.random() * 50_000)
        if desk.chance.random() < NEVER_JOINED:
            self._write(person, when, registered=False)
            return
        self._consents(person, when)
        desk.dials.add(when, person.language, "join")
        blacklisted = desk.chance.random() < BLACKLISTED
        if not blacklisted:
            self._borrow(person, when)
        if person.credit_account:
            write_balance(desk, person.credit_account, person.credit_sums)
        self._write(person, when, registered=True, blacklisted=blacklisted)

    def _borrow(self, person: Person, joined: When) -> None:
        chance, today = self._desk.chance.random, self._desk.calendar.today
        day = joined[0] if chance() < 0.8 else joined[0] + int(chance() * 20)
        second = min(joined[1] + 400, 80_000) if day == joined[0] else int(21_600 + chance() * 57_600)
        while day < today:
            loan = self._apply(person, (day, second))
            if loan is None or loan.state not in CLOSED or chance() > TO_NEXT:
                return
            assert loan.closed is not None
            self._refund(person, loan)
            day = self._next(loan)
            second = int(21_600 + chance() * 57_600)

    def _apply(self, person: Person, when: When) -> Loan | None:
        """A loan; None when they are refused, which they hear and leave."""
        desk = self._desk
        worst = max(person.recent_late) if person.recent_late else None
        judged = self._judge.assess(person.repaid, None if worst is None else max(worst, 0), person.defaults)
        limit = self._limit(person, judged.limit_cents)
        if not judged.approved or limit < desk.sold.product.least_cents:
            decide(desk, person, when, judged, "not_eligible", limit, None)
            desk.dials.add(when, person.language, "refused")
            return None
        self.loans += 1
        return lend(desk, person, when, judged, limit)

    def _limit(self, person: Person, judged_cents: int) -> int:
        earned = self._desk.sold.product.limit.cap_cents(person.largest_cents, person.in_time)
        limit = min(judged_cents, earned)
        return limit - limit % 100

    def _next(self, loan: Loan) -> int:
        """When they come again: after a pause, and after the wait of who paid too late."""
        chance, product = self._desk.chance, self._desk.sold.product
        assert loan.closed is not None
        day = loan.closed[0] + 1 + int(chance.expovariate(1 / MEAN_PAUSE_DAYS))
        if loan.closed[0] - loan.due > product.cool_off.late_days:
            day = max(day, loan.closed[0] + product.cool_off.wait_days + 1)
        return day

    def _refund(self, person: Person, loan: Loan) -> None:
        """Some ask for what they paid too much, and get it: two people decide, M-Pesa sends it."""
        desk = self._desk
        cents = person.credit_cents // 100 * 100
        assert loan.closed is not None
        day = loan.closed[0] + 1
        if cents < 100 or desk.chance.random() > 0.12 or day >= desk.calendar.today:
            return
        when, sent = (day, 39_000), (day, 39_060)
        whose = f"{NULL}\t{person.number}"
        approval = letters.propose(desk, "refund", str(person.number), whose, cents, (day, 36_000), when)
        account, payable = credit_account(desk, person, when), desk.shared["refunds_payable"]
        legs = [(account, cents), (payable, -cents)]
        booked = write_journal(desk, when, f"refund:{approval}", refunds.SET_ASIDE, legs, whose)
        legs = [(payable, cents), (desk.shared["mpesa_utility"], -cents)]
        paid = write_journal(desk, sent, f"refund:{approval}:paid", refunds.PAID, legs, whose)
        person.credit_sums[0] += cents
        person.credit_cents -= cents
        number, at, out = desk.ids.refund.take(day), desk.calendar.at(*when), desk.calendar.at(*sent)
        desk.rows.refund.append(
            f"{number}\t{person.number}\t{cents}\t{approval}\t{booked}\tpaid\t{paid}\t{out}\t{at}"
        )
        payout = desk.ids.payout.take(day)
        desk.rows.payout.append(
            f"{payout}\t{NULL}\t{number}\t{person.number}\t{cents}\tSEEDR{number:09x}\tposted\t1\t"
            f"AG_seed_r{number:x}\t0\t{desk.receipt()}\t{NULL}\t{at}\t{out}"
        )
        desk.rows.payout_event.append(f"{payout}\tasking\tready\tsubmitting\t\t{at}")
        desk.rows.payout_event.append(f"{payout}\tpaid\tsubmitting\tposted\t\t{out}")

    def _consents(self, person: Person, when: When) -> None:
        desk, chance = self._desk, self._desk.chance.random
        purposes = ["terms"] + ["marketing"] * (chance() < 0.4)
        for purpose in purposes:
            desk.rows.consent.append(
                f"{person.number}\t{purpose}\t{desk.sold.products.version}\tseeded\t{person.language}\t"
                f"ussd:africastalking\tseed:{person.number}:{purpose}\t{desk.calendar.at(*when)}"
            )
        if chance() < 0.02:
            desk.rows.sms_opt_out.append(f"{person.number}\tphone\t{desk.calendar.at(*when)}")

    def _write(self, person: Person, when: When, *, registered: bool, blacklisted: bool = False) -> None:
        desk, at = self._desk, self._desk.calendar.at(*when)
        if not registered:
            desk.rows.borrower.append(
                f"{person.number}\t{person.msisdn}\t{person.language}\t{NULL}\t{NULL}\t{NULL}\t300\t0\t{NULL}\t{at}\t{NULL}"
            )
            return
        worst = max(0, *person.recent_late) if person.recent_late else None
        judged = self._judge.assess(person.repaid, worst, person.defaults)
        black = desk.calendar.at(when[0], when[1] + 900) if blacklisted else NULL
        limit = self._limit(person, judged.limit_cents)
        desk.rows.borrower.append(
            f"{person.number}\t{person.msisdn}\t{person.language}\t{person.name}\t"
            f"{NATIONAL_ID_FROM + person.number}\t{desk.pin_hash}\t{judged.shown}\t{limit}\t{black}\t{at}\t"
            f"{desk.calendar.at(when[0], when[1] + 120)}"
        )


def nobodys(desk: Desk) -> None:
    """Payments that nobody is known for: most went back, the latest wait."""
    none = f"{NULL}\t{NULL}"
    for _ in range(desk.plan.borrowers // 200 + 3):
        day = int(desk.chance.random() * desk.calendar.today)
        when = day, 21_600 + int(desk.chance.random() * 57_600)
        cents, receipt = (1 + int(desk.chance.random() ** 3 * 60)) * 10_000, desk.receipt()
        paybill, waiting = desk.shared["mpesa_paybill"], desk.shared["suspense_unmatched"]
        legs = [(paybill, cents), (waiting, -cents)]
        booked = write_journal(desk, when, suspense.receipt_key(receipt), suspense.RECEIVED, legs, none)
        ended = None
        later = day + 3, 40_000
        if later[0] < desk.calendar.today and desk.chance.random() < 0.9:
            back = [(waiting, cents), (paybill, -cents)]
            number = write_journal(desk, later, f"return:{receipt}", suspense.RETURNED, back, none)
            ended = "returned", number, later
        keep_item(desk, when, receipt, cents, booked, "school fees", ended)


def owners(desk: Desk) -> None:
    """The owners put in, month by month, what was lent; what came back goes where payouts leave from."""
    none = f"{NULL}\t{NULL}"
    lent = [sum(day) for day in zip(*(each.disbursed for each in desk.portfolios.values()), strict=True)]
    utility, funding = desk.shared["mpesa_utility"], desk.shared["funding"]
    for first in range(0, desk.calendar.today, MONTH):
        cents = sum(lent[first : first + MONTH]) + 10_000_000
        legs = [(utility, cents), (funding, -cents)]
        write_journal(desk, (first, 1), f"funding:seed:{first}", "funding", legs, none)


def days_closed(desk: Desk) -> None:
    """Each business day, closed on the night after it, and the portfolio at its end."""
    calendar = desk.calendar
    for day in range(calendar.today):
        closed = calendar.at(day + 1, 1_200) if day + 1 < calendar.today + AHEAD else NULL
        desk.rows.business_day.append(f"{calendar.iso[day]}\t{closed}\t{{}}")
    for name, portfolio in desk.portfolios.items():
        desk.rows.portfolio_day.extend(portfolio.lines(name, calendar.iso, calendar.today))


def shared_balances(desk: Desk) -> None:
    """The balances of the accounts every lender has."""
    for account, sums in desk.sums.items():
        if any(sums):
            write_balance(desk, account, sums)
