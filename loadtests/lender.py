"""What the lender must answer one borrower: the same rules on a record of our own, without a database.

Money moves while nobody is on the phone: a payout arrives, a payment that was asked for is made. So an
account has `futures`, all that it may have become by now, and each of them has exactly one answer to an
action. Whichever future the phone shows is what happened.

Prices and limits come from the menu folder's products and scorecard, by the functions the service uses;
what is checked here is that the server remembers each borrower rightly under load.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any, NamedTuple

from services.borrowers import names, pins
from services.borrowers.people import STRANGER
from services.loans import applying, eligibility, views
from services.loans.eligibility import Judgement, Standing
from services.loans.quote import Quote, whole_shillings
from services.loans.terms import Terms

UNKNOWN_REF = "@" * 7  # a loan's reference until the phone shows it; as long as one, and in GSM-7
UNKNOWN_PAYBILL = "§" * 6  # of the server's settings; in GSM-7 too
MOST_ASKED = 3  # payments that may be under way: each may have been made or not


class Answer(NamedTuple):
    """An outcome of an action: its name, its value, and what it changes of the profile."""

    outcome: str
    value: Any = None
    subscriber: Mapping[str, Any] | None = None


@dataclass(slots=True, frozen=True)
class Loan:
    """A loan. due is None until the money has arrived; then owed_cents is what is still to be paid."""

    ref: str
    price: Quote
    on: date
    due: date | None = None
    owed_cents: int = 0

    @property
    def status(self) -> str:
        """Its state, in the words of the menus."""
        if self.due is None:
            return "disbursing"
        return "active" if self.owed_cents else "repaid"


@dataclass(slots=True, frozen=True)
class Account:
    """One borrower as the lender must know them. pin and staged are the PIN and its first entry."""

    registered: bool = False
    terms: str = ""  # the version they agreed to
    offers: bool = False
    statements: int = 0  # sent by SMS; a run is over within a day
    pin: str = field(default="", repr=False)
    staged: str = field(default="", repr=False)
    wrong_pins: int = 0
    loans: tuple[Loan, ...] = ()  # newest first
    asked: tuple[tuple[str, int], ...] = ()  # payments that may still arrive: for which loan, cents
    credit_cents: int = 0
    moves: tuple[tuple[str, date, int], ...] = ()  # kind, date, cents; newest first

    @property
    def open_loan(self) -> Loan | None:
        """The loan that is not paid back, if there is one."""
        return self.loans[0] if self.loans and self.loans[0].status != "repaid" else None

    def futures(self, today: date) -> Iterator["Account"]:
        """All that this account may be by now, itself first: payments made, the payout arrived, payments."""
        for account in self._after_payments(today):
            yield account
            loan = account.open_loan
            if loan is not None and loan.due is None:
                for day in sorted({loan.on, today}):
                    yield from account._paid_out(loan, day)._after_payments(today)

    def _after_payments(self, today: date) -> Iterator["Account"]:
        for many in range(len(self.asked) + 1):
            for made in combinations(range(len(self.asked)), many):
                yield self._paid_back(made, today)

    def _paid_out(self, loan: Loan, day: date) -> "Account":
        price = loan.price
        used_cents = min(self.credit_cents, price.total_cents)
        active = replace(
            loan, due=day + timedelta(days=price.term_days), on=day, owed_cents=price.total_cents - used_cents
        )
        moves = [("disbursement", day, price.principal_cents)]
        if price.total_cents > price.principal_cents:
            moves.insert(0, ("fee", day, price.total_cents - price.principal_cents))
        return replace(
            self,
            loans=(active, *self.loans[1:]),
            credit_cents=self.credit_cents - used_cents,
            moves=(*moves, *self.moves),
        )

    def _paid_back(self, made: tuple[int, ...], today: date) -> "Account":
        """Those of the payments asked for were made."""
        account = self
        for index in made:
            ref, cents = self.asked[index]
            loan, loans, owed = account.open_loan, account.loans, 0
            if loan is not None and loan.ref == ref:
                owed = loan.owed_cents
                loans = (replace(loan, owed_cents=max(0, owed - cents)), *loans[1:])
            account = replace(
                account,
                loans=loans,
                credit_cents=account.credit_cents + max(0, cents - owed),
                moves=(("repayment", today, cents), *account.moves),
            )
        waiting = tuple(payment for index, payment in enumerate(self.asked) if index not in made)
        return replace(account, asked=waiting)

    def named(self, ref: str) -> "Account":
        """With the reference of the newest loan, which the phone has just shown."""
        return replace(self, loans=(replace(self.loans[0], ref=ref), *self.loans[1:]))


@dataclass(slots=True, frozen=True)
class Lender:
    """The lender's rules on one day. language: what the dialog speaks."""

    terms: Terms
    today: date
    language: str = "en"

    def answer(
        self, account: Account, action: str, arguments: Mapping[str, Any]
    ) -> tuple[Answer, Account] | None:
        """The answer of an account as it is, and the account after it; None for an action not known here."""
        rule = _RULES.get(action)
        return None if rule is None else rule(self, account, **arguments)

    # -- joining -------------------------------------------------------------------------------

    def _consent(self, account: Account, version: str) -> tuple[Answer, Account]:
        return Answer("ok", None, {"terms": version}), replace(account, terms=version)

    def _offers(self, account: Account, wanted: bool) -> tuple[Answer, Account]:
        return Answer("ok", None, {"offers": wanted}), replace(account, offers=wanted)

    def _choose_pin(self, account: Account, pin: str) -> tuple[Answer, Account]:
        if not pins.is_pin(pin) or pins.is_weak(pin):
            return Answer("weak"), account
        return Answer("ok"), replace(account, staged=pin)

    def _register(
        self,
        account: Account,
        name: str,
        national_id: str,  # noqa: ARG002
        pin: str,
    ) -> tuple[Answer, Account]:
        if pin != account.staged:
            return Answer("mismatch"), replace(account, staged="")
        profile = {
            **STRANGER, "registered": True, "terms": account.terms, "offers": account.offers,
            "name": names.shown(names.tidy(name)), "language": self.language,
        }  # fmt: skip
        return Answer("ok", None, profile), replace(account, registered=True, pin=pin, staged="")

    def _set_language(self, account: Account, language: str) -> tuple[Answer, Account]:
        return Answer("ok", None, {"language": language}), account

    # -- borrowing -----------------------------------------------------------------------------

    def _judged(self, account: Account) -> Judgement:
        repaid = [loan for loan in account.loans if loan.status == "repaid"]
        largest = max((loan.price.principal_cents for loan in repaid), default=0)
        standing = Standing(
            borrower_id=0,
            registered=account.registered,
            consented=account.terms == self.terms.rules.terms,
            blacklisted=False,
            has_loan=account.open_loan is not None,
            owes_written_off=False,
            loans_repaid=len(repaid),
            worst_days_late=0 if repaid else None,
            defaults=0,
            days_overdue=0,
            largest_repaid_cents=largest,
            last_late_on=None,
        )
        return eligibility.judge(self.terms, standing, self.today)

    def _limit(self, account: Account) -> tuple[Answer, Account]:
        judged = self._judged(account)
        value = {
            "min": self.terms.product.least_cents,
            "max": judged.limit_cents,
            "available": judged.limit_cents if judged.verdict == "ok" else 0,
            "score": judged.assessment.shown,
        }
        return Answer(judged.verdict, value), account

    def _quote(self, account: Account, amount: int, purpose: str) -> tuple[Answer, Account]:
        judged = self._judged(account)
        if judged.verdict != "ok":
            return Answer(judged.verdict), account
        offer = applying.offer(self.terms, judged, amount, purpose, self.today)
        if isinstance(offer, str):
            return Answer(offer), account
        value = {
            "principal": offer.principal_cents, "fee": offer.fee_cents, "excise": offer.excise_cents,
            "total": offer.total_cents, "apr": offer.apr_bp, "due": offer.due.isoformat(),
            "days": offer.term_days,
        }  # fmt: skip
        return Answer("ok", value), account

    def _apply(
        self, account: Account, amount: int, purpose: str, total: int, pin: str
    ) -> tuple[Answer, Account]:
        judged = self._judged(account)
        value = {"ref": "", "amount": amount, "total": total, "due": self.today.isoformat(), "tries_left": 3}
        if judged.verdict != "ok":
            known = {"has_loan": True} if judged.verdict == "has_loan" else None
            return Answer(judged.verdict, value, known), account
        offer = applying.offer(self.terms, judged, amount, purpose, self.today)
        if isinstance(offer, str) or offer.total_cents != total:
            return Answer("changed", value), account
        if pin != account.pin:
            wrong = account.wrong_pins + 1
            value["tries_left"] = max(0, pins.TRIES - wrong)
            name = "wrong_pin" if wrong < pins.TRIES else "locked"
            return Answer(name, value), replace(account, wrong_pins=wrong)
        loan = Loan(UNKNOWN_REF, offer, self.today)
        value |= {"ref": loan.ref, "due": offer.due.isoformat()}
        after = replace(account, wrong_pins=0, loans=(loan, *account.loans))
        return Answer("ok", value, {"has_loan": True}), after

    # -- looking and paying --------------------------------------------------------------------

    def _status(self, account: Account) -> tuple[Answer, Account]:
        loan = account.open_loan
        if loan is None:
            return Answer("none"), account
        due = loan.due or self.today + timedelta(days=loan.price.term_days)
        value = {
            "ref": loan.ref,
            "amount": loan.price.principal_cents,
            "outstanding": loan.price.total_cents if loan.due is None else loan.owed_cents,
            "due": due.isoformat(),
            "days_late": max(0, (self.today - due).days),
            "status": loan.status,
        }
        return Answer("ok", value), account

    def _history(self, account: Account) -> tuple[Answer, Account]:
        rows = [
            {
                "ref": loan.ref, "amount": loan.price.principal_cents, "date": loan.on.isoformat(),
                "status": loan.status,
            }
            for loan in account.loans[: views.HISTORY_MOST]
        ]  # fmt: skip
        return (Answer("ok", rows) if rows else Answer("none")), account

    def _statement(self, account: Account) -> tuple[Answer, Account]:
        rows = [
            {"date": on.isoformat(), "kind": views.WORDS[kind][self.language], "amount": cents}
            for kind, on, cents in account.moves[: views.STATEMENT_MOST]
        ]
        return (Answer("ok", rows) if rows else Answer("none")), account

    def _send_statement(self, account: Account) -> tuple[Answer, Account]:
        if not account.moves:
            return Answer("none"), account
        if account.statements >= self.terms.rules.contact.statements_a_day:
            return Answer("enough"), account
        return Answer("ok"), replace(account, statements=account.statements + 1)

    def _more_time(self, account: Account) -> tuple[Answer, Account]:
        return Answer("none"), account  # a run is over long before a due date is near

    def _wallet(self, account: Account) -> tuple[Answer, Account]:
        judged = self._judged(account)
        value = {
            "balance": account.credit_cents,
            "limit": judged.limit_cents,
            "available": judged.limit_cents if judged.verdict == "ok" else 0,
            "score": judged.assessment.shown,
            "repaid": sum(loan.status == "repaid" for loan in account.loans),
        }
        return Answer("ok", value), account

    def _prompt(self, account: Account, amount: int) -> tuple[Answer, Account]:
        loan = account.open_loan
        if loan is None or loan.due is None:
            return Answer("no_loan"), account
        rules = self.terms.product.repayment
        owed = whole_shillings(loan.owed_cents + 99)
        cents = min(whole_shillings(amount), owed)
        if cents < min(rules.least_cents, owed):
            return Answer("too_little"), account
        value = {"ref": loan.ref, "amount": cents, "paybill": UNKNOWN_PAYBILL}
        asked = (*account.asked, (loan.ref, cents))[-MOST_ASKED:]
        return Answer("ok", value), replace(account, asked=asked)


_RULES: Mapping[str, Callable[..., tuple[Answer, Account]]] = {
    "borrowers.consent": Lender._consent,
    "borrowers.offers": Lender._offers,
    "borrowers.choose_pin": Lender._choose_pin,
    "borrowers.register": Lender._register,
    "borrowers.set_language": Lender._set_language,
    "loans.limit": Lender._limit,
    "loans.quote": Lender._quote,
    "loans.apply": Lender._apply,
    "loans.status": Lender._status,
    "loans.history": Lender._history,
    "loans.more_time": Lender._more_time,
    "accounts.statement": Lender._statement,
    "accounts.send_statement": Lender._send_statement,
    "accounts.wallet": Lender._wallet,
    "repayments.prompt": Lender._prompt,
}
