"""What the lists bench asks: each filter with random values, out of rows that are there and out of ranges
that are wide, narrow and empty. A pair of bounds is one filter. Everything by chance, from one seed.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.loans.lifecycle import STATES

Values = dict[str, Any]
Draw = Callable[[random.Random, "Samples"], Values]
WIDTHS = (0, 1, 7, 30, 180)


@dataclass(slots=True)
class Samples:
    """Rows that are there, by table, and the first and last day of it all."""

    rows: Mapping[str, list[Mapping[str, Any]]]
    first: date
    last: date
    products: list[str]
    kinds: list[str]
    notices: list[str]

    def any(self, chance: random.Random, table: str) -> Mapping[str, Any]:
        """One of them."""
        return chance.choice(self.rows[table])


SAMPLES = {
    "borrower": "select id, name, msisdn from borrower tablesample system ({share}) where name is not null",
    "loan": "select id, ref, borrower_id, principal_cents from loan tablesample system ({share})",
    "journal": "select id, key, kind, loan_id, borrower_id from journal tablesample system ({share})",
    "payout": "select id, receipt, borrower_id, amount_cents from payout tablesample system ({share})",
    "sms": "select id, borrower_id, loan_id from sms tablesample system ({share})",
    "approval": "select id, kind, proposed_by, amount_cents from approval",
    "suspense_item": "select id, receipt, amount_cents from suspense_item",
    "audit": "select id, who, operation, subject from audit",
}
ROWS = 4_000


async def sample(connection: Any) -> Samples:
    """Some thousand rows of each table."""
    rows = {}
    for table, sql in SAMPLES.items():
        count = max(await connection.fetchval("select reltuples from pg_class where relname = $1", table), 1)
        share = min(100.0, 100 * 3 * ROWS / count)
        rows[table] = list(await connection.fetch(sql.format(share=share) + f" limit {ROWS}"))
    first, last = await connection.fetchrow("select min(day), max(day) from business_day")
    products = [
        row[0] for row in await connection.fetch("select distinct product from portfolio_day order by 1")
    ]
    kinds = sorted({row["kind"] for row in rows["journal"]} | {"refund", "waiver", "funding"})
    notices = [row[0] for row in await connection.fetch("select distinct notice from sms order by 1")]
    return Samples(rows, first, last, products, kinds, notices)


def days(prefix: str) -> Draw:
    """A range of days, anywhere: one day or many; sometimes with one end only."""

    def draw(chance: random.Random, seen: Samples) -> Values:
        start = seen.first + timedelta(days=chance.randrange((seen.last - seen.first).days + 1))
        both = {f"{prefix}_from": start, f"{prefix}_to": start + timedelta(days=chance.choice(WIDTHS))}
        return _some(chance, both)

    return draw


def amount(table: str, column: str) -> Draw:
    """A range of amounts: around one that is there, or where there is none."""

    def draw(chance: random.Random, seen: Samples) -> Values:
        cents = seen.any(chance, table)[column] + chance.choice((0, 0, 0, 33))
        wide = chance.choice((0, 0, 10_000, 100_000, 1_000_000))
        return _some(chance, {"amount_min_cents": cents, "amount_max_cents": cents + wide})

    return draw


def late(chance: random.Random, seen: Samples) -> Values:  # noqa: ARG001 - as all draws
    """Days past due."""
    least = chance.choice((0, 1, 7, 30, 31, 60, 90, 150))
    return _some(chance, {"days_late_min": least, "days_late_max": least + chance.choice(WIDTHS)})


def of(name: str, values: tuple[str, ...], most: int = 2) -> Draw:
    """One or some of closed values: rare ones as often as frequent ones."""
    return lambda chance, seen: {name: chance.sample(values, chance.randint(1, most))}  # noqa: ARG005


def whether(name: str) -> Draw:
    """Yes or no."""
    return lambda chance, seen: {name: chance.random() < 0.5}  # noqa: ARG005


def like(name: str, table: str, column: str) -> Draw:
    """The value of a row that is there."""

    def draw(chance: random.Random, seen: Samples) -> Values:
        while (value := seen.any(chance, table)[column]) is None:
            continue
        return {name: value}

    return draw


def a_name(chance: random.Random, seen: Samples) -> Values:
    """What somebody types of a name: one word or two, whole or begun."""
    words = seen.any(chance, "borrower")["name"].split()
    typed = chance.sample(words, chance.choice((1, 1, 2)))
    cut = [word if chance.random() < 0.5 else word[: chance.randint(1, 5)] for word in typed]
    return {"q": " ".join(cut).lower()}


def a_number(chance: random.Random, seen: Samples) -> Values:
    """A phone number, as people say it."""
    return {"q": "0" + seen.any(chance, "borrower")["msisdn"][3:]}


def receipt(chance: random.Random, seen: Samples) -> Values:
    """The receipt of a payout, or of a payment."""
    row = seen.any(chance, "suspense_item")
    return {"q": row["receipt"]}


def _some(chance: random.Random, both: Values) -> Values:
    """Both bounds, or one of them."""
    kept = chance.choice((list(both), list(both), *([name] for name in both)))
    return {name: both[name] for name in kept}


STANDINGS = ("registered", "joining", "blacklisted")
LOANS = STATES
PAYOUTS = ("ready", "submitting", "submitted", "unknown", "posted", "voided", "failed")
MESSAGES = ("queued", "sending", "accepted", "refused", "unknown", "delivered", "failed")
REF = like("q", "loan", "ref")

# By list and by what the filter is called in the report.
FILTERS: dict[str, dict[str, Draw]] = {
    "users": {
        "status": of("status", STANDINGS),
        "language": lambda chance, seen: {"language": chance.choice(("en", "sw"))},  # noqa: ARG005
        "joined": days("joined"),
        "has_loan": whether("has_loan"),
        "q: name": a_name,
        "q: number": a_number,
        "q: reference": REF,
    },
    "wallets": {
        "owes": whether("owes"),
        "joined": days("joined"),
        "q: name": a_name,
        "q: number": a_number,
    },
    "loans": {
        "status": of("status", LOANS, 3),
        "product": lambda chance, seen: {"product": chance.sample(seen.products, chance.randint(1, 2))},
        "user_id": like("user_id", "loan", "borrower_id"),
        "amount": amount("loan", "principal_cents"),
        "applied": days("applied"),
        "due": days("due"),
        "days_late": late,
        "q: name": a_name,
        "q: number": a_number,
        "q: reference": REF,
    },
    "transactions": {
        "kind": lambda chance, seen: {"kind": chance.sample(seen.kinds, chance.randint(1, 3))},
        "on": days("on"),
        "user_id": like("user_id", "journal", "borrower_id"),
        "loan_id": like("loan_id", "journal", "loan_id"),
        "q: receipt": receipt,
        "q: reference": REF,
    },
    "payouts": {
        "status": of("status", PAYOUTS, 3),
        "waits_for_person": lambda chance, seen: {"waits_for_person": True},  # noqa: ARG005
        "user_id": like("user_id", "payout", "borrower_id"),
        "amount": amount("payout", "amount_cents"),
        "created": days("created"),
        "q: receipt": like("q", "payout", "receipt"),
        "q: number": a_number,
    },
    "suspense": {
        "status": of("status", ("open", "matched", "returned")),
        "amount": amount("suspense_item", "amount_cents"),
        "received": days("received"),
        "q: receipt": receipt,
    },
    "messages": {
        "status": of("status", MESSAGES, 3),
        "notice": lambda chance, seen: {"notice": chance.sample(seen.notices, chance.randint(1, 2))},
        "kind": lambda chance, seen: {"kind": [chance.choice(("money", "service", "marketing"))]},  # noqa: ARG005
        "user_id": like("user_id", "sms", "borrower_id"),
        "created": days("created"),
        "q: reference": REF,
    },
    "approvals": {
        "status": of("status", ("proposed", "approved", "rejected")),
        "kind": lambda chance, seen: {"kind": [seen.any(chance, "approval")["kind"]]},
        "user_id": like("user_id", "loan", "borrower_id"),
        "proposed_by": like("proposed_by", "approval", "proposed_by"),
        "amount": amount("approval", "amount_cents"),
        "proposed": days("proposed"),
        "q: reference": REF,
    },
    "audit": {
        "who": like("who", "audit", "who"),
        "operation": like("operation", "audit", "operation"),
        "subject": like("subject", "audit", "subject"),
        "at": days("at"),
    },
    "days": {"day": days("day")},
}
