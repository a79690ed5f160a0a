"""The accounts and journals of one loan, as services/loans/books.py would write them, and its balances."""

from collections.abc import Mapping, Sequence

from services.loans import books
from services.loans.accruals import Charge, Debt
from services.seeding.desk import Desk
from services.seeding.people import Person
from services.seeding.portfolio import Portfolio, Stake
from services.seeding.rows import NULL

Legs = Sequence[tuple[int, int]]


def write_journal(
    desk: Desk, when: tuple[int, int], key: str, kind: str, legs: Legs, whose: str, on: int | None = None
) -> int:
    """A journal and its postings; its id. whose: its loan and borrower, as columns. on: the day it counts
    for, if not that of `when`."""
    rows, calendar = desk.rows, desk.calendar
    number = desk.ids.journal.take(when[0])
    counts_on = calendar.iso[when[0] if on is None else on]
    rows.journal.append(f"{number}\t{key}\t{kind}\t{whose}\t{calendar.at(*when)}\t{counts_on}")
    for account, cents in legs:
        rows.posting.append(f"{number}\t{account}\t{cents}")
        shared = desk.sums.get(account)
        if shared is not None:
            shared[cents < 0] += abs(cents)
    return number


def write_balance(desk: Desk, account: int, sums: Sequence[int]) -> None:
    """What was added up for an account."""
    desk.rows.balance.append(f"{account}\t{sums[0]}\t{sums[1]}")


class Book:
    """One loan in the ledger."""

    __slots__ = ("_accounts", "_desk", "_opened", "_stake", "_sums", "_whose", "debt", "loan_id", "person",
                 "portfolio", "ref")  # fmt: skip

    def __init__(self, desk: Desk, person: Person, loan_id: int, ref: str, portfolio: Portfolio) -> None:
        self._desk = desk
        self.person, self.loan_id, self.ref = person, loan_id, ref
        self.portfolio = portfolio
        self._stake = Stake(portfolio)
        self._accounts: dict[str, int] = {}
        self._sums: dict[int, list[int]] = {}
        self._whose = f"{loan_id}\t{person.number}"
        self._opened = ""
        self.debt = Debt()

    def due_on(self, day: int) -> None:
        """The day it is due."""
        self._stake.due = day

    def until(self, day: int) -> None:
        """It has come to that day."""
        self._stake.until(day)

    def hold(self, when: tuple[int, int], cents: int) -> int:
        """The money is promised; the journal's id."""
        legs = [
            (self._shared("loans_in_disbursement"), cents),
            (self._shared("mpesa_utility_pending"), -cents),
        ]
        return self._of_loan(when, f"hold:{self.ref}", "hold", legs)

    def release(self, when: tuple[int, int], cents: int, end: str) -> int:
        """The promise has ended as posted, voided or expired; the journal's id."""
        legs = [
            (self._shared("mpesa_utility_pending"), cents),
            (self._shared("loans_in_disbursement"), -cents),
        ]
        return self._of_loan(when, f"hold:{self.ref}:{end}", "hold_release", legs)

    def paid_out(self, when: tuple[int, int], cents: int) -> None:
        """The principal left the float and is owed."""
        legs = [(self._part("principal", when), cents), (self._shared("mpesa_utility"), -cents)]
        self._write(when, f"disbursement:{self.ref}", books.DISBURSEMENT, legs)
        self.portfolio.disbursed[when[0]] += cents
        self.debt.owed["principal"] = cents
        self._changed(when[0])

    def charged(self, when: tuple[int, int], charge: Charge, on: int | None = None) -> None:
        """A fee, a rollover or a penalty is owed, with its excise."""
        part, earned = books.CHARGES[charge.kind]
        legs = []
        for owed, gained, cents in (
            (part, earned.code, charge.cents),
            ("excise", "excise_payable", charge.excise_cents),
        ):
            if cents:
                legs += [(self._part(owed, when), cents), (self._shared(gained), -cents)]
        if not legs:
            return
        self._write(when, charge.key, charge.kind, legs, on)
        self.debt.add(charge)
        self.debt.charged_cents += charge.cents + charge.excise_cents
        if charge.kind == books.PENALTY:
            self.debt.penalties_cents += charge.cents
        self._changed(when[0] if on is None else on)

    def settled(
        self, when: tuple[int, int], key: str, kind: str, source: int, shares: Mapping[str, int]
    ) -> int:
        """Those shares are settled by money of the account `source`; the journal's id."""
        legs = [(source, sum(shares.values()))]
        for part, cents in shares.items():
            legs.append((self._settles(part, when), -cents))
        number = self._write(when, key, kind, legs)
        self._reduce(when, shares, kind)
        return number

    def written_off(self, when: tuple[int, int]) -> int:
        """All that is owed becomes a loss, and is owed beside the books. How much it was."""
        owed = {part: cents for part, cents in self.debt.owed.items() if cents}
        total = sum(owed.values())
        legs = [(self._shared("write_off_loss"), total)]
        legs += [(self._part(part, when), -cents) for part, cents in owed.items()]
        self._write(when, f"write_off:{self.ref}", books.WRITE_OFF, legs)
        memo = [(self._part(books.WRITTEN_OFF, when), total), (self._shared("written_off_contra"), -total)]
        self._write(when, f"write_off_memo:{self.ref}", books.WRITE_OFF_MEMO, memo)
        self.portfolio.written_off[when[0]] += total
        self.debt.owed = {books.WRITTEN_OFF: total}
        self._changed(when[0])
        return total

    def recovered(self, when: tuple[int, int], receipt: str, cents: int) -> None:
        """Part of what was written off came after all."""
        legs = [(self._shared("mpesa_paybill"), cents), (self._shared("recovery_income"), -cents)]
        self._write(when, f"receipt:{receipt}", books.REPAYMENT, legs)
        memo = [(self._shared("written_off_contra"), cents), (self._part(books.WRITTEN_OFF, when), -cents)]
        self._write(when, f"recovery:{receipt}", books.WRITE_OFF_MEMO, memo)
        self.portfolio.recovered[when[0]] += cents
        self.debt.owed[books.WRITTEN_OFF] -= cents

    def close(self) -> None:
        """Nothing more is written: the balances of its accounts."""
        for account, sums in self._sums.items():
            write_balance(self._desk, account, sums)

    def _reduce(self, when: tuple[int, int], shares: Mapping[str, int], kind: str) -> None:
        credit = shares.get(books.CREDIT, 0)
        if kind != books.WAIVER:
            self.portfolio.repaid[when[0]] += sum(shares.values()) - credit
        if credit:
            self.person.credit_cents += credit
        for part, cents in shares.items():
            if part != books.CREDIT:
                self.debt.owed[part] -= cents
        self._changed(when[0])

    def _changed(self, day: int) -> None:
        owed = self.debt.owed
        written_off = owed.get(books.WRITTEN_OFF, 0)
        principal = self.debt.principal_cents
        self._stake.owes(day, principal, sum(owed.values()) - written_off - principal)

    def _settles(self, part: str, when: tuple[int, int]) -> int:
        return (
            credit_account(self._desk, self.person, when) if part == books.CREDIT else self._part(part, when)
        )

    def _shared(self, code: str) -> int:
        return self._desk.shared[code]

    def _part(self, part: str, when: tuple[int, int]) -> int:
        """The account of a part of the debt, opened when it is first needed."""
        found = self._accounts.get(part)
        if found is None:
            found = self._accounts[part] = self._desk.account()
            self._sums[found] = [0, 0]
            kind = "memo" if part == books.WRITTEN_OFF else "asset"
            self._desk.rows.account.append(
                f"{found}\tloan_{part}:{self.ref}\t{kind}\t{self.loan_id}\t{NULL}\t{self._desk.calendar.at(*when)}"
            )
        return found

    def _of_loan(self, when: tuple[int, int], key: str, kind: str, legs: Legs) -> int:
        """A journal of the loan that names no borrower: a hold's."""
        return write_journal(self._desk, when, key, kind, legs, f"{self.loan_id}\t{NULL}")

    def _write(self, when: tuple[int, int], key: str, kind: str, legs: Legs, on: int | None = None) -> int:
        for account, cents in legs:
            sums = self._sums.get(account)
            if sums is not None:
                sums[cents < 0] += abs(cents)
            elif account == self.person.credit_account:
                self.person.credit_sums[cents < 0] += abs(cents)
        return write_journal(self._desk, when, key, kind, legs, self._whose, on)


def credit_account(desk: Desk, person: Person, when: tuple[int, int]) -> int:
    """Where somebody's credit is held, opened when there first is some."""
    if not person.credit_account:
        person.credit_account = desk.account()
        desk.rows.account.append(
            f"{person.credit_account}\tcustomer_credit:{person.number}\tliability\t{NULL}\t{person.number}\t"
            f"{desk.calendar.at(*when)}"
        )
    return person.credit_account
