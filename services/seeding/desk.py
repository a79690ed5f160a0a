"""What every part of the seeding works with: the days, the rows, the ids, chance, and what is on sale."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from services.loans import agreed
from services.loans.agreed import Agreed
from services.loans.products import Product
from services.loans.quote import Quote, price
from services.loans.terms import Terms
from services.scoring.features import Record, features
from services.scoring.score import Assessment, assess
from services.seeding.calendar import Calendar, Numbers
from services.seeding.dialogs import Dials
from services.seeding.portfolio import Portfolio
from services.seeding.rows import Rows
from services.sms.texts import Texts

LOANS_EACH = 3.4  # more than there will be, to have ids enough
PEAK = 8  # no day has so many times the loans of the mean day
JOURNALS_A_LOAN = 10
OLD = "karibu30"  # a product that was sold in the first third of the time
SHORT = "umoja14"


@dataclass(slots=True, frozen=True)
class Plan:
    """What was asked for. last: the last whole day."""

    borrowers: int
    days: int
    seed: int
    last: date


@dataclass(slots=True, frozen=True)
class Sold:
    """A product under its name, and what is agreed on each of its loans."""

    name: str
    product: Product
    terms: Agreed
    terms_json: str
    _quotes: dict[int, Quote] = field(default_factory=dict)

    def quote(self, principal_cents: int) -> Quote:
        """The price of an amount; the due date in it is not looked at."""
        found = self._quotes.get(principal_cents)
        if found is None:
            found = self._quotes[principal_cents] = price(self.product, principal_cents, _ANY_DAY)
        return found

    @classmethod
    def of(cls, name: str, product: Product, version: str) -> "Sold":
        """The product as it is sold now."""
        terms = agreed.agree(product, version)
        return cls(name, product, terms, terms.model_dump_json())


class Ids:
    """Ids of the tables whose order is time's."""

    def __init__(self, plan: Plan) -> None:
        loans = int(plan.borrowers * LOANS_EACH / plan.days) * PEAK + 300
        self.loan = Numbers(plan.days, loans)
        self.decision = Numbers(plan.days, 2 * loans)
        self.payout = Numbers(plan.days, 2 * loans)
        self.journal = Numbers(plan.days, JOURNALS_A_LOAN * loans)
        self.request = Numbers(plan.days, 2 * loans)
        self.sms = Numbers(plan.days, 5 * loans)
        self.approval = Numbers(plan.days, loans)
        self.suspense = Numbers(plan.days, loans)
        self.refund = Numbers(plan.days, loans)


@dataclass(slots=True)
class Desk:
    """shared: ids of the accounts every lender has, by code. bundle: the menus' name as they are. What is on
    sale is sold here without interest by the day, and with one penalty: so a loan has as many journals as
    events."""

    plan: Plan
    sold: Terms
    texts: Texts
    shared: Mapping[str, int]
    pin_hash: str
    bundle: str
    dials: Dials = field(default_factory=Dials)
    rows: Rows = field(default_factory=Rows)
    calendar: Calendar = field(init=False)
    ids: Ids = field(init=False)
    products: dict[str, Sold] = field(init=False)
    portfolios: dict[str, Portfolio] = field(init=False)
    sums: dict[int, list[int]] = field(init=False)
    chance: random.Random = field(init=False)
    _account: int = field(init=False)
    _receipt: int = 0
    _shown: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calendar = Calendar(self.plan.last, self.plan.days)
        self.ids = Ids(self.plan)
        version = self.sold.products.version
        late = self.sold.product.late.model_copy(update={"every": "once"})
        product = self.sold.product.model_copy(update={"daily_bp": 0, "late": late})
        short = product.model_copy(update={"term_days": max(product.term_days // 2, 7),
                                           "fee_bp": product.fee_bp * 2 // 3})  # fmt: skip
        self.products = {
            "usual": Sold.of(self.sold.products.sell, product, version),
            "short": Sold.of(SHORT, short, version),
            "old": Sold.of(OLD, product, "2024-01"),
        }
        self.portfolios = {each.name: Portfolio(self.plan.days) for each in self.products.values()}
        self.sums = {number: [0, 0] for number in self.shared.values()}
        self.chance = random.Random(self.plan.seed)  # noqa: S311 - made-up people, no secrets
        self._account = max(self.shared.values())

    def begin_block(self, number: int) -> None:
        """Each block of borrowers has chances of its own, by the seed and its number."""
        self.chance = random.Random(f"{self.plan.seed}:{number}")  # noqa: S311 - as above

    def account(self) -> int:
        """The id of an account that is opened now."""
        self._account += 1
        return self._account

    def shown(self, judged: Assessment) -> tuple[str, str]:
        """The inputs and the points of a decision as JSON."""
        found = self._shown.get(id(judged))
        if found is None:
            both = orjson.dumps(judged.inputs).decode(), orjson.dumps(dict(judged.points)).decode()
            found = self._shown[id(judged)] = both  # the judge keeps them, so no other gets that id
        return found

    def receipt(self) -> str:
        """A receipt of M-Pesa: ten letters and digits, none twice."""
        self._receipt += 1
        mixed = self._receipt * 0x9E3779B1 % (1 << 30)
        return f"SEED{_TRIPLES[mixed & 32767]}{_TRIPLES[mixed >> 15]}"

    def product(self, day: int) -> Sold:
        """What somebody takes who applies on that day."""
        rolled = self.chance.random()
        if rolled < 0.12:
            return self.products["short"]
        return self.products["old" if rolled < 0.2 and day < self.plan.days // 3 else "usual"]


_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TRIPLES = [a + b + c for a in _SIGNS for b in _SIGNS for c in _SIGNS]
_ANY_DAY = date(2026, 1, 1)


class Judge:
    """What the scorecard says, remembered: few records differ."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._known: dict[tuple[int, int | None, int], Assessment] = {}

    def assess(self, repaid: int, worst: int | None, defaults: int) -> Assessment:
        """Somebody with that record and no open loan. Records this long score alike."""
        key = (min(repaid, 60), worst, defaults)
        found = self._known.get(key)
        if found is None:
            inputs: dict[str, Any] = features(Record(*key, 0))
            missing = {name: None for name in self._terms.scorecard.names if name not in inputs}
            found = self._known[key] = assess(self._terms.scorecard, {**missing, **inputs})
        return found
