"""What each loan must have been charged and must owe: docs/money.md, read plainly, without the lender's code.

A loan's story is what was written of it, in the order of the transactions: its journals, its events, and the
business days that closed. Told from the beginning, each charge, each share of a payment and the cap in
duplum follow from what was before. A charge that should have come at a day's end and did not is missed too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson

from services.loans.terms import Terms
from tests.simulation.timepiece import day_of

DAY = timedelta(days=1)
LENT = ("active", "overdue", "non_performing")
PARTS = ("principal", "fee", "interest", "excise", "penalty")
SHARED_OUT = ("repayment", "suspense_matched", "credit_used")
CHARGED_BY_DAY = ("interest", "penalty")
WAIVED = ("penalty", "interest", "fee", "excise")

JOURNALS = """
select
    journal.xmin::text::bigint as xid,
    journal.loan_id,
    journal.kind,
    journal.key,
    journal.value_on,
    array_agg(account.code order by posting.id) as codes,
    array_agg(posting.amount_cents order by posting.id) as cents
from journal
join posting on posting.journal_id = journal.id
join account on account.id = posting.account_id
where journal.loan_id is not null
and journal.kind not in ('hold', 'hold_release')
group by journal.id
order by journal.id
"""

EVENTS = "select xmin::text::bigint as xid, loan_id, move, to_state, actor, at from loan_event order by id"
DAYS = "select xmin::text::bigint as xid, day from business_day order by day"
LOANS = "select * from loan where disbursed_at is not null order by id"


async def check(pool: Any, terms: Terms) -> None:
    """Raise AssertionError for the first loan that is not what it must be."""
    told: dict[int, list[tuple[int, int, Any]]] = defaultdict(list)
    for row in await pool.fetch(JOURNALS):
        told[row["loan_id"]].append((row["xid"], 0, row))
    for row in await pool.fetch(EVENTS):
        told[row["loan_id"]].append((row["xid"], 1, row))
    days = [(row["xid"], 2, row) for row in await pool.fetch(DAYS)]
    for loan in await pool.fetch(LOANS):
        story = Story(loan, orjson.loads(loan["terms"]), terms.product.fee_bp)
        story.tell(sorted([*told[loan["id"]], *days], key=lambda each: each[:2]))


@dataclass
class Story:
    """A loan while its story is told. entries: day it counts for, part of the debt, cents."""

    loan: Mapping[str, Any]
    terms: Mapping[str, Any]
    fee_bp: int
    entries: list[tuple[date, str, int]] = field(default_factory=list)
    again: list[tuple[date, str, int]] = field(default_factory=list)  # of payments taken off: no charges
    settled: dict[str, Counter[str]] = field(default_factory=dict)  # by each receipt
    state: str = "applied"
    due: date = date.max
    due_at_night: date = date.max  # before a day's end moved it
    capped_on: date | None = None
    room: int = 0
    charged_for: set[date] = field(default_factory=set)
    by_itself: set[int] = field(default_factory=set)  # transactions of the day's end

    def tell(self, timeline: list[tuple[int, int, Any]]) -> None:
        self.by_itself = {xid for xid, what, row in timeline if what == 1 and row["actor"] == "dayend"}
        for _, what, row in timeline:
            (self._journal, self._event, self._day)[what](row)
        loan = self.loan
        assert (self.state, self.due) == (loan["state"], loan["due_on"]), self.ref
        cap = (loan["duplum_on"], loan["duplum_room_cents"])
        assert cap == ((self.capped_on, self.room) if self.capped_on else (None, None)), self.ref

    @property
    def ref(self) -> str:
        return str(self.loan["ref"])

    # -- what is written ---------------------------------------------------------------------------

    def _journal(self, row: Any) -> None:
        legs = Counter[str]()
        for code, cents in zip(row["codes"], row["cents"], strict=True):
            legs[self._part(code)] += cents
        owed, kind, day = self.owed(), row["kind"], row["value_on"]
        amount = sum(cents for cents in row["cents"] if cents > 0)
        if kind in ("disbursement", "claim_settled") and legs["principal"]:
            self._is(row, legs, {"principal": self.loan["principal_cents"]})
        elif kind == "fee":
            fee = whole(self.loan["principal_cents"] * self.fee_bp // 10_000)
            self._is(row, legs, {"fee": fee, "excise": whole_up(fee * self._tax("fee"))})
        elif kind in CHARGED_BY_DAY:
            on = date.fromisoformat(row["key"].split(":")[2]) if row["key"].count(":") == 2 else day
            assert on == day, row["key"]
            self._is(row, legs, self._charge(on, self.due))
            self.charged_for.add(on)
        elif kind == "rollover":
            until = day - DAY if row["xid"] in self.by_itself else day
            self._is(row, legs, self._rollover(until))
        elif kind in SHARED_OUT:
            shares = allocate(amount, owed, (*self._order(), "written_off"))
            self._is(row, legs, {part: -cents for part, cents in shares.items()})
        elif kind == "waiver":
            shares = allocate(amount, owed, WAIVED)
            self._is(row, legs, {part: -cents for part, cents in shares.items()})
        elif kind == "write_off":
            self._is(row, legs, {part: -owed[part] for part in PARTS})
        elif kind == "payment_undone":
            over = self.state in ("written_off", "recovered")
            self._is(row, legs, {} if over else self.settled[row["key"].split(":")[1]])
            self.again += [(day, part, legs[part]) for part in PARTS if legs[part]]
            return
        if kind in SHARED_OUT:
            self.settled[row["key"].split(":")[1]] = Counter({part: -legs[part] for part in PARTS})
        self.entries += [(day, part, legs[part]) for part in (*PARTS, "written_off") if legs[part]]

    def _event(self, row: Any) -> None:
        if row["move"] in ("pay_out", "pay_out_late"):
            begins = day_of(self.loan["disbursed_at"])
            self.due = self.due_at_night = begins + timedelta(days=self.loan["term_days"])
        if row["move"] == "roll_over":
            by_itself = row["actor"] == "dayend"
            today = self.due if by_itself else day_of(row["at"])
            if not by_itself and self.capped_on is None and (today - self.due).days >= self.in_duplum:
                self._cap(today, today, rolled=True)
            self.due = max(self.due, today) + timedelta(days=self.terms["rollover_days"])
            self.due_at_night = self.due_at_night if by_itself else self.due
        if row["move"] == "reopen" and row["to_state"] == "active" and self.capped_on is None:
            today = day_of(row["at"])
            if (today - self.due).days >= self.in_duplum:
                self._cap(today, today)
        self.state = row["to_state"]

    def _day(self, row: Any) -> None:
        """The end of a day has passed over the loan."""
        day, due = row["day"], self.due_at_night
        rolled, self.due_at_night = due != self.due, self.due
        if self.state not in LENT or day_of(self.loan["disbursed_at"]) > day:
            return
        if due > day and not self.terms["daily_bp"]:
            return
        if day not in self.charged_for:
            assert self._charge(day, due) == {}, f"{self.ref} was not charged for {day}"
        late = (day + DAY - due).days
        if self.capped_on is None and not rolled and late >= self.in_duplum:
            self._cap(day + DAY, day)

    # -- what must follow --------------------------------------------------------------------------

    @property
    def in_duplum(self) -> int:
        return int(self.terms["in_duplum_days"])

    def owed(self, until: date = date.max) -> Counter[str]:
        """What is owed by part, counting what is for days up to that one."""
        owed = Counter[str]()
        for day, part, cents in (*self.entries, *self.again):
            if day <= until:
                owed[part] += cents
        return owed

    def _charge(self, day: date, due: date) -> dict[str, int]:
        principal = self.owed(day)["principal"]
        if principal <= 0:
            return {}
        if day < due:
            return self._within("interest", principal * self.terms["daily_bp"] // 10_000)
        most = self.loan["principal_cents"] * self.terms["penalty_most_bp"] // 10_000
        left = most - sum(cents for _, part, cents in self.entries if part == "penalty" and cents > 0)
        penalty = principal * self.terms["penalty_bp"] // 10_000
        late_from = due + timedelta(days=self.terms["grace_days"] + 1)
        if self.terms["penalty_every"] == "day" and day >= late_from:
            return self._within("penalty", min(penalty, left))
        if self.terms["penalty_every"] == "once" and day == late_from:
            return self._within("penalty", min(whole(penalty), left), shillings=True)
        return {}

    def _within(self, part: str, cents: int, *, shillings: bool = False) -> dict[str, int]:
        """A charge with its excise, cut down to the room in duplum."""
        tax = self._tax(part)
        excise = whole_up(cents * tax) if shillings else cents_up(cents * tax)
        if self.capped_on is not None:
            used = sum(
                added
                for day, of, added in self.entries
                if of in PARTS[1:] and added > 0 and day >= self.capped_on
            )
            left = max(self.room - used, 0)
            if cents + excise > left:
                cents = left * 10_000 // (10_000 + tax)
                excise = cents_up(cents * tax)
        return {part: cents, "excise": excise} if cents > 0 else {}

    def _rollover(self, until: date) -> dict[str, int]:
        """One that comes by itself is booked on the day that begins, and priced by the day that ended."""
        fee = whole(self.owed(until)["principal"] * self.terms["rollover_fee_bp"] // 10_000)
        return {"fee": fee, "excise": whole_up(fee * self._tax("fee"))}

    def _cap(self, begins: date, until: date, *, rolled: bool = False) -> None:
        owed = self.owed(until)
        if rolled:  # the fee that was booked with it came after
            fee = self._rollover(until)
            owed["fee"] -= fee.get("fee", 0)
            owed["excise"] -= fee.get("excise", 0)
        charges = sum(owed[part] for part in PARTS[1:])
        self.capped_on, self.room = begins, max(owed["principal"] - charges, 0)

    def _order(self) -> tuple[str, ...]:
        return tuple(self.terms["order_non_performing" if self.state == "non_performing" else "order"])

    def _tax(self, charge: str) -> int:
        return int(self.terms["excise_bp"]) if charge in self.terms["taxed"] else 0

    def _part(self, code: str) -> str:
        name, _, whose = code.partition(":")
        return name.removeprefix("loan_") if whose == self.ref else "elsewhere"

    def _is(self, row: Any, legs: Mapping[str, int], expected: Mapping[str, int]) -> None:
        found = {part: legs[part] for part in PARTS if legs[part]}
        wanted = {part: cents for part, cents in expected.items() if cents and part in PARTS}
        assert found == wanted, f"{row['key']}: {found}, and it must be {wanted}"


def allocate(cents: int, owed: Mapping[str, int], order: Iterable[str]) -> dict[str, int]:
    """Each part takes what is left, up to what is owed of it."""
    shares = {}
    for part in order:
        shares[part] = min(cents, owed[part])
        cents -= shares[part]
    return shares


def whole(cents: int) -> int:
    """Down to the shilling."""
    return cents // 100 * 100


def whole_up(basis_points: int) -> int:
    """Ten-thousandths of a cent, up to the shilling."""
    return -(-basis_points // 1_000_000) * 100


def cents_up(basis_points: int) -> int:
    """Ten-thousandths of a cent, up to the cent."""
    return -(-basis_points // 10_000)
